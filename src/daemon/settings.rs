//! What the machine goes by when it starts a child.

use std::ffi::OsString;

use crate::config::Config;

/// What of the configuration the machine itself goes by, and what it was started with.
#[derive(Clone, Debug)]
pub struct Settings {
    pub identifier: String,
    pub childlogdir: String,
    pub strip_ansi: bool,
    pub server_url: Option<String>,
    /// The daemon's own variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Soft and hard RLIMIT_NOFILE for children, if not the daemon's.
    pub open_files: Option<(u64, u64)>,
}

impl Settings {
    /// Goes by a configuration from now on.
    pub fn follow(&mut self, config: &Config) {
        self.identifier.clone_from(&config.supervisord.identifier);
        self.childlogdir.clone_from(&config.supervisord.childlogdir);
        self.strip_ansi = config.supervisord.strip_ansi;
        self.server_url = config.server_url();
    }
}
