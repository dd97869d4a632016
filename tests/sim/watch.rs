//! What can be seen from outside, and the promises that must hold there. Knows no rule from the supervisor's code,
//! only those of its contract and of the inventory.

use std::collections::BTreeMap;

use convoke::api::{ProcessState, RequestId};
use convoke::config::ProcessConfig;
use convoke::names::{GroupName, Pid, ProcessName, Signal};
use convoke::supervisor::event::StateChange;
use convoke::supervisor::{Instant, ProcessKey};
use std::sync::Arc;

/// Seconds that any client may have to wait: the longest startsecs or stopwaitsecs, and a child slow to die.
const LONGEST_WAIT: i64 = 60;

/// A process, as its effects show it.
pub struct Seen {
    pub config: Arc<ProcessConfig>,
    pub state: ProcessState,
    pub child: Option<Pid>,
    spawned_at: Instant,
    stopping_at: Instant,
    backoff_at: Instant,
    killed_at: Option<Instant>,
    tries: i64,
    /// Its group was removed while its child, which could not be signalled, lived on.
    pub left: bool,
}

/// Why the turn under way takes place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Begin,
    Wake,
    Signal,
    Exit,
    Request,
    Output,
}

pub struct Watch {
    pub processes: BTreeMap<ProcessKey, Seen>,
    names: BTreeMap<(GroupName, ProcessName), ProcessKey>,
    /// Requests not answered yet, and since when.
    pub waiting: BTreeMap<RequestId, Instant>,
    /// Those among them that stop and then start a collection.
    pub restarts: usize,
    /// When a start of many was asked for last. Its walk takes several turns, but no time.
    pub walk_at: Option<Instant>,
    pub now: Instant,
    pub cause: Cause,
    /// Whose turn it was: looked at when it ends.
    touched: Vec<ProcessKey>,
    /// Who was told of an event while STARTING: the event that it runs must follow in this turn.
    told: Vec<ProcessKey>,
    pub stopping: bool,
    pub ended: bool,
}

type Verdict = Result<(), String>;

impl Watch {
    pub fn new() -> Watch {
        Watch {
            processes: BTreeMap::new(),
            names: BTreeMap::new(),
            waiting: BTreeMap::new(),
            restarts: 0,
            walk_at: None,
            now: Instant(0),
            cause: Cause::Begin,
            touched: Vec::new(),
            told: Vec::new(),
            stopping: false,
            ended: false,
        }
    }

    pub fn join(&mut self, key: ProcessKey, config: &Arc<ProcessConfig>) -> Verdict {
        let name = (config.group.clone(), config.name.clone());
        let seen = Seen {
            config: config.clone(),
            state: ProcessState::Stopped,
            child: None,
            spawned_at: Instant(0),
            stopping_at: Instant(0),
            backoff_at: Instant(0),
            killed_at: None,
            tries: 0,
            left: false,
        };
        let known = self.processes.insert(key, seen).is_some() || self.names.insert(name, key).is_some();
        if known {
            Err(format!("{}:{} joined twice, or its key did", config.group, config.name))
        } else {
            Ok(())
        }
    }

    pub fn leave(&mut self, key: ProcessKey) -> Verdict {
        let seen = self.processes.get_mut(&key).ok_or("a process left that never joined")?;
        if !seen.state.is_stopped() {
            return Err(format!("{} left in {}", seen.config.name, seen.state));
        }
        self.names.remove(&(seen.config.group.clone(), seen.config.name.clone()));
        seen.left = true;
        if seen.child.is_none() {
            self.processes.remove(&key);
        }
        Ok(())
    }

    pub fn spawn(&mut self, key: ProcessKey) -> Verdict {
        let (now, stopping) = (self.now, self.stopping);
        let seen = self.live(key)?;
        if let Some(pid) = seen.child {
            return Err(format!("{} is spawned while its child {pid} lives", seen.config.name));
        }
        if seen.state != ProcessState::Starting {
            return Err(format!("{} is spawned in {}", seen.config.name, seen.state));
        }
        if stopping {
            return Err(format!("{} is spawned during a shutdown", seen.config.name));
        }
        seen.spawned_at = now;
        Ok(())
    }

