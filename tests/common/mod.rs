//! What the witness and the simulation both need: configurations made of few facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use convoke::config::{
    AutoRestart, CollectionConfig, Config, GroupConfig, GroupKind, LogFile, LogLevel, MainLog, OutputConfig,
    ProcessConfig, SupervisordConfig,
};
use convoke::names::Signal;

/// A configuration with these groups and collections and nothing else of interest.
pub fn config(groups: Vec<Arc<GroupConfig>>, collections: Vec<Arc<CollectionConfig>>) -> Config {
    let supervisord = SupervisordConfig {
        logfile: MainLog::Path("/dev/null".to_string()),
        logfile_maxbytes: 0,
        logfile_backups: 0,
        loglevel: LogLevel::Info,
        pidfile: "/dev/null".to_string(),
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
        childlogdir: "/tmp".to_string(),
        environment: BTreeMap::new(),
    };
    let (servers, interfaces, messages) = (Vec::new(), Vec::new(), Vec::new());
    let collection_messages = Vec::new();
    Config { supervisord, servers, groups, collections, interfaces, messages, collection_messages }
}

/// A process with the defaults of CFG-100 and later, of the program that is called as its group.
pub fn process(group: &str, name: &str) -> ProcessConfig {
    let output = OutputConfig {
        logfile: LogFile::None,
        maxbytes: 0,
        backups: 0,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    };
    ProcessConfig {
        program: group.into(),
        group: group.into(),
        name: name.into(),
        command: format!("/bin/{group}:{name} --loop"),
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

/// A group in the order given.
pub fn group(name: &str, priority: i64, processes: Vec<ProcessConfig>) -> Arc<GroupConfig> {
    let processes = processes.into_iter().map(Arc::new).collect();
    Arc::new(GroupConfig { name: name.into(), priority, kind: GroupKind::Programs, processes })
}

/// Groups as the configuration reader leaves them: by priority, then name (PROC-017).
pub fn in_order(mut groups: Vec<Arc<GroupConfig>>) -> Vec<Arc<GroupConfig>> {
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    groups
}
