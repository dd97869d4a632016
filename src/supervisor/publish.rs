//! Events on their way to listeners, and what listeners say of them.

use std::fmt::Write;
use std::sync::Arc;

use super::clock::Instant;
use super::collection;
use super::event::{Event, Note, StateChange};
use super::group::Groups;
use super::handshake::{ListenerState, Said};
use super::listener::{Listener, ListenerNote, Pool, Published, next_serial, server_token};
use super::process::Process;
use super::tick::Ticks;
use super::{Effect, ProcessKey, Step, Supervisor, WriteError};
use crate::api::ProcessState;
use crate::config::{EventType, GroupKind, ResultHandler};
use crate::names::{ExitStatus, GroupName, ProcessName};

/// The pools, and what they share.
#[derive(Clone, Debug, Default)]
pub struct Listeners {
    /// In the order in which they joined, which is the order in which they take an event.
    pools: Vec<Pool>,
    next_serial: u64,
    ticks: Ticks,
    /// For pools that have not joined yet.
    kept: Vec<(GroupName, Vec<Arc<Published>>)>,
}

/// What outlives a restart: events that no listener has accepted yet, and the serial of the next (EVT-006, BUG-037).
#[derive(Clone, Debug, Default)]
pub struct Carried(Listeners);

impl Listeners {
    fn of(&mut self, name: &GroupName) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| pool.name == *name)
    }

    /// Whether one of a pool's processes has still to answer an event, or to be told one.
    pub fn is_at_work(&self, name: &GroupName, groups: &Groups) -> bool {
        let pool = self.pools.iter().find(|pool| pool.name == *name);
        pool.is_some_and(|pool| pool.is_at_work(|key| is_running(groups, key)))
    }

    fn subscribed(&self, kind: EventType) -> bool {
        self.pools.iter().any(|pool| pool.subscriptions(kind) > 0)
    }

    fn wants_ticks(&self) -> bool {
        super::tick::PERIODS.iter().any(|period| self.subscribed(period.kind()))
    }

    /// What the next life begins with.
    fn carry(mut self) -> Carried {
        for pool in std::mem::take(&mut self.pools) {
            let events = pool.buffer.into_iter().map(|buffered| buffered.event);
            self.kept.push((pool.name, events.collect()));
        }
        Carried(self)
    }
}

impl Supervisor {
    /// Begins with what another life has left to tell.
    pub fn carrying(mut self, carried: Carried) -> Supervisor {
        self.listeners = carried.0;
        self
    }

    /// After the end: what was not told.
    pub fn into_carried(self) -> Carried {
        self.listeners.carry()
    }

    /// A group has joined: if it is a pool, it is told of events from here on.
    pub(super) fn subscribe(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get(name.as_str()) else { return };
        let GroupKind::EventListeners(config) = &group.config.kind else { return };
        let mut pool = Pool::new(name.clone(), config.clone(), group.members.clone());
        let mut notes = Vec::new();
        if let Some(at) = self.listeners.kept.iter().position(|(kept, _)| kept == name) {
            pool.resume(self.listeners.kept.remove(at).1, &mut notes);
        }
        self.listeners.pools.push(pool);
        self.note_listeners(notes);
    }

    /// What another life has left for pools that are none any more is for nobody.
    pub(super) fn forget_lost_pools(&mut self) {
        let config = self.config.clone();
        let is_pool = |name: &GroupName| {
            let mut groups = config.groups.iter().filter(|group| group.name == *name);
            groups.any(|group| matches!(group.kind, GroupKind::EventListeners(_)))
        };
        let kept = std::mem::take(&mut self.listeners.kept);
        let (kept, lost): (Vec<_>, Vec<_>) = kept.into_iter().partition(|(name, _)| is_pool(name));
        self.listeners.kept = kept;
        let notes = lost.into_iter().filter(|(_, events)| !events.is_empty());
        let notes = notes.map(|(pool, events)| ListenerNote::Dropped { pool, events: events.len() });
        self.note_listeners(notes.collect());
    }

    /// A process has joined a group in force: if that is a pool, it listens from its next start on.
    pub(super) fn listen(&mut self, name: &GroupName, key: ProcessKey) {
        if let Some(pool) = self.listeners.of(name) {
            pool.add(key);
        }
    }

    /// A process has left a group in force.
    pub(super) fn stop_listening(&mut self, name: &str, key: ProcessKey) {
        let mut notes = Vec::new();
        let pool = self.listeners.pools.iter_mut().find(|pool| pool.name.as_str() == name);
        if let Some(pool) = pool {
            pool.remove(key, &mut notes);
        }
        self.note_listeners(notes);
    }

