//! The rows of [`METHODS`].

use super::{Action, Kind, Method, Parameter};
use crate::api::arguments::Arguments;
use crate::api::{Channel, Fault, LogName, LogRead, Request, Target};

pub(super) const fn required(kind: Kind, name: &'static str, help: &'static str) -> Parameter {
    Parameter { kind, name, help, optional: false }
}

const NAMESPEC: Parameter =
    required(Kind::Text, "name", "A process: name, group:name; or group:* for every process of a group");
const PROCESS: Parameter = required(Kind::Text, "name", "A process: name, or group:name");
const GROUP: Parameter = required(Kind::Text, "name", "A group, or @name for a collection");
const PLAIN_GROUP: Parameter = required(Kind::Text, "name", "A group");
const COLLECTION: Parameter = required(Kind::Text, "name", "A collection");
const SIGNAL: Parameter =
    required(Kind::Text, "signal", "A signal by name (HUP, SIGHUP) or number, as text or int");
const METHOD: Parameter = required(Kind::Text, "name", "A method with its namespace");
const CALLS: Parameter =
    required(Kind::List, "calls", "Structs with methodName (string) and params (array, may be left out)");
const WAIT: Parameter = Parameter {
    kind: Kind::Flag,
    name: "wait",
    help: "Answer only once it is done; true when left out",
    optional: true,
};

const OFFSET: Parameter =
    required(Kind::Number, "offset", "The first byte to return; negative with length 0 for the last bytes");
const LENGTH: Parameter = required(Kind::Number, "length", "Bytes to return; 0 for all from offset on");
const TAIL_OFFSET: Parameter =
    required(Kind::Number, "offset", "Where the last answer ended; from there on there is something new");
const TAIL_LENGTH: Parameter = required(Kind::Number, "length", "The most bytes to return");

const CHARS: Parameter = required(Kind::Text, "chars", "The text; nothing is added to it");
const EVENT_TYPE: Parameter = required(Kind::Text, "type", "The first line of the payload says it");
const EVENT_DATA: Parameter = required(Kind::Text, "data", "The rest of the payload");

const TRUE: (Kind, &str) = (Kind::Flag, "True, or a fault");
const OUTCOMES: (Kind, &str) =
    (Kind::List, "A struct for each process acted on: name, group, status, description");

const BYTES: (Kind, &str) = (Kind::Text, "The text; U+FFFD stands for what is no text");
const TAIL: (Kind, &str) =
    (Kind::List, "[text, size of the log, whether it has grown by more than length since offset]");

fn slice(a: Arguments, channel: Channel) -> Result<Request, Fault> {
    let read = LogRead::Slice { offset: a.integer(1)?, length: a.integer(2)? };
    Ok(Request::ReadLog { log: LogName::Process { name: a.name(0)?, channel }, read })
}

fn main_slice(a: Arguments) -> Result<Request, Fault> {
    let read = LogRead::Slice { offset: a.integer(0)?, length: a.integer(1)? };
    Ok(Request::ReadLog { log: LogName::Main, read })
}

fn tail(a: Arguments, channel: Channel) -> Result<Request, Fault> {
    let read = LogRead::Tail { offset: a.integer(1)?, length: a.integer(2)? };
    Ok(Request::ReadLog { log: LogName::Process { name: a.name(0)?, channel }, read })
}

fn clear(a: Arguments) -> Result<Request, Fault> {
    Ok(Request::ClearProcessLogs { target: a.namespec(0)? })
}

