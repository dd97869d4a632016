//! Every fault to every command, from a server that says what it is told to say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use convoke::api::FaultCode;

use crate::both::{Compare, difference, none};
use crate::world::stock::python;

/// What a method answers, as XML-RPC: a value, or a fault.
pub type Script = Vec<(&'static str, String)>;

/// Serves a script on a port of its own, as long as the test runs.
pub fn serve(script: Script) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = script.clone();
            thread::spawn(move || drop(converse(stream, &script)));
        }
    });
    port
}

fn converse(stream: TcpStream, script: &Script) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let (mut length, mut line) = (0, String::new());
        while reader.read_line(&mut line)? > 0 && line.trim() != "" {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        if length == 0 {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        let method = body.split_once("<methodName>supervisor.").and_then(|(_, rest)| rest.split_once('<'));
        let method = method.map_or("", |(method, _)| method);
        let answer = script.iter().find(|(name, _)| *name == method).map(|(_, answer)| answer.clone());
        let answer = answer.unwrap_or_else(|| fault(1, "UNKNOWN_METHOD"));
        let answer = format!("<?xml version='1.0'?>\n<methodResponse>\n{answer}</methodResponse>\n");
        let length = answer.len();
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n{answer}"
        )?;
    }
}

fn fault(code: i64, text: &str) -> String {
    format!(
        "<fault><value><struct><member><name>faultCode</name><value><int>{code}</int></value></member><member>\
         <name>faultString</name><value><string>{text}</string></value></member></struct></value></fault>"
    )
}

fn value(value: &str) -> String {
    format!("<params><param><value>{value}</value></param></params>")
}

fn list(items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<value>{item}</value>")).collect();
    format!("<array><data>{items}</data></array>")
}

fn record(members: &[(&str, String)]) -> String {
    let member = |(name, value): &(&str, String)| {
        format!("<member><name>{name}</name><value>{value}</value></member>")
    };
    format!("<struct>{}</struct>", members.iter().map(member).collect::<String>())
}

fn string(text: &str) -> String {
    format!("<string>{text}</string>")
}

fn int(number: i64) -> String {
    format!("<int>{number}</int>")
}

fn outcome(code: i64) -> String {
    let text = |text: &str| string(text);
    record(&[
        ("name", text("p")),
        ("group", text("g")),
        ("status", int(code)),
        ("description", text("so it was")),
    ])
}

fn version() -> (&'static str, String) {
    ("getVersion", value(&string("3.0")))
}

const CODES: [FaultCode; 18] = [
    FaultCode::UnknownMethod,
    FaultCode::IncorrectParameters,
    FaultCode::BadArguments,
    FaultCode::SignatureUnsupported,
    FaultCode::ShutdownState,
    FaultCode::BadName,
    FaultCode::BadSignal,
    FaultCode::NoFile,
    FaultCode::NotExecutable,
    FaultCode::Failed,
    FaultCode::AbnormalTermination,
    FaultCode::SpawnError,
    FaultCode::AlreadyStarted,
    FaultCode::NotRunning,
    FaultCode::Success,
    FaultCode::AlreadyAdded,
    FaultCode::StillRunning,
    FaultCode::CantReread,
];

/// Every code there is, and one that nobody knows.
fn codes() -> impl Iterator<Item = (i64, String)> {
    CODES
        .into_iter()
        .map(|code| (code as i64, format!("{}: g:p", code.name())))
        .chain([(99, "NEW".to_string())])
}

/// A command, and the method whose fault it meets.
const FAULTS: [(&str, &str); 26] = [
    ("status", "getAllProcessInfo"),
    ("start g:p", "startProcess"),
    ("start p q", "startProcess"),
    ("start g:*", "startProcessGroup"),
    ("start all", "startAllProcesses"),
    ("stop g:p", "stopProcess"),
    ("stop g:*", "stopProcessGroup"),
    ("stop all", "stopAllProcesses"),
    ("restart g:p", "stopProcess"),
    ("signal HUP g:p", "signalProcess"),
    ("signal HUP g:*", "signalProcessGroup"),
    ("signal HUP all", "signalAllProcesses"),
    ("clear g:p", "clearProcessLogs"),
    ("clear all", "clearAllProcessLogs"),
    ("pid", "getPID"),
    ("pid g:p", "getProcessInfo"),
    ("pid all", "getAllProcessInfo"),
    ("avail", "getAllConfigInfo"),
    ("tail g:p", "readProcessStdoutLog"),
    ("tail g:p stderr", "readProcessStderrLog"),
    ("maintail", "readLog"),
    ("fg g:p", "getProcessInfo"),
    ("reread", "reloadConfig"),
    ("add g h", "addProcessGroup"),
    ("remove g h", "removeProcessGroup"),
    ("version", "getSupervisorVersion"),
];