    pub fn kill(&mut self, key: ProcessKey, signal: Signal) -> Verdict {
        let (now, cause) = (self.now, self.cause);
        let seen = self.live(key)?;
        if seen.child.is_none() {
            return Err(format!("{} is sent {} and has no child", seen.config.name, signal.name()));
        }
        if signal == Signal::KILL && cause != Cause::Request && seen.state == ProcessState::Stopping {
            let since = (now - seen.stopping_at).as_secs() as i64;
            if since < seen.config.stopwaitsecs {
                return Err(format!("{} is killed {since} s after its stop", seen.config.name));
            }
            if seen.killed_at.is_some_and(|at| now < at.plus_seconds(1)) {
                return Err(format!("{} is killed twice within a second", seen.config.name));
            }
            seen.killed_at = Some(now);
        }
        Ok(())
    }

    pub fn event(
        &mut self,
        group: &GroupName,
        name: &ProcessName,
        from: ProcessState,
        to: StateChange,
    ) -> Verdict {
        let key = self.names.get(&(group.clone(), name.clone())).copied();
        let key = key.ok_or_else(|| format!("an event of {group}:{name}, which nobody knows"))?;
        let by_itself = self.cause != Cause::Request && self.restarts == 0 && self.walk_at != Some(self.now);
        let (now, exiting) = (self.now, self.cause == Cause::Exit);
        self.touched.push(key);
        self.told.retain(|told| *told != key || !matches!(to, StateChange::Running { .. }));
        let seen = self.live(key)?;
        let next = state(to);
        if seen.state != from {
            return Err(format!("{name} was {}, and its event says {from} to {next}", seen.state));
        }
        if !exists(from, next) {
            return Err(format!("{name}: there is no way from {from} to {next}"));
        }
        if pid(to).is_some_and(|pid| !exiting && seen.child != Some(pid)) {
            return Err(format!("{name}: the event says {to:?}, its child is {:?}", seen.child));
        }
        match to {
            StateChange::Starting { tries } => {
                let floor = from == ProcessState::Exited && by_itself;
                if floor && now < seen.spawned_at.plus_seconds(1) {
                    return Err(format!("{name} is restarted within a second of its start"));
                }
                if from == ProcessState::Backoff && now <= seen.backoff_at.plus_seconds(tries) {
                    return Err(format!("{name} is tried again too early, after {tries} tries"));
                }
            }
            StateChange::Running { .. } => {
                let startsecs = seen.spawned_at.plus_seconds(seen.config.startsecs);
                if now < startsecs || (now == startsecs && !exiting) {
                    return Err(format!("{name} runs before its startsecs are over"));
                }
                seen.tries = 0;
            }
            StateChange::Backoff { tries } => {
                if tries != seen.tries + 1 || tries > seen.config.startretries + 1 {
                    return Err(format!("{name}: try {tries} after {}", seen.tries));
                }
                (seen.backoff_at, seen.tries) = (now, tries);
            }
            StateChange::Stopping { .. } => (seen.stopping_at, seen.killed_at) = (now, None),
            // PROC-009, and BUG-020: no pid means stopped in BACKOFF.
            StateChange::Exited { .. } | StateChange::Fatal | StateChange::Stopped { child: None } => {
                seen.tries = 0
            }
            StateChange::Stopped { child: Some(_) } | StateChange::Unknown => (),
        }
        seen.state = next;
        Ok(())
    }

    /// A listener is told of an event. It runs, if perhaps the event that says so comes later in this turn (EVT-043).
    pub fn tell(&mut self, key: ProcessKey) -> Verdict {
        let seen = self.live(key)?;
        match seen.state {
            ProcessState::Running => (),
            ProcessState::Starting => self.told.push(key),
            state => return Err(format!("{} is told of an event in {state}", seen.config.name)),
        }
        Ok(())
    }