/// All methods, in the order of docs/api.md.
pub const METHODS: &[Method] = &[
    Method {
        name: "getAPIVersion",
        parameters: &[],
        returns: (Kind::Text, "The version"),
        help: "The version of this interface.",
        action: Action::Ask(|_| Ok(Request::ApiVersion)),
    },
    Method {
        name: "getVersion",
        parameters: &[],
        returns: (Kind::Text, "The version"),
        help: "The older name of getAPIVersion.",
        action: Action::Ask(|_| Ok(Request::ApiVersion)),
    },
    Method {
        name: "getSupervisorVersion",
        parameters: &[],
        returns: (Kind::Text, "The version"),
        help: "The release of Supervisor that this daemon behaves like.",
        action: Action::Ask(|_| Ok(Request::SupervisorVersion)),
    },
    Method {
        name: "getIdentification",
        parameters: &[],
        returns: (Kind::Text, "The identifier"),
        help: "The identifier that the configuration gives this daemon.",
        action: Action::Ask(|_| Ok(Request::Identification)),
    },
    Method {
        name: "getState",
        parameters: &[],
        returns: (Kind::Record, "statecode (int) and statename (string)"),
        help: "The state of the daemon.",
        action: Action::Ask(|_| Ok(Request::State)),
    },
    Method {
        name: "getPID",
        parameters: &[],
        returns: (Kind::Number, "The process id"),
        help: "The process id of the daemon.",
        action: Action::Ask(|_| Ok(Request::Pid)),
    },
    Method {
        name: "shutdown",
        parameters: &[],
        returns: TRUE,
        help: "Stop every process, then end the daemon. The answer comes first.",
        action: Action::Ask(|_| Ok(Request::Shutdown)),
    },
    Method {
        name: "restart",
        parameters: &[],
        returns: TRUE,
        help: "Stop every process, then read the configuration and begin again. The answer comes first.",
        action: Action::Ask(|_| Ok(Request::RestartDaemon)),
    },
    Method {
        name: "reloadConfig",
        parameters: &[],
        returns: (Kind::List, "[[added, changed, removed]], each an array of group names"),
        help: "Read the configuration anew and tell which groups differ. Starts and stops nothing.",
        action: Action::Ask(|_| Ok(Request::ReloadConfig)),
    },
    Method {
        name: "addProcessGroup",
        parameters: &[PLAIN_GROUP],
        returns: TRUE,
        help: "Take a group of the configuration last read under supervision.",
        action: Action::Ask(|a| Ok(Request::AddGroup { name: a.group(0)? })),
    },
    Method {
        name: "removeProcessGroup",
        parameters: &[PLAIN_GROUP],
        returns: TRUE,
        help: "Let go of a group whose processes are all stopped.",
        action: Action::Ask(|a| Ok(Request::RemoveGroup { name: a.group(0)? })),
    },
    Method {
        name: "getProcessInfo",
        parameters: &[PROCESS],
        returns: (Kind::Record, "The facts about the process"),
        help: "The facts about one process.",
        action: Action::Ask(|a| Ok(Request::ProcessInfo { name: a.name(0)? })),
    },
    Method {
        name: "getAllProcessInfo",
        parameters: &[],
        returns: (Kind::List, "A struct for each process, as getProcessInfo gives it"),
        help: "The facts about every process.",
        action: Action::Ask(|_| Ok(Request::AllProcessInfo)),
    },
    Method {
        name: "getAllConfigInfo",
        parameters: &[],
        returns: (Kind::List, "A struct for each process"),
        help: "The settings of every process in the configuration last read.",
        action: Action::Ask(|_| Ok(Request::AllConfigInfo)),
    },
    Method {
        name: "startProcess",
        parameters: &[NAMESPEC, WAIT],
        returns: TRUE,
        help: "Start a process. With group:* it does and returns what startProcessGroup does.",
        action: Action::Ask(|a| Ok(Request::Start { target: a.namespec(0)?, wait: a.flag(1) })),
    },
    Method {
        name: "startProcessGroup",
        parameters: &[GROUP, WAIT],
        returns: OUTCOMES,
        help: "Start every process of a group that is not running.",
        action: Action::Ask(|a| Ok(Request::Start { target: Target::Group(a.group(0)?), wait: a.flag(1) })),
    },
    Method {
        name: "startAllProcesses",
        parameters: &[WAIT],
        returns: OUTCOMES,
        help: "Start every process that is not running.",
        action: Action::Ask(|a| Ok(Request::Start { target: Target::All, wait: a.flag(0) })),
    },
    Method {
        name: "stopProcess",
        parameters: &[NAMESPEC, WAIT],
        returns: TRUE,
        help: "Stop a process. With group:* it does and returns what stopProcessGroup does.",
        action: Action::Ask(|a| Ok(Request::Stop { target: a.namespec(0)?, wait: a.flag(1) })),
    },
    Method {
        name: "stopProcessGroup",
        parameters: &[GROUP, WAIT],
        returns: OUTCOMES,
        help: "Stop every running process of a group.",
        action: Action::Ask(|a| Ok(Request::Stop { target: Target::Group(a.group(0)?), wait: a.flag(1) })),
    },
    Method {
        name: "stopAllProcesses",
        parameters: &[WAIT],
        returns: OUTCOMES,
        help: "Stop every running process.",
        action: Action::Ask(|a| Ok(Request::Stop { target: Target::All, wait: a.flag(0) })),
    },
    Method {
        name: "signalProcess",
        parameters: &[NAMESPEC, SIGNAL],
        returns: TRUE,
        help: "Send a signal to a process. With group:* it does and returns what signalProcessGroup does.",
        action: Action::Ask(|a| Ok(Request::Signal { target: a.namespec(0)?, signal: a.signal(1)? })),
    },
    Method {
        name: "signalProcessGroup",
        parameters: &[GROUP, SIGNAL],
        returns: OUTCOMES,
        help: "Send a signal to every process of a group that has a child.",
        action: Action::Ask(|a| {
            Ok(Request::Signal { target: Target::Group(a.group(0)?), signal: a.signal(1)? })
        }),
    },
    Method {
        name: "signalAllProcesses",
        parameters: &[SIGNAL],
        returns: OUTCOMES,
        help: "Send a signal to every process that has a child.",
        action: Action::Ask(|a| Ok(Request::Signal { target: Target::All, signal: a.signal(0)? })),
    },
    Method {
        name: "sendProcessStdin",
        parameters: &[PROCESS, CHARS],
        returns: TRUE,
        help: "Write text to the standard input of a process, as UTF-8.",
        action: Action::Ask(|a| Ok(Request::SendStdin { name: a.name(0)?, chars: a.chars(1)? })),
    },
    Method {
        name: "sendRemoteCommEvent",
        parameters: &[EVENT_TYPE, EVENT_DATA],
        returns: (Kind::Flag, "True"),
        help: "Tell event listeners something: an event REMOTE_COMMUNICATION.",
        action: Action::Ask(|a| {
            let (kind, data) = (a.get(0)?.shown(), a.get(1)?.shown());
            Ok(Request::RemoteCommunication { kind, data })
        }),
    },
    Method {
        name: "readLog",
        parameters: &[OFFSET, LENGTH],
        returns: BYTES,
        help: "A part of the daemon's own log.",
        action: Action::Ask(main_slice),
    },
    Method {
        name: "readMainLog",
        parameters: &[OFFSET, LENGTH],
        returns: BYTES,
        help: "The older name of readLog.",
        action: Action::Ask(main_slice),
    },
    Method {
        name: "clearLog",
        parameters: &[],
        returns: TRUE,
        help: "Empty the daemon's own log.",
        action: Action::Ask(|_| Ok(Request::ClearLog)),
    },
    Method {
        name: "readProcessStdoutLog",
        parameters: &[PROCESS, OFFSET, LENGTH],
        returns: BYTES,
        help: "A part of the log of a process's standard output.",
        action: Action::Ask(|a| slice(a, Channel::Stdout)),
    },
    Method {
        name: "readProcessLog",
        parameters: &[PROCESS, OFFSET, LENGTH],
        returns: BYTES,
        help: "The older name of readProcessStdoutLog.",
        action: Action::Ask(|a| slice(a, Channel::Stdout)),
    },
    Method {
        name: "readProcessStderrLog",
        parameters: &[PROCESS, OFFSET, LENGTH],
        returns: BYTES,
        help: "A part of the log of a process's standard error.",
        action: Action::Ask(|a| slice(a, Channel::Stderr)),
    },
    Method {
        name: "tailProcessStdoutLog",
        parameters: &[PROCESS, TAIL_OFFSET, TAIL_LENGTH],
        returns: TAIL,
        help: "The end of the log of a process's standard output.",
        action: Action::Ask(|a| tail(a, Channel::Stdout)),
    },
    Method {
        name: "tailProcessLog",
        parameters: &[PROCESS, TAIL_OFFSET, TAIL_LENGTH],
        returns: TAIL,
        help: "The older name of tailProcessStdoutLog.",
        action: Action::Ask(|a| tail(a, Channel::Stdout)),
    },
    Method {
        name: "tailProcessStderrLog",
        parameters: &[PROCESS, TAIL_OFFSET, TAIL_LENGTH],
        returns: TAIL,
        help: "The end of the log of a process's standard error.",
        action: Action::Ask(|a| tail(a, Channel::Stderr)),
    },
    Method {
        name: "clearProcessLogs",
        parameters: &[PROCESS],
        returns: TRUE,
        help: "Empty the logs of a process, running or not. Rotated files stay.",
        action: Action::Ask(clear),
    },
    Method {
        name: "clearProcessLog",
        parameters: &[PROCESS],
        returns: TRUE,
        help: "The older name of clearProcessLogs.",
        action: Action::Ask(clear),
    },
    Method {
        name: "clearAllProcessLogs",
        parameters: &[],
        returns: OUTCOMES,
        help: "Empty the logs of every process.",
        action: Action::Ask(|_| Ok(Request::ClearProcessLogs { target: Target::All })),
    },
    Method {
        name: "listCollections",
        parameters: &[],
        returns: (Kind::List, "A struct for each collection"),
        help: "Every collection: as configured, and what it means at this moment.",
        action: Action::Ask(|_| Ok(Request::ListCollections)),
    },
    Method {
        name: "getCollectionProcessInfo",
        parameters: &[COLLECTION],
        returns: (Kind::List, "A struct for each process, as getProcessInfo gives it, in start order"),
        help: "The facts about every process of a collection.",
        action: Action::Ask(|a| Ok(Request::CollectionProcessInfo { name: a.group(0)? })),
    },
    Method {
        name: "startCollection",
        parameters: &[COLLECTION, WAIT],
        returns: OUTCOMES,
        help: "Start every process of a collection that is not running.",
        action: Action::Ask(|a| {
            Ok(Request::Start { target: Target::Collection(a.group(0)?), wait: a.flag(1) })
        }),
    },
    Method {
        name: "stopCollection",
        parameters: &[COLLECTION, WAIT],
        returns: OUTCOMES,
        help: "Stop every running process of a collection, last started first.",
        action: Action::Ask(|a| {
            Ok(Request::Stop { target: Target::Collection(a.group(0)?), wait: a.flag(1) })
        }),
    },
    Method {
        name: "restartCollection",
        parameters: &[COLLECTION, WAIT],
        returns: OUTCOMES,
        help: "Stop every process of a collection in reverse, then start them all in order.",
        action: Action::Ask(|a| Ok(Request::Restart { collection: a.group(0)?, wait: a.flag(1) })),
    },
    Method {
        name: "signalCollection",
        parameters: &[COLLECTION, SIGNAL],
        returns: OUTCOMES,
        help: "Send a signal to every process of a collection that has a child.",
        action: Action::Ask(|a| {
            Ok(Request::Signal { target: Target::Collection(a.group(0)?), signal: a.signal(1)? })
        }),
    },
    Method {
        name: "listMethods",
        parameters: &[],
        returns: (Kind::List, "Method names with their namespaces, sorted"),
        help: "Every method that can be called.",
        action: Action::ListMethods,
    },
    Method {
        name: "methodHelp",
        parameters: &[METHOD],
        returns: (Kind::Text, "The text"),
        help: "What a method does, takes and returns.",
        action: Action::MethodHelp,
    },
    Method {
        name: "methodSignature",
        parameters: &[METHOD],
        returns: (Kind::List, "[type of the result, type of each parameter...]"),
        help: "The types of a method's result and parameters.",
        action: Action::MethodSignature,
    },
    Method {
        name: "multicall",
        parameters: &[CALLS],
        returns: (Kind::List, "For each call its bare result, or a struct of faultCode and faultString"),
        help: "Several calls in one, made one after the other.",
        action: Action::Multicall,
    },
];
