//! The sentences of the main log for what the supervisor has to say; scripts look for them word by word.

use crate::config::{LogLevel, Message};
use crate::names::ExitStatus;
use crate::supervisor::Note;
use crate::supervisor::event::{Event, Fate, SignalMeaning};
use crate::supervisor::listener::ListenerNote;

/// The line for a note, and its level (LOG-011 to LOG-016). Most events have none: the line beside them says it.
pub fn sentence(note: Note) -> Option<Message> {
    let (level, text) = match note {
        Note::Event(event) => (LogLevel::Info, of_collection(&event)?),
        Note::Spawned { process, pid } => (LogLevel::Info, format!("spawned: '{process}' with pid {pid}")),
        Note::SpawnFailed { text } => (LogLevel::Info, format!("spawnerr: {text}")),
        Note::Success { process, startsecs } => (
            LogLevel::Info,
            format!(
                "success: {process} entered RUNNING state, process has stayed up for > than {startsecs} seconds \
                 (startsecs)"
            ),
        ),
        Note::GaveUp { process } => (
            LogLevel::Info,
            format!("gave up: {process} entered FATAL state, too many start retries too quickly"),
        ),
        Note::Exited { process, status, fate } => ended(process.as_str(), status, fate),
        Note::KilledInBackoff { process } => {
            (LogLevel::Debug, format!("Attempted to kill {process}, which is in BACKOFF state."))
        }
        Note::AlreadyRunning { process } => (LogLevel::Warn, format!("process '{process}' already running")),
        Note::Killing { process, pid, signal, whole_group } => {
            let whom = if whole_group { "process group " } else { "" };
            (LogLevel::Debug, format!("killing {process} (pid {pid}) {whom}with signal {}", signal.name()))
        }
        Note::StopOverdue { process, pid } => {
            (LogLevel::Warn, format!("killing '{process}' ({pid}) with SIGKILL"))
        }
        Note::Signalling { process, pid, signal } => {
            (LogLevel::Debug, format!("sending {process} (pid {pid}) sig {}", signal.name()))
        }
        Note::NobodyToSignal { process, pid } => (
            LogLevel::Debug,
            format!(
                "unable to signal {process} (pid {pid}), it probably just exited on its own: [Errno 3] No such \
                 process"
            ),
        ),
        Note::KillFailed { text } => (LogLevel::Critical, text),
        Note::WaitingToStop { process } => (LogLevel::Info, format!("waiting for {process} to stop")),
        Note::WaitingToDie { processes } => {
            let names: Vec<&str> = processes.iter().map(|name| name.as_str()).collect();
            (LogLevel::Info, format!("waiting for {} to die", names.join(", ")))
        }
        Note::ReceivedSignal { signal, meaning } => received(&signal.name(), meaning),
        Note::RestartRefused { reason } => {
            (LogLevel::Critical, format!("restart refused, the configuration cannot be used: {reason}"))
        }
        Note::Listener(note) => of_listener(note),
        Note::Config(message) => return Some(message),
    };
    Some(Message { level, text })
}

/// What a collection has become; nothing else says so.
fn of_collection(event: &Event) -> Option<String> {
    match event {
        Event::CollectionAdded(name) => Some(format!("collection added: {name}")),
        Event::CollectionRemoved(name) => Some(format!("collection removed: {name}")),
        Event::CollectionChanged(name) => Some(format!("collection changed: {name}")),
        Event::ProcessState { .. }
        | Event::ProcessLog(..)
        | Event::ProcessCommunication(..)
        | Event::RemoteCommunication { .. }
        | Event::Tick(..)
        | Event::GroupAdded(_)
        | Event::GroupRemoved(_)
        | Event::SupervisorRunning
        | Event::SupervisorStopping => None,
    }
}

