//! What a client sends: every request as a call, and the call as a document.

use super::arguments::Argument;
use super::writer::Writer;
use super::{Channel, LogName, LogRead, Request, Target};

/// The method that makes a request, without its namespace, and what it is passed.
pub fn call_of(request: &Request) -> (String, Vec<Argument>) {
    let bare = |method: &str| (method.to_string(), Vec::new());
    let named = |method: &str, name: &str| (method.to_string(), vec![text(name)]);
    match request {
        Request::ApiVersion => bare("getAPIVersion"),
        Request::SupervisorVersion => bare("getSupervisorVersion"),
        Request::Identification => bare("getIdentification"),
        Request::State => bare("getState"),
        Request::Pid => bare("getPID"),
        Request::Start { target, wait } => with(action("start", target), Argument::Flag(*wait)),
        Request::Stop { target, wait } => with(action("stop", target), Argument::Flag(*wait)),
        Request::Restart { collection, wait } => {
            with(named("restartCollection", collection), Argument::Flag(*wait))
        }
        Request::Signal { target, signal } => with(action("signal", target), text(signal)),
        Request::ProcessInfo { name } => named("getProcessInfo", name),
        Request::AllProcessInfo => bare("getAllProcessInfo"),
        Request::AllConfigInfo => bare("getAllConfigInfo"),
        Request::ReloadConfig => bare("reloadConfig"),
        Request::AddGroup { name } => named("addProcessGroup", name),
        Request::RemoveGroup { name } => named("removeProcessGroup", name),
        Request::ListCollections => bare("listCollections"),
        Request::CollectionProcessInfo { name } => named("getCollectionProcessInfo", name),
        Request::ReadLog { log, read } => read_log(log, *read),
        Request::ClearLog => bare("clearLog"),
        Request::ClearProcessLogs { target } => match target {
            Target::All => bare("clearAllProcessLogs"),
            Target::Namespec(name) | Target::Group(name) | Target::Collection(name) => {
                named("clearProcessLogs", name)
            }
        },
        Request::SendStdin { name, chars } => with(named("sendProcessStdin", name), text(chars)),
        Request::RemoteCommunication { kind, data } => with(named("sendRemoteCommEvent", kind), text(data)),
        // For the daemon's own routes; no method has these names, so a client is told that there is none.
        Request::Health { .. } => bare("health"),
        Request::Metrics => bare("metrics"),
        Request::Shutdown => bare("shutdown"),
        Request::RestartDaemon => bare("restart"),
        Request::Twiddle(twiddle) => twiddle.call(),
        Request::Cache(call) => call.call(),
    }
}

/// The whole document of a call, laid out as Python's `xmlrpc.client` does it.
pub fn write_call(method: &str, arguments: &[Argument]) -> String {
    let mut w = Writer::with_capacity(256);
    w.raw("<?xml version='1.0'?>\n<methodCall>\n<methodName>");
    w.raw(method);
    w.raw("</methodName>\n<params>\n");
    for argument in arguments {
        w.raw("<param>\n");
        value(&mut w, argument);
        w.raw("</param>\n");
    }
    w.raw("</params>\n</methodCall>\n");
    w.into_string()
}

fn action(verb: &str, target: &Target) -> (String, Vec<Argument>) {
    let named = |suffix: &str, name: &str| (format!("{verb}{suffix}"), vec![text(name)]);
    match target {
        Target::Namespec(name) => named("Process", name),
        Target::Group(name) => named("ProcessGroup", name),
        Target::Collection(name) => named("Collection", name),
        Target::All => (format!("{verb}AllProcesses"), Vec::new()),
    }
}

fn read_log(log: &LogName, read: LogRead) -> (String, Vec<Argument>) {
    let (verb, range) = match read {
        LogRead::Slice { offset, length } => ("read", vec![offset, length]),
        LogRead::Tail { offset, length } => ("tail", vec![offset, length]),
        // For the daemon's own streams; no method has this name, so a client is told that there is none.
        LogRead::Path => ("path", Vec::new()),
    };
    let range = range.into_iter().map(Argument::Number);
    match log {
        LogName::Main => (format!("{verb}Log"), range.collect()),
        LogName::Process { name, channel } => {
            let channel = match channel {
                Channel::Stdout => "Stdout",
                Channel::Stderr => "Stderr",
            };
            (format!("{verb}Process{channel}Log"), std::iter::once(text(name)).chain(range).collect())
        }
    }
}

fn with((method, mut sent): (String, Vec<Argument>), more: Argument) -> (String, Vec<Argument>) {
    sent.push(more);
    (method, sent)
}

fn text(text: &str) -> Argument {
    Argument::Text(text.to_string())
}

/// A value of any shape.
pub(super) fn value(w: &mut Writer, argument: &Argument) {
    match argument {
        Argument::Text(text) => w.string(text),
        Argument::Number(number) => w.int(*number),
        Argument::Double(double) => w.raw(&format!("<value><double>{double}</double></value>\n")),
        Argument::Flag(flag) => w.boolean(*flag),
        Argument::Nil => w.raw("<value><nil/></value>\n"),
        Argument::List(list) => w.array(|w| list.iter().for_each(|item| value(w, item))),
        Argument::Record(record) => w.structure(|w| {
            for (name, item) in record {
                w.member(name, |w| value(w, item));
            }
        }),
    }
}
