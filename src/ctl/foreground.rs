//! `fg`: what a process writes, and lines for its standard input (CTL-035).

use std::os::fd::AsFd;

use super::commands::Flow;
use super::failure::{Failure, shown};
use super::follow::{BANNER, Logs};
use super::help::after_complaint;
use super::session::{Session, fault_of};
use super::terminal::{self, read_line};
use crate::api::{FaultCode, ProcessState, Request};

/// `fg <name>`
pub fn fg(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let name = match words[..] {
        [] => {
            session.fail("ERROR: no process name supplied");
            after_complaint(session, "fg");
            return Ok(Flow::On);
        }
        [name] => name.to_string(),
        [..] => {
            session.fail("ERROR: too many process names supplied");
            return Ok(Flow::On);
        }
    };
    match session.client.process(&Request::ProcessInfo { name: name.clone() }) {
        Ok(process) if process.info.state == ProcessState::Running => talk(session, &name)?,
        Ok(_) => session.fail("ERROR: process not running"),
        Err(failure) if failure.is(FaultCode::BadName) => session.fail("ERROR: bad process name supplied"),
        Err(failure) => match fault_of(&failure) {
            // As in the reference, the status stays.
            Some(fault) => session.out.line(&format!("ERROR: {}", shown(fault))),
            None => return Err(failure),
        },
    }
    Ok(Flow::On)
}

/// Until Ctrl-C, the end of the input, or the process's.
fn talk(session: &mut Session, name: &str) -> Result<(), Failure> {
    session.client.wait.catch_interrupts()?;
    session.out.line(BANNER);
    let paths = ["stdout", "stderr"].map(|channel| format!("/logtail/{name}/{channel}"));
    let mut logs = Logs::open(session, &paths);
    let mut input = terminal::input()?;
    loop {
        let mut fds = logs.fds();
        fds.push(input.as_fd());
        let ready = match session.client.wait.readable(&fds) {
            Err(Failure::Interrupted) => break,
            ready => ready?,
        };
        let (typed, ready) = ready.split_last().map_or((false, &ready[..]), |(typed, ready)| (*typed, ready));
        logs.show(session, ready);
        if typed {
            match read_line(&session.client.wait, &mut input) {
                Ok(Some(line)) if send(session, name, &line)? => (),
                Ok(_) | Err(Failure::Interrupted) => break,
                Err(failure) => return Err(failure),
            }
        }
        if session.out.is_closed() {
            return Ok(());
        }
    }
    session.out.line("Exiting foreground");
    Ok(())
}

/// Sends a line; gives whether the process still runs.
fn send(session: &mut Session, name: &str, line: &str) -> Result<bool, Failure> {
    let request = Request::SendStdin { name: name.to_string(), chars: format!("{line}\n") };
    match session.client.ask(&request) {
        Ok(_) => (),
        Err(failure) if failure.is(FaultCode::NotRunning) => {
            session.out.line("Process got killed");
            return Ok(false);
        }
        Err(failure) => match fault_of(&failure) {
            Some(fault) => {
                session.out.line(&format!("ERROR: {}", shown(fault)));
                return Ok(false);
            }
            None => return Err(failure),
        },
    }
    let process = session.client.process(&Request::ProcessInfo { name: name.to_string() })?;
    let runs = process.info.state == ProcessState::Running;
    if !runs {
        session.out.line("Process got killed");
    }
    Ok(runs)
}