    /// A group leaves. What was buffered for it is for nobody.
    pub(super) fn unsubscribe(&mut self, name: &str) {
        self.listeners.pools.retain(|pool| pool.name.as_str() != name);
    }

    /// An event has happened: every pool that has subscribed takes it. It is told when nothing more happens in this turn,
    /// so that an event which comes back goes first; earlier only where the buffer has no room.
    pub(super) fn publish(&mut self, event: &Event) {
        let kind = event.kind();
        self.event_counts.happened(kind);
        if !self.listeners.subscribed(kind) {
            return;
        }
        let payload = event.payload();
        let wants_more = |pool: &Pool| pool.config.extended && pool.subscriptions(kind) > 0;
        let extended = self.listeners.pools.iter().any(wants_more);
        let extra = if extended { self.extra(event, &payload) } else { String::new() };
        let listeners = &mut self.listeners;
        let published = Arc::new(Published { serial: listeners.next_serial, kind, payload, extra });
        listeners.next_serial = next_serial(listeners.next_serial);
        for at in 0..listeners.pools.len() {
            self.accept(at, &published);
        }
    }

    fn accept(&mut self, at: usize, event: &Arc<Published>) {
        let has_no_room = |pool: &Pool| pool.is_full() && pool.subscriptions(event.kind) > 0;
        if self.listeners.pools.get(at).is_some_and(has_no_room) {
            self.tell(at);
        }
        let mut notes = Vec::new();
        if let Some(pool) = self.listeners.pools.get_mut(at) {
            pool.accept(event, &mut notes);
        }
        self.note_listeners(notes);
    }

    /// `events_extended`: what follows the stock tokens.
    fn extra(&self, event: &Event, payload: &str) -> String {
        let mut extra = format!(" bytes:{}", payload.len());
        // Writing to a String cannot fail.
        let mut ended = |status: ExitStatus| match status {
            ExitStatus::Exited(code) => drop(write!(extra, " exitstatus:{code}")),
            ExitStatus::Signaled { signal, .. } => drop(write!(extra, " signal:{}", signal.name())),
            ExitStatus::Unknown(_) => (),
        };
        let process = match event {
            Event::ProcessState { process, group, to, .. } => {
                match to {
                    StateChange::Exited { status, .. }
                    | StateChange::Stopped { child: Some((_, status)) } => {
                        ended(*status);
                    }
                    StateChange::Stopped { child: None }
                    | StateChange::Starting { .. }
                    | StateChange::Running { .. }
                    | StateChange::Backoff { .. }
                    | StateChange::Stopping { .. }
                    | StateChange::Fatal
                    | StateChange::Unknown => (),
                }
                Some((group, process))
            }
            Event::ProcessLog(source, _) | Event::ProcessCommunication(source, _) => {
                Some((&source.group, &source.process))
            }
            Event::RemoteCommunication { .. }
            | Event::Tick(..)
            | Event::GroupAdded(_)
            | Event::GroupRemoved(_)
            | Event::SupervisorRunning
            | Event::SupervisorStopping
            | Event::CollectionAdded(_)
            | Event::CollectionRemoved(_)
            | Event::CollectionChanged(_) => None,
        };
        if let Some((group, process)) = process {
            let _ = write!(extra, " collections:{}", self.collections_of(group, process).join(","));
        }
        extra
    }

    fn collections_of(&self, group: &GroupName, process: &ProcessName) -> Vec<String> {
        let group = self.groups.get(group.as_str());
        let key = group.and_then(|group| group.by_name.get(process));
        let member = key.and_then(|key| self.groups.member(*key));
        member.map_or_else(Vec::new, |member| collection::containing(member, &self.config))
    }

    /// Every pool that can tell its oldest event does.
    pub(super) fn tell_all(&mut self) {
        for at in 0..self.listeners.pools.len() {
            self.tell(at);
        }
    }

