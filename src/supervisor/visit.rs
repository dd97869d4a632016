//! Start, stop and signal: one walk for a process, a group, a collection and everything.
//!
//! Processes are visited one after the other, each visit ended with its effects carried out, before the next
//! begins. Where there is much to start, the walk goes on in the turns that follow, so that a start of ten thousand
//! holds up nobody else. The request waits for all of them together (RPC-036).

use std::collections::BTreeSet;

use super::parked::{PARKED_MAX, Parked, STOP_REPORT_PERIOD, Shape, Verb};
use super::{CommandError, Effect, Note, ProcessKey, Step, Supervisor, process};
use crate::api::{Fault, FaultCode, ProcessState, RequestId, SupervisorState};
use crate::names::Errno;

impl Supervisor {
    /// Plans a visit to each of `keys`, in this order.
    pub(super) fn plan_visits(
        &mut self,
        id: RequestId,
        verb: Verb,
        shape: Shape,
        wait: bool,
        keys: Vec<ProcessKey>,
    ) {
        if self.parked.len() >= PARKED_MAX {
            let text = format!("{PARKED_MAX} requests are under way already");
            self.replies.push_back((id, Err(Fault::new(FaultCode::Failed, text))));
            return;
        }
        self.set_out(Parked::new(id, verb, shape, wait, keys));
    }

    /// Begins the walk of a request.
    fn set_out(&mut self, parked: Parked) {
        let id = parked.id;
        self.parked.insert(id, parked);
        self.go_on(id);
    }

    /// Visits as many as the turn has room for. One start at least, whatever else is due, or it would never end.
    fn go_on(&mut self, id: RequestId) {
        let Some(parked) = self.parked.get_mut(&id) else { return };
        let mut room = parked.to_visit.len();
        if parked.verb == Verb::Start {
            room = room.min(self.starts_left.max(1));
            self.starts_left = self.starts_left.saturating_sub(room);
        }
        self.added.extend(parked.to_visit.drain(..room).map(|key| Step::Visit(id, key)));
    }

    /// The walk under way that began first, if any is.
    pub(super) fn walk_under_way(&self) -> Option<RequestId> {
        self.parked.values().find(|parked| !parked.to_visit.is_empty()).map(|parked| parked.id)
    }

    /// Takes the walk under way further.
    pub(super) fn walk_on(&mut self) {
        if let Some(id) = self.walk_under_way() {
            self.go_on(id);
        }
    }

    /// Comes to one process: skips it, refuses, or begins what the request wants of it.
    pub(super) fn visit(&mut self, id: RequestId, key: ProcessKey) {
        let (Some(parked), Some(process)) = (self.parked.get(&id), self.groups.process(key)) else {
            return self.leave(id);
        };
        let state = process.state();
        let one = matches!(parked.shape, Shape::One(_));
        match parked.verb.clone() {
            // The shutdown came in the middle of the walk.
            Verb::Start if self.state != SupervisorState::Running => {
                self.settle_one(id, key, Err(FaultCode::ShutdownState.into()));
            }
            Verb::Start if !one && state.is_running() => self.leave(id),
            Verb::Start => {
                let check = Effect::Check(id, key, process.config.clone());
                self.added.push(Step::Do(check));
            }
            Verb::Stop if !state.is_running() => {
                // Nothing to stop, but an automatic start that is due must not undo it.
                self.step(key, process::Input::Stop);
                self.refuse_or_skip(id, key, FaultCode::NotRunning);
            }
            Verb::Stop => self.act(id, key, process::Input::Stop),
            Verb::Signal(_) if !one && !state.is_signallable() => self.leave(id),
            Verb::Signal(Err(given)) => {
                self.settle_one(id, key, Err(Fault::new(FaultCode::BadSignal, given)));
            }
            Verb::Signal(Ok(_)) if !state.is_signallable() => {
                self.refuse_or_skip(id, key, FaultCode::NotRunning);
            }
            Verb::Signal(Ok(signal)) => self.act(id, key, process::Input::Signal(signal)),
            Verb::ClearLogs => self.added.push(Step::Do(Effect::ClearLogs(id, key))),
        }
    }

    /// The command has been looked up; only then does the state count (RPC-028, RPC-029).
    pub(super) fn on_checked(&mut self, id: RequestId, key: ProcessKey, result: Result<(), CommandError>) {
        let (Some(parked), Some(process)) = (self.parked.get(&id), self.groups.process(key)) else {
            return self.leave(id);
        };
        let name = parked.name_of(process);
        let fault = match (result, process.state()) {
            (Err(error @ CommandError::NotFound { .. }), _) => {
                Fault::new(FaultCode::NoFile, error.to_string())
            }
            (Err(error), _) => Fault::new(FaultCode::NotExecutable, error.to_string()),
            (Ok(()), ProcessState::Running | ProcessState::Backoff | ProcessState::Starting) => {
                Fault::new(FaultCode::AlreadyStarted, name)
            }
            (Ok(()), ProcessState::Unknown) => {
                Fault::new(FaultCode::Failed, format!("{name} is in an unknown process state"))
            }
            (Ok(()), ProcessState::Stopping) => {
                // The reference says true and starts nothing unless the caller waits (BUG-021).
                self.step(key, process::Input::Start);
                Fault::new(FaultCode::AbnormalTermination, name)
            }
            (Ok(()), ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal) => {
                return self.act(id, key, process::Input::Start);
            }
        };
        self.settle_one(id, key, Err(fault));
    }

    /// The logs are empty, or cannot be emptied (RPC-053).
    pub(super) fn on_logs_cleared(&mut self, id: RequestId, key: ProcessKey, result: Result<(), Errno>) {
        let (Some(parked), Some(process)) = (self.parked.get(&id), self.groups.process(key)) else {
            return self.leave(id);
        };
        let failed = Fault::new(FaultCode::Failed, parked.name_of(process));
        self.settle_one(id, key, result.map_err(|_| failed));
    }

