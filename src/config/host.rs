//! The world in which files are read. Nothing else in this folder asks the machine.

use std::collections::BTreeMap;

/// What a configuration depends on beside its text.
pub trait Host {
    /// The daemon's own variables, for `%(ENV_X)s` (CFG-039).
    fn environment(&self) -> &BTreeMap<String, String>;
    /// `uname -n` (CFG-045).
    fn hostname(&self) -> &str;
    /// The working directory, absolute.
    fn cwd(&self) -> &str;
    /// The default of `childlogdir` (CFG-089).
    fn tempdir(&self) -> &str;
    fn is_dir(&self, path: &str) -> bool;
    /// The uid of a user name.
    fn uid_of(&self, name: &str) -> Option<u32>;
    fn has_uid(&self, uid: u32) -> bool;
    /// The gid of a group name.
    fn gid_of(&self, name: &str) -> Option<u32>;
    fn has_gid(&self, gid: u32) -> bool;
    /// The home directory of a user, or of whoever runs the daemon.
    fn home(&self, user: Option<&str>) -> Option<String>;
}

/// `~` and `~user` at the head of a path; what cannot be resolved stays.
pub fn expand_user(path: &str, host: &dyn Host) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_string() };
    let (user, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.home((!user.is_empty()).then_some(user)) {
        Some(home) if home == "/" && !tail.is_empty() => tail.to_string(),
        Some(home) => format!("{}{tail}", home.trim_end_matches('/')),
        None => path.to_string(),
    }
}

/// Absolute against the working directory, without `.`, `..` and doubled slashes.
pub fn normalize(path: &str, host: &dyn Host) -> String {
    let path = expand_user(path, host);
    let whole = if path.starts_with('/') { path } else { format!("{}/{path}", host.cwd()) };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => (),
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The part before the last slash, as Python's `os.path.dirname` gives it.
pub fn dirname(path: &str) -> &str {
    match path.rfind('/') {
        None => "",
        Some(at) => {
            let head = path[..at].trim_end_matches('/');
            if head.is_empty() { &path[..=at] } else { head }
        }
    }
}
