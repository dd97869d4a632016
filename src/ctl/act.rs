//! `start`, `stop`, `restart`, `signal` and `clear` (CTL-022 to CTL-029, CTL-036).

use super::commands::Flow;
use super::failure::Failure;
use super::help::after_complaint;
use super::output::Outcome;
use super::session::{Session, exit, fault_of};
use super::targets::{self, Target, shown};
use crate::api::arguments::Argument;
use crate::api::received::Received;
use crate::api::{self, FaultCode, Request};

/// One of the three things that are done to processes in the same way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act<'a> {
    Start,
    Stop,
    Signal(&'a str),
}

impl Act<'_> {
    /// What the daemon is asked.
    pub fn request(self, target: api::Target) -> Request {
        match self {
            Act::Start => Request::Start { target, wait: true },
            Act::Stop => Request::Stop { target, wait: true },
            Act::Signal(signal) => Request::Signal { target, signal: signal.to_string() },
        }
    }

    fn done(self) -> &'static str {
        match self {
            Act::Start => "started",
            Act::Stop => "stopped",
            Act::Signal(_) => "signalled",
        }
    }

    /// The fault that is no failure: things already are as wanted.
    fn ignored(self) -> Option<FaultCode> {
        match self {
            Act::Start => Some(FaultCode::AlreadyStarted),
            Act::Stop => Some(FaultCode::NotRunning),
            Act::Signal(_) => None,
        }
    }

    /// The words for a fault; `None` for one that is not expected here.
    fn reason(self, code: i64) -> Option<&'static str> {
        let words: &[(FaultCode, &str)] = match self {
            Act::Start => &[
                (FaultCode::BadName, "no such process"),
                (FaultCode::NoFile, "no such file"),
                (FaultCode::NotExecutable, "file is not executable"),
                (FaultCode::AlreadyStarted, "already started"),
                (FaultCode::SpawnError, "spawn error"),
                (FaultCode::AbnormalTermination, "abnormal termination"),
            ],
            Act::Stop | Act::Signal(_) => &[
                (FaultCode::BadName, "no such process"),
                (FaultCode::BadSignal, "bad signal name"),
                (FaultCode::NotRunning, "not running"),
            ],
        };
        words.iter().find(|(fault, _)| *fault as i64 == code).map(|(_, words)| *words)
    }

    /// A group that is not there is a wrong argument, but to `start` alone (CTL-024).
    fn not_there(self, target: &Target) -> u8 {
        match (self, target) {
            (Act::Start, Target::Group(_)) => exit::INVALID_ARGUMENTS,
            (Act::Start, Target::Process { .. } | Target::Collection(..) | Target::NoCollection(_))
            | (Act::Stop | Act::Signal(_), _) => exit::GENERIC,
        }
    }
}

/// `start <name>...`
pub fn start(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if session.is_up()? {
        act_on_words(session, Act::Start, "start", arguments)?;
    }
    Ok(Flow::On)
}

/// `stop <name>...`
pub fn stop(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if session.is_up()? {
        act_on_words(session, Act::Stop, "stop", arguments)?;
    }
    Ok(Flow::On)
}

/// `restart <name>...`: a stop, then a start (CTL-028).
pub fn restart(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if session.is_up()? && has_names(session, "restart", arguments) {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        act_on(session, Act::Stop, &words)?;
        act_on(session, Act::Start, &words)?;
    }
    Ok(Flow::On)
}

/// `signal <signal> <name>...`
pub fn signal(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let words: Vec<&str> = arguments.split_whitespace().collect();
    match words.split_first() {
        Some((signal, names)) if !names.is_empty() => act_on(session, Act::Signal(signal), names)?,
        Some(_) | None => {
            session.fail("Error: signal requires a signal name and a process name");
            after_complaint(session, "signal");
        }
    }
    Ok(Flow::On)
}

/// `clear <name>...`
pub fn clear(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? || !has_names(session, "clear", arguments) {
        return Ok(Flow::On);
    }
    let words: Vec<&str> = arguments.split_whitespace().collect();
    if words.contains(&"all") {
        for outcome in session.client.outcomes(&Request::ClearProcessLogs { target: api::Target::All })? {
            cleared(session, &outcome.group, &outcome.name, outcome.status)?;
        }
        return Ok(Flow::On);
    }
    for target in targets::members(&mut session.client, &words)? {
        match target {
            Ok(Target::Process { text, group, name }) => {
                let request = Request::ClearProcessLogs { target: api::Target::Namespec(text) };
                let status = match session.client.ask(&request) {
                    Ok(_) => FaultCode::Success as i64,
                    Err(failure) => fault_of(&failure).map(|fault| fault.code).ok_or(failure)?,
                };
                cleared(session, &group, &name, status)?;
            }
            Ok(other) | Err(other) => missing(session, &other, exit::GENERIC),
        }
    }
    Ok(Flow::On)
}

