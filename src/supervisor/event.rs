//! Events, which listeners can be told, and notes, which the log is told.

use std::fmt;
use std::sync::Arc;

use super::clock::UnixTime;
use super::listener::ListenerNote;
use super::tick::Period;
use crate::api::Channel;
use crate::api::ProcessState;
use crate::config::EventType;
use crate::names::{CollectionName, Errno, ExitStatus, GroupName, Pid, ProcessName, Signal, decoded};

/// What a listener can be told (EVT-001).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    ProcessState {
        process: ProcessName,
        group: GroupName,
        from: ProcessState,
        to: StateChange,
    },
    /// What a read brought of a process's output (EVT-011).
    ProcessLog(Source, Vec<u8>),
    /// A message that a process put between the markers (EVT-012).
    ProcessCommunication(Source, Vec<u8>),
    /// What a client wants to be told to listeners (EVT-014).
    RemoteCommunication {
        kind: String,
        data: String,
    },
    /// A slice of the wall clock has begun, at this second (EVT-016).
    Tick(Period, UnixTime),
    GroupAdded(GroupName),
    GroupRemoved(GroupName),
    SupervisorRunning,
    SupervisorStopping,
    CollectionAdded(CollectionName),
    CollectionRemoved(CollectionName),
    CollectionChanged(CollectionName),
}

/// Whose output it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub process: ProcessName,
    pub group: GroupName,
    pub pid: Option<Pid>,
    pub channel: Channel,
}

/// A state a process has come to, with what its event says of it (EVT-008, EVT-009).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateChange {
    Starting {
        tries: i64,
    },
    Running {
        pid: Pid,
    },
    Backoff {
        tries: i64,
    },
    Stopping {
        pid: Pid,
    },
    Exited {
        expected: bool,
        pid: Pid,
        status: ExitStatus,
    },
    /// No child after a stop in BACKOFF, shown as pid 0 (EVT-010).
    Stopped {
        child: Option<(Pid, ExitStatus)>,
    },
    Fatal,
    Unknown,
}

impl Event {
    /// What a listener must have subscribed to, to be told.
    pub fn kind(&self) -> EventType {
        match self {
            Event::ProcessState { to, .. } => match to {
                StateChange::Starting { .. } => EventType::ProcessStateStarting,
                StateChange::Running { .. } => EventType::ProcessStateRunning,
                StateChange::Backoff { .. } => EventType::ProcessStateBackoff,
                StateChange::Stopping { .. } => EventType::ProcessStateStopping,
                StateChange::Exited { .. } => EventType::ProcessStateExited,
                StateChange::Stopped { .. } => EventType::ProcessStateStopped,
                StateChange::Fatal => EventType::ProcessStateFatal,
                StateChange::Unknown => EventType::ProcessStateUnknown,
            },
            Event::ProcessLog(source, _) => match source.channel {
                Channel::Stdout => EventType::ProcessLogStdout,
                Channel::Stderr => EventType::ProcessLogStderr,
            },
            Event::ProcessCommunication(source, _) => match source.channel {
                Channel::Stdout => EventType::ProcessCommunicationStdout,
                Channel::Stderr => EventType::ProcessCommunicationStderr,
            },
            Event::RemoteCommunication { .. } => EventType::RemoteCommunication,
            Event::Tick(period, _) => period.kind(),
            Event::GroupAdded(_) => EventType::ProcessGroupAdded,
            Event::GroupRemoved(_) => EventType::ProcessGroupRemoved,
            Event::SupervisorRunning => EventType::SupervisorStateChangeRunning,
            Event::SupervisorStopping => EventType::SupervisorStateChangeStopping,
            Event::CollectionAdded(_) => EventType::CollectionAdded,
            Event::CollectionRemoved(_) => EventType::CollectionRemoved,
            Event::CollectionChanged(_) => EventType::CollectionChanged,
        }
    }

