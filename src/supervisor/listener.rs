//! An event listener pool: a group whose processes are told of events, one process of each (EVT-024 to EVT-034).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::ProcessKey;
use super::clock::Instant;
use super::handshake::{Handshake, ListenerState, Said};
use crate::config::{EventType, ListenerConfig};
use crate::names::{GroupName, ProcessName};

/// Milliseconds before an event is told again that failed twice in a row. Each further failure doubles the pause; the
/// reference knows none, and spins (EVT-030, BUG-037).
pub const RETRY_PAUSE: u64 = 100;

/// Milliseconds past which the pause does not grow.
pub const RETRY_PAUSE_MAX: u64 = 30_000;

/// The highest serial; 0 follows (EVT-006).
const SERIAL_MAX: u64 = i64::MAX as u64;

/// An event as listeners are told of it, shared by all the pools that have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// One for all pools, in the order of events.
    pub serial: u64,
    pub kind: EventType,
    pub payload: String,
    /// What listeners that asked for more are told in the head, each with a blank before it.
    pub extra: String,
}

/// An event in a pool's buffer, or at one of its listeners.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Buffered {
    pub event: Arc<Published>,
    pub pool_serial: u64,
}

/// What the log is told of listeners (LOG-012, LOG-013, LOG-015).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenerNote {
    Became {
        process: ProcessName,
        from: ListenerState,
        to: ListenerState,
    },
    /// Once it has become UNKNOWN.
    Unknown {
        process: ProcessName,
    },
    Sent {
        process: ProcessName,
        serial: u64,
    },
    Processed {
        process: ProcessName,
    },
    Rejected {
        process: ProcessName,
    },
    /// Its result could not be judged (EVT-041).
    Failed {
        process: ProcessName,
    },
    BadResultLine {
        process: ProcessName,
        line: String,
    },
    /// It has closed its standard input (EVT-032).
    Closed {
        process: ProcessName,
        serial: u64,
    },
    /// It answers without reading, and too much waits for it (BUG-001).
    DoesNotRead {
        process: ProcessName,
    },
    Rebuffered {
        pool: GroupName,
        serial: u64,
        size: usize,
        max: i64,
    },
    Overflowed {
        pool: GroupName,
        serial: u64,
    },
    /// BUG-037
    Paused {
        pool: GroupName,
        serial: u64,
        failures: u32,
        millis: u64,
    },
    /// What waited for a pool across a restart, which it did not outlive.
    Dropped {
        pool: GroupName,
        events: usize,
    },
}

/// One pool.
#[derive(Clone, Debug)]
pub struct Pool {
    pub name: GroupName,
    pub config: ListenerConfig,
    /// In the order in which they are offered events.
    pub members: Vec<ProcessKey>,
    /// Oldest first.
    pub buffer: VecDeque<Buffered>,
    listeners: BTreeMap<ProcessKey, Listener>,
    next_serial: u64,
    /// Rejections and deaths since an event was last accepted.
    failures: u32,
    /// Nothing is told before.
    resume_at: Option<Instant>,
}

/// One process of a pool.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    pub handshake: Handshake,
    /// What it is busy with.
    pub event: Option<Buffered>,
    /// It has closed its standard input, and cannot be told anything any more.
    pub closed: bool,
}

impl Listener {
    /// The next thing it says, and where it stood.
    pub fn say(&mut self) -> Option<(ListenerState, Said)> {
        let from = self.handshake.state();
        self.handshake.say().map(|said| (from, said))
    }

    /// Whether it stands where every life of it begins.
    pub fn is_new(&self) -> bool {
        self.event.is_none() && !self.closed && self.handshake.state() == ListenerState::Acknowledged
    }

    /// Whether it waits for an event.
    pub fn is_ready(&self) -> bool {
        self.handshake.state() == ListenerState::Ready && !self.closed
    }
}

impl Pool {
    /// A pool that has been told nothing.
    pub fn new(name: GroupName, config: ListenerConfig, members: Vec<ProcessKey>) -> Pool {
        let listeners = members.iter().map(|key| (*key, Listener::default())).collect();
        Pool {
            name,
            config,
            members,
            buffer: VecDeque::new(),
            listeners,
            next_serial: 0,
            failures: 0,
            resume_at: None,
        }
    }

