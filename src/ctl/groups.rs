//! Groups and the daemon itself: `reread`, `update`, `add`, `remove`, `reload`, `shutdown` (CTL-037 to CTL-045).

use std::io::ErrorKind;

use super::collections::{self, Differences};
use super::commands::Flow;
use super::explain;
use super::failure::Failure;
use super::output::Outcome;
use super::session::{Session, fault_of};
use super::show::{takes_nothing, told};
use super::terminal::confirm;
use crate::api::received::Changes;
use crate::api::{FaultCode, Request, Target};

/// `reread`
pub fn reread(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !takes_nothing(session, "reread", arguments) {
        return Ok(Flow::On);
    }
    let Some((changes, differences)) = read_again(session, "ERROR: supervisor shutting down")? else {
        return Ok(Flow::On);
    };
    let words = ["available", "changed", "disappeared"];
    let mut lines: Vec<(&String, &str)> = Vec::new();
    for (names, word) in changes.iter().zip(words) {
        lines.extend(names.iter().map(|name| (name, word)));
    }
    lines.sort();
    if lines.is_empty() {
        session.out.line("No config updates to processes");
    }
    for (name, word) in lines {
        session.out.outcome(Outcome::done(name.as_str(), word));
    }
    differences.tell_reread(&mut session.out);
    Ok(Flow::On)
}

/// `update [<group>...]`
pub fn update(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    let Some((changes, differences)) = read_again(session, "ERROR: already shutting down")? else {
        return Ok(Flow::On);
    };
    let [added, changed, removed] = changes;
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let everything = words.is_empty() || words.contains(&"all");
    if !everything {
        let all = session.client.processes(&Request::AllProcessInfo)?;
        for word in &words {
            let known = all.iter().any(|process| process.info.group.as_str() == *word);
            if !known && !added.iter().any(|name| name == word) {
                session.fail(&format!("ERROR: no such group: {word}"));
            }
        }
    }
    let wanted = |name: &&String| everything || words.contains(&name.as_str());
    for group in removed.iter().filter(wanted) {
        remove_for_good(session, group)?;
    }
    for group in changed.iter().filter(wanted) {
        let target = Target::Group(group.clone());
        session.client.ask(&Request::Stop { target, wait: true })?;
        session.out.outcome(Outcome::done(group.as_str(), "stopped"));
        session.client.ask(&Request::RemoveGroup { name: group.clone() })?;
        session.client.ask(&Request::AddGroup { name: group.clone() })?;
        session.out.outcome(Outcome::done(group.as_str(), "updated process group"));
    }
    for group in added.iter().filter(wanted) {
        session.client.ask(&Request::AddGroup { name: group.clone() })?;
        session.out.outcome(Outcome::done(group.as_str(), "added process group"));
    }
    differences.tell_update(&mut session.out);
    Ok(Flow::On)
}

fn remove_for_good(session: &mut Session, group: &str) -> Result<(), Failure> {
    let target = Target::Group(group.to_string());
    let outcomes = session.client.outcomes(&Request::Stop { target, wait: true })?;
    session.out.outcome(Outcome::done(group, "stopped"));
    if outcomes.iter().any(|outcome| outcome.status == FaultCode::Failed as i64) {
        let words = "has problems; not removing";
        session.out.outcome_as(&format!("{group}: {words}"), Outcome::refused(group, words, None));
        session.exit_status = super::session::exit::GENERIC;
        return Ok(());
    }
    session.client.ask(&Request::RemoveGroup { name: group.to_string() })?;
    session.out.outcome(Outcome::done(group, "removed process group"));
    Ok(())
}

/// Has the daemon read its configuration. A file with errors is told in the words of `reread`, by `update` too, where
/// the reference shows the bare fault (BUG-042).
fn read_again(session: &mut Session, shutting_down: &str) -> Result<Option<(Changes, Differences)>, Failure> {
    let before = collections::list(&mut session.client);
    match session.client.changes() {
        Ok(changes) => {
            let after = collections::list(&mut session.client);
            Ok(Some((changes, Differences::between(before, after))))
        }
        Err(failure) => {
            let text = fault_of(&failure).map(|fault| format!("ERROR: {}", fault.text)).unwrap_or_default();
            let sentences =
                [(FaultCode::ShutdownState, shutting_down), (FaultCode::CantReread, text.as_str())];
            let sentence = told(failure, &sentences)?;
            session.fail(&sentence);
            Ok(None)
        }
    }
}

