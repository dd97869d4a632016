//! One reader for each kind of value (CFG-056 to CFG-070). The errors are the reference's sentences.

use std::net::Ipv6Addr;

use super::host::{Host, dirname, expand_user};
use super::ini::is_space;
use super::{AutoRestart, LogFile, LogLevel};
use crate::names::{Signal, repr};

/// Characters of a wrong number that Python shows.
const INTEGER_SHOWN_MAX: usize = 200;

/// CFG-057: Python's `int()`.
pub fn integer(text: &str) -> Result<i64, String> {
    python_int(text, 10).ok_or_else(|| {
        let shown: String = repr(text).chars().take(INTEGER_SHOWN_MAX).collect();
        format!("invalid literal for int() with base 10: {shown}")
    })
}

/// CFG-059: Python's `int(x, 8)`.
pub fn octal(text: &str) -> Result<u32, String> {
    python_int(text, 8)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| format!("{text} can not be converted to an octal type"))
}

/// Sign, blanks around, underscores between digits, any script's decimal digits. What does not fit saturates.
fn python_int(text: &str, base: u32) -> Option<i64> {
    let text = text.trim_matches(is_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = if base == 8 {
        let bare = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O"));
        bare.map_or(digits, |rest| rest.strip_prefix('_').unwrap_or(rest))
    } else {
        digits
    };
    let mut number: i64 = 0;
    let mut after_digit = false;
    for c in digits.chars() {
        if c == '_' && after_digit {
            after_digit = false;
            continue;
        }
        let digit = digit(c).filter(|digit| *digit < base)?;
        number = number.saturating_mul(i64::from(base)).saturating_add(i64::from(digit));
        after_digit = true;
    }
    after_digit.then_some(if negative { -number } else { number })
}

/// The zero of every script that has decimal digits; the other nine follow it.
#[rustfmt::skip]
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

fn digit(c: char) -> Option<u32> {
    let code = c as u32;
    ZEROS.iter().map(|zero| code.wrapping_sub(*zero)).find(|value| *value < 10)
}

/// CFG-056.
pub fn boolean(text: &str) -> Result<bool, String> {
    match truth(&text.to_lowercase()) {
        Some(value) => Ok(value),
        None => Err(format!("not a valid boolean value: {}", repr(text))),
    }
}

fn truth(lower: &str) -> Option<bool> {
    match lower {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// CFG-058: bytes, with KB, MB or GB of 1024.
pub fn byte_size(text: &str) -> Result<i64, String> {
    let lower = text.to_lowercase();
    let units = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    let (number, unit) = units
        .iter()
        .find_map(|(suffix, unit)| Some((lower.strip_suffix(suffix)?, *unit)))
        .unwrap_or((&lower, 1_i64));
    integer(number).map(|number| number.saturating_mul(unit))
}

/// CFG-060.
pub fn signal(text: &str) -> Result<Signal, String> {
    let number = integer(text).ok();
    let plain = number.map_or_else(|| text.trim_matches(is_space).to_string(), |number| number.to_string());
    let kind = if number.is_some() { "number" } else { "name" };
    Signal::parse(&plain).map_err(|_| format!("value {} is not a valid signal {kind}", repr(text)))
}

/// CFG-061.
pub fn autorestart(text: &str) -> Result<AutoRestart, String> {
    let lower = text.to_lowercase();
    match truth(&lower) {
        Some(true) => Ok(AutoRestart::Always),
        Some(false) => Ok(AutoRestart::Never),
        None if lower == "unexpected" => Ok(AutoRestart::Unexpected),
        None => Err(format!("invalid 'autorestart' value {}", repr(&lower))),
    }
}

/// CFG-062.
pub fn exitcodes(text: &str) -> Result<Vec<u8>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let code = |item: &str| integer(item).ok().and_then(|code| u8::try_from(code).ok());
    let codes: Option<Vec<u8>> = text.split(',').map(code).collect();
    codes.ok_or_else(|| format!("not a valid list of exit codes: {}", repr(text)))
}

/// CFG-063.
pub fn list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|item| item.trim_matches(is_space).to_string()).collect()
}

/// CFG-064.
pub fn existing_directory(text: &str, host: &dyn Host) -> Result<String, String> {
    let path = expand_user(text, host);
    if host.is_dir(&path) { Ok(path) } else { Err(format!("{text} is not an existing directory")) }
}