/// What goes on between a pool and its processes; the last three have no counterpart in the reference.
fn of_listener(note: ListenerNote) -> (LogLevel, String) {
    match note {
        ListenerNote::Became { process, from, to } => (LogLevel::Debug, format!("{process}: {from} -> {to}")),
        ListenerNote::Unknown { process } => (
            LogLevel::Warn,
            format!(
                "{process}: has entered the UNKNOWN state and will no longer receive events, this usually indicates \
                 the process violated the eventlistener protocol"
            ),
        ),
        ListenerNote::Sent { process, serial } => {
            (LogLevel::Debug, format!("event {serial} sent to listener {process}"))
        }
        ListenerNote::Processed { process } => (LogLevel::Debug, format!("{process}: event was processed")),
        ListenerNote::Rejected { process } => (LogLevel::Warn, format!("{process}: event was rejected")),
        ListenerNote::Failed { process } => (LogLevel::Warn, format!("{process}: event caused an error")),
        ListenerNote::BadResultLine { process, line } => {
            (LogLevel::Warn, format!("{process}: bad result line: '{line}'"))
        }
        ListenerNote::Closed { process, serial } => (
            LogLevel::Debug,
            format!(
                "epipe occurred while sending event {serial} to listener {process}, listener state unchanged"
            ),
        ),
        ListenerNote::Rebuffered { pool, serial, size, max } => (
            LogLevel::Debug,
            format!("rebuffering event {serial} for pool {pool} (buf size={size}, max={max})"),
        ),
        ListenerNote::Overflowed { pool, serial } => {
            (LogLevel::Error, format!("pool {pool} event buffer overflowed, discarding event {serial}"))
        }
        ListenerNote::DoesNotRead { process } => {
            (LogLevel::Warn, format!("{process}: answers without reading its events"))
        }
        ListenerNote::Paused { pool, serial, failures, millis } => (
            LogLevel::Warn,
            format!(
                "pool {pool}: event {serial} failed, {failures} times in a row now without success, next try in \
                 {} seconds",
                millis as f64 / 1000.0
            ),
        ),
        ListenerNote::Dropped { pool, events } => (
            LogLevel::Warn,
            format!("pool {pool} is gone, and {events} events that waited for it are dropped"),
        ),
    }
}

fn ended(process: &str, status: ExitStatus, fate: Fate) -> (LogLevel, String) {
    let cause = status.cause();
    let level = |expected| if expected { LogLevel::Info } else { LogLevel::Warn };
    match fate {
        Fate::Stopped { expected } => (level(expected), format!("stopped: {process} ({cause})")),
        Fate::Exited { expected } => {
            let judgement = if expected { "expected" } else { "not expected" };
            (level(expected), format!("exited: {process} ({cause}; {judgement})"))
        }
    }
}

fn received(signal: &str, meaning: SignalMeaning) -> (LogLevel, String) {
    match meaning {
        SignalMeaning::Exit => (LogLevel::Warn, format!("received {signal} indicating exit request")),
        SignalMeaning::Restart => (LogLevel::Warn, format!("received {signal} indicating restart request")),
        SignalMeaning::RestartIgnored => {
            (LogLevel::Warn, format!("ignored {signal} indicating restart request (shutdown in progress)"))
        }
        SignalMeaning::ReopenLogs => {
            (LogLevel::Info, format!("received {signal} indicating log reopen request"))
        }
        SignalMeaning::Nothing => (LogLevel::Blather, format!("received {signal} indicating nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Pid, Signal};

    fn line(note: Note) -> String {
        let message = sentence(note).unwrap();
        format!("{:?} {}", message.level, message.text)
    }

    #[test]
    fn sentences_are_those_that_scripts_look_for() {
        let pid = Pid(7);
        let status = ExitStatus::from_wait(15);
        for (note, expected) in [
            (Note::Spawned { process: "x".into(), pid }, "Info spawned: 'x' with pid 7"),
            (
                Note::Success { process: "x".into(), startsecs: 1 },
                "Info success: x entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)",
            ),
            (
                Note::GaveUp { process: "x".into() },
                "Info gave up: x entered FATAL state, too many start retries too quickly",
            ),
            (
                Note::Exited { process: "x".into(), status, fate: Fate::Stopped { expected: false } },
                "Warn stopped: x (terminated by SIGTERM)",
            ),
            (
                Note::Exited {
                    process: "x".into(),
                    status: ExitStatus::Exited(0),
                    fate: Fate::Exited { expected: true },
                },
                "Info exited: x (exit status 0; expected)",
            ),
            (
                Note::Killing { process: "x".into(), pid, signal: Signal::TERM, whole_group: true },
                "Debug killing x (pid 7) process group with signal SIGTERM",
            ),
            (
                Note::ReceivedSignal { signal: Signal::HUP, meaning: SignalMeaning::Restart },
                "Warn received SIGHUP indicating restart request",
            ),
            (Note::WaitingToDie { processes: vec!["a".into(), "b".into()] }, "Info waiting for a, b to die"),
        ] {
            assert_eq!(line(note), expected);
        }
    }
}
