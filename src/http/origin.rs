//! Who asks for a change: this server's own page, a script, or a page of somebody else's that is open in the same
//! browser (SEC-004, BUG-047).

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, HOST, ORIGIN, REFERER, USER_AGENT};

/// Where a request comes from, by what its client says of it. A page cannot make a browser lie in these headers, nor
/// send `X-Forwarded-Host` to a foreign server without asking that first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A page of this server, or somebody who typed the address or used a bookmark.
    Ours,
    /// Nothing is said, as by `curl`, `supervisorctl` and every library.
    Script,
    /// Nothing is said by what calls itself a browser. A foreign page can bring that about, for GET only.
    Unnamed,
    /// Another site's page.
    Foreign,
}

impl Origin {
    /// The first of the three headers that is there decides.
    pub(super) fn of(headers: &HeaderMap) -> Origin {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        if let Some(site) = text("sec-fetch-site") {
            return ours_if(matches!(site, "same-origin" | "none"));
        }
        if let Some(from) = text(ORIGIN.as_str()).or_else(|| text(REFERER.as_str())) {
            // Behind a proxy `Host` may be what the proxy calls this server.
            let hosts = [HOST.as_str(), "x-forwarded-host"];
            return ours_if(hosts.iter().filter_map(|name| text(name)).any(|host| is_same(from, host)));
        }
        // Some scripts call themselves browsers, but ask for no language.
        let browser = text(USER_AGENT.as_str()).is_some_and(|agent| agent.starts_with("Mozilla/"));
        if browser && headers.contains_key(ACCEPT_LANGUAGE) { Origin::Unnamed } else { Origin::Script }
    }
}

/// Whether a POST may change anything. Browsers name the origin of every POST, so nothing said is no browser.
pub(super) fn allowed(headers: &HeaderMap) -> bool {
    match Origin::of(headers) {
        Origin::Ours | Origin::Script | Origin::Unnamed => true,
        Origin::Foreign => false,
    }
}

fn ours_if(ours: bool) -> Origin {
    if ours { Origin::Ours } else { Origin::Foreign }
}

/// Whether a URL is of this host, which is `name` or `name:port`. A port left out is the usual one of the URL.
fn is_same(url: &str, host: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (theirs, ours) = (split(authority, usual), split(host.trim(), usual));
    !theirs.0.is_empty() && theirs.0.eq_ignore_ascii_case(ours.0) && theirs.1 == ours.1
}

/// Name and port; an IPv6 address keeps its brackets.
fn split<'a>(authority: &'a str, usual: &'a str) -> (&'a str, &'a str) {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name, if port.is_empty() { usual } else { port })
        }
        Some(_) | None => (authority, usual),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn origin(headers: &[(&'static str, &'static str)]) -> Origin {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Origin::of(&map)
    }

    #[test]
    fn who_says_nothing_is_a_script_unless_it_is_a_browser() {
        assert_eq!(origin(&[("host", "a:9001")]), Origin::Script);
        assert_eq!(origin(&[("host", "a:9001"), ("user-agent", "curl/8.5")]), Origin::Script);
        let shell = "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1";
        assert_eq!(origin(&[("host", "a:9001"), ("user-agent", shell)]), Origin::Script);
        let agent = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
        let browser = [agent, ("accept-language", "de,en;q=0.5")];
        assert_eq!(origin(&[&browser[..], &[("host", "a:9001")]].concat()), Origin::Unnamed);
        assert_eq!(origin(&[&browser[..], &[("sec-fetch-site", "same-origin")]].concat()), Origin::Ours);
    }

    #[test]
    fn sec_fetch_site_comes_first() {
        for (site, expected) in [
            ("same-origin", Origin::Ours),
            ("none", Origin::Ours),
            ("same-site", Origin::Foreign),
            ("cross-site", Origin::Foreign),
            ("", Origin::Foreign),
        ] {
            let said = [("host", "a"), ("sec-fetch-site", site)];
            assert_eq!(origin(&said), expected, "{site}");
            let also = [("host", "a"), ("origin", "http://a"), ("sec-fetch-site", site)];
            assert_eq!(origin(&also), expected, "{site}");
        }
    }

    #[test]
    fn origin_and_then_referer_have_to_name_this_host() {
        for (host, from, same) in [
            ("a:9001", "http://a:9001", true),
            ("A:9001", "HTTP://a:9001", true),
            ("a", "http://a", true),
            ("a:80", "http://a", true),
            ("a", "http://a:80", true),
            ("a", "https://a", true),
            ("a", "https://a:443", true),
            ("a:9001", "https://a", false),
            ("a:9001", "http://a:9002", false),
            ("a:9001", "http://b:9001", false),
            ("a:9001", "http://a:9001.evil.example", false),
            ("a:9001", "http://evil.example/a:9001", false),
            ("a", "http://a@evil.example", false),
            ("a", "null", false),
            ("a", "", false),
            ("", "http://", false),
            ("[::1]:9001", "http://[::1]:9001", true),
            ("[::1]", "http://[::1]", true),
            ("[::1]", "http://[::2]", false),
        ] {
            let expected = if same { Origin::Ours } else { Origin::Foreign };
            for name in ["origin", "referer"] {
                assert_eq!(origin(&[("host", host), (name, from)]), expected, "{name} {from} at {host}");
            }
        }
        assert_eq!(origin(&[("host", "a:1"), ("referer", "http://a:1/tail.html?x=http://b/")]), Origin::Ours);
        let both = [("host", "a"), ("origin", "null"), ("referer", "http://a/")];
        assert_eq!(origin(&both), Origin::Foreign);
        assert_eq!(origin(&[("origin", "http://a")]), Origin::Foreign, "no host at all");
    }

    #[test]
    fn a_proxy_may_say_which_host_was_asked() {
        let asked = [("host", "127.0.0.1:9001"), ("x-forwarded-host", "example.org")];
        let from = |url| origin(&[asked[0], asked[1], ("origin", url)]);
        assert_eq!(from("https://example.org"), Origin::Ours);
        assert_eq!(from("http://127.0.0.1:9001"), Origin::Ours);
        assert_eq!(from("https://evil.example"), Origin::Foreign);
    }
}