    /// Subscriptions that bring an event of this kind; the pool takes it once for each (EVT-002).
    pub fn subscriptions(&self, kind: EventType) -> usize {
        self.config.events.iter().filter(|subscribed| subscribed.includes(kind)).count()
    }

    /// Takes an event at the end of the buffer, once for each subscription.
    pub fn accept(&mut self, event: &Arc<Published>, notes: &mut Vec<ListenerNote>) {
        let times = self.subscriptions(event.kind);
        if times == 0 {
            return;
        }
        let buffered = Buffered { event: event.clone(), pool_serial: self.next_serial };
        self.next_serial = next_serial(self.next_serial);
        for time in 0..times {
            if time > 0 {
                self.note_rebuffered(&buffered, notes);
            }
            self.make_room(notes);
            self.buffer.push_back(buffered.clone());
        }
    }

    /// Takes what another life has left. An event that was there twice has one pool serial (EVT-002).
    pub fn resume(&mut self, events: Vec<Arc<Published>>, notes: &mut Vec<ListenerNote>) {
        let mut taken: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
        for event in events {
            let known = taken.get(&event.serial).copied();
            let (pool_serial, times) = known.unwrap_or((self.next_serial, 0));
            if times >= self.subscriptions(event.kind) {
                continue;
            }
            if known.is_none() {
                self.next_serial = next_serial(self.next_serial);
            }
            taken.insert(event.serial, (pool_serial, times + 1));
            self.make_room(notes);
            self.buffer.push_back(Buffered { event, pool_serial });
        }
    }

    /// A process has joined the group, and is offered events after all others.
    pub fn add(&mut self, key: ProcessKey) {
        self.members.push(key);
        self.listeners.insert(key, Listener::default());
    }

    /// A process has left the group; what it was busy with is told to another.
    pub fn remove(&mut self, key: ProcessKey, notes: &mut Vec<ListenerNote>) {
        self.take_back(key, notes);
        self.members.retain(|member| *member != key);
        self.listeners.remove(&key);
    }

    /// Takes back what a listener has not accepted: it is told next (EVT-028).
    pub fn take_back(&mut self, key: ProcessKey, notes: &mut Vec<ListenerNote>) {
        let Some(buffered) = self.listeners.get_mut(&key).and_then(|listener| listener.event.take()) else {
            return;
        };
        self.note_rebuffered(&buffered, notes);
        self.make_room(notes);
        self.buffer.push_front(buffered);
    }

    /// What a listener was busy with was rejected, or it died over it. Again and again, and the pool pauses (BUG-037).
    pub fn failed(&mut self, key: ProcessKey, now: Instant, notes: &mut Vec<ListenerNote>) {
        let event = self.listener(key).and_then(|listener| listener.event.as_ref());
        let Some(serial) = event.map(|buffered| buffered.event.serial) else { return };
        self.take_back(key, notes);
        self.failures = self.failures.saturating_add(1);
        if let Some(doublings) = self.failures.checked_sub(2) {
            let millis = RETRY_PAUSE.checked_shl(doublings.min(32)).unwrap_or(RETRY_PAUSE_MAX);
            let millis = millis.min(RETRY_PAUSE_MAX);
            self.resume_at = Some(Instant(now.0.saturating_add(millis * 1_000_000)));
            let (pool, failures) = (self.name.clone(), self.failures);
            notes.push(ListenerNote::Paused { pool, serial, failures, millis });
        }
    }

    /// What a listener was busy with was accepted.
    pub fn accepted(&mut self, key: ProcessKey) {
        if let Some(listener) = self.listeners.get_mut(&key) {
            listener.event = None;
        }
        self.failures = 0;
        self.resume_at = None;
    }

