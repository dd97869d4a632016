//! AUTO logs: how they are named, made, and cleared away at the next start.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::names::{ProcessName, reason, repr};

/// Names tried before giving up; each is one of 37^8.
const TRIES_MAX: u32 = 100;

/// Names and makes the log of one channel, which must not exist yet, readable by the daemon's user alone
/// (LOG-030). If it cannot be made it has its name all the same, and the spawn will fail for the same reason.
pub fn create(directory: &str, process: &ProcessName, channel: &str, identifier: &str) -> Arc<str> {
    let mut tries = 0;
    loop {
        let name = format!("{process}-{channel}---{identifier}-{}.log", random_letters());
        let path = Path::new(directory).join(name);
        tries += 1;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < TRIES_MAX => (),
            Err(error) => {
                tracing::warn!("could not create log {}: {}", path.display(), reason(&error));
                return Arc::from(path.to_string_lossy());
            }
            Ok(_) => return Arc::from(path.to_string_lossy()),
        }
    }
}

/// Removes what an earlier run left (PROC-067). To be called once the sockets are ours: until then another
/// daemon may be writing these (BUG-004).
pub fn remove_stale(directory: &str, identifier: &str) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        tracing::warn!("Could not clear childlog dir");
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if is_auto_log(&name.to_string_lossy(), identifier) && std::fs::remove_file(entry.path()).is_err() {
            tracing::warn!("Failed to clean up {}", repr(&entry.path().to_string_lossy()));
        }
    }
}

/// Whether the whole name is one that [`create`] or a rotation gives. The reference looks at the beginning
/// only, and so removes `x---supervisor-notes.logrotate.conf` as well.
fn is_auto_log(name: &str, identifier: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once(".log") else { return false };
    let backup = ending.strip_prefix('.').unwrap_or(ending);
    let is_backup = backup.len() <= 4 && backup.bytes().all(|byte| byte.is_ascii_digit());
    let mark = format!("---{identifier}-");
    is_backup
        && stem.match_indices(&mark).any(|(at, _)| {
            let rest = &stem[at + mark.len()..];
            at > 0 && !rest.is_empty() && !rest.contains(char::is_whitespace)
        })
}

/// Eight of `a-z`, `0-9` and `_`.
fn random_letters() -> String {
    const LETTERS: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz0123456789_";
    // The standard library seeds each of these anew.
    let mut random = RandomState::new().hash_one(std::process::id());
    let mut letter = || {
        let letter = LETTERS[(random % 37) as usize];
        random /= 37;
        char::from(letter)
    };
    (0..8).map(|_| letter()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_we_give_are_cleared_away_proc_067() {
        for ours in [
            "web-stdout---supervisor-a1b2c3_d.log",
            "web-stdout---supervisor-a1b2c3_d.log.1",
            "web-stdout---supervisor-a1b2c3_d.log.10",
            "a b-stderr---supervisor-xxxxxxxx.log",
        ] {
            assert!(is_auto_log(ours, "supervisor"), "{ours}");
        }
        for other in [
            "web-stdout---other-a1b2c3_d.log",
            "---supervisor-a1b2c3_d.log",
            "web-stdout---supervisor-.log",
            "web-stdout---supervisor-a b.log",
            "web-stdout---supervisor-a1b2c3_d.log.12345",
            "x---supervisor-notes.logrotate.conf",
            "web.log",
        ] {
            assert!(!is_auto_log(other, "supervisor"), "{other}");
        }
    }

    #[test]
    fn random_names_differ_and_hold_only_safe_letters() {
        let names: std::collections::BTreeSet<String> = (0..1_000).map(|_| random_letters()).collect();
        assert!(names.len() > 990);
        assert!(names.iter().all(|name| name.len() == 8
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')));
    }
}
