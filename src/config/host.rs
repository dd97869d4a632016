//! The world in which files are read. Nothing else in this folder asks the machine.

use std::collections::BTreeMap;
use std::io;

/// What a configuration depends on beside the name of its main file.
pub trait Host {
    /// The daemon's own variables, for `%(ENV_X)s` (CFG-039).
    fn environment(&self) -> &BTreeMap<String, String>;
    /// `uname -n` (CFG-045).
    fn hostname(&self) -> &str;
    /// The working directory, absolute.
    fn cwd(&self) -> &str;
    /// The default of `childlogdir` (CFG-089).
    fn tempdir(&self) -> &str;
    /// Whether there is anything at a path, links followed.
    fn exists(&self, path: &str) -> bool;
    /// Whether it is a directory.
    fn is_dir(&self, path: &str) -> bool;
    /// The names in a directory, in any order; none where there is no readable directory.
    fn list(&self, directory: &str) -> Vec<String>;
    /// A whole file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// The uid of a user name.
    fn uid_of(&self, name: &str) -> Option<u32>;
    /// Whether the user database has this uid.
    fn has_uid(&self, uid: u32) -> bool;
    /// Whose daemon it is.
    fn uid(&self) -> u32;
    /// The gid that a user has by the user database.
    fn primary_gid(&self, uid: u32) -> Option<u32>;
    /// The gid of a group name.
    fn gid_of(&self, name: &str) -> Option<u32>;
    /// Whether the group database has this gid.
    fn has_gid(&self, gid: u32) -> bool;
    /// The home directory of a user, or of whoever runs the daemon.
    fn home(&self, user: Option<&str>) -> Option<String>;
}

/// `~` and `~user` at the head of a path; what cannot be resolved stays.
pub fn expand_user(path: &str, host: &dyn Host) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_string() };
    let (user, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some(home) = host.home((!user.is_empty()).then_some(user)) else { return path.to_string() };
    let whole = format!("{}{tail}", home.trim_end_matches('/'));
    if whole.is_empty() { "/".to_string() } else { whole }
}

/// `~` resolved, then [`absolute`].
pub fn normalize(path: &str, host: &dyn Host) -> String {
    absolute(&expand_user(path, host), host)
}

/// Against the working directory, without `.`, `..` and doubled slashes. No link is followed.
pub fn absolute(path: &str, host: &dyn Host) -> String {
    let whole = join(host.cwd(), path);
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
    // POSIX gives exactly two slashes at the head a meaning of their own, so Python keeps them.
    let root = if whole.starts_with("//") && !whole.starts_with("///") { "//" } else { "/" };
    format!("{root}{}", parts.join("/"))
}

/// A path seen from a directory.
pub fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() {
        path.to_string()
    } else if directory.ends_with('/') {
        format!("{directory}{path}")
    } else {
        format!("{directory}/{path}")
    }
}

/// The part before the last slash and the part after it, as Python's `os.path.split` gives them.
pub fn split(path: &str) -> (&str, &str) {
    let (head, tail) = path.rsplit_once('/').map_or(("", path), |(head, tail)| (&path[..=head.len()], tail));
    let bare = head.trim_end_matches('/');
    (if bare.is_empty() { head } else { bare }, tail)
}

/// The part before the last slash.
pub fn dirname(path: &str) -> &str {
    split(path).0
}
