//! XML-RPC documents to calls, and answers to XML-RPC documents. The only file that knows dxr.

use dxr::{MethodCall, Value};

use super::lenient;
use super::methods::Argument;
use super::writer::Writer;
use super::{ChannelInfo, CollectionInfo, ConfigInfo, Fault, LogSetting, Outcome, ProcessInfo, Reply};

/// Room for one process in an answer, so that a long list is written without growing the string.
const BYTES_PER_PROCESS: usize = 1_400;

/// A call as a client sent it.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// With its namespace.
    pub method: String,
    pub arguments: Vec<Argument>,
}

/// Why a document is no call. Says nothing of its content: the parser's own errors repeat all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    NotACall,
    NoMethodName,
}

impl Unreadable {
    /// The words of the log (LOG-012).
    pub fn reason(self) -> &'static str {
        match self {
            Unreadable::NotACall => "unmarshallable",
            Unreadable::NoMethodName => "no method name",
        }
    }
}

/// Reads a call, as leniently as RPC-003 says.
pub fn read_call(document: &[u8]) -> Result<Call, Unreadable> {
    let text = std::str::from_utf8(document).map_err(|_| Unreadable::NotACall)?;
    let call = match MethodCall::from_xml(text) {
        Ok(call) => call,
        Err(_) => {
            // dxr keeps what it read of the text, so the rewritten document has to outlive the call.
            let rewritten = lenient::rewrite(text);
            return match MethodCall::from_xml(&rewritten) {
                Ok(call) => taken(call),
                Err(_) => Err(Unreadable::NotACall),
            };
        }
    };
    taken(call)
}

fn taken(call: MethodCall<'_>) -> Result<Call, Unreadable> {
    if call.name.is_empty() {
        return Err(Unreadable::NoMethodName);
    }
    let arguments = call.params.into_iter().map(argument).collect();
    Ok(Call { method: call.name.into_owned(), arguments })
}

fn argument(value: Value) -> Argument {
    match value {
        Value::Integer(number) => Argument::Number(i64::from(number)),
        Value::Long(number) => Argument::Number(number),
        Value::Boolean(flag) => Argument::Flag(flag),
        Value::String(text) => Argument::Text(text),
        Value::Double(double) => Argument::Double(double),
        // Perl's XMLRPC::Lite sends every string in base64 that is not ASCII.
        Value::Base64(bytes) => Argument::Text(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Array(values) => Argument::List(values.into_iter().map(argument).collect()),
        Value::Struct(members) => {
            Argument::Record(members.into_iter().map(|(name, value)| (name, argument(value))).collect())
        }
        // No method takes a date; as nil it fits no parameter. dxr's enum is open, hence the wildcard.
        Value::Nil | Value::DateTime(_) | _ => Argument::Nil,
    }
}

/// What a call gives when it succeeds.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    Reply(Reply),
    Texts(Vec<String>),
    /// The entries of a multicall's array, already written by [`write_entry`].
    Entries(String),
}

/// Writes Unix seconds as `Nov 22 09:44 AM` in local time (RPC-044).
pub type LocalTime = fn(i64) -> String;

/// The whole document that answers a call.
pub fn write_response(result: &Result<Answer, Fault>, local: LocalTime) -> String {
    let mut w = Writer::with_capacity(512 + size_hint(result));
    w.raw("<?xml version='1.0'?>\n<methodResponse>\n");
    match result {
        Ok(value) => {
            w.raw("<params>\n<param>\n");
            answer(&mut w, value, local);
            w.raw("</param>\n</params>\n");
        }
        Err(refused) => {
            w.raw("<fault>\n");
            fault(&mut w, refused);
            w.raw("</fault>\n");
        }
    }
    w.raw("</methodResponse>\n");
    w.into_string()
}

/// One entry of a multicall's array: the bare value, or a struct that tells the fault (RPC-061).
pub fn write_entry(w: &mut Writer, result: &Result<Answer, Fault>, local: LocalTime) {
    match result {
        Ok(value) => answer(w, value, local),
        Err(refused) => fault(w, refused),
    }
}

fn size_hint(result: &Result<Answer, Fault>) -> usize {
    match result {
        Ok(Answer::Reply(Reply::Processes(processes))) => processes.len() * BYTES_PER_PROCESS,
        Ok(Answer::Reply(Reply::Configs(configs))) => configs.len() * 2 * BYTES_PER_PROCESS,
        Ok(Answer::Entries(entries)) => entries.len(),
        Ok(Answer::Reply(
            Reply::True
            | Reply::Text(_)
            | Reply::Number(_)
            | Reply::State(_)
            | Reply::Process(_)
            | Reply::Collections(_)
            | Reply::Outcomes(_)
            | Reply::Reread { .. },
        ))
        | Ok(Answer::Texts(_))
        | Err(_) => 0,
    }
}

fn answer(w: &mut Writer, value: &Answer, local: LocalTime) {
    match value {
        Answer::Reply(value) => reply(w, value, local),
        Answer::Texts(texts) => w.strings(texts),
        Answer::Entries(entries) => w.array(|w| w.raw(entries)),
    }
}

fn fault(w: &mut Writer, fault: &Fault) {
    w.structure(|w| {
        w.member("faultCode", |w| w.int(fault.code as i64));
        w.member("faultString", |w| w.string(&fault.to_string()));
    });
}