    /// The name in the envelope and in `events=`.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// The payload, byte for byte (EVT-008 to EVT-018).
    pub fn payload(&self) -> String {
        match self {
            Event::ProcessState { process, group, from, to } => {
                let head = format!("processname:{process} groupname:{group} from_state:{from}");
                match to {
                    StateChange::Starting { tries } | StateChange::Backoff { tries } => {
                        format!("{head} tries:{tries}")
                    }
                    StateChange::Running { pid } | StateChange::Stopping { pid } => {
                        format!("{head} pid:{pid}")
                    }
                    StateChange::Stopped { child } => {
                        format!("{head} pid:{}", child.map_or(0, |(pid, _)| pid.0))
                    }
                    StateChange::Exited { expected, pid, status: _ } => {
                        format!("{head} expected:{} pid:{pid}", u8::from(*expected))
                    }
                    StateChange::Fatal | StateChange::Unknown => head,
                }
            }
            Event::ProcessLog(source, data) => {
                format!("{source} channel:{}\n{}", source.channel.name(), decoded(data))
            }
            Event::ProcessCommunication(source, data) => format!("{source}\n{}", decoded(data)),
            Event::RemoteCommunication { kind, data } => format!("type:{kind}\n{data}"),
            Event::Tick(_, when) => format!("when:{}", when.0),
            Event::GroupAdded(name) | Event::GroupRemoved(name) => format!("groupname:{name}\n"),
            Event::SupervisorRunning | Event::SupervisorStopping => String::new(),
            Event::CollectionAdded(name)
            | Event::CollectionRemoved(name)
            | Event::CollectionChanged(name) => format!("collectionname:{name}\n"),
        }
    }
}

/// The head of a payload.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Source { process, group, pid, channel: _ } = self;
        write!(f, "processname:{process} groupname:{group} pid:{}", pid.map_or(0, |pid| pid.0))
    }
}

/// An event, or another thing the log should say. `daemon::log` has the sentences (LOG-011 to LOG-016).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    Event(Event),
    Spawned {
        process: ProcessName,
        pid: Pid,
    },
    SpawnFailed {
        text: String,
    },
    Success {
        process: ProcessName,
        startsecs: i64,
    },
    GaveUp {
        process: ProcessName,
    },
    Exited {
        process: ProcessName,
        status: ExitStatus,
        fate: Fate,
    },
    KilledInBackoff {
        process: ProcessName,
    },
    AlreadyRunning {
        process: ProcessName,
    },
    /// A stop signal leaves, or the SIGKILL after it.
    Killing {
        process: ProcessName,
        pid: Pid,
        signal: Signal,
        whole_group: bool,
    },
    /// `stopwaitsecs` have passed.
    StopOverdue {
        process: ProcessName,
        pid: Pid,
    },
    Signalling {
        process: ProcessName,
        pid: Pid,
        signal: Signal,
    },
    /// The child was gone already: it will be reaped (PROC-030).
    NobodyToSignal {
        process: ProcessName,
        pid: Pid,
    },
    /// PROC-031; the process is UNKNOWN now.
    KillFailed {
        text: String,
    },
    WaitingToStop {
        process: ProcessName,
    },
    WaitingToDie {
        processes: Vec<ProcessName>,
    },
    ReceivedSignal {
        signal: Signal,
        meaning: SignalMeaning,
    },
    /// A restart was asked for, but the configuration is broken: everything runs on (BUG-002).
    RestartRefused {
        reason: String,
    },
    Listener(ListenerNote),
    /// A sentence of the configuration reader.
    Config(crate::config::Message),
}

/// How an exit is reported (PROC-032, PROC-053).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// `stopped: x (...)`; INFO if the status was in `exitcodes`, else WARN.
    Stopped { expected: bool },
    /// `exited: x (...; expected)` or `(...; not expected)`.
    Exited { expected: bool },
}

/// What the daemon makes of a signal sent to it (SIG-001 to SIG-008).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignalMeaning {
    Exit,
    Restart,
    /// A restart asked for during a shutdown.
    RestartIgnored,
    ReopenLogs,
    Nothing,
}