    /// When a pause ends that keeps events waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.resume_at.filter(|_| !self.buffer.is_empty())
    }

    /// Whether it may tell its next event; a pause that is over is forgotten.
    pub fn may_tell(&mut self, now: Instant) -> bool {
        if self.resume_at.is_some_and(|at| at <= now) {
            self.resume_at = None;
        }
        self.resume_at.is_none() && !self.buffer.is_empty()
    }

    /// Whether a process that is RUNNING is busy, or about to be told the next event.
    pub fn is_at_work(&self, is_running: impl Fn(ProcessKey) -> bool) -> bool {
        let has_more = self.resume_at.is_none() && !self.buffer.is_empty();
        self.listeners.iter().any(|(key, listener)| {
            let at_work = match listener.handshake.state() {
                ListenerState::Busy => true,
                ListenerState::Acknowledged | ListenerState::Ready => has_more && !listener.closed,
                ListenerState::Unknown => false,
            };
            at_work && is_running(*key)
        })
    }

    /// One of its processes; `None` for a stranger.
    pub fn listener(&self, key: ProcessKey) -> Option<&Listener> {
        self.listeners.get(&key)
    }

    /// The same, to be changed.
    pub fn listener_mut(&mut self, key: ProcessKey) -> Option<&mut Listener> {
        self.listeners.get_mut(&key)
    }

    /// Looks for a broken invariant and says which; `is_running` tells of a process whether it is RUNNING.
    pub fn check(&self, now: Instant, is_running: impl Fn(ProcessKey) -> bool) -> Result<(), String> {
        let (held, max) = (self.buffer.len(), self.config.buffer_size);
        if i64::try_from(held).is_ok_and(|held| held > max) {
            return Err(format!("{held} events in a buffer for {max}"));
        }
        if self.members.len() != self.listeners.len() {
            return Err(format!("{} listeners for {} processes", self.listeners.len(), self.members.len()));
        }
        let busy = self.listeners.values().filter_map(|listener| listener.event.as_ref());
        let mut copies: BTreeMap<u64, usize> = BTreeMap::new();
        for buffered in self.buffer.iter().chain(busy) {
            let copies = copies.entry(buffered.pool_serial).or_default();
            *copies += 1;
            if *copies > self.subscriptions(buffered.event.kind) {
                return Err(format!("event {} is there {copies} times", buffered.event.serial));
            }
        }
        for (key, listener) in &self.listeners {
            if listener.event.is_some() != (listener.handshake.state() == ListenerState::Busy) {
                return Err(format!("{key:?} is {} with {:?}", listener.handshake.state(), listener.event));
            }
            let waits = self.resume_at.is_some_and(|at| at > now) || self.buffer.is_empty();
            if !waits && listener.is_ready() && is_running(*key) {
                return Err(format!("{key:?} is READY and told nothing of {held} events"));
            }
        }
        Ok(())
    }

    /// The head and the payload, byte for byte (EVT-004, EVT-005).
    pub fn envelope(&self, server: &str, buffered: &Buffered) -> Vec<u8> {
        let Published { serial, kind, payload, extra } = &*buffered.event;
        let length = if payload.is_ascii() { payload.len() } else { payload.chars().count() };
        let extra = if self.config.extended { extra } else { "" };
        let (pool, pool_serial, name) = (&self.name, buffered.pool_serial, kind.name());
        format!(
            "ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{pool_serial} eventname:{name} \
             len:{length}{extra}\n{payload}"
        )
        .into_bytes()
    }

    /// Whether one event more would make another go.
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= usize::try_from(self.config.buffer_size).unwrap_or(usize::MAX)
    }

    /// The oldest goes first when its listeners fall behind (EVT-026).
    fn make_room(&mut self, notes: &mut Vec<ListenerNote>) {
        while self.is_full() {
            let Some(oldest) = self.buffer.pop_front() else { return };
            notes.push(ListenerNote::Overflowed { pool: self.name.clone(), serial: oldest.event.serial });
        }
    }

    fn note_rebuffered(&self, buffered: &Buffered, notes: &mut Vec<ListenerNote>) {
        let (pool, serial) = (self.name.clone(), buffered.event.serial);
        let (size, max) = (self.buffer.len(), self.config.buffer_size);
        notes.push(ListenerNote::Rebuffered { pool, serial, size, max });
    }
}

/// The serial after this one.
pub fn next_serial(serial: u64) -> u64 {
    if serial == SERIAL_MAX { 0 } else { serial + 1 }
}

/// The identifier as a token of the head can hold it: a blank would begin another token, and a colon is taken for the
/// end of the token's name (BUG-031).
pub fn server_token(identifier: &str) -> String {
    let mut token = String::with_capacity(identifier.len());
    for c in identifier.chars() {
        if c.is_whitespace() || c.is_control() || c == ':' {
            let mut bytes = [0; 4];
            token.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        } else {
            token.push(c);
        }
    }
    token
}
