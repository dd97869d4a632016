//! `tail` and `maintail` (CTL-030 to CTL-033).

use super::commands::Flow;
use super::failure::Failure;
use super::follow;
use super::help::after_complaint;
use super::session::Session;
use super::targets::{self, Target, shown};
use crate::api::{Channel, FaultCode, LogName, LogRead, Request};
use crate::config::value;
use crate::names::repr;

/// How much of a log is shown when nothing is said.
const BYTES_DEFAULT: i64 = 1_600;

/// How much is read first to find the last lines; four times as much each time it was too little.
const LINES_FIRST: i64 = 8_192;

/// How much of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extent {
    Bytes(i64),
    Lines(usize),
    Follow,
}

/// `tail [-f|-N|-n LINES] <name> [stdout|stderr]`
pub fn tail(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let mut words: Vec<&str> = arguments.split_whitespace().collect();
    let lines = take_lines(session, &mut words);
    let Ok(lines) = lines else { return Ok(Flow::On) };
    let modified = lines.is_some();
    if words.is_empty() && !modified {
        session.fail("Error: too few arguments");
        after_complaint(session, "tail");
        return Ok(Flow::On);
    }
    if words.len() > 3 - usize::from(modified) {
        session.fail("Error: too many arguments");
        after_complaint(session, "tail");
        return Ok(Flow::On);
    }
    let modifier = words.first().filter(|word| !modified && word.starts_with('-')).copied();
    let rest = if modifier.is_some() { &words[1..] } else { &words[..] };
    let (name, channel) = match rest {
        [] => {
            session.fail("Error: tail requires process name");
            return Ok(Flow::On);
        }
        [name] => (*name, "stdout".to_string()),
        [name, .., channel] => (*name, channel.to_lowercase()),
    };
    let channel = match channel.as_str() {
        "stdout" => Channel::Stdout,
        "stderr" => Channel::Stderr,
        other => {
            session.fail(&format!("Error: bad channel {}", repr(other)));
            return Ok(Flow::On);
        }
    };
    let Some(extent) = lines.map(Extent::Lines).or_else(|| extent(modifier)) else {
        session.fail(&format!("Error: bad argument {}", modifier.unwrap_or_default()));
        return Ok(Flow::On);
    };
    show(session, name, channel, extent)?;
    Ok(Flow::On)
}

/// `maintail [-f|-N|-n LINES]`
pub fn maintail(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let mut words: Vec<&str> = arguments.split_whitespace().collect();
    let Ok(lines) = take_lines(session, &mut words) else { return Ok(Flow::On) };
    if words.len() > 1 - usize::from(lines.is_some()) {
        session.fail("Error: too many arguments");
        after_complaint(session, "maintail");
        return Ok(Flow::On);
    }
    let word = words.first().copied();
    let extent = match word.filter(|word| !word.starts_with('-')) {
        Some(_) => None,
        None => lines.map(Extent::Lines).or_else(|| extent(word)),
    };
    let Some(extent) = extent else {
        session.fail(&format!("Error: bad argument {}", word.unwrap_or_default()));
        return Ok(Flow::On);
    };
    if extent == Extent::Follow {
        follow::until_interrupted(session, &["/mainlogtail".to_string()])?;
        return Ok(Flow::On);
    }
    match read(session, extent, &LogName::Main) {
        Ok(text) => session.out.line(&text),
        Err(failure) => refuse(session, "supervisord", failure, None)?,
    }
    Ok(Flow::On)
}

/// `-n LINES` at the head of the words, which the reference does not know; complains of what is no number.
fn take_lines(session: &mut Session, words: &mut Vec<&str>) -> Result<Option<usize>, ()> {
    let Some(rest) = words.first().and_then(|word| word.strip_prefix("-n")) else { return Ok(None) };
    let number = if rest.is_empty() { words.get(1).copied() } else { Some(rest) };
    let Some(number) = number else { return Ok(None) };
    let Ok(lines) = number.parse() else {
        session.fail(&format!("Error: bad argument -n: {} is no number of lines", repr(number)));
        return Err(());
    };
    words.drain(..if rest.is_empty() { 2 } else { 1 });
    if let Some(word) = words.first().filter(|word| word.starts_with('-')) {
        session.fail(&format!("Error: bad argument {word}: -n stands alone"));
        return Err(());
    }
    Ok(Some(lines))
}