/// CFG-064: a bare file name always passes.
pub fn existing_dirpath(text: &str, host: &dyn Host) -> Result<String, String> {
    let path = expand_user(text, host);
    let directory = dirname(&path);
    if directory.is_empty() || host.is_dir(directory) {
        return Ok(path);
    }
    Err(format!("The directory named as part of the path {text} does not exist"))
}

/// What a child's log setting says before the deprecated `syslog` is rewritten (CFG-065, CFG-111).
pub enum LogSetting {
    File(LogFile),
    Syslog,
}

/// CFG-065.
pub fn logfile(text: &str, host: &dyn Host) -> Result<LogSetting, String> {
    match text.to_lowercase().as_str() {
        "none" | "off" => Ok(LogSetting::File(LogFile::None)),
        "auto" => Ok(LogSetting::File(LogFile::Auto)),
        "syslog" => Ok(LogSetting::Syslog),
        _ => existing_dirpath(text, host).map(|path| LogSetting::File(LogFile::Path(path))),
    }
}

/// CFG-066: the name of a process or group.
pub fn name(text: &str) -> Result<String, String> {
    let name = text.trim_matches(is_space);
    match [' ', ':', '/'].into_iter().find(|c| name.contains(*c)) {
        None => Ok(name.to_string()),
        Some(c) => {
            let (text, c) = (repr(text), repr(&c.to_string()));
            Err(format!("Invalid name: {text} because of character: {c}"))
        }
    }
}

/// CFG-067: host and port; an empty host means all interfaces. An IPv6 address keeps its brackets, and gets them
/// where it has none: they belong in URLs (CFG-068).
pub fn inet_address(text: &str) -> Result<(String, u16), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((_, "")) => return Err("no port number specified in ''".to_string()),
        Some((host, port)) => (host.to_lowercase(), port_number(port)?),
        None => {
            let port = port_number(text).map_err(|_| format!("not a valid port number: {} ", repr(text)))?;
            (String::new(), port)
        }
    };
    let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host };
    Ok((if host == "*" { String::new() } else { host }, port))
}

/// CFG-067.
pub fn port_number(text: &str) -> Result<u16, String> {
    let number = integer(text)?;
    if number < 1 {
        return Err(format!("{number} is below lower bound (1)"));
    }
    u16::try_from(number).map_err(|_| format!("{number} is above upper bound (65535)"))
}

/// A user by name or number (CFG-087).
pub fn user(text: &str, host: &dyn Host) -> Result<u32, String> {
    match integer(text) {
        Ok(number) => u32::try_from(number)
            .ok()
            .filter(|uid| host.has_uid(*uid))
            .ok_or_else(|| format!("Invalid user id {text}")),
        Err(_) if text.contains('\0') => Err("embedded null byte".to_string()),
        Err(_) => host.uid_of(text).ok_or_else(|| format!("Invalid user name {text}")),
    }
}

/// CFG-069: `user` or `user:group`, by name or number.
pub fn owner(text: &str, host: &dyn Host) -> Option<(Option<u32>, Option<u32>)> {
    let (name, group) = text.split_once(':').map_or((text, None), |(name, group)| (name, Some(group)));
    let uid = user(name, host).ok()?;
    let gid = match group {
        None => None,
        Some(group) => Some(match integer(group) {
            Ok(number) => u32::try_from(number).ok().filter(|gid| host.has_gid(*gid))?,
            Err(_) => host.gid_of(group)?,
        }),
    };
    Some((Some(uid), gid))
}

/// CFG-070.
pub fn log_level(text: &str) -> Result<LogLevel, String> {
    match text.to_lowercase().as_str() {
        "critical" => Ok(LogLevel::Critical),
        "error" => Ok(LogLevel::Error),
        "warn" => Ok(LogLevel::Warn),
        "info" => Ok(LogLevel::Info),
        "debug" => Ok(LogLevel::Debug),
        "trace" => Ok(LogLevel::Trace),
        "blather" => Ok(LogLevel::Blather),
        _ => Err(format!("bad logging level name {}", repr(text))),
    }
}

/// A path of URLs, such as `/supervisor`, in characters that need no escape; gives it without slashes at its end.
pub fn base_path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let path = text.trim_end_matches('/');
    if text.starts_with('/') && path.bytes().all(plain) && !path.starts_with("//") {
        Ok(path.to_string())
    } else {
        Err(format!("not a valid base path: {}", repr(text)))
    }
}
