//! What the supervisor says, in the words in which the traces have it.

use convoke::api::{Fault, Outcome, ProcessInfo, Reply};
use convoke::supervisor::Note;
use convoke::supervisor::event::{Fate, SignalMeaning};
use convoke::supervisor::listener::ListenerNote;
use serde_json::{Value, json};

/// The line that a main log at level INFO would show, if any (LOG-011 to LOG-016). Left out, as in the traces:
/// the sentences whose moment depends on how often the reference's loop happens to look.
pub fn log_line(note: &Note) -> Option<String> {
    Some(match note {
        Note::Spawned { process, pid } => format!("INFO spawned: '{process}' with pid {pid}"),
        Note::SpawnFailed { text } => format!("INFO spawnerr: {text}"),
        Note::Success { process, startsecs } => format!(
            "INFO success: {process} entered RUNNING state, process has stayed up for > than {startsecs} seconds \
             (startsecs)"
        ),
        Note::GaveUp { process } => {
            format!("INFO gave up: {process} entered FATAL state, too many start retries too quickly")
        }
        Note::Exited { process, status, fate } => {
            let (level, verb, suffix) = match fate {
                Fate::Stopped { expected: true } => ("INFO", "stopped", ""),
                Fate::Stopped { expected: false } => ("WARN", "stopped", ""),
                Fate::Exited { expected: true } => ("INFO", "exited", "; expected"),
                Fate::Exited { expected: false } => ("WARN", "exited", "; not expected"),
            };
            format!("{level} {verb}: {process} ({}{suffix})", status.cause())
        }
        Note::AlreadyRunning { process } => format!("WARN process '{process}' already running"),
        Note::StopOverdue { process, pid } => format!("WARN killing '{process}' ({pid}) with SIGKILL"),
        Note::KillFailed { text } => format!("CRIT {}", without_reason(text)),
        Note::ReceivedSignal { signal, meaning } => {
            let (verb, meaning) = match meaning {
                SignalMeaning::Exit => ("received", "exit request"),
                SignalMeaning::Restart => ("received", "restart request"),
                SignalMeaning::RestartIgnored => ("ignored", "restart request (shutdown in progress)"),
                SignalMeaning::ReopenLogs => ("received", "log reopen request"),
                SignalMeaning::Nothing => ("received", "nothing"),
            };
            format!("WARN {verb} {} indicating {meaning}", signal.name())
        }
        Note::RestartRefused { reason } => {
            format!("CRIT restart refused, the configuration cannot be used: {reason}")
        }
        Note::Listener(note) => return listener_line(note),
        Note::Config(message) => format!("{:?} {}", message.level, message.text),
        Note::Event(_)
        | Note::KilledInBackoff { .. }
        | Note::Killing { .. }
        | Note::Signalling { .. }
        | Note::NobodyToSignal { .. }
        | Note::WaitingToStop { .. }
        | Note::WaitingToDie { .. } => return None,
    })
}

/// The same of what goes on between a pool and its processes.
fn listener_line(note: &ListenerNote) -> Option<String> {
    Some(match note {
        ListenerNote::Unknown { process } => format!(
            "WARN {process}: has entered the UNKNOWN state and will no longer receive events, this usually indicates \
             the process violated the eventlistener protocol"
        ),
        ListenerNote::Rejected { process } => format!("WARN {process}: event was rejected"),
        ListenerNote::Failed { process } => format!("WARN {process}: event caused an error"),
        ListenerNote::BadResultLine { process, line } => format!("WARN {process}: bad result line: '{line}'"),
        ListenerNote::Overflowed { pool, serial } => {
            format!("ERRO pool {pool} event buffer overflowed, discarding event {serial}")
        }
        ListenerNote::Paused { pool, serial, failures, millis } => format!(
            "WARN pool {pool}: event {serial} failed, {failures} times in a row now without success, next try in {} \
             seconds",
            *millis as f64 / 1000.0
        ),
        ListenerNote::Became { .. }
        | ListenerNote::Sent { .. }
        | ListenerNote::Processed { .. }
        | ListenerNote::Closed { .. }
        | ListenerNote::DoesNotRead { .. }
        | ListenerNote::Rebuffered { .. }
        | ListenerNote::Dropped { .. } => return None,
    })
}

/// The reference gives a Python traceback as the reason for a failed kill; the traces stop before it.
fn without_reason(text: &str) -> &str {
    match text.find("):") {
        Some(end) if text.contains("unknown problem ") => &text[..end + 2],
        Some(_) | None => text,
    }
}

/// A reply as the trace has it.
pub fn reply(reply: &Result<Reply, Fault>) -> Value {
    match reply {
        Err(fault) => json!({"fault": [fault.code as i32, without_reason(&fault.to_string())]}),
        Ok(Reply::True) => json!(true),
        Ok(Reply::Text(text)) => json!(text),
        Ok(Reply::Number(number)) => json!(number),
        Ok(Reply::State(state)) => json!({"statecode": state.number(), "statename": state.name()}),
        Ok(Reply::Process(info)) => process(info),
        Ok(Reply::Processes(infos)) => infos.iter().map(process).collect(),
        Ok(Reply::Outcomes(outcomes)) => outcomes.iter().map(outcome).collect(),
        Ok(Reply::Reread { added, changed, removed }) => json!([[added, changed, removed]]),
        Ok(
            Reply::Configs(_)
            | Reply::Collections(_)
            | Reply::Tail { .. }
            | Reply::Metrics(_)
            | Reply::Texts(_)
            | Reply::Value(_),
        ) => json!("not in the traces"),
    }
}

fn outcome(outcome: &Outcome) -> Value {
    json!({
        "name": outcome.name.as_str(),
        "group": outcome.group.as_str(),
        "status": outcome.status as i32,
        "description": without_reason(&outcome.description),
    })
}

fn process(info: &ProcessInfo) -> Value {
    json!({
        "name": info.name.as_str(),
        "group": info.group.as_str(),
        "start": info.start,
        "stop": info.stop,
        "now": info.now,
        "state": info.state.number(),
        "statename": info.state.name(),
        "spawnerr": &*info.spawnerr,
        "exitstatus": info.exitstatus,
        "logfile": &*info.stdout_logfile,
        "stdout_logfile": &*info.stdout_logfile,
        "stderr_logfile": &*info.stderr_logfile,
        "pid": info.pid.map_or(0, |pid| pid.0),
        "description": info.description(moment),
    })
}

/// `Nov 14 10:13 PM` in UTC. All traces play on the days after 1,700,000,000; other moments are never (1970).
fn moment(unix: i64) -> String {
    let (month, day) = if unix == 0 { ("Jan", 1) } else { ("Nov", unix / 86_400 - 19_675 + 14) };
    let (hour, minute) = (unix / 3_600 % 24, unix / 60 % 60);
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, if hour % 12 == 0 { 12 } else { hour % 12 });
    format!("{month} {day:02} {hour:02}:{minute:02} {half}")
}

/// What the traces keep of a process at the end of each step.
pub fn brief(info: &ProcessInfo) -> Value {
    json!([
        info.state.number(),
        info.pid.map_or(0, |pid| pid.0),
        info.start,
        info.stop,
        info.exitstatus,
        &*info.spawnerr,
        &*info.stdout_logfile,
        &*info.stderr_logfile,
    ])
}
