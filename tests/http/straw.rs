//! A supervisor of straw, which the servers ask in the real one's place.

use std::time::Duration;

use convoke::api::metrics::Metrics;
use convoke::api::{API_VERSION, SUPERVISOR_VERSION, SupervisorState};
use convoke::api::{
    Fault, FaultCode, LogName, LogRead, Outcome, ProcessInfo, ProcessState, Reply, Request, Target,
};
use convoke::daemon::handle::Call;
use convoke::names::{GroupName, Pid, ProcessName};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Names with which it does something out of the ordinary.
pub const SLOW: &str = "slow";
pub const UNSPEAKABLE: i64 = 666;

type Answer = oneshot::Sender<Result<Reply, Fault>>;

/// For so long at most is the start of [`SLOW`] kept.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers at once, but keeps the start of [`SLOW`] until another client has asked for the pid.
pub async fn supervise(mut calls: mpsc::Receiver<Call>, asked: impl Fn(&Request)) {
    let mut slow = Vec::new();
    loop {
        let Ok(call) = timeout(PATIENCE, calls.recv()).await else {
            release(&mut slow);
            continue;
        };
        let Some(Call { request, answer }) = call else { return };
        asked(&request);
        if matches!(&request, Request::Start { target: Target::Namespec(name), .. } if name == SLOW) {
            slow.push(answer);
            continue;
        }
        let is_pid = request == Request::Pid;
        // A client may have gone.
        let _ = answer.send(reply(request));
        if is_pid {
            release(&mut slow);
        }
    }
}

fn release(slow: &mut Vec<Answer>) {
    for answer in slow.drain(..) {
        let _ = answer.send(Ok(Reply::True));
    }
}

fn reply(request: Request) -> Result<Reply, Fault> {
    match request {
        Request::ApiVersion => Ok(Reply::Text(API_VERSION.to_string())),
        Request::SupervisorVersion => Ok(Reply::Text(SUPERVISOR_VERSION.to_string())),
        Request::Identification => Ok(Reply::Text("straw".to_string())),
        Request::State => Ok(Reply::State(SupervisorState::Running)),
        Request::Pid => Ok(Reply::Number(4711)),
        Request::ProcessInfo { name } => match name.as_str() {
            "unspeakable" => Ok(Reply::Process(Box::new(stopped("unspeakable", UNSPEAKABLE)))),
            "cat" => Ok(Reply::Process(Box::new(running("cat", "cat")))),
            _ => Err(Fault::new(FaultCode::BadName, name)),
        },
        Request::AllProcessInfo => Ok(Reply::Processes(vec![running("cat", "cat"), stopped("idle", 7)])),
        Request::Start { target: Target::Namespec(name), .. } if name == "cat" => {
            Err(Fault::new(FaultCode::AlreadyStarted, name))
        }
        Request::Start { target: Target::Namespec(_), .. }
        | Request::Stop { target: Target::Namespec(_), .. }
        | Request::Signal { target: Target::Namespec(_), .. }
        | Request::AddGroup { .. }
        | Request::RemoveGroup { .. }
        | Request::SendStdin { .. }
        | Request::RemoteCommunication { .. }
        | Request::Shutdown
        | Request::RestartDaemon => Ok(Reply::True),
        Request::Start { .. } | Request::Stop { .. } | Request::Signal { .. } | Request::Restart { .. } => {
            Ok(Reply::Outcomes(vec![Outcome {
                name: ProcessName::from("idle"),
                group: GroupName::from("idle"),
                status: FaultCode::Success,
                description: "OK".to_string(),
            }]))
        }
        Request::ReadLog { read: LogRead::Tail { .. }, .. } => {
            Ok(Reply::Tail { text: "end".to_string(), size: 3, overflow: false })
        }
        Request::ReadLog { log: LogName::Process { name, .. }, read: LogRead::Path } if name == "log" => {
            Ok(Reply::Text(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").to_string()))
        }
        Request::ReadLog { .. } => Ok(Reply::Text("text".to_string())),
        Request::ClearLog | Request::ClearProcessLogs { .. } => Ok(Reply::True),
        Request::Health { .. } => Ok(Reply::Processes(Vec::new())),
        Request::Metrics => Ok(Reply::Metrics(Box::new(Metrics {
            identifier: "straw".to_string(),
            processes: Vec::new(),
            collections: Vec::new(),
            events: Vec::new(),
        }))),
        Request::Twiddle(_) | Request::Cache(_) => Ok(Reply::Texts(Vec::new())),
        Request::AllConfigInfo => Ok(Reply::Configs(Vec::new())),
        Request::ListCollections => Ok(Reply::Collections(Vec::new())),
        Request::CollectionProcessInfo { .. } => Ok(Reply::Processes(Vec::new())),
        Request::ReloadConfig => Ok(Reply::Reread {
            added: vec!["new".to_string()],
            changed: Vec::new(),
            removed: vec!["old".to_string()],
        }),
    }
}

fn running(group: &str, name: &str) -> ProcessInfo {
    ProcessInfo {
        name: ProcessName::from(name),
        group: GroupName::from(group),
        start: 1_795_529_873,
        stop: 0,
        now: 1_795_529_926,
        state: ProcessState::Running,
        spawnerr: "".into(),
        exitstatus: 0,
        stdout_logfile: "/tmp/\u{1b}[1mcat.log".into(),
        stderr_logfile: "".into(),
        pid: Some(Pid(6648)),
        last_exit: None,
    }
}

fn stopped(name: &str, stop: i64) -> ProcessInfo {
    ProcessInfo { state: ProcessState::Stopped, stop, pid: None, ..running(name, name) }
}