fn cleared(session: &mut Session, group: &str, name: &str, code: i64) -> Result<(), Failure> {
    let name = shown(group, name);
    let outcome = match code {
        code if code == FaultCode::Success as i64 => Outcome::done(name, "cleared"),
        code if code == FaultCode::BadName as i64 => Outcome::refused(name, "no such process", Some(code)),
        code if code == FaultCode::Failed as i64 => Outcome::refused(name, "failed", Some(code)),
        code => return Err(Failure::Value(format!("Unknown result code {code} for {name}"))),
    };
    session.out.outcome(outcome);
    session.note_fault(code, None);
    Ok(())
}

/// Whether there are any words; complains if there are none.
fn has_names(session: &mut Session, command: &str, arguments: &str) -> bool {
    if !arguments.trim().is_empty() {
        return true;
    }
    session.fail(&format!("Error: {command} requires a process name"));
    after_complaint(session, command);
    false
}

fn act_on_words(session: &mut Session, act: Act<'_>, command: &str, arguments: &str) -> Result<(), Failure> {
    if !has_names(session, command, arguments) {
        if act == Act::Start {
            session.exit_status = exit::INVALID_ARGUMENTS;
        }
        return Ok(());
    }
    let words: Vec<&str> = arguments.split_whitespace().collect();
    act_on(session, act, &words)
}

/// Does it to all that the words mean, one word after another (CTL-015).
pub fn act_on(session: &mut Session, act: Act<'_>, words: &[&str]) -> Result<(), Failure> {
    if words.contains(&"all") {
        let outcomes = session.client.outcomes(&act.request(api::Target::All))?;
        return outcomes.iter().try_for_each(|outcome| say(session, act, outcome));
    }
    for target in targets::resolve(&mut session.client, words)? {
        match target {
            Target::Process { text, group, name } => {
                let request = act.request(api::Target::Namespec(text));
                let answer = session.client.ask(&request);
                tell(session, act, group, name, answer)?;
            }
            Target::Group(group) => {
                let request = act.request(api::Target::Group(group.clone()));
                many(session, act, &request, &Target::Group(group))?;
            }
            Target::Collection(name, _) => act_on_collection(session, act, &name)?,
            Target::NoCollection(_) => missing(session, &target, exit::GENERIC),
        }
    }
    Ok(())
}

/// Says what came of it for one process.
pub fn tell(
    session: &mut Session,
    act: Act<'_>,
    group: String,
    name: String,
    answer: Result<Argument, Failure>,
) -> Result<(), Failure> {
    let (status, description) = match answer {
        Ok(_) => (FaultCode::Success as i64, String::new()),
        Err(failure) => match fault_of(&failure) {
            Some(fault) => (fault.code, fault.text.clone()),
            None => return Err(failure),
        },
    };
    say(session, act, &Received { name, group, status, description })
}

/// The same for a collection.
pub fn act_on_collection(session: &mut Session, act: Act<'_>, name: &str) -> Result<(), Failure> {
    let request = act.request(api::Target::Collection(name.to_string()));
    many(session, act, &request, &Target::NoCollection(name.to_string()))
}

fn many(session: &mut Session, act: Act<'_>, request: &Request, target: &Target) -> Result<(), Failure> {
    match session.client.outcomes(request) {
        Ok(outcomes) => outcomes.iter().try_for_each(|outcome| say(session, act, outcome)),
        Err(failure) if failure.is(FaultCode::BadName) => {
            missing(session, target, act.not_there(target));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// Says that there is no such thing.
pub fn missing(session: &mut Session, target: &Target, status: u8) {
    let (name, why) = match target {
        Target::Process { text, .. } => (text.clone(), "no such process"),
        Target::Group(group) => (group.clone(), "no such group"),
        Target::Collection(name, _) | Target::NoCollection(name) => (name.clone(), "no such collection"),
    };
    session.out.outcome(Outcome::refused(name, why, Some(FaultCode::BadName as i64)));
    session.exit_status = status;
}

fn say(session: &mut Session, act: Act<'_>, outcome: &Received) -> Result<(), Failure> {
    let Received { group, name, status: code, description } = outcome;
    let (name, code) = (shown(group, name), *code);
    if code == FaultCode::Success as i64 {
        session.out.outcome(Outcome::done(name, act.done()));
    } else if let Some(reason) = act.reason(code) {
        session.out.outcome(Outcome::refused(name, reason, Some(code)));
    } else if code == FaultCode::Failed as i64 && act != Act::Start {
        // The fault's own text is the line (CTL-025).
        session.out.outcome_as(description, Outcome::refused(name, description, Some(code)));
    } else {
        return Err(Failure::Value(format!("Unknown result code {code} for {name}")));
    }
    session.note_fault(code, act.ignored());
    Ok(())
}
