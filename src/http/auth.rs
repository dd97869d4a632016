//! Basic authentication, against one server's own credentials (HTTP-032 to HTTP-035).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::config::ServerConfig;

/// What a server asks its clients for. Its `Debug` shows no secret.
pub(super) struct Credentials {
    username: [u8; 20],
    password: Secret,
}

/// Kept as digests: comparing them takes the same time whatever is wrong, lengths included.
enum Secret {
    Plain([u8; 20]),
    /// The hex digits after `{SHA}`, as configured: case counts (HTTP-034).
    Sha(Vec<u8>),
    /// A username without a password lets nobody in.
    Nobody,
}

/// What to do with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Pass,
    Unauthorized,
    /// Basic credentials that cannot be read (HTTP-033, BUG-030).
    Malformed,
}

impl Credentials {
    /// `None` when the server asks for none: no username, or an empty one.
    pub(super) fn of(server: &ServerConfig) -> Option<Credentials> {
        let username = server.username.as_deref().filter(|name| !name.is_empty())?;
        let password = match server.password.as_deref() {
            None => Secret::Nobody,
            Some(password) => match password.strip_prefix("{SHA}") {
                Some(hex) => Secret::Sha(hex.as_bytes().to_vec()),
                None => Secret::Plain(digest(password.as_bytes())),
            },
        };
        Some(Credentials { username: digest(username.as_bytes()), password })
    }

    /// Judges an `Authorization` header.
    pub(super) fn check(&self, header: Option<&[u8]>) -> Verdict {
        let Some(header) = header else { return Verdict::Unauthorized };
        let Some(space) = header.iter().position(|byte| *byte == b' ') else { return Verdict::Unauthorized };
        let (scheme, encoded) = header.split_at(space);
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Verdict::Unauthorized;
        }
        let Ok(decoded) = STANDARD.decode(encoded.trim_ascii()) else { return Verdict::Malformed };
        // At the first colon: passwords may hold more of them.
        let Some(colon) = decoded.iter().position(|byte| *byte == b':') else { return Verdict::Malformed };
        let (username, password) = (&decoded[..colon], &decoded[colon + 1..]);
        let known = self.username.ct_eq(&digest(username)) & self.password.matches(password);
        if known.into() { Verdict::Pass } else { Verdict::Unauthorized }
    }
}

impl Secret {
    fn matches(&self, password: &[u8]) -> subtle::Choice {
        let given = digest(password);
        match self {
            Secret::Plain(expected) => expected.ct_eq(&given),
            Secret::Sha(expected) => expected.as_slice().ct_eq(hex(&given).as_slice()),
            Secret::Nobody => subtle::Choice::from(0),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

fn digest(text: &[u8]) -> [u8; 20] {
    Sha1::digest(text).into()
}

/// Lower-case hex digits.
fn hex(digest: &[u8; 20]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 0xf)];
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Address, WebConfig};

    fn credentials(username: &str, password: Option<&str>) -> Option<Credentials> {
        Credentials::of(&ServerConfig {
            section: "inet_http_server".to_string(),
            address: Address::Inet { host: String::new(), port: 9001 },
            username: Some(username.to_string()),
            password: password.map(str::to_string),
            web: WebConfig::default(),
        })
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn only_the_right_name_and_password_pass() {
        let credentials = credentials("user", Some("pa:ss")).unwrap();
        let check = |text: &str| credentials.check(Some(basic(text).as_bytes()));
        assert_eq!(check("user:pa:ss"), Verdict::Pass);
        for wrong in ["user:pa", "user:", "User:pa:ss", ":pa:ss", "user:pa:ss ", "user:PA:SS"] {
            assert_eq!(check(wrong), Verdict::Unauthorized, "{wrong}");
        }
        assert_eq!(credentials.check(None), Verdict::Unauthorized);
    }

    #[test]
    fn a_sha_password_is_compared_in_lower_case_hex_http_034() {
        let right = "{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";
        let check = |stored: &str, given: &str| {
            credentials("u", Some(stored)).unwrap().check(Some(basic(given).as_bytes()))
        };
        assert_eq!(check(right, "u:password"), Verdict::Pass);
        assert_eq!(check(right, "u:Password"), Verdict::Unauthorized);
        assert_eq!(check(right, &format!("u:{right}")), Verdict::Unauthorized);
        let upper = "{SHA}5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        assert_eq!(check(upper, "u:password"), Verdict::Unauthorized);
        assert_eq!(check("{SHA}", "u:password"), Verdict::Unauthorized);
    }

    #[test]
    fn headers_are_judged_as_http_033_says() {
        let credentials = credentials("u", Some("p")).unwrap();
        let cases: [(&[u8], Verdict); 8] = [
            (b"Basic dTpw", Verdict::Pass),
            (b"bAsIc dTpw", Verdict::Pass),
            (b"Basic  dTpw ", Verdict::Pass),
            (b"Basic !!", Verdict::Malformed),
            (b"Basic dTp", Verdict::Malformed),
            (b"Basic dXA=", Verdict::Malformed),
            (b"Digest dTpw", Verdict::Unauthorized),
            (b"Basic", Verdict::Unauthorized),
        ];
        for (header, verdict) in cases {
            assert_eq!(credentials.check(Some(header)), verdict, "{}", String::from_utf8_lossy(header));
        }
    }

    #[test]
    fn an_empty_username_asks_for_nothing_and_a_missing_password_lets_nobody_in() {
        assert!(credentials("", Some("")).is_none());
        let nobody = credentials("u", None).unwrap();
        assert_eq!(nobody.check(Some(basic("u:").as_bytes())), Verdict::Unauthorized);
    }
}
