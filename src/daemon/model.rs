//! The configuration as one JSON value, for machines. All that says how it is written is here.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::api::{ChannelInfo, CollectionInfo, ConfigInfo, LogSetting};
use crate::config::error::{Aim, Sources};
use crate::config::{Address, Config, Error, LogLevel, MainLog, ServerConfig, SupervisordConfig, Warning};
use crate::supervisor;

/// What a check found.
#[derive(Serialize)]
pub struct Findings<'a> {
    pub ok: bool,
    pub errors: Vec<Finding<'a>>,
    pub warnings: Vec<Finding<'a>>,
    #[serde(flatten)]
    pub model: Option<Model<'a>>,
}

/// An error or a warning.
#[derive(Serialize)]
pub struct Finding<'a> {
    /// The whole sentence; an error's is the reference's.
    message: &'a str,
    file: Option<&'a str>,
    /// From 1, as is the column, which counts characters.
    line: Option<usize>,
    column: Option<usize>,
    section: Option<&'a str>,
    option: Option<&'a str>,
    help: Option<&'a str>,
}

impl<'a> Finding<'a> {
    /// An error, with the column of what it is about.
    pub fn of_error(error: &'a Error, sources: &mut Sources<'_>) -> Finding<'a> {
        Finding::of(error, Aim::Value, sources)
    }

    /// The same for a warning.
    pub fn of_warning(warning: &'a Warning, sources: &mut Sources<'_>) -> Finding<'a> {
        Finding::of(&warning.error, warning.aim, sources)
    }

    fn of(error: &'a Error, aim: Aim, sources: &mut Sources<'_>) -> Finding<'a> {
        let place = error.place.as_ref();
        Finding {
            message: &error.sentence,
            file: place.map(|place| place.file.as_str()),
            line: place.map(|place| place.line),
            column: place.and_then(|place| sources.column(place, aim)),
            section: place.and_then(|place| place.section.as_deref()),
            option: place.and_then(|place| place.option.as_deref()),
            help: error.help.as_deref().filter(|help| !help.is_empty()),
        }
    }
}

/// A whole configuration.
#[derive(Serialize)]
pub struct Model<'a> {
    config: Vec<Process<'a>>,
    supervisord: Supervisord<'a>,
    servers: Vec<Server<'a>>,
    collections: Vec<Collection>,
}

