//! Small commands: `avail`, `pid`, `version`, `open`, and leaving (CTL-019 to CTL-021, CTL-046).

use super::act::missing;
use super::commands::Flow;
use super::failure::Failure;
use super::help::after_complaint;
use super::output::Outcome;
use super::session::{Session, exit, fault_of};
use super::status::status as show_status;
use super::targets::{self, Target, shown};
use crate::api::{ConfigInfo, FaultCode, Request};

/// `quit`, `exit` and the end of the input.
pub fn quit(session: &mut Session, _: &str) -> Result<Flow, Failure> {
    session.out.line("");
    Ok(Flow::Quit)
}

/// Whether nothing follows a command that takes nothing; complains if something does.
pub fn takes_nothing(session: &mut Session, command: &str, arguments: &str) -> bool {
    if arguments.is_empty() {
        return true;
    }
    session.fail(&format!("Error: {command} accepts no arguments"));
    after_complaint(session, command);
    false
}

/// `version`: the daemon's, not ours.
pub fn version(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if takes_nothing(session, "version", arguments) && session.is_up()? {
        let version = session.client.text(&Request::SupervisorVersion)?;
        session.out.version(version);
    }
    Ok(Flow::On)
}

/// `avail`
pub fn avail(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !takes_nothing(session, "avail", arguments) {
        return Ok(Flow::On);
    }
    match session.client.configs() {
        Ok(configs) if session.out.available(&configs) => (),
        Ok(configs) => session.out.bytes(configs.iter().map(available).collect::<String>().as_bytes()),
        Err(failure) if failure.is(FaultCode::ShutdownState) => {
            session.fail("ERROR: supervisor shutting down");
        }
        Err(failure) => return Err(failure),
    }
    Ok(Flow::On)
}

fn available(config: &ConfigInfo) -> String {
    let name = shown(config.group.as_str(), config.name.as_str());
    let inuse = if config.inuse { "in use" } else { "avail" };
    let start = if config.autostart { "auto" } else { "manual" };
    format!("{name:<32} {inuse:<9} {start:<9} {}:{}\n", config.group_prio, config.process_prio)
}

/// `pid [<name>...]`
pub fn pid(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let words: Vec<&str> = arguments.split_whitespace().collect();
    if words.is_empty() {
        let pid = session.client.number(&Request::Pid)?;
        session.out.pid(pid);
    } else if words.contains(&"all") {
        let all = session.client.processes(&Request::AllProcessInfo)?;
        if !session.out.processes(&all.iter().collect::<Vec<_>>()) {
            let pids = all.iter().map(|it| format!("{}\n", it.info.pid.map_or(0, |pid| pid.0)));
            session.out.bytes(pids.collect::<String>().as_bytes());
        }
    } else {
        for word in words {
            for target in targets::members(&mut session.client, &[word])? {
                match target {
                    Ok(target) => pid_of(session, &target)?,
                    Err(Target::Group(_)) => no_such_process(session, word),
                    Err(other) => missing(session, &other, exit::GENERIC),
                }
            }
        }
    }
    Ok(Flow::On)
}

fn pid_of(session: &mut Session, target: &Target) -> Result<(), Failure> {
    let Target::Process { text, .. } = target else { return Ok(()) };
    match session.client.process(&Request::ProcessInfo { name: text.clone() }) {
        Ok(process) => {
            let pid = process.info.pid.map_or(0, |pid| pid.0);
            if !session.out.processes(&[&process]) {
                session.out.line(&pid.to_string());
            }
            if pid == 0 {
                session.exit_status = exit::NOT_RUNNING;
            }
        }
        Err(failure) if failure.is(FaultCode::BadName) => no_such_process(session, text),
        Err(failure) => return Err(failure),
    }
    Ok(())
}

fn no_such_process(session: &mut Session, name: &str) {
    let outcome = Outcome::refused(name, "no such process", Some(FaultCode::BadName as i64));
    session.out.outcome_as(&format!("No such process {name}"), outcome);
    session.exit_status = exit::GENERIC;
}

/// `open <url>`: the server for the rest of the session.
pub fn open(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    let url = arguments.trim();
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    if !matches!(scheme, "unix" | "http") {
        session.fail("ERROR: url must be http:// or unix://");
        return Ok(Flow::On);
    }
    session.client.turn_to(url.to_string());
    let before = session.exit_status;
    show_status(session, "")?;
    session.exit_status = before;
    Ok(Flow::On)
}

/// A fault with a sentence of its own: the sentence for `code`, and any other failure passed on.
pub fn told(failure: Failure, sentences: &[(FaultCode, &str)]) -> Result<String, Failure> {
    let code = fault_of(&failure).map(|fault| fault.code);
    let found = sentences.iter().find(|(known, _)| code == Some(*known as i64));
    found.map(|(_, sentence)| (*sentence).to_string()).ok_or(failure)
}