    /// Offers a pool's oldest event to the first of its processes that is RUNNING and READY (EVT-024, EVT-043).
    fn tell(&mut self, at: usize) {
        let groups = &self.groups;
        let Some(pool) = self.listeners.pools.get_mut(at).filter(|pool| !pool.buffer.is_empty()) else {
            return;
        };
        if !pool.may_tell(self.now.at) {
            return;
        }
        let ready = pool
            .members
            .iter()
            .copied()
            .find(|key| pool.listener(*key).is_some_and(Listener::is_ready) && is_running(groups, *key));
        let Some(key) = ready else { return };
        let Some(buffered) = pool.buffer.pop_front() else { return };
        let envelope = pool.envelope(&server_token(&self.config.supervisord.identifier), &buffered);
        let name = pool.name.clone();
        if let Some(listener) = pool.listener_mut(key) {
            listener.handshake.enter(ListenerState::Busy);
            listener.event = Some(buffered);
        }
        self.added.push(Step::Do(Effect::Write(key, envelope)));
        self.added.push(Step::Told(name, key));
    }

    /// The event has been written; or not, and it is the next process's (EVT-032).
    pub(super) fn told(&mut self, name: &GroupName, key: ProcessKey) {
        let failed = self.unwritten.take();
        let Some(process) = self.groups.process(key).map(|process| process.config.name.clone()) else {
            return;
        };
        let pools = &mut self.listeners.pools;
        let Some(at) = pools.iter().position(|pool| pool.name == *name) else { return };
        let Some(pool) = pools.get_mut(at) else { return };
        let Some(listener) = pool.listener_mut(key) else { return };
        let Some(serial) = listener.event.as_ref().map(|buffered| buffered.event.serial) else { return };
        let mut notes = Vec::new();
        match failed {
            None => notes.push(ListenerNote::Sent { process, serial }),
            Some(WriteError::Closed) => {
                listener.closed = true;
                listener.handshake.enter(ListenerState::Ready);
                notes.push(ListenerNote::Closed { process, serial });
                pool.take_back(key, &mut notes);
            }
            Some(WriteError::Full) => {
                notes.push(ListenerNote::DoesNotRead { process: process.clone() });
                became(&process, ListenerState::Ready, ListenerState::Unknown, &mut notes);
                listener.handshake.enter(ListenerState::Unknown);
                pool.take_back(key, &mut notes);
            }
        }
        self.note_listeners(notes);
        // The next of this pool only: what other pools have to tell is planned already, and must not be overtaken.
        self.tell(at);
    }

    /// A listener has said something (EVT-035 to EVT-041).
    pub(super) fn on_said(&mut self, key: ProcessKey, bytes: &[u8]) {
        let Some(config) = self.groups.process(key).map(|process| process.config.clone()) else { return };
        let now = self.now.at;
        let Some(pool) = self.listeners.of(&config.group) else { return };
        let Some(listener) = pool.listener_mut(key) else { return };
        listener.handshake.hear(bytes);
        let (mut notes, mut printed) = (Vec::new(), String::new());
        while let Some((from, said)) = pool.listener_mut(key).and_then(Listener::say) {
            match said {
                Said::Ready => became(&config.name, from, ListenerState::Ready, &mut notes),
                Said::Nonsense => became(&config.name, from, ListenerState::Unknown, &mut notes),
                Said::BadResultLine(line) => {
                    notes.push(ListenerNote::BadResultLine { process: config.name.clone(), line });
                    became(&config.name, from, ListenerState::Unknown, &mut notes);
                    pool.failed(key, now, &mut notes);
                }
                Said::Result(result) => {
                    let verdict = judge(pool.config.result_handler, &result, &mut printed);
                    let to = verdict.leads_to();
                    notes.push(verdict.note(&config.name));
                    became(&config.name, from, to, &mut notes);
                    if let Some(listener) = pool.listener_mut(key) {
                        listener.handshake.enter(to);
                    }
                    match verdict {
                        Verdict::Accepted => pool.accepted(key),
                        Verdict::Rejected | Verdict::Failed => pool.failed(key, now, &mut notes),
                    }
                }
            }
        }
        if !printed.is_empty() {
            self.added.push(Step::Do(Effect::Print(printed)));
        }
        self.note_listeners(notes);
    }

    /// A process has ended: what it was busy with is told again, and its next life begins anew (EVT-031).
    pub(super) fn died(&mut self, key: ProcessKey) {
        let now = self.now.at;
        let mut notes = Vec::new();
        if let Some(pool) = self.pool_of(key) {
            pool.failed(key, now, &mut notes);
            if let Some(listener) = pool.listener_mut(key) {
                *listener = Listener::default();
            }
        }
        self.note_listeners(notes);
    }

    fn pool_of(&mut self, key: ProcessKey) -> Option<&mut Pool> {
        let process = self.groups.process(key).filter(|process| process.config.listener)?;
        let group = process.config.group.clone();
        self.listeners.of(&group)
    }

