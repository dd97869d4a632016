//! Bytes to typed desired state. Pure but for `read`, the only file that opens files.

pub mod client;
mod collection;
mod context;
pub mod diff;
pub mod error;
pub mod event_type;
pub mod expand;
mod fcgi;
pub mod foreign;
pub mod glob;
mod group;
pub mod habit;
pub mod host;
pub mod ini;
mod interface;
pub mod known;
pub mod lint;
mod pool;
mod program;
mod reach;
pub mod read;
mod server;
pub mod shlex;
#[cfg(test)]
pub(crate) mod testing;
pub mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::names::{CollectionName, GroupName, ProcessName, ProgramName, Selector, Signal};

pub use error::{Error, Warning};
pub use event_type::EventType;
pub use host::Host;
pub use shlex::split_command;

use context::Context;
use expand::Names;
use ini::Document;

/// What `echo_supervisord_conf` prints: every section and option, most of them commented out (CLI-040).
pub const SAMPLE: &str = include_str!("sample.conf");

/// A whole configuration, as the files ask for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    pub supervisord: SupervisordConfig,
    /// All inet servers in the order of the files, then all unix servers (CFG-096).
    pub servers: Vec<ServerConfig>,
    /// By priority, then name (PROC-017).
    pub groups: Vec<Arc<GroupConfig>>,
    /// By priority, then name.
    pub collections: Vec<Arc<CollectionConfig>>,
    /// In the order of the files; without the main one only `system.*` is served (CFG-135).
    pub interfaces: Vec<Interface>,
    /// What is to be said once the log is open: criticals, warnings, infos, in this order (LOG-007).
    pub messages: Vec<Message>,
    /// Those of them that are about collections, and so are also said when the files are read again: collections come
    /// into force by that alone, while the rest waits for an `update` and is the reference's to keep quiet (CFG-114).
    pub collection_messages: Vec<Message>,
}

/// A sentence of the configuration reader, for the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub level: LogLevel,
    pub text: String,
}

/// The main log's levels (LOG-002), least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    Blather,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

/// `[supervisord]` (CFG-080 to CFG-091).
#[derive(Clone, PartialEq, Debug)]
pub struct SupervisordConfig {
    pub logfile: MainLog,
    /// Bytes; 0 means never rotated.
    pub logfile_maxbytes: i64,
    pub logfile_backups: i64,
    pub loglevel: LogLevel,
    /// Absolute.
    pub pidfile: String,
    pub umask: u32,
    pub directory: Option<String>,
    pub nodaemon: bool,
    pub silent: bool,
    pub nocleanup: bool,
    pub strip_ansi: bool,
    pub minfds: i64,
    pub minprocs: i64,
    /// The uid to become, resolved.
    pub user: Option<u32>,
    pub identifier: String,
    pub childlogdir: String,
    /// For every child; programs' own values go over it (CFG-090). Already merged into each process.
    pub environment: BTreeMap<String, String>,
}

/// Where the main log goes (CFG-080).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MainLog {
    /// Absolute.
    Path(String),
    Syslog,
}

/// One `[unix_http_server]` or `[inet_http_server]` section (CFG-092 to CFG-097).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerConfig {
    /// The whole section name, such as `inet_http_server:public`.
    pub section: String,
    pub address: Address,
    /// Empty or absent means that no authentication is asked for.
    pub username: Option<String>,
    /// Plain, or `{SHA}` and 40 hex digits.
    pub password: Option<String>,
    pub web: WebConfig,
}

/// What a server's section says of its pages, beyond what the reference knows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct WebConfig {
    /// The path under which a reverse proxy shows the server, without a slash at its end: empty for the root.
    pub base_path: Option<String>,
    /// Whether `/metrics` is served.
    pub metrics: bool,
    /// Whether `/healthz` asks for the password that the other routes ask for.
    pub healthz_auth: bool,
}

/// Where a server listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// An empty host means all interfaces.
    Inet { host: String, port: u16 },
    /// `path` is absolute; `None` in `owner` leaves that half unchanged.
    Unix { path: String, mode: u32, owner: (Option<u32>, Option<u32>) },
}

/// An `[rpcinterface:x]` whose methods are served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// The `x`: what its methods' names begin with (CFG-136).
    pub namespace: String,
    pub kind: InterfaceKind,
}

