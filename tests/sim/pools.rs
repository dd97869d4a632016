//! What pools of event listeners owe, told from outside: of the events that happen, what is written to listeners, and
//! what the log is told of both. Knows no rule from the supervisor's code, only those of its contract.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use convoke::config::{Config, EventType, GroupKind, ListenerConfig};
use convoke::names::GroupName;
use convoke::supervisor::listener::ListenerNote;
use convoke::supervisor::{Event, Instant, ProcessKey};

type Verdict = Result<(), String>;

/// An event that somebody has subscribed to.
struct Told {
    serial: u64,
    kind: EventType,
    payload: String,
}

/// An event on its way to the listeners of one pool.
struct Held {
    told: Rc<Told>,
    pool_serial: u64,
}

/// One pool, as it is seen.
struct Pool {
    name: GroupName,
    config: ListenerConfig,
    /// Oldest first.
    buffer: VecDeque<Held>,
    /// What has just happened, once for each subscription. If there is no room for it, but somebody READY, the oldest
    /// event is told before it is taken.
    arriving: Vec<Held>,
    busy: BTreeMap<ProcessKey, Held>,
    next_serial: u64,
    /// What the log must be told of the buffer, in order.
    expected: VecDeque<ListenerNote>,
    resume_at: Option<Instant>,
    failures: u32,
    taken: usize,
    accepted: usize,
    dropped: usize,
}

#[derive(Default)]
pub struct Pools {
    pools: BTreeMap<GroupName, Pool>,
    /// Which pool a listener is of.
    homes: BTreeMap<ProcessKey, GroupName>,
    next_serial: u64,
    /// For pools of the next life.
    kept: BTreeMap<GroupName, Vec<Rc<Told>>>,
    /// Who has said READY, of those who always tell the truth.
    ready: BTreeMap<ProcessKey, GroupName>,
    /// Over all pools and lives.
    pub counts: Counts,
}

/// What became of events.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    pub written: usize,
    pub accepted: usize,
    pub failed: usize,
    pub dropped: usize,
}

impl Pools {
    /// The pools of the next life, which are told what this one leaves.
    pub fn born_again(self) -> Pools {
        let kept = self.pools.into_iter().map(|(name, pool)| {
            let events = pool.buffer.into_iter().map(|held| held.told);
            (name, events.collect())
        });
        Pools { next_serial: self.next_serial, kept: kept.collect(), counts: self.counts, ..Pools::default() }
    }

    /// A process has joined, and with the first of them its group; `config` is what was read last.
    pub fn join(&mut self, key: ProcessKey, group: &GroupName, config: &Config) {
        self.homes.insert(key, group.clone());
        if !self.pools.contains_key(group) {
            self.begin(group, config);
        }
    }

    /// An event has happened.
    pub fn event(&mut self, event: &Event) {
        if let Event::GroupRemoved(name) = event {
            self.pools.remove(name);
            self.ready.retain(|_, pool| pool != name);
        }
        let kind = event.kind();
        let subscribed: Vec<&mut Pool> =
            self.pools.values_mut().filter(|pool| pool.subscriptions(kind) > 0).collect();
        if subscribed.is_empty() {
            return;
        }
        let told = Rc::new(Told { serial: self.next_serial, kind, payload: event.payload() });
        self.next_serial += 1;
        for pool in subscribed {
            let pool_serial = pool.next_serial;
            pool.next_serial += 1;
            pool.settle();
            let copies = (0..pool.subscriptions(kind)).map(|_| Held { told: told.clone(), pool_serial });
            pool.arriving = copies.collect();
        }
    }

    /// A group has joined: perhaps a pool, perhaps one that an earlier life has left something for.
    fn begin(&mut self, name: &GroupName, config: &Config) {
        let group = config.groups.iter().find(|group| group.name == *name);
        let Some(GroupKind::EventListeners(config)) = group.map(|group| &group.kind) else { return };
        let mut pool = Pool::new(name.clone(), config.clone());
        let mut known: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
        for told in self.kept.remove(name).unwrap_or_default() {
            let next = pool.next_serial;
            let (pool_serial, times) = known.entry(told.serial).or_insert((next, 0));
            if *times < pool.subscriptions(told.kind) {
                *times += 1;
                pool.next_serial = next.max(*pool_serial + 1);
                pool.take(Held { told, pool_serial: *pool_serial }, false);
            }
        }
        self.pools.insert(name.clone(), pool);
    }