    pub fn is_running(&self, key: ProcessKey) -> bool {
        self.processes.get(&key).is_some_and(|seen| !seen.left && seen.state == ProcessState::Running)
    }

    pub fn asked(&mut self, id: RequestId) {
        self.waiting.insert(id, self.now);
    }

    pub fn answered(&mut self, id: RequestId) -> Verdict {
        let known = self.waiting.remove(&id);
        known.map(|_| ()).ok_or_else(|| format!("an answer to request {}, which waits for none", id.0))
    }

    /// Looks at those whom the turn concerned.
    pub fn turn_ends(&mut self) -> Verdict {
        if let Some(key) = self.told.pop() {
            return Err(format!("{key:?} was told of an event and does not run yet"));
        }
        for key in std::mem::take(&mut self.touched) {
            if let Some(seen) = self.processes.get(&key) {
                child_fits_state(seen)?;
            }
        }
        Ok(())
    }

    /// Looks at everything.
    pub fn check(&self) -> Verdict {
        self.processes.values().try_for_each(child_fits_state)?;
        match self.waiting.iter().find(|(_, since)| since.plus_seconds(LONGEST_WAIT) < self.now) {
            Some((id, since)) => Err(format!("request {} has waited since {since:?}", id.0)),
            None => Ok(()),
        }
    }

    fn live(&mut self, key: ProcessKey) -> Result<&mut Seen, String> {
        self.processes.get_mut(&key).filter(|seen| !seen.left).ok_or_else(|| format!("nobody has {key:?}"))
    }
}

fn child_fits_state(seen: &Seen) -> Verdict {
    let wanted = match seen.state {
        ProcessState::Starting | ProcessState::Running | ProcessState::Stopping => true,
        ProcessState::Stopped | ProcessState::Backoff | ProcessState::Exited | ProcessState::Fatal => false,
        // A signal could not be sent: the child may be there or not.
        ProcessState::Unknown => return Ok(()),
    };
    if seen.child.is_some() == wanted {
        Ok(())
    } else {
        Err(format!("{} is {} with child {:?}", seen.config.name, seen.state, seen.child))
    }
}

fn state(change: StateChange) -> ProcessState {
    match change {
        StateChange::Starting { .. } => ProcessState::Starting,
        StateChange::Running { .. } => ProcessState::Running,
        StateChange::Backoff { .. } => ProcessState::Backoff,
        StateChange::Stopping { .. } => ProcessState::Stopping,
        StateChange::Exited { .. } => ProcessState::Exited,
        StateChange::Stopped { .. } => ProcessState::Stopped,
        StateChange::Fatal => ProcessState::Fatal,
        StateChange::Unknown => ProcessState::Unknown,
    }
}

fn pid(change: StateChange) -> Option<Pid> {
    match change {
        StateChange::Running { pid } | StateChange::Stopping { pid } | StateChange::Exited { pid, .. } => {
            Some(pid)
        }
        StateChange::Stopped { child } => child.map(|(pid, _)| pid),
        StateChange::Starting { .. }
        | StateChange::Backoff { .. }
        | StateChange::Fatal
        | StateChange::Unknown => None,
    }
}

/// The table of PROC-005.
fn exists(from: ProcessState, to: ProcessState) -> bool {
    use ProcessState::{Backoff, Exited, Fatal, Running, Starting, Stopped, Stopping, Unknown};
    match to {
        Starting => matches!(from, Stopped | Exited | Fatal | Backoff),
        Running => from == Starting,
        Backoff => from == Starting,
        Stopping => matches!(from, Starting | Running),
        Exited => from == Running,
        Stopped => matches!(from, Stopping | Backoff),
        Fatal => from == Backoff,
        Unknown => matches!(from, Starting | Running | Stopping),
    }
}