impl<'a> Model<'a> {
    /// The configuration as the daemon would begin with it.
    pub fn of(config: &'a Config) -> Model<'a> {
        let (processes, collections) = supervisor::preview(config);
        let all = config.groups.iter().flat_map(|group| &group.processes);
        let environments: HashMap<_, _> =
            all.map(|process| ((&process.group, &process.name), &process.environment)).collect();
        let process = |info: ConfigInfo| {
            let environment = environments.get(&(&info.group, &info.name)).copied();
            Process::of(info, environment)
        };
        Model {
            config: processes.into_iter().map(process).collect(),
            supervisord: Supervisord::of(&config.supervisord),
            servers: config.servers.iter().map(Server::of).collect(),
            collections: collections.into_iter().map(Collection::of).collect(),
        }
    }
}

/// The members of `getAllConfigInfo`, in its order and its words (RPC-047, RPC-048), and the environment.
#[derive(Serialize)]
struct Process<'a> {
    autostart: bool,
    autorestart: FlagOrText,
    directory: String,
    uid: NumberOrText,
    command: String,
    exitcodes: Vec<u8>,
    group: String,
    group_prio: i64,
    inuse: bool,
    killasgroup: bool,
    name: String,
    process_prio: i64,
    redirect_stderr: bool,
    startretries: i64,
    startsecs: i64,
    stdout_capture_maxbytes: i64,
    stdout_events_enabled: bool,
    stdout_logfile: String,
    stdout_logfile_backups: i64,
    stdout_logfile_maxbytes: i64,
    stdout_syslog: bool,
    stopsignal: i32,
    stopwaitsecs: i64,
    stderr_capture_maxbytes: i64,
    stderr_events_enabled: bool,
    stderr_logfile: String,
    stderr_logfile_backups: i64,
    stderr_logfile_maxbytes: i64,
    stderr_syslog: bool,
    serverurl: String,
    environment: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum FlagOrText {
    Flag(bool),
    Text(&'static str),
}

#[derive(Serialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u32),
    Text(&'static str),
}

impl<'a> Process<'a> {
    fn of(info: ConfigInfo, environment: Option<&'a BTreeMap<String, String>>) -> Process<'a> {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_string());
        Process {
            autostart: info.autostart,
            autorestart: info.autorestart.map_or(FlagOrText::Text("unexpected"), FlagOrText::Flag),
            directory: or_none(info.directory),
            uid: info.uid.map_or(NumberOrText::Text("none"), NumberOrText::Number),
            command: info.command,
            exitcodes: info.exitcodes,
            group: info.group.to_string(),
            group_prio: info.group_prio,
            inuse: info.inuse,
            killasgroup: info.killasgroup,
            name: info.name.to_string(),
            process_prio: info.process_prio,
            redirect_stderr: info.redirect_stderr,
            startretries: info.startretries,
            startsecs: info.startsecs,
            stdout_capture_maxbytes: info.stdout.capture_maxbytes,
            stdout_events_enabled: info.stdout.events_enabled,
            stdout_logfile: logfile(&info.stdout),
            stdout_logfile_backups: info.stdout.logfile_backups,
            stdout_logfile_maxbytes: info.stdout.logfile_maxbytes,
            stdout_syslog: info.stdout.syslog,
            stopsignal: info.stopsignal.number(),
            stopwaitsecs: info.stopwaitsecs,
            stderr_capture_maxbytes: info.stderr.capture_maxbytes,
            stderr_events_enabled: info.stderr.events_enabled,
            stderr_logfile: logfile(&info.stderr),
            stderr_logfile_backups: info.stderr.logfile_backups,
            stderr_logfile_maxbytes: info.stderr.logfile_maxbytes,
            stderr_syslog: info.stderr.syslog,
            serverurl: or_none(info.serverurl),
            environment,
        }
    }
}

fn logfile(channel: &ChannelInfo) -> String {
    match &channel.logfile {
        LogSetting::Auto => "auto".to_string(),
        LogSetting::None => "none".to_string(),
        LogSetting::Path(path) => path.to_string(),
    }
}

/// `[supervisord]`, the command line's wishes over it.
#[derive(Serialize)]
struct Supervisord<'a> {
    logfile: &'a str,
    logfile_maxbytes: i64,
    logfile_backups: i64,
    loglevel: &'static str,
    pidfile: &'a str,
    umask: u32,
    directory: Option<&'a str>,
    nodaemon: bool,
    silent: bool,
    nocleanup: bool,
    strip_ansi: bool,
    minfds: i64,
    minprocs: i64,
    /// The uid.
    user: Option<u32>,
    identifier: &'a str,
    childlogdir: &'a str,
    environment: &'a BTreeMap<String, String>,
}

impl<'a> Supervisord<'a> {
    fn of(config: &'a SupervisordConfig) -> Supervisord<'a> {
        Supervisord {
            logfile: match &config.logfile {
                MainLog::Path(path) => path,
                MainLog::Syslog => "syslog",
            },
            logfile_maxbytes: config.logfile_maxbytes,
            logfile_backups: config.logfile_backups,
            loglevel: level(config.loglevel),
            pidfile: &config.pidfile,
            umask: config.umask,
            directory: config.directory.as_deref(),
            nodaemon: config.nodaemon,
            silent: config.silent,
            nocleanup: config.nocleanup,
            strip_ansi: config.strip_ansi,
            minfds: config.minfds,
            minprocs: config.minprocs,
            user: config.user,
            identifier: &config.identifier,
            childlogdir: &config.childlogdir,
            environment: &config.environment,
        }
    }
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Blather => "blather",
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        LogLevel::Critical => "critical",
    }
}

/// An HTTP server. Its password stays in the file: what a check prints ends up in other people's logs.
#[derive(Serialize)]
struct Server<'a> {
    section: &'a str,
    #[serde(flatten)]
    address: ServerAddress<'a>,
    username: Option<&'a str>,
    has_password: bool,
}

#[derive(Serialize)]
#[serde(tag = "family", rename_all = "lowercase")]
enum ServerAddress<'a> {
    /// An empty host means all interfaces.
    Inet {
        host: &'a str,
        port: u16,
    },
    Unix {
        file: &'a str,
        chmod: u32,
        uid: Option<u32>,
        gid: Option<u32>,
    },
}

impl<'a> Server<'a> {
    fn of(server: &'a ServerConfig) -> Server<'a> {
        Server {
            section: &server.section,
            address: match &server.address {
                Address::Inet { host, port } => ServerAddress::Inet { host, port: *port },
                Address::Unix { path, mode, owner: (uid, gid) } => {
                    ServerAddress::Unix { file: path, chmod: *mode, uid: *uid, gid: *gid }
                }
            },
            username: server.username.as_deref(),
            has_password: server.password.is_some(),
        }
    }
}

/// The members of `listCollections`, in its order.
#[derive(Serialize)]
struct Collection {
    name: String,
    priority: i64,
    program_names: Vec<String>,
    group_names: Vec<String>,
    collection_names: Vec<String>,
    exclude_names: Vec<String>,
    processes: Vec<String>,
    unresolved: Vec<String>,
}

impl Collection {
    fn of(info: CollectionInfo) -> Collection {
        Collection {
            name: info.name.to_string(),
            priority: info.priority,
            program_names: info.program_names,
            group_names: info.group_names,
            collection_names: info.collection_names,
            exclude_names: info.exclude_names,
            processes: info.processes,
            unresolved: info.unresolved,
        }
    }
}