/// Which methods an interface has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InterfaceKind {
    /// The classic ones, and those of collections.
    Main,
    /// Those of `supervisor_twiddler`; an empty `whitelist` allows all of them.
    Twiddler { whitelist: Vec<String> },
    /// Those of `supervisor_cache`.
    Cache,
}

/// Makes sense of files that have been read. `messages` are those of the reading; `warnings` is added to. All errors
/// come at once, the one that the reference would stop at first (CFG-054). `user` is the command line's.
fn parse(
    document: &Document,
    here: &str,
    messages: Vec<Message>,
    warnings: &mut Vec<Warning>,
    host: &dyn Host,
    user: Option<&str>,
) -> Result<Config, Vec<Error>> {
    if !document.has_section("supervisord") {
        let sentence = ".ini file does not include supervisord section".to_string();
        return Err(vec![no_supervisord(document, sentence)]);
    }
    let mut variables = host.environment().clone();
    let environment = Names::new(variables.clone());
    let mut context =
        Context { document, host, here, environment, errors: Vec::new(), messages, warnings: Vec::new() };
    let (mut supervisord, its_user) = server::supervisord(&mut context);
    variables.extend(supervisord.environment.clone());
    context.environment = Names::new(variables);
    let interfaces = interface::interfaces(&mut context);
    let mut groups = group::groups(&mut context);
    for process in groups.iter_mut().flat_map(|group| &mut group.processes) {
        inherit(Arc::make_mut(process), &supervisord);
    }
    let servers = server::servers(&mut context);
    supervisord.user = match user {
        Some(user) => server::user_of_the_command_line(&mut context, user),
        None => server::user(&mut context, its_user.as_deref()),
    };
    let before = context.messages.len();
    let collections = collection::collections(&mut context, &groups);
    let collection_messages = context.messages.split_off(before);
    context.messages.extend_from_slice(&collection_messages);
    let Context { errors, mut messages, warnings: said, .. } = context;
    warnings.extend(said);
    if !errors.is_empty() {
        return Err(errors);
    }
    messages.sort_by_key(|message| std::cmp::Reverse(message.level));
    let groups = groups.into_iter().map(Arc::new).collect();
    Ok(Config { supervisord, servers, groups, collections, interfaces, messages, collection_messages })
}

/// The processes of one section, as members of `group`, without the rest of a configuration.
fn program_alone(
    document: &Document,
    here: &str,
    host: &dyn Host,
    section: &str,
    group: &str,
) -> Result<Vec<Arc<ProcessConfig>>, Vec<Error>> {
    let environment = Names::new(host.environment().clone());
    let (errors, messages, warnings) = (Vec::new(), Vec::new(), Vec::new());
    let mut context = Context { document, host, here, environment, errors, messages, warnings };
    let processes = program::processes(&mut context, section, group);
    if context.errors.is_empty() { Ok(processes) } else { Err(context.errors) }
}

/// Perhaps the section is there, with a letter wrong; or the file is one that another includes.
fn no_supervisord(document: &Document, sentence: String) -> Error {
    let meant = |section: &String| known::similar_section(section).as_deref() == Some("[supervisord]");
    match document.sections().iter().find(|section| meant(section)) {
        Some(section) => {
            Error::at(sentence, document, section, None).with_help("did you mean [supervisord]?")
        }
        None => {
            let file = document.sections().first().and_then(|section| document.file_of(section));
            let whither = file.map(|file| format!(" to {file}")).unwrap_or_default();
            Error::bare(sentence).with_help(&format!(
                "add a line [supervisord]{whither}, which may have no options; or name the file that includes this one"
            ))
        }
    }
}

