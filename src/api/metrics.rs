//! What `/metrics` tells of the processes. Counters are of the daemon's present life, and of a process's since it joined.

use std::time::Duration;

use super::ProcessInfo;
use crate::names::CollectionName;

/// All of it at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Metrics {
    pub identifier: String,
    /// By group and name.
    pub processes: Vec<ProcessMetrics>,
    /// Every collection with its members, as places in `processes`.
    pub collections: Vec<(CollectionName, Vec<usize>)>,
    /// Types of events, and how many of each there were; those that never happened are left out.
    pub events: Vec<(&'static str, u64)>,
}

/// One process.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessMetrics {
    pub info: ProcessInfo,
    /// Children that were begun, whoever asked for them.
    pub starts: u64,
    /// Those of them that were begun because one before them had ended or failed.
    pub restarts: u64,
    /// How children ended: the exit code, or the signal's name; and how often.
    pub exits: Vec<(String, u64)>,
    pub written: Written,
    /// Of the child there is now, where the system tells.
    pub usage: Option<Usage>,
}

/// Bytes that went to a process's logs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Written {
    pub stdout: u64,
    pub stderr: u64,
}

/// What a child uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Time on processors, in its own code and in the system's.
    pub cpu: Duration,
    /// Bytes of memory that it holds now.
    pub resident: u64,
}
