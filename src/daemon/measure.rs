//! What processes use and write, for metrics.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::api::Channel;
use crate::api::metrics::{Metrics, Usage, Written};
use crate::names::Pid;

/// Processes that are looked at before others get a turn.
const AT_ONCE: usize = 32;

/// Counts the bytes that go to one process's logs, over all its children.
#[derive(Debug, Default)]
pub struct Counter {
    stdout: AtomicU64,
    stderr: AtomicU64,
}

impl Counter {
    /// So many bytes more.
    pub fn add(&self, channel: Channel, bytes: usize) {
        let count = match channel {
            Channel::Stdout => &self.stdout,
            Channel::Stderr => &self.stderr,
        };
        count.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// All so far.
    pub fn written(&self) -> Written {
        Written { stdout: self.stdout.load(Ordering::Relaxed), stderr: self.stderr.load(Ordering::Relaxed) }
    }
}

/// Adds what each child uses.
pub async fn usages(metrics: &mut Metrics) {
    let system = System::ask();
    for some in metrics.processes.chunks_mut(AT_ONCE) {
        for process in some {
            process.usage = process.info.pid.and_then(|pid| system.usage(pid));
        }
        tokio::task::yield_now().await;
    }
}

/// The units in which the system counts.
struct System {
    ticks_per_second: u64,
    page: u64,
}

impl System {
    /// What it does not tell is what nearly every Linux has.
    fn ask() -> System {
        let known = |variable, usual| match sysconf(variable) {
            Ok(Some(value)) => u64::try_from(value).ok().filter(|value| *value > 0).unwrap_or(usual),
            Ok(None) | Err(_) => usual,
        };
        System { ticks_per_second: known(SysconfVar::CLK_TCK, 100), page: known(SysconfVar::PAGE_SIZE, 4096) }
    }

    fn usage(&self, pid: Pid) -> Option<Usage> {
        self.parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// After the name, which may hold anything and ends with the last parenthesis, come numbers.
    fn parse(&self, stat: &str) -> Option<Usage> {
        let numbers: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |place: usize| numbers.get(place)?.parse::<u64>().ok();
        let ticks = number(11)?.checked_add(number(12)?)?;
        let millis = ticks.checked_mul(1_000)? / self.ticks_per_second;
        Some(Usage { cpu: Duration::from_millis(millis), resident: number(21)?.checked_mul(self.page)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read_whatever_the_process_is_called() {
        let system = System { ticks_per_second: 100, page: 4096 };
        let stat = "812 (a) b (c) S 1 812 812 0 -1 4194560 155 0 0 0 250 50 7 8 20 0 1 0 73 3133440 395 1844";
        let usage = Usage { cpu: Duration::from_secs(3), resident: 395 * 4096 };
        assert_eq!(system.parse(stat), Some(usage));
        for broken in
            ["", "812 (x", "812 (x) S 1 2", "812 (x) S 1 812 812 0 -1 4194560 155 0 0 0 a b 7 8 20 0"]
        {
            assert_eq!(system.parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn this_very_process_uses_something() {
        let own = System::ask().usage(Pid(std::process::id().cast_signed())).unwrap();
        assert!(own.resident > 100_000, "{own:?}");
    }
}
