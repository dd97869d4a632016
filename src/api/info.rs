//! The records that answers are made of. They hold facts; what is worked out for display is worked out here.

use std::sync::Arc;

use super::{FaultCode, ProcessState};
use crate::names::{CollectionName, ExitStatus, GroupName, Pid, ProcessName, Signal};

/// Facts about one process, for `getProcessInfo` (RPC-041). Times are Unix seconds, 0 for never.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessInfo {
    pub name: ProcessName,
    pub group: GroupName,
    pub start: i64,
    pub stop: i64,
    pub now: i64,
    pub state: ProcessState,
    /// Empty when there is none.
    pub spawnerr: Arc<str>,
    pub exitstatus: i32,
    /// Empty when there is no such log.
    pub stdout_logfile: Arc<str>,
    pub stderr_logfile: Arc<str>,
    pub pid: Option<Pid>,
    /// How its last child ended, whatever came after; not on the wire, so clients have none.
    pub last_exit: Option<ExitStatus>,
}

impl ProcessInfo {
    /// A process that was never started, for tests.
    #[cfg(test)]
    pub(crate) fn of_stopped(group: &str, name: &str) -> ProcessInfo {
        ProcessInfo {
            name: name.into(),
            group: group.into(),
            start: 0,
            stop: 0,
            now: 0,
            state: ProcessState::Stopped,
            spawnerr: "".into(),
            exitstatus: 0,
            stdout_logfile: "".into(),
            stderr_logfile: "".into(),
            pid: None,
            last_exit: None,
        }
    }

    /// The text that status pages show (RPC-044). `local` writes Unix seconds as `Nov 22 09:44 AM` in local
    /// time.
    pub fn description(&self, local: impl Fn(i64) -> String) -> String {
        match self.state {
            ProcessState::Running => {
                let mut text = String::with_capacity(40);
                text.push_str("pid ");
                number(&mut text, self.pid.map_or(0, |pid| u64::from(pid.0.unsigned_abs())), 1);
                text.push_str(", uptime ");
                uptime(&mut text, self.now - self.start);
                text
            }
            ProcessState::Fatal | ProcessState::Backoff if self.spawnerr.is_empty() => {
                format!("unknown error (try \"tail {}\")", self.name)
            }
            ProcessState::Fatal | ProcessState::Backoff => self.spawnerr.to_string(),
            ProcessState::Stopped | ProcessState::Exited if self.start == 0 => "Not started".to_string(),
            ProcessState::Stopped | ProcessState::Exited => local(self.stop),
            ProcessState::Starting | ProcessState::Stopping | ProcessState::Unknown => String::new(),
        }
    }
}

/// `0:00:05`, `1 day, 1:01:01`, `2 days, 0:00:03`; a clock set back shows zero.
fn uptime(text: &mut String, seconds: i64) {
    let seconds = seconds.max(0).unsigned_abs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    if days > 0 {
        number(text, days, 1);
        text.push_str(if days == 1 { " day, " } else { " days, " });
    }
    number(text, rest / 3_600, 1);
    text.push(':');
    number(text, rest / 60 % 60, 2);
    text.push(':');
    number(text, rest % 60, 2);
}

/// A number of at least so many digits. The machinery of formatting takes several times as long, and a list of all
/// processes has thousands.
fn number(text: &mut String, number: u64, width: usize) {
    let (mut power, mut digits) = (1, 1);
    while number / power >= 10 || digits < width {
        (power, digits) = (power * 10, digits + 1);
    }
    while power > 0 {
        text.push(char::from(b'0' + (number / power % 10) as u8));
        power /= 10;
    }
}

/// One process of a group, collection or all call (RPC-034).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub name: ProcessName,
    pub group: GroupName,
    /// `Success`, or the code of the fault.
    pub status: FaultCode,
    /// `OK`, or the fault string.
    pub description: String,
}

/// A log file as `getAllConfigInfo` shows it: `auto`, `none` or a path (RPC-048).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogSetting {
    Auto,
    None,
    Path(Arc<str>),
}

/// One configured process, for `getAllConfigInfo` (RPC-047, with 4.4's `autorestart`).
#[derive(Clone, PartialEq, Debug)]
pub struct ConfigInfo {
    pub name: ProcessName,
    pub group: GroupName,
    pub group_prio: i64,
    pub process_prio: i64,
    pub inuse: bool,
    pub command: String,
    pub autostart: bool,
    /// `None` stands for `unexpected`.
    pub autorestart: Option<bool>,
    pub directory: Option<String>,
    pub uid: Option<u32>,
    pub exitcodes: Vec<u8>,
    pub killasgroup: bool,
    pub redirect_stderr: bool,
    pub startretries: i64,
    pub startsecs: i64,
    pub stopsignal: Signal,
    pub stopwaitsecs: i64,
    pub serverurl: Option<String>,
    pub stdout: ChannelInfo,
    pub stderr: ChannelInfo,
}

/// The settings of one output channel in a [`ConfigInfo`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelInfo {
    pub logfile: LogSetting,
    pub logfile_backups: i64,
    pub logfile_maxbytes: i64,
    pub capture_maxbytes: i64,
    pub events_enabled: bool,
    pub syslog: bool,
}

/// One collection, for `listCollections`: as configured, and as it resolves now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CollectionInfo {
    pub name: CollectionName,
    pub priority: i64,
    pub program_names: Vec<String>,
    pub group_names: Vec<String>,
    pub collection_names: Vec<String>,
    pub exclude_names: Vec<String>,
    /// Namespecs in start order.
    pub processes: Vec<String>,
    /// Items that match nothing now.
    pub unresolved: Vec<String>,
}

#[cfg(test)]
mod tests {
    #[test]
    fn uptimes_read_as_rpc_044_says() {
        let uptime = |seconds| {
            let mut text = String::new();
            super::uptime(&mut text, seconds);
            text
        };
        assert_eq!(uptime(5), "0:00:05");
        assert_eq!(uptime(86_400 - 1), "23:59:59");
        assert_eq!(uptime(86_400 + 3_661), "1 day, 1:01:01");
        assert_eq!(uptime(12 * 86_400 + 3), "12 days, 0:00:03");
        assert_eq!(uptime(-4), "0:00:00");
    }
}