/// Why a program could not be run, before or at the fork (PROC-034 to PROC-039).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SpawnError {
    Command(CommandError),
    /// Pipes or log files could not be opened.
    Dispatchers(Errno),
    Fork(Errno),
    /// The socket of a FastCGI program could not be made (BUG-008); the whole sentence.
    Socket(String),
}

impl SpawnError {
    /// The reference's sentence for `spawnerr`.
    pub fn text(&self, process: &ProcessName) -> Arc<str> {
        let text = match self {
            SpawnError::Command(error) => error.to_string(),
            SpawnError::Dispatchers(Errno::EMFILE) => format!("too many open files to spawn '{process}'"),
            SpawnError::Dispatchers(errno) => {
                format!("unknown error making dispatchers for '{process}': {}", errno.name())
            }
            SpawnError::Fork(Errno::EAGAIN) => {
                format!("Too many processes in process table to spawn '{process}'")
            }
            SpawnError::Fork(errno) => {
                format!("unknown error during fork for '{process}': {}", errno.name())
            }
            SpawnError::Socket(sentence) => sentence.clone(),
        };
        Arc::from(text)
    }
}

/// A command that cannot be run as it stands (PROC-034, PROC-035, PROC-037).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandError {
    Unparsable { command: String, message: String },
    Empty,
    NotFound { command: String },
    Directory { path: String },
    NotExecutable { path: String },
    NoPermission { path: String },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::names::repr;
        match self {
            CommandError::Unparsable { command, message } => {
                write!(f, "can't parse command {}: {message}", repr(command))
            }
            CommandError::Empty => f.write_str("command is empty"),
            CommandError::NotFound { command } => write!(f, "can't find command {}", repr(command)),
            CommandError::Directory { path } => write!(f, "command at {} is a directory", repr(path)),
            CommandError::NotExecutable { path } => write!(f, "command at {} is not executable", repr(path)),
            CommandError::NoPermission { path } => write!(f, "no permission to run command {}", repr(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_those_of_evt_008_to_evt_017() {
        let say = |to| Event::ProcessState {
            process: "p".into(),
            group: "g".into(),
            from: ProcessState::Starting,
            to,
        };
        let head = "processname:p groupname:g from_state:STARTING";
        assert_eq!(say(StateChange::Backoff { tries: 2 }).payload(), format!("{head} tries:2"));
        assert_eq!(say(StateChange::Running { pid: Pid(7) }).payload(), format!("{head} pid:7"));
        let exited = StateChange::Exited { expected: true, pid: Pid(7), status: ExitStatus::Exited(0) };
        assert_eq!(say(exited).payload(), format!("{head} expected:1 pid:7"));
        assert_eq!(say(StateChange::Stopped { child: None }).payload(), format!("{head} pid:0"));
        assert_eq!(say(StateChange::Fatal).payload(), head);
        assert_eq!(Event::GroupAdded("g".into()).payload(), "groupname:g\n");
        assert_eq!(Event::CollectionAdded("c".into()).payload(), "collectionname:c\n");
        assert_eq!(Event::SupervisorRunning.payload(), "");
    }

    #[test]
    fn output_is_text_or_says_that_it_is_none_evt_011_to_evt_014() {
        let source = |channel| Source { process: "p".into(), group: "g".into(), pid: Some(Pid(7)), channel };
        let log = |data: &[u8]| Event::ProcessLog(source(Channel::Stderr), data.to_vec());
        assert_eq!(log(b"a\n").payload(), "processname:p groupname:g pid:7 channel:stderr\na\n");
        assert_eq!(log(b"a\n").name(), "PROCESS_LOG_STDERR");
        assert!(log(b"\xc3").payload().ends_with("\nUndecodable: b'\\xc3'"));
        let communication = Event::ProcessCommunication(source(Channel::Stdout), b"a".to_vec());
        assert_eq!(communication.payload(), "processname:p groupname:g pid:7\na");
        assert_eq!(communication.name(), "PROCESS_COMMUNICATION_STDOUT");
        let remote = Event::RemoteCommunication { kind: "t".to_string(), data: "d\n".to_string() };
        assert_eq!(remote.payload(), "type:t\nd\n");
    }
}
