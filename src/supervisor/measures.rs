//! What is counted, and what probes and metrics are told.

use std::collections::BTreeMap;

use super::{Effect, Step, Supervisor};
use crate::api::metrics::{Metrics, ProcessMetrics, Written};
use crate::api::{Fault, FaultCode, ProcessState, Reply, RequestId};
use crate::config::EventType;
use crate::names::{ExitStatus, Signal};

/// Counters of one process.
#[derive(Clone, Default, Debug)]
pub struct Counts {
    pub starts: u64,
    pub restarts: u64,
    exits: BTreeMap<Ending, u64>,
}

/// How a child ended, as far as it is counted: cores make no difference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Ending {
    Code(u8),
    Signal(i32),
    Unknown,
}

impl Counts {
    pub fn ended(&mut self, status: ExitStatus) {
        let ending = match status {
            ExitStatus::Exited(code) => Ending::Code(code),
            ExitStatus::Signaled { signal, .. } => Ending::Signal(signal.number()),
            ExitStatus::Unknown(_) => Ending::Unknown,
        };
        *self.exits.entry(ending).or_default() += 1;
    }

    fn exits(&self) -> Vec<(String, u64)> {
        let named = |ending: &Ending| match ending {
            Ending::Code(code) => code.to_string(),
            Ending::Signal(number) => Signal::from_number(*number).name().into_owned(),
            Ending::Unknown => "unknown".to_string(),
        };
        self.exits.iter().map(|(ending, count)| (named(ending), *count)).collect()
    }
}

/// How many events of each type there were.
#[derive(Clone, Default, Debug)]
pub struct EventCounts(BTreeMap<EventType, u64>);

impl EventCounts {
    pub fn happened(&mut self, kind: EventType) {
        *self.0.entry(kind).or_default() += 1;
    }
}

impl Supervisor {
    /// The processes that should run and do not: those that start by themselves and neither run nor have ended as
    /// expected; of a collection's members, if one is named.
    pub(super) fn unwell(&self, collection: Option<String>) -> Result<Reply, Fault> {
        let keys = match collection {
            None => self.groups.all_by_name().collect(),
            Some(name) => {
                self.collection_members(&name).ok_or_else(|| Fault::new(FaultCode::BadName, name))?
            }
        };
        let unwell = keys.into_iter().filter(|key| {
            self.groups.process(*key).is_some_and(|process| {
                let well = match process.state() {
                    ProcessState::Running => true,
                    ProcessState::Exited => process.ended_as_expected(),
                    ProcessState::Stopped
                    | ProcessState::Starting
                    | ProcessState::Backoff
                    | ProcessState::Stopping
                    | ProcessState::Fatal
                    | ProcessState::Unknown => false,
                };
                process.config.autostart && !well
            })
        });
        Ok(Reply::Processes(self.infos(unwell)))
    }

    /// The daemon adds what only it knows, and replies.
    pub(super) fn measure(&mut self, request: RequestId) {
        let keys: Vec<_> = self.groups.all_by_name().collect();
        let places: BTreeMap<_, _> = keys.iter().enumerate().map(|(place, key)| (*key, place)).collect();
        let processes = keys.iter().filter_map(|key| {
            let process = self.groups.process(*key)?;
            Some(ProcessMetrics {
                info: process.info(self.now),
                starts: process.counts.starts,
                restarts: process.counts.restarts,
                exits: process.counts.exits(),
                written: Written::default(),
                usage: None,
            })
        });
        let processes = processes.collect();
        let collections = self.config.collections.iter().map(|collection| {
            let members = self.collection_members(collection.name.as_str()).unwrap_or_default();
            let members = members.iter().filter_map(|key| places.get(key).copied()).collect();
            (collection.name.clone(), members)
        });
        let metrics = Box::new(Metrics {
            identifier: self.config.supervisord.identifier.clone(),
            processes,
            collections: collections.collect(),
            events: self.event_counts.0.iter().map(|(kind, count)| (kind.name(), *count)).collect(),
        });
        self.added.push(Step::Do(Effect::Measure { request, metrics, keys }));
    }
}
