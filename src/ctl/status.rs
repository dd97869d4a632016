//! `status`: what runs, and waiting until it does (CTL-016 to CTL-018).

use std::time::{Duration, Instant};

use super::act::missing;
use super::commands::Flow;
use super::failure::Failure;
use super::help::after_complaint;
use super::session::{Session, exit};
use super::targets::{self, Target, shown};
use crate::api::received::Described;
use crate::api::{ProcessState, Request};

/// The least width of the column of names.
const NAME_WIDTH: usize = 30;

/// How often `--wait` looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long `--wait` waits when no time is given: what is FATAL would be waited for for ever.
const WAIT_DEFAULT: Duration = Duration::from_secs(60);

/// `status [--wait <state> [--timeout <seconds>]] [<name>...]`
pub fn status(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let wish = match Wish::parse(&words) {
        Ok(wish) => wish,
        Err(complaint) => {
            session.fail(&complaint);
            session.exit_status = exit::INVALID_ARGUMENTS;
            after_complaint(session, "status");
            return Ok(Flow::On);
        }
    };
    if !session.is_up()? {
        // Whatever was wrong (CTL-008).
        session.exit_status = exit::UNKNOWN;
        return Ok(Flow::On);
    }
    match wish.state {
        None => {
            let shown = select(session, &wish.names)?;
            show(session, &shown);
        }
        Some(state) => wait(session, &wish, state)?,
    }
    Ok(Flow::On)
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
struct Wish<'a> {
    state: Option<ProcessState>,
    timeout: Option<Duration>,
    names: Vec<&'a str>,
}

impl<'a> Wish<'a> {
    fn parse(words: &[&'a str]) -> Result<Wish<'a>, String> {
        let mut wish = Wish { state: None, timeout: None, names: Vec::new() };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let (option, value) =
                word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
            if !matches!(option, "--wait" | "--timeout") {
                wish.names.push(word);
                continue;
            }
            let value = value.or_else(|| words.next()).ok_or(format!("Error: {option} requires a value"))?;
            if option == "--wait" {
                let state =
                    ProcessState::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(value));
                wish.state = Some(state.ok_or(format!("Error: no such state: {value}"))?);
            } else {
                let seconds =
                    value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                wish.timeout = Some(seconds.ok_or(format!("Error: bad number of seconds: {value}"))?);
            }
        }
        if wish.timeout.is_some() && wish.state.is_none() {
            return Err("Error: --timeout says how long --wait waits, and there is no --wait".to_string());
        }
        Ok(wish)
    }
}

/// The processes that the names mean, in their order, each as often as it is named (CTL-017). Names that mean
/// nothing are told.
fn select(session: &mut Session, names: &[&str]) -> Result<Vec<Described>, Failure> {
    let all = session.client.processes(&Request::AllProcessInfo)?;
    if names.is_empty() || names.contains(&"all") {
        return Ok(all);
    }
    let mut selected = Vec::new();
    for (word, targets) in resolved(session, names)? {
        for target in targets {
            let before = selected.len();
            match &target {
                Target::Process { group, name, .. } => selected.extend(
                    all.iter()
                        .filter(|it| it.info.group.as_str() == group && it.info.name.as_str() == name)
                        .cloned(),
                ),
                Target::Group(group) => {
                    selected.extend(all.iter().filter(|it| it.info.group.as_str() == group).cloned());
                }
                Target::Collection(_, members) => {
                    selected.extend(members.iter().cloned());
                    continue;
                }
                Target::NoCollection(_) => (),
            }
            if selected.len() == before {
                let target = match target {
                    // The word as it was written.
                    Target::Process { group, name, .. } => {
                        Target::Process { text: word.to_string(), group, name }
                    }
                    other => other,
                };
                missing(session, &target, exit::UNKNOWN);
            }
        }
    }
    Ok(selected)
}

/// Each word with what it means.
fn resolved<'a>(session: &mut Session, names: &[&'a str]) -> Result<Vec<(&'a str, Vec<Target>)>, Failure> {
    let each = names.iter().map(|name| Ok((*name, targets::resolve(&mut session.client, &[*name])?)));
    each.collect()
}

/// The table, and the status that goes with it.
pub fn show(session: &mut Session, processes: &[Described]) {
    let entries: Vec<&Described> = processes.iter().collect();
    if !session.out.processes(&entries) {
        let table = table(processes, session.out.colour);
        session.out.bytes(table.as_bytes());
    }
    if processes.iter().any(|process| process.info.state.is_stopped()) {
        session.exit_status = exit::STOPPED;
    }
}

/// A line for each process; trailing blanks stay (CTL-016).
fn table(processes: &[Described], colour: bool) -> String {
    let names: Vec<String> =
        processes.iter().map(|it| shown(it.info.group.as_str(), it.info.name.as_str())).collect();
    let width = names.iter().map(|name| name.chars().count()).fold(NAME_WIDTH, usize::max) + 3;
    let mut text = String::new();
    for (name, process) in names.iter().zip(processes) {
        let state = format!("{:<10}", process.info.state);
        let state = if colour { painted(process.info.state, &state) } else { state };
        text.push_str(&format!("{name:<width$}{state}{}\n", process.description));
    }
    text
}

fn painted(state: ProcessState, text: &str) -> String {
    let colour = match state {
        ProcessState::Running => 32,
        ProcessState::Starting | ProcessState::Stopping | ProcessState::Backoff => 33,
        ProcessState::Fatal | ProcessState::Unknown => 31,
        ProcessState::Stopped | ProcessState::Exited => 2,
    };
    format!("\x1b[{colour}m{text}\x1b[0m")
}

/// Looks until all that is named is in a state, then shows it. The status is 0 then, and 1 when time ran out.
fn wait(session: &mut Session, wish: &Wish<'_>, state: ProcessState) -> Result<(), Failure> {
    let started = Instant::now();
    let timeout = wish.timeout.unwrap_or(WAIT_DEFAULT);
    loop {
        let processes = select(session, &wish.names)?;
        let arrived = processes.iter().all(|process| process.info.state == state);
        let unknown = session.exit_status == exit::UNKNOWN;
        if arrived || unknown || started.elapsed() >= timeout {
            let before = session.exit_status;
            show(session, &processes);
            session.exit_status = before;
            if !arrived && !unknown {
                session.fail(&format!("Error: not all are {state} after {} seconds", timeout.as_secs_f64()));
            }
            return Ok(());
        }
        session.client.wait.pass(LOOK_EVERY.min(timeout.saturating_sub(started.elapsed())))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_anywhere_among_the_names() {
        let wish = Wish::parse(&["a", "--wait", "running", "b", "--timeout=1.5"]).unwrap();
        assert_eq!(wish.state, Some(ProcessState::Running));
        assert_eq!((wish.timeout, wish.names), (Some(Duration::from_millis(1500)), vec!["a", "b"]));
        for (words, complaint) in [
            (&["--wait"][..], "Error: --wait requires a value"),
            (&["--wait", "UP"], "Error: no such state: UP"),
            (&["--timeout", "soon"], "Error: bad number of seconds: soon"),
            (&["--timeout", "3", "x"], "Error: --timeout says how long --wait waits, and there is no --wait"),
            (&["--timeout=-1"], "Error: bad number of seconds: -1"),
        ] {
            assert_eq!(Wish::parse(words).unwrap_err(), complaint);
        }
    }
}
