//! What was read, in the shape in which the reference's model is recorded.

use convoke::config::{
    Address, AutoRestart, Config, FcgiAddress, FcgiSocket, GroupConfig, GroupKind, ListenerConfig, LogFile,
    LogLevel, MainLog, OutputConfig, ProcessConfig, ResultHandler,
};
use serde_json::{Map, Value, json};

/// `[supervisord]`, servers and groups.
pub fn model(config: &Config) -> Value {
    json!({
        "supervisord": supervisord(config),
        "servers": servers(config),
        "groups": config.groups.iter().map(|group| self::group(group)).collect::<Vec<_>>(),
    })
}

fn supervisord(config: &Config) -> Value {
    let s = &config.supervisord;
    json!({
        "childlogdir": s.childlogdir,
        "directory": s.directory,
        "environment": s.environment,
        "identifier": s.identifier,
        "logfile": match &s.logfile { MainLog::Path(path) => path.as_str(), MainLog::Syslog => "syslog" },
        "logfile_backups": s.logfile_backups,
        "logfile_maxbytes": s.logfile_maxbytes,
        "loglevel": level(s.loglevel),
        "minfds": s.minfds,
        "minprocs": s.minprocs,
        "nocleanup": s.nocleanup,
        "nodaemon": s.nodaemon,
        "pidfile": s.pidfile,
        "serverurl": config.server_url(),
        "silent": s.silent,
        "strip_ansi": s.strip_ansi,
        "uid": s.user,
        "umask": s.umask,
    })
}

/// LOG-002.
pub fn level(level: LogLevel) -> i64 {
    match level {
        LogLevel::Blather => 3,
        LogLevel::Trace => 5,
        LogLevel::Debug => 10,
        LogLevel::Info => 20,
        LogLevel::Warn => 30,
        LogLevel::Error => 40,
        LogLevel::Critical => 50,
    }
}

/// -1 leaves an owner as it is.
fn id(id: Option<u32>) -> i64 {
    id.map_or(-1, i64::from)
}

fn servers(config: &Config) -> Vec<Value> {
    config
        .servers
        .iter()
        .map(|server| {
            let mut plain = match &server.address {
                Address::Inet { host, port } => json!({ "family": "AF_INET", "host": host, "port": port }),
                Address::Unix { path, mode, owner } => json!({
                    "family": "AF_UNIX", "file": path, "chmod": mode, "chown": [id(owner.0), id(owner.1)],
                }),
            };
            plain["section"] = json!(server.section);
            plain["username"] = json!(server.username);
            plain["password"] = json!(server.password);
            plain
        })
        .collect()
}

fn group(group: &GroupConfig) -> Value {
    let mut plain = json!({
        "name": group.name.as_str(),
        "priority": group.priority,
        "processes": group.processes.iter().map(|process| self::process(process)).collect::<Vec<_>>(),
    });
    // In a `[group:x]` the reference knows of no socket (BUG-015).
    let lone = |process: &&std::sync::Arc<ProcessConfig>| process.program.as_str() == group.name.as_str();
    let socket = group.processes.first().filter(lone).and_then(|process| process.socket.as_ref());
    match (&group.kind, socket) {
        (GroupKind::EventListeners(listener), _) => pool(&mut plain, listener),
        (GroupKind::Programs, Some(socket)) => fcgi(&mut plain, socket),
        // A program of no processes at all leaves no sign of its kind.
        (GroupKind::Programs, None) if group.processes.is_empty() => (),
        (GroupKind::Programs, None) => plain["class"] = json!("ProcessGroupConfig"),
    }
    plain
}

fn pool(plain: &mut Value, listener: &ListenerConfig) {
    let mut events: Vec<&str> = listener.events.iter().map(|event| event.name()).collect();
    events.sort_unstable();
    plain["class"] = json!("EventListenerPoolConfig");
    plain["pool_events"] = json!(events);
    plain["buffer_size"] = json!(listener.buffer_size);
    plain["result_handler"] = json!(match listener.result_handler {
        ResultHandler::Standard => "supervisor.dispatchers:default_handler",
        ResultHandler::Stdout => "supervisor_stdout:event_handler",
    });
}