    /// What of the wall clock has begun, for those who want to know (EVT-016).
    pub(super) fn tick(&mut self) {
        for (period, when) in self.listeners.ticks.due(self.now.unix) {
            if self.listeners.subscribed(period.kind()) {
                self.note(Note::Event(Event::Tick(period, when)));
            }
        }
    }

    /// When a pause ends or the clock ticks.
    pub(super) fn listeners_deadline(&self) -> Option<Instant> {
        let pause = self.listeners.pools.iter().filter_map(Pool::deadline).min();
        let tick = self.listeners.wants_ticks().then(|| super::tick::next(self.now));
        [pause, tick].into_iter().flatten().min()
    }

    /// Every pool is a group in force, has its processes, and keeps its own promises.
    pub(super) fn check_pools(&self) -> Result<(), String> {
        let groups = self.groups.by_activation();
        let of_pools =
            groups.iter().filter(|group| matches!(group.config.kind, GroupKind::EventListeners(_)));
        if of_pools.count() != self.listeners.pools.len() {
            return Err("a group listens without a pool, or a pool has no group".to_string());
        }
        for pool in &self.listeners.pools {
            let group = self.groups.get(pool.name.as_str()).ok_or("a pool outlives its group")?;
            if group.members != pool.members {
                return Err(format!("pool {} offers events to others than its processes", pool.name));
            }
            let is_running = |key| is_running(&self.groups, key);
            pool.check(self.now.at, is_running).map_err(|broken| format!("pool {}: {broken}", pool.name))?;
            for key in &pool.members {
                // One that could not be signalled may live on with its event.
                let lives =
                    |process: &Process| process.pid().is_some() || process.state() == ProcessState::Unknown;
                let ended = !self.groups.process(*key).is_some_and(lives);
                let idle = pool.listener(*key).is_some_and(Listener::is_new);
                if ended && !idle {
                    return Err(format!("pool {}: {key:?} has ended and is not as new", pool.name));
                }
            }
        }
        Ok(())
    }

    fn note_listeners(&mut self, notes: Vec<ListenerNote>) {
        self.added.extend(notes.into_iter().map(|note| Step::Do(Effect::Note(Note::Listener(note)))));
    }
}

fn is_running(groups: &Groups, key: ProcessKey) -> bool {
    groups.process(key).is_some_and(|process| process.state() == ProcessState::Running)
}

/// Says what a listener has become.
fn became(process: &ProcessName, from: ListenerState, to: ListenerState, notes: &mut Vec<ListenerNote>) {
    notes.push(ListenerNote::Became { process: process.clone(), from, to });
    if to == ListenerState::Unknown {
        notes.push(ListenerNote::Unknown { process: process.clone() });
    }
}

/// What a result means for its event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Accepted,
    Rejected,
    Failed,
}

impl Verdict {
    fn leads_to(self) -> ListenerState {
        match self {
            Verdict::Accepted | Verdict::Rejected => ListenerState::Acknowledged,
            Verdict::Failed => ListenerState::Unknown,
        }
    }

    fn note(self, process: &ProcessName) -> ListenerNote {
        let process = process.clone();
        match self {
            Verdict::Accepted => ListenerNote::Processed { process },
            Verdict::Rejected => ListenerNote::Rejected { process },
            Verdict::Failed => ListenerNote::Failed { process },
        }
    }
}

/// `OK` and nothing else is accepted (EVT-040); the other handler takes any payload of output, to be printed.
fn judge(handler: ResultHandler, result: &[u8], printed: &mut String) -> Verdict {
    match handler {
        ResultHandler::Standard if result == b"OK" => Verdict::Accepted,
        ResultHandler::Standard => Verdict::Rejected,
        ResultHandler::Stdout => match std::str::from_utf8(result).ok().and_then(line_of) {
            Some(line) => {
                printed.push_str(&line);
                Verdict::Accepted
            }
            None => Verdict::Failed,
        },
    }
}

/// What `supervisor_stdout` makes of the payload of a PROCESS_LOG event.
fn line_of(payload: &str) -> Option<String> {
    let (head, data) = payload.split_once('\n')?;
    let (mut process, mut channel) = (None, None);
    for token in head.split_whitespace() {
        match token.split_once(':').filter(|(_, value)| !value.contains(':'))? {
            ("processname", value) => process = Some(value),
            ("channel", value) => channel = Some(value),
            (_, _) => (),
        }
    }
    Some(format!("{} {} | {data}", process?, channel?))
}