    /// A listener is written to: it must be the pool's oldest event, byte for byte.
    pub fn written(&mut self, key: ProcessKey, bytes: &[u8], now: Instant) -> Verdict {
        self.ready.remove(&key);
        let name = self.homes.get(&key).ok_or("somebody is written to who is no listener")?;
        let pool = self.pools.get_mut(name).ok_or_else(|| format!("{name} is written to and has left"))?;
        if pool.resume_at.is_some_and(|at| now < at) {
            return Err(format!("{name} is told of an event in a pause"));
        }
        pool.resume_at = None;
        if !pool.is_full() {
            pool.settle();
        }
        let held = pool.buffer.pop_front().ok_or_else(|| format!("{name} is told of nothing"))?;
        let Told { serial, kind, payload } = &*held.told;
        let event = kind.name();
        let (pool_serial, length) = (held.pool_serial, payload.chars().count());
        let stock = format!(
            "ver:3.0 server:supervisor serial:{serial} pool:{name} poolserial:{pool_serial} eventname:{event} \
             len:{length}"
        );
        let text = String::from_utf8_lossy(bytes);
        let (head, rest) = text.split_once('\n').ok_or("an event without an end of its head")?;
        let fits = if pool.config.extended { head.starts_with(&stock) } else { head == stock };
        if !fits || rest != payload {
            return Err(format!("{name} should be told {stock} {payload}, and is told {text}"));
        }
        if let Some(held) = pool.busy.insert(key, held) {
            return Err(format!("{name}: told of an event while busy with {}", held.told.serial));
        }
        pool.settle();
        self.counts.written += 1;
        Ok(())
    }

    /// What was just written was not taken.
    pub fn not_written(&mut self, key: ProcessKey) {
        self.give_back(key, false);
    }

    /// Somebody honest has said READY, to the last byte.
    pub fn ready(&mut self, key: ProcessKey) {
        if let Some(name) = self.homes.get(&key) {
            self.ready.insert(key, name.clone());
        }
    }

    /// The log is told something, in the turn of `speaker`.
    pub fn note(&mut self, note: &ListenerNote, speaker: Option<ProcessKey>, now: Instant) -> Verdict {
        if let ListenerNote::Rebuffered { pool, .. } | ListenerNote::Overflowed { pool, .. } = note
            && let Some(pool) = self.pools.get_mut(pool)
        {
            pool.settle();
        }
        match note {
            ListenerNote::Rebuffered { pool, serial, .. } => {
                let due = self.pools.get(pool).is_some_and(|pool| !pool.expected.is_empty());
                let dying = speaker.filter(|key| {
                    let busy = self.pools.get(pool).and_then(|pool| pool.busy.get(key));
                    !due && busy.is_some_and(|held| held.told.serial == *serial)
                });
                dying.into_iter().for_each(|key| self.give_back(key, true));
                self.expected(pool, note)
            }
            ListenerNote::Overflowed { pool, .. } => {
                self.counts.dropped += 1;
                self.expected(pool, note)
            }
            ListenerNote::Paused { pool: name, failures, millis, .. } => {
                let pool = self.pools.get_mut(name).ok_or("a pause without a pool")?;
                if *failures != pool.failures || pool.failures < 2 || *millis > 30_000 {
                    return Err(format!("{name} has failed {} times, and {note:?}", pool.failures));
                }
                pool.resume_at = Some(Instant(now.0 + millis * 1_000_000));
                Ok(())
            }
            ListenerNote::Processed { .. } => self.accepted(speaker.ok_or("accepted by nobody")?),
            ListenerNote::Rejected { .. }
            | ListenerNote::Failed { .. }
            | ListenerNote::BadResultLine { .. } => {
                self.give_back(speaker.ok_or("refused by nobody")?, true);
                Ok(())
            }
            ListenerNote::Dropped { pool, events } => match self.kept.remove(pool) {
                Some(kept) if kept.len() == *events => Ok(()),
                _ => Err(format!("{note:?}")),
            },
            ListenerNote::Became { .. }
            | ListenerNote::Unknown { .. }
            | ListenerNote::Sent { .. }
            | ListenerNote::Closed { .. }
            | ListenerNote::DoesNotRead { .. } => Ok(()),
        }
    }

    fn expected(&mut self, name: &GroupName, note: &ListenerNote) -> Verdict {
        let pool = self.pools.get_mut(name);
        let expected = pool.and_then(|pool| pool.expected.pop_front());
        if expected.as_ref() == Some(note) {
            return Ok(());
        }
        Err(format!("the log is told {note:?} and should be told {expected:?}"))
    }