    /// All that a visit asked for has been done: an answer, or a process to wait for.
    pub(super) fn visited(&mut self, id: RequestId, key: ProcessKey) {
        let (Some(parked), Some(process)) = (self.parked.get_mut(&id), self.groups.process(key)) else {
            return self.leave(id);
        };
        let state = process.state();
        let failed = process.problem().map(|problem| Fault::new(FaultCode::Failed, problem));
        let result = match &parked.verb {
            Verb::Start if process.spawnerr().is_some() => {
                Err(Fault::new(FaultCode::SpawnError, parked.name_of(process)))
            }
            Verb::Start if parked.wait && state != ProcessState::Running => return self.wait_for(id, key),
            Verb::Start => Ok(()),
            Verb::Stop | Verb::Signal(_) if failed.is_some() => failed.map_or(Ok(()), Err),
            Verb::Stop if parked.wait && !state.is_stopped() => return self.wait_for(id, key),
            Verb::Stop | Verb::Signal(_) | Verb::ClearLogs => Ok(()),
        };
        self.settle_one(id, key, result);
    }

    /// Sees who has arrived; requests that wait for nobody any more are answered.
    pub(super) fn settle_parked(&mut self) {
        let moved = std::mem::take(&mut self.moved);
        let now = self.now.at;
        let concerned = self.parked.values().filter(|parked| parked.is_concerned(&moved, now));
        let ids: Vec<RequestId> = concerned.map(|parked| parked.id).collect();
        for id in ids {
            self.settle_arrivals(id, &moved);
            self.report_stops(id);
            if self.parked.get(&id).is_some_and(Parked::is_done)
                && let Some(parked) = self.parked.remove(&id)
            {
                self.finish(parked);
            }
        }
    }

    /// Only who has moved can have arrived: a stop of ten thousand must not look at all of them for each that dies.
    fn settle_arrivals(&mut self, id: RequestId, moved: &BTreeSet<ProcessKey>) {
        let Some(parked) = self.parked.get_mut(&id) else { return };
        for key in parked.waiting_among(moved) {
            let Some(process) = self.groups.process(key) else {
                parked.waiting.remove(&key);
                continue;
            };
            if let Some(result) = parked.arrival(process) {
                parked.settle(key, process, result);
            }
        }
        if parked.waiting.is_empty() {
            parked.report_at = None;
        }
    }

    /// Says who is still being waited for, now and then (PROC-026).
    fn report_stops(&mut self, id: RequestId) {
        let Some(parked) = self.parked.get_mut(&id) else { return };
        if parked.report_at.is_none_or(|at| self.now.at < at) {
            return;
        }
        parked.report_at = Some(self.now.at.plus_seconds(STOP_REPORT_PERIOD).just_after());
        for process in parked.waiting_in_order().into_iter().filter_map(|key| self.groups.process(key)) {
            if process.state() == ProcessState::Stopping {
                let note = Note::WaitingToStop { process: process.config.name.clone() };
                self.added.push(Step::Do(Effect::Note(note)));
            }
        }
    }

    fn finish(&mut self, parked: Parked) {
        let id = parked.id;
        let (order, wait, stopped_badly) = match parked.shape {
            Shape::One(_) | Shape::Many => {
                self.replies.push_back((id, parked.reply()));
                return;
            }
            // The shutdown has stopped them, and starts nothing any more (PROC-015).
            Shape::ThenStart { .. } if self.state != SupervisorState::Running => {
                self.replies.push_back((id, Err(FaultCode::ShutdownState.into())));
                return;
            }
            Shape::ThenStart { order, wait, stopped_badly } => (order, wait, stopped_badly),
        };
        let start: Vec<ProcessKey> =
            order.into_iter().filter(|key| !stopped_badly.iter().any(|(bad, _)| bad == key)).collect();
        let mut next = Parked::new(id, Verb::Start, Shape::Many, wait, start);
        next.outcomes = stopped_badly.into_iter().map(|(_, outcome)| outcome).collect();
        if next.is_done() {
            // Nobody is left to start: no visit will bring the answer.
            self.replies.push_back((id, next.reply()));
            return;
        }
        self.set_out(next);
    }

    fn act(&mut self, id: RequestId, key: ProcessKey, input: process::Input) {
        self.step(key, input);
        self.added.push(Step::Visited(id, key));
    }

    fn refuse_or_skip(&mut self, id: RequestId, key: ProcessKey, code: FaultCode) {
        match self.parked.get(&id).map(|parked| parked.shape.clone()) {
            Some(Shape::One(name)) => self.settle_one(id, key, Err(Fault::new(code, name))),
            Some(Shape::Many | Shape::ThenStart { .. }) | None => self.leave(id),
        }
    }

    fn settle_one(&mut self, id: RequestId, key: ProcessKey, result: Result<(), Fault>) {
        if let (Some(parked), Some(process)) = (self.parked.get_mut(&id), self.groups.process(key)) {
            parked.settle(key, process, result);
        }
        self.leave(id);
    }

    fn wait_for(&mut self, id: RequestId, key: ProcessKey) {
        let now = self.now.at;
        if let Some(parked) = self.parked.get_mut(&id) {
            parked.wait_for(key);
            if parked.verb == Verb::Stop {
                parked.report_at = Some(now);
            }
        }
        self.leave(id);
    }

    fn leave(&mut self, id: RequestId) {
        if let Some(parked) = self.parked.get_mut(&id) {
            parked.launching = parked.launching.saturating_sub(1);
        }
    }
}
