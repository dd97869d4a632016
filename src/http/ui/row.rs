//! What the page shows of a process: the same facts as a row of HTML and as JSON.

use serde::Serialize;

use crate::api::ProcessInfo;
use crate::api::answer::LocalTime;
use crate::names::{ExitStatus, Namespec};

/// A process at a glance. Times are Unix seconds, 0 for never.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub(super) struct Row {
    /// The namespec, by which it is acted upon.
    pub(super) id: String,
    pub(super) group: String,
    pub(super) state: &'static str,
    /// The place of its state when those that need attention come first.
    pub(super) rank: u8,
    /// 0 when it has none.
    pub(super) pid: i32,
    /// When the child that it has now was started.
    pub(super) start: i64,
    /// When and how its last child ended: `exit 1`, `SIGKILL`; empty if none has.
    pub(super) stop: i64,
    pub(super) exit: String,
    /// The stock description, where pid and uptime do not say it already.
    pub(super) what: String,
    /// Whether it keeps a log of its standard output, and of its standard error.
    pub(super) out: bool,
    pub(super) err: bool,
    #[serde(skip)]
    pub(super) can_start: bool,
    #[serde(skip)]
    pub(super) can_stop: bool,
}

impl Row {
    pub(super) fn of(info: &ProcessInfo, local: LocalTime) -> Row {
        let alive = info.pid.is_some();
        let exit = info.last_exit.map(short);
        Row {
            id: Namespec::display(&info.group, &info.name),
            group: info.group.to_string(),
            state: info.state.name(),
            rank: info.state.concern(),
            pid: info.pid.map_or(0, |pid| pid.0),
            start: if alive { info.start } else { 0 },
            stop: if exit.is_some() { info.stop } else { 0 },
            exit: exit.unwrap_or_default(),
            what: if alive { String::new() } else { info.description(local) },
            out: !info.stdout_logfile.is_empty(),
            err: !info.stderr_logfile.is_empty(),
            can_start: info.state.is_stopped(),
            can_stop: info.state.is_running(),
        }
    }

    /// Whether each of these words is somewhere in the row, whatever its case.
    pub(super) fn matches(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let pid = if self.pid == 0 { String::new() } else { self.pid.to_string() };
        let text = [&self.id, self.state, &self.what, &self.exit, &pid].join(" ").to_lowercase();
        words.iter().all(|word| text.contains(word))
    }
}

/// How a child ended, in a word or two.
fn short(status: ExitStatus) -> String {
    match status {
        ExitStatus::Exited(code) => format!("exit {code}"),
        ExitStatus::Signaled { signal, .. } => signal.name().into_owned(),
        ExitStatus::Unknown(_) => "unknown".to_string(),
    }
}

/// How long something has lasted, in its two largest units at most; a clock set back shows zero. The page's script
/// writes it alike.
pub(super) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::state::ProcessState;
    use crate::names::{Pid, Signal};

    fn info() -> ProcessInfo {
        ProcessInfo {
            start: 100,
            stop: 90,
            now: 165,
            state: ProcessState::Running,
            stdout_logfile: "/out".into(),
            pid: Some(Pid(77)),
            last_exit: Some(ExitStatus::Signaled { signal: Signal::KILL, core_dumped: false }),
            ..ProcessInfo::of_stopped("Site", "worker")
        }
    }

    fn local(seconds: i64) -> String {
        format!("at {seconds}")
    }

    #[test]
    fn a_running_process_shows_how_the_one_before_it_ended() {
        let row = Row::of(&info(), local);
        assert_eq!((row.id.as_str(), row.pid, row.start, row.stop), ("Site:worker", 77, 100, 90));
        assert_eq!((row.exit.as_str(), row.what.as_str()), ("SIGKILL", ""));
        assert!(row.out && !row.err && row.can_stop && !row.can_start);
    }

    #[test]
    fn one_that_has_ended_shows_the_description_and_no_uptime() {
        let ended = ProcessInfo {
            state: ProcessState::Exited,
            pid: None,
            last_exit: Some(ExitStatus::Exited(3)),
            ..info()
        };
        let row = Row::of(&ended, local);
        assert_eq!((row.start, row.exit.as_str(), row.what.as_str()), (0, "exit 3", "at 90"));
        let fresh = ProcessInfo { start: 0, stop: 0, last_exit: None, ..ended };
        let row = Row::of(&fresh, local);
        assert_eq!((row.stop, row.exit.as_str(), row.what.as_str()), (0, "", "Not started"));
    }

    #[test]
    fn every_word_of_a_filter_must_be_there() {
        let row = Row::of(&info(), local);
        let matches =
            |words: &[&str]| row.matches(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
        assert!(matches(&[]) && matches(&["site"]) && matches(&["running", "work"]) && matches(&["77"]));
        assert!(!matches(&["site", "fatal"]));
    }

    #[test]
    fn spans_have_two_units_at_most() {
        let cases = [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h 0 min"),
            (90_061, "1 d 1 h"),
            (864_000, "10 d 0 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span(seconds), expected);
        }
    }
}