/// Commands on several processes, and the method that tells of each.
const OUTCOMES: [(&str, &str); 7] = [
    ("start g:*", "startProcessGroup"),
    ("start all", "startAllProcesses"),
    ("stop g:*", "stopProcessGroup"),
    ("stop all", "stopAllProcesses"),
    ("signal HUP g:*", "signalProcessGroup"),
    ("signal HUP all", "signalAllProcesses"),
    ("clear all", "clearAllProcessLogs"),
];

/// Both clients against one script.
fn compare(words: &str, script: Script) -> Option<String> {
    let url = format!("http://127.0.0.1:{}", serve(script.clone()));
    let args: Vec<&str> = ["-s", &url].into_iter().chain(words.split_whitespace()).collect();
    difference(&args, Compare::Everything, || ()).map(|text| {
        let (method, answer) = script.last().unwrap();
        let answer: String = answer.split(['<', '>']).skip(2).step_by(2).collect();
        format!("{method} {answer} {text}")
    })
}

#[test]
fn every_fault_of_every_method_is_told_alike() {
    if python().is_none() {
        return;
    }
    let mut differences = Vec::new();
    let mut rows = 0;
    for (words, method) in FAULTS {
        for (code, text) in codes() {
            rows += 1;
            differences.extend(compare(words, vec![version(), (method, fault(code, &text))]));
        }
    }
    none(&differences, rows);
    assert!(rows > 250);
}

#[test]
fn every_outcome_of_many_processes_is_told_alike() {
    if python().is_none() {
        return;
    }
    let mut differences = Vec::new();
    for (words, method) in OUTCOMES {
        for (code, _) in codes() {
            let good = outcome(FaultCode::Success as i64);
            let answer = value(&list(&[outcome(code), good]));
            differences.extend(compare(words, vec![version(), (method, answer)]));
        }
        differences.extend(compare(words, vec![version(), (method, value(&list(&[])))]));
    }
    none(&differences, OUTCOMES.len() * 20);
}

/// An answer to `reloadConfig`.
fn reread(added: &[&str], changed: &[&str], removed: &[&str]) -> (&'static str, String) {
    let names = |names: &[&str]| list(&names.iter().map(|name| string(name)).collect::<Vec<_>>());
    ("reloadConfig", value(&list(&[list(&[names(added), names(changed), names(removed)])])))
}

#[test]
fn updates_that_go_wrong_halfway_are_told_alike() {
    if python().is_none() {
        return;
    }
    let yes = || value("<boolean>1</boolean>");
    let stopped = |code: FaultCode| ("stopProcessGroup", value(&list(&[outcome(code as i64)])));
    let good = || vec![version(), reread(&["n1", "n2"], &["c"], &["r"]), stopped(FaultCode::Success)];
    let done = || [("addProcessGroup", yes()), ("removeProcessGroup", yes())];
    let known = || ("getAllProcessInfo", value(&list(&[])));
    let mut rows: Vec<(&str, Script)> = vec![
        ("update", good().into_iter().chain(done()).collect()),
        ("update all", good().into_iter().chain(done()).collect()),
        ("update n1 nobody all", good().into_iter().chain(done()).collect()),
        ("update n2", good().into_iter().chain(done()).chain([known()]).collect()),
        ("update n2 nobody", good().into_iter().chain(done()).chain([known()]).collect()),
        ("update", good()),
        ("reread", vec![version(), reread(&["z", "b"], &["c"], &["a"])]),
        ("reread", vec![version(), reread(&[], &[], &[])]),
    ];
    let failed = vec![version(), reread(&[], &["c"], &["r"]), stopped(FaultCode::Failed)];
    rows.push(("update", failed.into_iter().chain(done()).collect()));
    for (code, text) in codes().filter(|(code, _)| *code != FaultCode::CantReread as i64) {
        rows.push(("update", vec![version(), ("reloadConfig", fault(code, &text))]));
        rows.push(("reload", vec![version(), ("restart", fault(code, &text))]));
        rows.push(("shutdown", vec![version(), ("shutdown", fault(code, &text))]));
        rows.push(("status", vec![("getVersion", fault(code, &text))]));
        rows.push(("start x", vec![("getVersion", fault(code, &text))]));
    }
    for (words, answer) in [("reload", "restart"), ("shutdown", "shutdown")] {
        rows.push((words, vec![version(), (answer, yes())]));
    }
    let old = || vec![("getVersion", value(&string("2.0")))];
    rows.extend(["status", "start x", "pid", "version", "tail x", "clear x"].map(|words| (words, old())));
    let count = rows.len();
    let differences: Vec<String> =
        rows.into_iter().filter_map(|(words, script)| compare(words, script)).collect();
    none(&differences, count);
}
