//! A world written down: files, directories, users and variables that exist only for a test.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use convoke::config::host::absolute;
use convoke::config::{Config, Error, Host, read};

#[derive(Clone, Debug)]
pub struct World {
    pub environment: BTreeMap<String, String>,
    pub cwd: String,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files that are there and cannot be read.
    pub locked: BTreeSet<String>,
    pub directories: BTreeSet<String>,
    pub users: BTreeMap<String, u32>,
    pub groups: BTreeMap<String, u32>,
    /// Whose daemon it is.
    pub uid: u32,
}

impl Default for World {
    fn default() -> World {
        let environment = [("HOME", "/home/me"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")];
        let names = |pairs: &[(&str, u32)]| pairs.iter().map(|(name, id)| (name.to_string(), *id)).collect();
        World {
            environment: environment.map(|(k, v)| (k.to_string(), v.to_string())).into(),
            cwd: "/etc/sv".to_string(),
            files: BTreeMap::new(),
            locked: BTreeSet::new(),
            directories: ["/", "/tmp", "/var", "/var/log", "/etc", "/etc/sv", "/home/me"]
                .map(str::to_string)
                .into(),
            users: names(&[("root", 0), ("www-data", 33), ("nobody", 65_534)]),
            groups: names(&[("root", 0), ("www-data", 33), ("adm", 4)]),
            uid: 0,
        }
    }
}

/// Where [`World::config`] puts its text.
pub const MAIN: &str = "/etc/sv/supervisord.conf";

impl World {
    pub fn with(mut self, path: &str, text: &str) -> World {
        self.files.insert(path.to_string(), text.as_bytes().to_vec());
        self
    }

    /// Reads `text` as the main file.
    pub fn config(self, text: &str) -> Result<Config, Vec<Error>> {
        let world = self.with(MAIN, text);
        read::read(MAIN, &world)
    }
}

/// Reads `text` after a `[supervisord]` section, in the usual world.
pub fn config(text: &str) -> Config {
    let read = World::default().config(&format!("[supervisord]\n{text}"));
    read.unwrap_or_else(|errors| panic!("{text:?}: {errors:#?}"))
}

/// The sentences that `text` gets.
pub fn errors(text: &str) -> Vec<String> {
    match World::default().config(&format!("[supervisord]\n{text}")) {
        Ok(_) => panic!("{text:?} is accepted"),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// The first sentence that `text` gets: what the reference says.
pub fn error(text: &str) -> String {
    errors(text).remove(0)
}

impl Host for World {
    fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    fn hostname(&self) -> &str {
        "oracle-host"
    }

    fn cwd(&self) -> &str {
        &self.cwd
    }

    fn tempdir(&self) -> &str {
        "/tmp"
    }

    fn exists(&self, path: &str) -> bool {
        self.files.contains_key(&absolute(path, self)) || self.is_dir(path)
    }

    fn is_dir(&self, path: &str) -> bool {
        let plain = absolute(path, self);
        let inside = format!("{}/", plain.trim_end_matches('/'));
        self.directories.contains(&plain) || self.files.keys().any(|file| file.starts_with(&inside))
    }

    fn list(&self, directory: &str) -> Vec<String> {
        let inside = format!("{}/", absolute(directory, self).trim_end_matches('/'));
        let below = self.files.keys().chain(&self.directories).filter_map(|path| path.strip_prefix(&inside));
        let names: BTreeSet<&str> = below.filter_map(|rest| rest.split('/').next()).collect();
        names.into_iter().filter(|name| !name.is_empty()).map(str::to_string).collect()
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = absolute(path, self);
        if self.locked.contains(&path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        match self.files.get(&path) {
            Some(bytes) => Ok(bytes.clone()),
            None if self.is_dir(&path) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn uid_of(&self, name: &str) -> Option<u32> {
        self.users.get(name).copied()
    }

    fn has_uid(&self, uid: u32) -> bool {
        self.users.values().any(|known| *known == uid)
    }

    fn uid(&self) -> u32 {
        self.uid
    }

    fn primary_gid(&self, uid: u32) -> Option<u32> {
        // Every user has a group of its own number, listed or not.
        self.has_uid(uid).then_some(uid)
    }

    fn gid_of(&self, name: &str) -> Option<u32> {
        self.groups.get(name).copied()
    }

    fn has_gid(&self, gid: u32) -> bool {
        self.groups.values().any(|known| *known == gid)
    }

    fn home(&self, user: Option<&str>) -> Option<String> {
        match user {
            None => self.environment.get("HOME").cloned(),
            Some("root") => Some("/root".to_string()),
            Some(name) => self.users.contains_key(name).then(|| format!("/home/{name}")),
        }
    }
}