    fn accepted(&mut self, key: ProcessKey) -> Verdict {
        let pool = self.homes.get(&key).and_then(|name| self.pools.get_mut(name)).ok_or("no pool")?;
        pool.busy.remove(&key).ok_or("accepted twice, or what nobody was told of")?;
        (pool.failures, pool.resume_at) = (0, None);
        pool.accepted += 1;
        self.counts.accepted += 1;
        Ok(())
    }

    /// Nothing has made room for what has just happened.
    fn settle(&mut self) {
        self.pools.values_mut().for_each(Pool::settle);
    }

    fn give_back(&mut self, key: ProcessKey, failed: bool) {
        let Some(pool) = self.homes.get(&key).and_then(|name| self.pools.get_mut(name)) else { return };
        let Some(held) = pool.busy.remove(&key) else { return };
        pool.settle();
        pool.failures += u32::from(failed);
        self.counts.failed += usize::from(failed);
        pool.taken -= 1;
        pool.expect_rebuffered(&held);
        pool.take(held, true);
    }

    /// Whoever has died in this turn is busy with nothing any more.
    pub fn died(&mut self, key: ProcessKey) -> Verdict {
        self.ready.remove(&key);
        let pool = self.homes.get(&key).and_then(|name| self.pools.get(name));
        match pool.and_then(|pool| pool.busy.get(&key)) {
            Some(held) => Err(format!("event {} died with its listener", held.told.serial)),
            None => Ok(()),
        }
    }

    /// At the end of each turn: nobody waits for an event that is there.
    pub fn turn_ends(&mut self, now: Instant, is_running: impl Fn(ProcessKey) -> bool) -> Verdict {
        self.settle();
        for (key, name) in &self.ready {
            let waits = |pool: &Pool| !pool.buffer.is_empty() && pool.resume_at.is_none_or(|at| at <= now);
            if self.pools.get(name).is_some_and(waits) && is_running(*key) {
                return Err(format!("{name}: {key:?} is READY, and an event waits"));
            }
        }
        Ok(())
    }

    /// Every event that was taken is accepted, dropped for want of room, or on its way.
    pub fn check(&mut self) -> Verdict {
        self.settle();
        for (name, pool) in &self.pools {
            if let Some(note) = pool.expected.front() {
                return Err(format!("{name}: nobody said {note:?}"));
            }
            let held = pool.buffer.len() + pool.busy.len();
            if pool.taken != pool.accepted + pool.dropped + held {
                let Pool { taken, accepted, dropped, .. } = pool;
                return Err(format!(
                    "{name}: of {taken}, {accepted} accepted, {dropped} dropped, {held} held"
                ));
            }
        }
        Ok(())
    }
}

impl Pool {
    fn new(name: GroupName, config: ListenerConfig) -> Pool {
        Pool {
            name,
            config,
            buffer: VecDeque::new(),
            arriving: Vec::new(),
            busy: BTreeMap::new(),
            next_serial: 0,
            expected: VecDeque::new(),
            resume_at: None,
            failures: 0,
            taken: 0,
            accepted: 0,
            dropped: 0,
        }
    }

    fn subscriptions(&self, kind: EventType) -> usize {
        self.config.events.iter().filter(|subscribed| subscribed.includes(kind)).count()
    }

    fn is_full(&self) -> bool {
        self.buffer.len() as i64 >= self.config.buffer_size
    }

    fn settle(&mut self) {
        for (time, held) in std::mem::take(&mut self.arriving).into_iter().enumerate() {
            if time > 0 {
                self.expect_rebuffered(&held);
            }
            self.take(held, false);
        }
    }

    fn expect_rebuffered(&mut self, held: &Held) {
        let (pool, serial) = (self.name.clone(), held.told.serial);
        let (size, max) = (self.buffer.len(), self.config.buffer_size);
        self.expected.push_back(ListenerNote::Rebuffered { pool, serial, size, max });
    }

    /// At the end, or at the head what comes back. The oldest makes room, and the log is told of it.
    fn take(&mut self, held: Held, back: bool) {
        self.taken += 1;
        while self.is_full() {
            let Some(oldest) = self.buffer.pop_front() else { return };
            self.dropped += 1;
            let (pool, serial) = (self.name.clone(), oldest.told.serial);
            self.expected.push_back(ListenerNote::Overflowed { pool, serial });
        }
        if back {
            self.buffer.push_front(held);
        } else {
            self.buffer.push_back(held);
        }
    }
}
