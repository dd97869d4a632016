//! Configurations for tests of the crate, made without a file.

use std::collections::BTreeMap;

use super::{AutoRestart, LogFile, OutputConfig, ProcessConfig};
use crate::names::Signal;

/// A process with the stock settings.
pub fn process_config(group: &str, name: &str) -> ProcessConfig {
    let output = OutputConfig {
        logfile: LogFile::Auto,
        maxbytes: 50 << 20,
        backups: 10,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    };
    ProcessConfig {
        program: name.into(),
        group: group.into(),
        name: name.into(),
        command: "/bin/cat".to_string(),
        priority: 999,
        autostart: true,
        autorestart: AutoRestart::Unexpected,
        startsecs: 1,
        startretries: 3,
        exitcodes: vec![0],
        stopsignal: Signal::TERM,
        stopwaitsecs: 10,
        stopasgroup: false,
        killasgroup: false,
        user: None,
        umask: None,
        directory: None,
        environment: BTreeMap::new(),
        serverurl: None,
        redirect_stderr: false,
        stdout: output.clone(),
        stderr: output,
        socket: None,
        listener: false,
    }
}