fn fcgi(plain: &mut Value, socket: &FcgiSocket) {
    let (mode, owner) = match &socket.address {
        FcgiAddress::Unix { mode, owner: (None, None), .. } => (json!(mode), json!(null)),
        FcgiAddress::Unix { mode, owner: (uid, gid), .. } => (json!(mode), json!([id(*uid), id(*gid)])),
        FcgiAddress::Tcp { .. } => (json!(null), json!(null)),
    };
    plain["class"] = json!("FastCGIGroupConfig");
    plain["socket"] = json!({ "url": socket.url, "backlog": socket.backlog, "mode": mode, "owner": owner });
}

fn process(process: &ProcessConfig) -> Value {
    let mut plain = json!({
        "name": process.name.as_str(),
        "command": process.command,
        "priority": process.priority,
        "autostart": process.autostart,
        "autorestart": match process.autorestart {
            AutoRestart::Never => json!(false),
            AutoRestart::Unexpected => json!("unexpected"),
            AutoRestart::Always => json!(true),
        },
        "startsecs": process.startsecs,
        "startretries": process.startretries,
        "exitcodes": process.exitcodes,
        "stopsignal": process.stopsignal.number(),
        "stopwaitsecs": process.stopwaitsecs,
        "stopasgroup": process.stopasgroup,
        "killasgroup": process.killasgroup,
        "uid": process.user,
        "umask": process.umask,
        "directory": process.directory,
        "environment": process.environment,
        "serverurl": process.serverurl,
        "redirect_stderr": process.redirect_stderr,
    });
    if let Value::Object(plain) = &mut plain {
        channel(plain, "stdout", &process.stdout);
        channel(plain, "stderr", &process.stderr);
    }
    plain
}

fn channel(plain: &mut Map<String, Value>, name: &str, output: &OutputConfig) {
    let logfile = match &output.logfile {
        LogFile::Auto => json!("auto"),
        LogFile::None => json!(null),
        LogFile::Path(path) => json!(path),
    };
    plain.insert(format!("{name}_logfile"), logfile);
    plain.insert(format!("{name}_logfile_maxbytes"), json!(output.maxbytes));
    plain.insert(format!("{name}_logfile_backups"), json!(output.backups));
    plain.insert(format!("{name}_capture_maxbytes"), json!(output.capture_maxbytes));
    plain.insert(format!("{name}_events_enabled"), json!(output.events_enabled));
    plain.insert(format!("{name}_syslog"), json!(output.syslog));
}

/// The reference's model as far as it is ours: of each object only the keys that ours has, processes of
/// one name collapsed (CFG-104), groups of one name too (CFG-118).
pub fn in_scope(theirs: &Value, ours: &Value) -> Value {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let common =
                ours.iter().filter_map(|(key, ours)| Some((key.clone(), in_scope(theirs.get(key)?, ours))));
            Value::Object(common.collect())
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            let theirs = theirs.iter().enumerate();
            let like = |at: usize| ours.get(at).or(ours.last()).unwrap_or(&Value::Null);
            Value::Array(theirs.map(|(at, theirs)| in_scope(theirs, like(at))).collect())
        }
        _ => theirs.clone(),
    }
}

/// Groups as supervisord would activate them.
pub fn active_groups(theirs: &Value) -> Vec<Value> {
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for group in theirs.as_array().into_iter().flatten() {
        if seen.contains(&group["name"]) {
            continue;
        }
        seen.push(group["name"].clone());
        let mut group = group.clone();
        if let Some(events) = group["pool_events"].as_array_mut() {
            events.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
        group["processes"] = Value::Array(collapsed(&group["processes"]));
        kept.push(group);
    }
    kept
}

fn collapsed(processes: &Value) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for process in processes.as_array().into_iter().flatten() {
        match kept.iter_mut().find(|known| known["name"] == process["name"]) {
            Some(known) => *known = process.clone(),
            None => kept.push(process.clone()),
        }
    }
    kept
}
