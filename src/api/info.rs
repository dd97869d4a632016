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
    /// The text that status pages show (RPC-044). `local` writes Unix seconds as `Nov 22 09:44 AM` in local
    /// time.
    pub fn description(&self, local: impl Fn(i64) -> String) -> String {
        match self.state {
            ProcessState::Running => {
                let pid = self.pid.map_or(0, |pid| pid.0);
                format!("pid {pid}, uptime {}", uptime(self.now - self.start))
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
fn uptime(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        _ => format!("{days} days, {clock}"),
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
    use super::*;

    #[test]
    fn uptimes_read_as_rpc_044_says() {
        assert_eq!(uptime(5), "0:00:05");
        assert_eq!(uptime(86_400 + 3_661), "1 day, 1:01:01");
        assert_eq!(uptime(2 * 86_400 + 3), "2 days, 0:00:03");
        assert_eq!(uptime(-4), "0:00:00");
    }
}