/// What `-f` or `-N` says; nothing said is the default.
fn extent(modifier: Option<&str>) -> Option<Extent> {
    match modifier.map(|modifier| &modifier[1..]) {
        None => Some(Extent::Bytes(BYTES_DEFAULT)),
        Some("f") => Some(Extent::Follow),
        Some(number) => value::integer(number).ok().map(Extent::Bytes),
    }
}

/// The logs of all that a name means; a heading above each if there are several.
fn show(session: &mut Session, name: &str, channel: Channel, extent: Extent) -> Result<(), Failure> {
    let targets = targets::members(&mut session.client, &[name])?;
    let many = targets.len() > 1;
    if extent == Extent::Follow {
        let channel = channel.name();
        let paths = targets.into_iter().map(|target| match target {
            Ok(Target::Process { text, .. }) => format!("/logtail/{text}/{channel}"),
            Ok(_) | Err(_) => format!("/logtail/{name}/{channel}"),
        });
        return follow::until_interrupted(session, &paths.collect::<Vec<_>>());
    }
    for target in targets {
        let (text, heading) = match target {
            Ok(Target::Process { text, group, name }) => (text, shown(&group, &name)),
            Ok(_) | Err(_) => {
                session.fail(&format!("{name}: ERROR (no such process name)"));
                continue;
            }
        };
        if many {
            session.out.line(&format!("==> {heading} <=="));
        }
        let log = LogName::Process { name: text, channel };
        let shown_name = if many { heading } else { name.to_string() };
        match read(session, extent, &log) {
            Ok(text) => session.out.line(&text),
            Err(failure) => refuse(session, &shown_name, failure, Some("no such process name"))?,
        }
    }
    Ok(())
}

/// Reads as much as is wanted.
fn read(session: &mut Session, extent: Extent, log: &LogName) -> Result<String, Failure> {
    // The end of a log, or all of it from an offset on that is not negative.
    let text = |session: &mut Session, offset| {
        let read = LogRead::Slice { offset, length: 0 };
        session.client.text(&Request::ReadLog { log: log.clone(), read })
    };
    match extent {
        Extent::Bytes(bytes) => text(session, bytes.saturating_neg()),
        Extent::Follow => Ok(String::new()),
        Extent::Lines(lines) => {
            let mut bytes = LINES_FIRST;
            loop {
                let all = text(session, -bytes)?;
                let whole = all.len() < usize::try_from(bytes).unwrap_or(usize::MAX);
                if let Some(end) = last_lines(&all, lines).or(whole.then_some(all.as_str())) {
                    // The line end of the last one comes with the printing.
                    return Ok(end.strip_suffix('\n').unwrap_or(end).to_string());
                }
                bytes = bytes.saturating_mul(4);
            }
        }
    }
}

/// The last lines of a text; `None` when there may be more before it.
fn last_lines(text: &str, lines: usize) -> Option<&str> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if lines == 0 {
        return Some("");
    }
    let start = body.rmatch_indices('\n').nth(lines - 1).map(|(at, _)| at + 1)?;
    Some(&text[start..])
}

fn refuse(
    session: &mut Session,
    name: &str,
    failure: Failure,
    bad_name: Option<&str>,
) -> Result<(), Failure> {
    let why = if failure.is(FaultCode::NoFile) {
        "no log file"
    } else if failure.is(FaultCode::Failed) {
        "unknown error reading log"
    } else if let Some(bad_name) = bad_name.filter(|_| failure.is(FaultCode::BadName)) {
        bad_name
    } else {
        return Err(failure);
    };
    session.fail(&format!("{name}: ERROR ({why})"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_found_if_they_are_there() {
        assert_eq!(last_lines("a\nb\nc\n", 2), Some("b\nc\n"));
        assert_eq!(last_lines("a\nb\nc", 1), Some("c"));
        assert_eq!(last_lines("a\nb\n", 0), Some(""));
        assert_eq!(last_lines("b\nc\n", 2), None);
        assert_eq!(last_lines("", 1), None);
    }

    #[test]
    fn modifiers_are_read_as_python_reads_numbers_ctl_030() {
        for (modifier, expected) in [
            (None, Some(Extent::Bytes(1_600))),
            (Some("-f"), Some(Extent::Follow)),
            (Some("-100"), Some(Extent::Bytes(100))),
            (Some("-0"), Some(Extent::Bytes(0))),
            (Some("--10"), Some(Extent::Bytes(-10))),
            (Some("-x"), None),
            (Some("-"), None),
            (Some("-ff"), None),
        ] {
            assert_eq!(extent(modifier), expected, "{modifier:?}");
        }
    }
}