/// `add <group>...`: no names is no mistake.
pub fn add(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    for name in arguments.split_whitespace() {
        let failure = match session.client.ask(&Request::AddGroup { name: name.to_string() }) {
            Ok(_) => {
                session.out.outcome(Outcome::done(name, "added process group"));
                continue;
            }
            Err(failure) => failure,
        };
        if failure.is(FaultCode::AlreadyAdded) {
            // That is as wanted: the status stays.
            let words = "process group already active";
            let outcome = Outcome::refused(name, words, Some(FaultCode::AlreadyAdded as i64));
            session.out.outcome_as(&format!("ERROR: {words}"), outcome);
            continue;
        }
        let unknown = format!("ERROR: no such process/group: {name}");
        let sentences =
            [(FaultCode::ShutdownState, "ERROR: shutting down"), (FaultCode::BadName, unknown.as_str())];
        refuse(session, name, failure, &sentences)?;
    }
    Ok(Flow::On)
}

/// `remove <group>...`
pub fn remove(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    for name in arguments.split_whitespace() {
        match session.client.ask(&Request::RemoveGroup { name: name.to_string() }) {
            Ok(_) => session.out.outcome(Outcome::done(name, "removed process group")),
            Err(failure) => {
                let running = format!("ERROR: process/group still running: {name}");
                let unknown = format!("ERROR: no such process/group: {name}");
                let sentences =
                    [(FaultCode::StillRunning, running.as_str()), (FaultCode::BadName, unknown.as_str())];
                refuse(session, name, failure, &sentences)?;
            }
        }
    }
    Ok(Flow::On)
}

fn refuse(
    session: &mut Session,
    name: &str,
    failure: Failure,
    sentences: &[(FaultCode, &str)],
) -> Result<(), Failure> {
    let code = fault_of(&failure).map(|fault| fault.code);
    let sentence = told(failure, sentences)?;
    let why = sentence.trim_start_matches("ERROR: ").to_string();
    session.out.outcome_as(&sentence, Outcome::refused(name, why, code));
    session.exit_status = super::session::exit::GENERIC;
    Ok(())
}

/// `reload`: the answer comes before the restart.
pub fn reload(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    let question = "Really restart the remote supervisord process y/N? ";
    if !takes_nothing(session, "reload", arguments) || !agreed(session, question)? {
        return Ok(Flow::On);
    }
    match session.client.ask(&Request::RestartDaemon) {
        Ok(_) => session.out.outcome_as("Restarted supervisord", Outcome::done("supervisord", "restarted")),
        Err(failure) => {
            // A broken file is refused by our daemon alone (BUG-002).
            let text = fault_of(&failure).map(|fault| format!("ERROR: {}", fault.text)).unwrap_or_default();
            let sentences = [
                (FaultCode::ShutdownState, "ERROR: already shutting down"),
                (FaultCode::CantReread, text.as_str()),
            ];
            let sentence = told(failure, &sentences)?;
            session.fail(&sentence);
        }
    }
    Ok(Flow::On)
}

/// `shutdown`
pub fn shutdown(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    let question = "Really shut the remote supervisord process down y/N? ";
    if !takes_nothing(session, "shutdown", arguments) || !agreed(session, question)? {
        return Ok(Flow::On);
    }
    let failure = match session.client.ask(&Request::Shutdown) {
        Ok(_) => {
            session.out.outcome_as("Shut down", Outcome::done("supervisord", "shut down"));
            return Ok(Flow::On);
        }
        Err(failure) => failure,
    };
    let url = session.client.url().to_string();
    let why = match failure.io_kind() {
        // That is as wanted: the status stays.
        None if failure.is(FaultCode::ShutdownState) => {
            session.out.line("ERROR: already shutting down");
            return Ok(Flow::On);
        }
        Some(ErrorKind::ConnectionRefused) => "refused connection",
        Some(ErrorKind::NotFound) => "no such file",
        Some(_) | None => return Err(failure),
    };
    session.fail(&format!("ERROR: {url} {why} (already shut down?)"));
    explain::failure(session, &failure);
    Ok(Flow::On)
}

/// Asks where questions may be asked.
fn agreed(session: &mut Session, question: &str) -> Result<bool, Failure> {
    if session.settings.interactive { confirm(session, question) } else { Ok(true) }
}
