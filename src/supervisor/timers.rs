//! When each process wants to be woken. Starts are kept apart: ten thousand that are due and have to wait must cost
//! nothing at each turn.

use std::collections::{BTreeMap, BTreeSet};

use super::ProcessKey;
use super::clock::Instant;
use super::process::Process;

/// Due starts that are looked at for each that may be begun, so that among those due together the one that stands
/// first among all processes comes first.
const LOOKED_AT: usize = 8;

/// The deadlines of all processes.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    starts: BTreeSet<(Instant, ProcessKey)>,
    others: BTreeSet<(Instant, ProcessKey)>,
    by_process: BTreeMap<ProcessKey, (Instant, bool)>,
}

impl Timers {
    /// Keeps the index true to one process; `None` if it has left.
    pub fn set(&mut self, key: ProcessKey, process: Option<&Process>) {
        let timer = process.and_then(timer);
        if let Some((at, starts)) = self.by_process.remove(&key) {
            self.those(starts).remove(&(at, key));
        }
        if let Some((at, starts)) = timer {
            self.by_process.insert(key, (at, starts));
            self.those(starts).insert((at, key));
        }
    }

    /// The earliest.
    pub fn first(&self) -> Option<Instant> {
        let firsts = [self.starts.first(), self.others.first()];
        firsts.into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// Those who are due, starts only as many as are needed to choose `starts_left` of them.
    pub fn due(&self, now: Instant, starts_left: usize) -> impl Iterator<Item = ProcessKey> {
        let starts = self.starts.iter().take(starts_left.saturating_mul(LOOKED_AT));
        let due = move |(at, _): &&(Instant, ProcessKey)| *at <= now;
        starts.take_while(due).chain(self.others.iter().take_while(due)).map(|(_, key)| *key)
    }

    /// How many processes have a deadline.
    pub fn len(&self) -> usize {
        self.by_process.len()
    }

    /// Whether the index says of this process what is so.
    pub fn agrees(&self, key: ProcessKey, process: &Process) -> bool {
        let timer = timer(process);
        let listed = timer.is_none_or(|(at, starts)| {
            let (mine, others) =
                if starts { (&self.starts, &self.others) } else { (&self.others, &self.starts) };
            mine.contains(&(at, key)) && !others.contains(&(at, key))
        });
        self.by_process.get(&key).copied() == timer && listed
    }

    /// Whether nothing is in it but what [`Timers::len`] counts.
    pub fn is_exact(&self) -> bool {
        self.starts.len() + self.others.len() == self.by_process.len()
    }

    fn those(&mut self, starts: bool) -> &mut BTreeSet<(Instant, ProcessKey)> {
        if starts { &mut self.starts } else { &mut self.others }
    }
}

fn timer(process: &Process) -> Option<(Instant, bool)> {
    process.deadline().map(|at| (at, process.would_start()))
}
