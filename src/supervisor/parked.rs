//! Requests under way: what each is for, whom it waits for, and what it will say.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::ProcessKey;
use super::clock::Instant;
use crate::api::{Fault, FaultCode, Outcome, ProcessState, Reply, RequestId};
use crate::names::{Namespec, Signal};

use super::process::Process;

/// Requests that may be under way at once; one more is answered FAILED.
pub const PARKED_MAX: usize = 4_096;

/// Seconds between "waiting for x to stop" lines (PROC-026).
pub const STOP_REPORT_PERIOD: i64 = 2;

/// What is being done to each process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    Start,
    Stop,
    /// `Err` keeps a signal that is none, to be told of for each process (RPC-040).
    Signal(Result<Signal, String>),
    ClearLogs,
}

/// What the caller gets in the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// True, or the fault; the text is the name as the caller gave it.
    One(String),
    /// An array with one outcome for each process that was not skipped (RPC-034).
    Many,
    /// The same for a restart: what was stopped is started next, in this order.
    ThenStart { order: Vec<ProcessKey>, wait: bool, stopped_badly: Vec<(ProcessKey, Outcome)> },
}

/// One request that acts on processes, from its arrival to its reply.
#[derive(Clone, Debug)]
pub struct Parked {
    pub id: RequestId,
    pub verb: Verb,
    pub shape: Shape,
    pub wait: bool,
    /// Processes still to be visited, in this order; starts may be left for the turns that follow.
    pub to_visit: VecDeque<ProcessKey>,
    /// Processes whose visit has not ended: there is no answer before it has.
    pub launching: usize,
    /// Processes whose goal is still out, each with its place in visiting order.
    pub waiting: BTreeMap<ProcessKey, usize>,
    /// The place of the next.
    next_place: usize,
    /// Of those who were not waited for, in visiting order.
    pub outcomes: Vec<Outcome>,
    /// Of those who were, in the order of arrival; they come after the others (RPC-035).
    pub arrivals: Vec<Outcome>,
    /// The fault of a single request.
    pub fault: Option<Fault>,
    /// When to say again that a stop is being waited for.
    pub report_at: Option<Instant>,
}

impl Parked {
    /// A request about to visit its processes.
    pub fn new(id: RequestId, verb: Verb, shape: Shape, wait: bool, keys: Vec<ProcessKey>) -> Parked {
        Parked {
            id,
            verb,
            shape,
            wait,
            launching: keys.len(),
            to_visit: keys.into(),
            waiting: BTreeMap::new(),
            next_place: 0,
            outcomes: Vec::new(),
            arrivals: Vec::new(),
            fault: None,
            report_at: None,
        }
    }

    /// The name that a fault about this process carries: the caller's own text, or the short namespec.
    pub fn name_of(&self, process: &Process) -> String {
        match &self.shape {
            Shape::One(name) => name.clone(),
            Shape::Many | Shape::ThenStart { .. } => {
                Namespec::display(&process.config.group, &process.config.name)
            }
        }
    }

    /// Writes down how it went for one process, which is not waited for any more.
    pub fn settle(&mut self, key: ProcessKey, process: &Process, result: Result<(), Fault>) {
        let arrived = self.waiting.remove(&key).is_some();
        if let Shape::One(_) = self.shape {
            self.fault = result.err();
            return;
        }
        let (status, description) = match &result {
            Ok(()) => (FaultCode::Success, "OK".to_string()),
            Err(fault) => (fault.code, fault.to_string()),
        };
        let (name, group) = (process.config.name.clone(), process.config.group.clone());
        let outcome = Outcome { name, group, status, description };
        match &mut self.shape {
            Shape::ThenStart { stopped_badly, .. } if result.is_err() => stopped_badly.push((key, outcome)),
            Shape::ThenStart { .. } => (),
            Shape::One(_) | Shape::Many if arrived => self.arrivals.push(outcome),
            Shape::One(_) | Shape::Many => self.outcomes.push(outcome),
        }
    }

    /// From now on it waits for this process too.
    pub fn wait_for(&mut self, key: ProcessKey) {
        self.waiting.insert(key, self.next_place);
        self.next_place += 1;
    }

    /// Those of `keys` that it waits for, in visiting order.
    pub fn waiting_among(&self, keys: &BTreeSet<ProcessKey>) -> Vec<ProcessKey> {
        let mut found: Vec<(usize, ProcessKey)> =
            keys.iter().filter_map(|key| Some((*self.waiting.get(key)?, *key))).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, key)| key).collect()
    }

    /// Whether there is anything to do for it: most of the many that may wait have nothing to do with most turns.
    pub fn is_concerned(&self, moved: &BTreeSet<ProcessKey>, now: Instant) -> bool {
        self.is_done()
            || self.report_at.is_some_and(|at| at <= now)
            || moved.iter().any(|key| self.waiting.contains_key(key))
    }

    /// All that it waits for, in visiting order.
    pub fn waiting_in_order(&self) -> Vec<ProcessKey> {
        let mut all: Vec<(usize, ProcessKey)> =
            self.waiting.iter().map(|(key, place)| (*place, *key)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, key)| key).collect()
    }

    /// Whether nothing is out any more.
    pub fn is_done(&self) -> bool {
        self.launching == 0 && self.waiting.is_empty()
    }

    /// What the client gets; for a request that is done.
    pub fn reply(mut self) -> Result<Reply, Fault> {
        match (self.shape, self.fault) {
            (Shape::One(_), Some(fault)) => Err(fault),
            (Shape::One(_), None) => Ok(Reply::True),
            (Shape::Many | Shape::ThenStart { .. }, _) => {
                self.outcomes.append(&mut self.arrivals);
                Ok(Reply::Outcomes(self.outcomes))
            }
        }
    }

    /// Whether a process waited for has arrived, and how; `None` while it is still on its way (RPC-030).
    pub fn arrival(&self, process: &Process) -> Option<Result<(), Fault>> {
        let state = process.state();
        match self.verb {
            // With startsecs=0 it has been RUNNING, and if it ends at once that is no failed start (RPC-032).
            Verb::Start if process.config.startsecs == 0 && state == ProcessState::Exited => Some(Ok(())),
            Verb::Start => match state {
                _ if process.spawnerr().is_some() => {
                    Some(Err(Fault::new(FaultCode::SpawnError, self.name_of(process))))
                }
                ProcessState::Running => Some(Ok(())),
                ProcessState::Starting => None,
                ProcessState::Stopped
                | ProcessState::Backoff
                | ProcessState::Stopping
                | ProcessState::Exited
                | ProcessState::Fatal
                | ProcessState::Unknown => {
                    Some(Err(Fault::new(FaultCode::AbnormalTermination, self.name_of(process))))
                }
            },
            Verb::Stop => state.is_stopped().then_some(Ok(())),
            Verb::Signal(_) | Verb::ClearLogs => Some(Ok(())),
        }
    }
}