/// `[supervisord] environment` is part of every process, its own going over it (CFG-090, CFG-141).
fn inherit(process: &mut ProcessConfig, supervisord: &SupervisordConfig) {
    for (name, value) in &supervisord.environment {
        process.environment.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

impl Config {
    /// The URL that children get in SUPERVISOR_SERVER_URL (CFG-097): the first unix server, else the last
    /// inet one.
    pub fn server_url(&self) -> Option<String> {
        let mut url = None;
        for server in &self.servers {
            match &server.address {
                Address::Unix { path, .. } => return Some(format!("unix://{path}")),
                Address::Inet { host, port } => {
                    let host = if host.is_empty() { "localhost" } else { host };
                    url = Some(format!("http://{host}:{port}"));
                }
            }
        }
        url
    }
}

/// A group and the processes it owns.
#[derive(Clone, PartialEq, Debug)]
pub struct GroupConfig {
    pub name: GroupName,
    pub priority: i64,
    pub kind: GroupKind,
    /// In start order (CFG-119), names unique.
    pub processes: Vec<Arc<ProcessConfig>>,
}

/// What a group is, beside a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupKind {
    /// `[group:x]`, or a program that is in none.
    Programs,
    /// `[eventlistener:x]`: an event listener pool.
    EventListeners(ListenerConfig),
}

/// What an event listener pool is told, and how it answers (CFG-127).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenerConfig {
    /// Each type once, in the order written.
    pub events: Vec<EventType>,
    /// Events; at least 1.
    pub buffer_size: i64,
    pub result_handler: ResultHandler,
    /// `events_extended`: more tokens after the stock ones.
    pub extended: bool,
}

/// Who judges a listener's answer (CFG-133).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResultHandler {
    /// `OK` is OK, and all else is a rejection (EVT-040).
    Standard,
    /// `supervisor_stdout:event_handler`: the answer is a line for the daemon's standard output.
    Stdout,
}

/// A socket that the processes of one `[fcgi-program:x]` share as their standard input (CFG-121).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FcgiSocket {
    pub address: FcgiAddress,
    /// Connections that may wait to be accepted; `None` is the system's most.
    pub backlog: Option<i64>,
    /// As the log names it: `unix:///path` or `tcp://host:port`.
    pub url: String,
}

/// Where a FastCGI program is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FcgiAddress {
    /// `path` is absolute; `None` in `owner` leaves that half unchanged.
    Unix { path: String, mode: u32, owner: (Option<u32>, Option<u32>) },
    /// A name, or an address without brackets.
    Tcp { host: String, port: u16 },
}

/// One process, every option resolved. Two that are equal need no restart (CFG-139, BUG-028).
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessConfig {
    pub program: ProgramName,
    pub group: GroupName,
    pub name: ProcessName,
    /// Split by POSIX rules at each spawn (CFG-102).
    pub command: String,
    pub priority: i64,
    pub autostart: bool,
    pub autorestart: AutoRestart,
    /// Seconds; zero or less means running at once.
    pub startsecs: i64,
    pub startretries: i64,
    pub exitcodes: Vec<u8>,
    pub stopsignal: Signal,
    /// Seconds.
    pub stopwaitsecs: i64,
    pub stopasgroup: bool,
    pub killasgroup: bool,
    /// The uid to run as.
    pub user: Option<u32>,
    pub umask: Option<u32>,
    pub directory: Option<String>,
    /// `[supervisord]`'s overlaid by the program's own (PROC-045).
    pub environment: BTreeMap<String, String>,
    pub serverurl: Option<String>,
    pub redirect_stderr: bool,
    pub stdout: OutputConfig,
    pub stderr: OutputConfig,
    /// Of a FastCGI program, alone or in a group (BUG-015): shared by the processes of its group and program.
    pub socket: Option<Arc<FcgiSocket>>,
    /// Its standard output answers events, being of an event listener pool.
    pub listener: bool,
}

/// `autorestart` (CFG-061).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AutoRestart {
    Never,
    Unexpected,
    Always,
}

/// What happens to one of a child's output channels (CFG-110).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputConfig {
    pub logfile: LogFile,
    /// Bytes; 0 means never rotated.
    pub maxbytes: i64,
    pub backups: i64,
    /// Bytes; 0 means that capture is off.
    pub capture_maxbytes: i64,
    pub events_enabled: bool,
    pub syslog: bool,
}

/// A child log's file (CFG-065).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogFile {
    /// Named and created when the group joins (LOG-030).
    Auto,
    None,
    /// As written: a relative name is relative to the daemon's working directory when opened.
    Path(String),
}

/// `[collection:x]`: a name and its selectors, nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CollectionConfig {
    pub name: CollectionName,
    pub priority: i64,
    pub programs: Vec<Selector>,
    /// Group names or patterns of them.
    pub groups: Vec<String>,
    pub collections: Vec<CollectionName>,
    pub exclude: Vec<Selector>,
}