fn reply(w: &mut Writer, reply: &Reply, local: LocalTime) {
    match reply {
        Reply::True => w.boolean(true),
        Reply::Text(text) => w.string(text),
        Reply::Number(number) => w.int(*number),
        Reply::State(state) => w.structure(|w| {
            w.member("statecode", |w| w.int(i64::from(state.number())));
            w.member("statename", |w| w.string(state.name()));
        }),
        Reply::Process(info) => process(w, info, local),
        Reply::Processes(infos) => w.array(|w| infos.iter().for_each(|info| process(w, info, local))),
        Reply::Configs(infos) => w.array(|w| infos.iter().for_each(|info| config(w, info))),
        Reply::Collections(infos) => w.array(|w| infos.iter().for_each(|info| collection(w, info))),
        Reply::Outcomes(outcomes) => w.array(|w| outcomes.iter().for_each(|one| outcome(w, one))),
        // Wrapped once more than needed: clients unpack exactly this (RPC-025).
        Reply::Reread { added, changed, removed } => w.array(|w| {
            w.array(|w| {
                w.strings(added);
                w.strings(changed);
                w.strings(removed);
            });
        }),
    }
}

/// The members of RPC-041, in its order.
fn process(w: &mut Writer, info: &ProcessInfo, local: LocalTime) {
    w.structure(|w| {
        w.member("name", |w| w.string(info.name.as_str()));
        w.member("group", |w| w.string(info.group.as_str()));
        w.member("start", |w| w.int(info.start));
        w.member("stop", |w| w.int(info.stop));
        w.member("now", |w| w.int(info.now));
        w.member("state", |w| w.int(i64::from(info.state.number())));
        w.member("statename", |w| w.string(info.state.name()));
        w.member("spawnerr", |w| w.string(&info.spawnerr));
        w.member("exitstatus", |w| w.int(i64::from(info.exitstatus)));
        // The name that clients of old know stdout_logfile by (RPC-069).
        w.member("logfile", |w| w.string(&info.stdout_logfile));
        w.member("stdout_logfile", |w| w.string(&info.stdout_logfile));
        w.member("stderr_logfile", |w| w.string(&info.stderr_logfile));
        w.member("pid", |w| w.int(info.pid.map_or(0, |pid| i64::from(pid.0))));
        w.member("description", |w| w.string(&info.description(local)));
    });
}

/// The members of RPC-034, in its order.
fn outcome(w: &mut Writer, outcome: &Outcome) {
    w.structure(|w| {
        w.member("name", |w| w.string(outcome.name.as_str()));
        w.member("group", |w| w.string(outcome.group.as_str()));
        w.member("status", |w| w.int(outcome.status as i64));
        w.member("description", |w| w.string(&outcome.description));
    });
}

/// The members of RPC-047, in its order; what is not set is the text `none` (RPC-048).
fn config(w: &mut Writer, info: &ConfigInfo) {
    w.structure(|w| {
        w.member("autostart", |w| w.boolean(info.autostart));
        w.member("autorestart", |w| match info.autorestart {
            Some(flag) => w.boolean(flag),
            None => w.string("unexpected"),
        });
        w.member("directory", |w| w.string(info.directory.as_deref().unwrap_or("none")));
        w.member("uid", |w| match info.uid {
            Some(uid) => w.int(i64::from(uid)),
            None => w.string("none"),
        });
        w.member("command", |w| w.string(&info.command));
        w.member("exitcodes", |w| {
            w.array(|w| info.exitcodes.iter().for_each(|code| w.int(i64::from(*code))))
        });
        w.member("group", |w| w.string(info.group.as_str()));
        w.member("group_prio", |w| w.int(info.group_prio));
        w.member("inuse", |w| w.boolean(info.inuse));
        w.member("killasgroup", |w| w.boolean(info.killasgroup));
        w.member("name", |w| w.string(info.name.as_str()));
        w.member("process_prio", |w| w.int(info.process_prio));
        w.member("redirect_stderr", |w| w.boolean(info.redirect_stderr));
        w.member("startretries", |w| w.int(info.startretries));
        w.member("startsecs", |w| w.int(info.startsecs));
        channel(w, &STDOUT, &info.stdout);
        w.member("stopsignal", |w| w.int(i64::from(info.stopsignal.number())));
        w.member("stopwaitsecs", |w| w.int(info.stopwaitsecs));
        channel(w, &STDERR, &info.stderr);
        w.member("serverurl", |w| w.string(info.serverurl.as_deref().unwrap_or("none")));
    });
}

/// The member names of one channel, in the order of RPC-047.
type ChannelNames = [&'static str; 6];

const STDOUT: ChannelNames = [
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
];

const STDERR: ChannelNames = [
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
];

fn channel(w: &mut Writer, names: &ChannelNames, info: &ChannelInfo) {
    let [capture, events, logfile, backups, maxbytes, syslog] = names;
    w.member(capture, |w| w.int(info.capture_maxbytes));
    w.member(events, |w| w.boolean(info.events_enabled));
    w.member(logfile, |w| {
        w.string(match &info.logfile {
            LogSetting::Auto => "auto",
            LogSetting::None => "none",
            LogSetting::Path(path) => path,
        });
    });
    w.member(backups, |w| w.int(info.logfile_backups));
    w.member(maxbytes, |w| w.int(info.logfile_maxbytes));
    w.member(syslog, |w| w.boolean(info.syslog));
}

/// The members that `listCollections` promises, in its order.
fn collection(w: &mut Writer, info: &CollectionInfo) {
    w.structure(|w| {
        w.member("name", |w| w.string(info.name.as_str()));
        w.member("priority", |w| w.int(info.priority));
        w.member("program_names", |w| w.strings(&info.program_names));
        w.member("group_names", |w| w.strings(&info.group_names));
        w.member("collection_names", |w| w.strings(&info.collection_names));
        w.member("exclude_names", |w| w.strings(&info.exclude_names));
        w.member("processes", |w| w.strings(&info.processes));
        w.member("unresolved", |w| w.strings(&info.unresolved));
    });
}
