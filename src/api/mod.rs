//! What can be asked and answered; shared by the daemon and its clients. Nothing here runs.

pub mod answer;
pub mod arguments;
pub mod calls;
pub mod document;
pub mod fault;
pub mod info;
mod lenient;
pub mod log;
pub mod methods;
pub mod metrics;
pub mod plugin;
pub mod received;
pub mod state;
pub mod writer;
pub mod xmlrpc;

pub use fault::{Fault, FaultCode};
pub use info::{ChannelInfo, CollectionInfo, ConfigInfo, LogSetting, Outcome, ProcessInfo};
pub use log::{Channel, LogName, LogRead};
pub use state::{ProcessState, SupervisorState};

/// The version of the XML-RPC interface (RPC-016).
pub const API_VERSION: &str = "3.0";

/// What `getSupervisorVersion` says: the release whose behaviour clients may expect (RPC-017).
pub const SUPERVISOR_VERSION: &str = "4.3.0";

/// Names one request from its arrival to its reply; never reused within a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// Whom an action is for. The text is kept as the caller wrote it, since faults repeat it (RPC-012).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// `a`, `g:p`, `g:*` (RPC-013).
    Namespec(String),
    /// A plain group name (RPC-014), or `@name` for a collection.
    Group(String),
    Collection(String),
    All,
}

/// Everything a client can ask of the supervisor.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    ApiVersion,
    SupervisorVersion,
    Identification,
    State,
    Pid,
    Start {
        target: Target,
        wait: bool,
    },
    Stop {
        target: Target,
        wait: bool,
    },
    /// Stop in reverse order, then start in order; collections only.
    Restart {
        collection: String,
        wait: bool,
    },
    /// The signal is kept as given: a bad one is reported for each process (RPC-040).
    Signal {
        target: Target,
        signal: String,
    },
    ProcessInfo {
        name: String,
    },
    AllProcessInfo,
    AllConfigInfo,
    ReloadConfig,
    AddGroup {
        name: String,
    },
    RemoveGroup {
        name: String,
    },
    ListCollections,
    CollectionProcessInfo {
        name: String,
    },
    ReadLog {
        log: LogName,
        read: LogRead,
    },
    /// The daemon's own log.
    ClearLog,
    /// A namespec or all.
    ClearProcessLogs {
        target: Target,
    },
    /// Text for a process's standard input.
    SendStdin {
        name: String,
        chars: String,
    },
    /// An event for listeners; the only request that is granted during a shutdown.
    RemoteCommunication {
        kind: String,
        data: String,
    },
    /// The processes that should run and do not, of a collection's members or of all; for probes.
    Health {
        collection: Option<String>,
    },
    Metrics,
    Shutdown,
    RestartDaemon,
    Twiddle(plugin::Twiddle),
    Cache(plugin::CacheCall),
}

impl Request {
    /// Whether it changes nothing: what it is answered another would be answered too.
    pub fn only_asks(&self) -> bool {
        match self {
            Request::ApiVersion
            | Request::SupervisorVersion
            | Request::Identification
            | Request::State
            | Request::Pid
            | Request::AllProcessInfo
            | Request::ProcessInfo { .. }
            | Request::AllConfigInfo
            | Request::ListCollections
            | Request::CollectionProcessInfo { .. }
            | Request::ReadLog { .. }
            | Request::Health { .. }
            | Request::Metrics => true,
            Request::Start { .. }
            | Request::Stop { .. }
            | Request::Signal { .. }
            | Request::Restart { .. }
            | Request::AddGroup { .. }
            | Request::RemoveGroup { .. }
            | Request::ReloadConfig
            | Request::ClearLog
            | Request::ClearProcessLogs { .. }
            | Request::SendStdin { .. }
            | Request::RemoteCommunication { .. }
            | Request::Shutdown
            | Request::RestartDaemon
            | Request::Twiddle(_)
            | Request::Cache(_) => false,
        }
    }
}

/// What a client gets when nothing is wrong.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    True,
    Text(String),
    Texts(Vec<String>),
    /// A value as a client stored it.
    Value(arguments::Argument),
    Number(i64),
    State(SupervisorState),
    Process(Box<ProcessInfo>),
    Processes(Vec<ProcessInfo>),
    Configs(Vec<ConfigInfo>),
    Collections(Vec<CollectionInfo>),
    Outcomes(Vec<Outcome>),
    Metrics(Box<metrics::Metrics>),
    /// The end of a log, the log's size in bytes, and whether there is more than was asked for (RPC-051).
    Tail {
        text: String,
        size: i64,
        overflow: bool,
    },
    /// Group names: added, changed, removed (RPC-025).
    Reread {
        added: Vec<String>,
        changed: Vec<String>,
        removed: Vec<String>,
    },
}
