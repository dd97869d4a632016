//! Configurations for tests of the crate, made without a file.

use std::collections::BTreeMap;

use super::{AutoRestart, LogFile, LogLevel, MainLog, OutputConfig, ProcessConfig, SupervisordConfig};
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

/// A daemon that writes nothing and stays where it is.
pub fn supervisord_config() -> SupervisordConfig {
    SupervisordConfig {
        logfile: MainLog::Syslog,
        logfile_maxbytes: 0,
        logfile_backups: 0,
        loglevel: LogLevel::Info,
        pidfile: String::new(),
        umask: 0o22,
        directory: None,
        nodaemon: true,
        silent: true,
        nocleanup: true,
        strip_ansi: false,
        minfds: 1024,
        minprocs: 200,
        user: None,
        identifier: "supervisor".to_string(),
        childlogdir: String::new(),
        environment: BTreeMap::new(),
    }
}
