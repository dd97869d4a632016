//! The machine: children that follow their scripts, forks and kills that fail now and then, clients that ask, files
//! that are edited and broken, signals to the daemon, and a wall clock that people set.

mod speech;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use convoke::api::{Fault, ProcessInfo, Reply, Request, RequestId, SupervisorState};
use convoke::config::{self, Config};
use convoke::names::{Errno, ExitStatus, Pid, Signal};
use convoke::supervisor::{
    CommandError, Effect, Event, Exit, Input, Instant, LogPaths, Note, Now, ProcessKey, SpawnError,
    Supervisor, UnixTime,
};

use crate::pools::{Counts, Pools};
use crate::rng::{Fingerprint, Rng};
use crate::scenario::Scenario;
use crate::watch::{Cause, Watch};
use speech::Speeches;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
/// Turns at one moment. Reaching it means that the supervisor asks to be woken without end.
const TURNS_AT_ONCE_MAX: usize = 200_000;
/// The last effects, shown when a promise is broken.
const REMEMBERED: usize = 40;
/// Strokes of fate in all: signals to the daemon, disasters.
const FATES: u64 = 12;
/// How wrong the wall clock may be: some three years, back and forward.
const CLOCK_ERROR_MAX: u64 = 100_000_000;
/// What the wall clock says at the beginning.
const EPOCH: i64 = 1_700_000_000;
/// Asked by the simulation itself.
const ASK_ALL: RequestId = RequestId(1 << 40);

/// What is to be simulated.
pub struct Plan {
    pub seed: u64,
    pub processes: usize,
    pub seconds: u64,
    /// Requests in all.
    pub requests: u64,
    /// Turns from one look at everything to the next.
    pub look_every: usize,
    /// Whether the wall clock is set back and forward now and then.
    pub jumps: bool,
    /// Whether pools listen to the wall clock; with that, its jumps are part of the story.
    pub ticks: bool,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub lives: usize,
    pub turns: usize,
    pub effects: usize,
    pub spawns: usize,
    pub kills: usize,
    pub events: usize,
    pub replies: usize,
    pub faults: usize,
    /// Of events and listeners.
    pub listening: Counts,
    pub fingerprint: Fingerprint,
}

/// A child's end, in the order of time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct End {
    at: u64,
    number: u64,
    key: ProcessKey,
    pid: Pid,
    wait_status: i32,
}

struct World {
    supervisor: Supervisor,
    scenario: Scenario,
    watch: Watch,
    pools: Pools,
    speeches: Speeches,
    /// What was read last.
    config: Config,
    /// Whose words or end the turn is about.
    speaker: Option<ProcessKey>,
    rng: Rng,
    now: u64,
    ends: BinaryHeap<Reverse<End>>,
    /// When somebody asks next.
    request_at: u64,
    request_every: u64,
    /// When fate strikes next: a signal to the daemon, or the death of everybody at once.
    fate_at: u64,
    fate_every: u64,
    /// Decides on the wall clock alone, so that the story is the same with and without its jumps.
    clockmaker: Rng,
    jumps: bool,
    /// Seconds by which the wall clock is wrong.
    error: i64,
    /// What the next life begins with.
    reborn: Option<Box<Config>>,
    /// The end has been asked for: no restart may follow.
    dying: bool,
    requests: u64,
    /// What a client asks once its request is answered.
    next: BTreeMap<RequestId, VecDeque<Request>>,
    ready: VecDeque<VecDeque<Request>>,
    restarting: BTreeMap<RequestId, ()>,
    pids: i32,
    ends_planned: u64,
    turns_at_once: usize,
    all: Option<Reply>,
    look_every: usize,
    recent: VecDeque<String>,
    seen: Outcome,
}

/// Runs a plan to its end, shutdown included.
pub fn run(plan: &Plan) -> Outcome {
    let mut rng = Rng::new(plan.seed);
    let scenario = Scenario::new(&mut rng, plan.processes, plan.ticks);
    let config = scenario.config();
    let mut world = World {
        supervisor: Supervisor::new(config.clone(), Pid(1)),
        scenario,
        watch: Watch::new(),
        pools: Pools::default(),
        speeches: Speeches::default(),
        config,
        speaker: None,
        rng,
        now: SECOND,
        ends: BinaryHeap::new(),
        request_at: 5 * SECOND,
        request_every: plan.seconds * SECOND / plan.requests.max(1),
        fate_at: 5 * SECOND,
        fate_every: plan.seconds * SECOND / FATES,
        clockmaker: Rng::new(plan.seed),
        jumps: plan.jumps,
        error: 0,
        reborn: None,
        dying: false,
        requests: 0,
        next: BTreeMap::new(),
        ready: VecDeque::new(),
        restarting: BTreeMap::new(),
        pids: 1_000,
        ends_planned: 0,
        turns_at_once: 0,
        all: None,
        look_every: plan.look_every,
        recent: VecDeque::new(),
        seen: Outcome {
            lives: 1,
            turns: 0,
            effects: 0,
            spawns: 0,
            kills: 0,
            events: 0,
            replies: 0,
            faults: 0,
            listening: Counts::default(),
            fingerprint: Fingerprint::new(),
        },
    };
    let until = plan.seconds * SECOND;
    if let Err(broken) = world.live(until).and_then(|()| world.die()) {
        let recent: Vec<String> = world.recent.into_iter().collect();
        panic!("seed {} at {} s: {broken}\n  {}", plan.seed, world.now as f64 / 1e9, recent.join("\n  "));
    }
    world.seen.listening = world.pools.counts;
    world.seen
}

impl World {
    fn live(&mut self, until: u64) -> Result<(), String> {
        self.turn(Cause::Begin, Input::Begin)?;
        while self.now < until {
            self.step()?;
        }
        Ok(())
    }

    /// The end is asked for, perhaps in the middle of a restart; and all that follows until the supervisor is gone.
    fn die(&mut self) -> Result<(), String> {
        self.look_at_everything()?;
        self.dying = true;
        match *self.rng.pick(&[None, Some(Signal::TERM), Some(Signal::INT), Some(Signal::QUIT)]) {
            // It is refused while a restart is under way, and clients do not ask twice.
            None if self.supervisor.state() == SupervisorState::Running => {
                self.ask([Request::Shutdown].into())?;
            }
            None => self.turn(Cause::Signal, Input::Signal(Signal::TERM))?,
            Some(signal) => self.turn(Cause::Signal, Input::Signal(signal))?,
        }
        let patience = self.now + 100_000 * SECOND;
        while !self.watch.ended {
            if self.now > patience {
                return Err("the shutdown does not end".to_string());
            }
            self.step()?;
        }
        self.everything_has_ended()
    }

    fn everything_has_ended(&self) -> Result<(), String> {
        if let Some(id) = self.watch.waiting.keys().next() {
            return Err(format!("request {} was never answered", id.0));
        }
        let alive = |seen: &&crate::watch::Seen| !seen.left && !seen.state.is_stopped();
        match self.watch.processes.values().find(alive) {
            Some(seen) => Err(format!("{} is left in {}", seen.config.name, seen.state)),
            None => Ok(()),
        }
    }

    /// Goes to the next moment at which anything happens, and lets it happen; if that ends a life, the next begins.
    fn step(&mut self) -> Result<(), String> {
        self.happen()?;
        match self.reborn.take() {
            Some(_) if self.dying => Err("a restart after the end was asked for".to_string()),
            Some(config) => self.begin_again(*config),
            None => Ok(()),
        }
    }

    fn begin_again(&mut self, config: Config) -> Result<(), String> {
        self.everything_has_ended()?;
        self.seen.lives += 1;
        let after = Supervisor::new(config.clone(), Pid(1));
        let before = std::mem::replace(&mut self.supervisor, after.clone());
        self.supervisor = after.carrying(before.into_carried());
        self.config = config;
        self.watch = Watch::new();
        self.pools = std::mem::take(&mut self.pools).born_again();
        self.print(|| "again".to_string());
        self.turn(Cause::Begin, Input::Begin)
    }

    fn happen(&mut self) -> Result<(), String> {
        let deadline = self.supervisor.deadline().map_or(u64::MAX, |at| at.0);
        let end = self.ends.peek().map_or(u64::MAX, |Reverse(end)| end.at);
        let ready = if self.ready.is_empty() { u64::MAX } else { self.now };
        let speech = self.speeches.next_at();
        let next = deadline.min(end).min(ready).min(self.request_at).min(self.fate_at).min(speech);
        self.now = self.now.max(next);
        if next == deadline {
            self.turn(Cause::Wake, Input::Wake)
        } else if next == end {
            self.child_ends()
        } else if next == speech {
            self.somebody_speaks()
        } else if next == self.fate_at {
            self.fate_strikes()
        } else {
            let mut asks = self.ready.pop_front().unwrap_or_default();
            if asks.is_empty() {
                self.request_at = self.now + self.rng.within(1, 2 * self.request_every);
                asks = self.scenario.some_request(&mut self.rng).into();
            }
            self.ask(asks)
        }
    }

    fn fate_strikes(&mut self) -> Result<(), String> {
        self.fate_at = self.now + self.rng.within(1, 2 * self.fate_every);
        let signal = *self.rng.pick(&[Some(Signal::HUP), Some(Signal::USR2), Some(Signal::USR1), None]);
        if let Some(signal) = signal {
            self.print(|| format!("signal {}", signal.number()));
            return self.turn(Cause::Signal, Input::Signal(signal));
        }
        let alive: Vec<(ProcessKey, Pid)> =
            self.watch.processes.iter().filter_map(|(key, seen)| Some((*key, seen.child?))).collect();
        for (key, pid) in alive {
            self.end(key, pid, 0, Signal::KILL.number());
        }
        Ok(())
    }

    fn child_ends(&mut self) -> Result<(), String> {
        let Some(Reverse(end)) = self.ends.pop() else { return Ok(()) };
        let Some(seen) = self.watch.processes.get_mut(&end.key).filter(|seen| seen.child == Some(end.pid))
        else {
            // It has ended in another way before.
            return Ok(());
        };
        seen.child = None;
        if seen.left {
            self.watch.processes.remove(&end.key);
        }
        self.speaker = Some(end.key);
        self.turn(Cause::Exit, Input::Exited(end.key, ExitStatus::from_wait(end.wait_status)))?;
        self.pools.died(end.key)
    }

    fn ask(&mut self, mut asks: VecDeque<Request>) -> Result<(), String> {
        let Some(request) = asks.pop_front() else { return Ok(()) };
        self.requests += 1;
        let id = RequestId(self.requests);
        if !asks.is_empty() {
            self.next.insert(id, asks);
        }
        if let Request::Restart { .. } = request {
            self.restarting.insert(id, ());
            self.watch.restarts += 1;
        }
        if let Request::Start { .. } = request {
            self.watch.walk_at = Some(Instant(self.now));
        }
        self.remember(|| format!("request {}: {request:?}", id.0));
        self.watch.asked(id);
        self.turn(Cause::Request, Input::Request(id, request))
    }

    fn turn(&mut self, cause: Cause, input: Input) -> Result<(), String> {
        if self.watch.ended {
            return Err("a turn after the end".to_string());
        }
        self.count_turn()?;
        self.watch.cause = cause;
        self.play(input)?;
        self.speaker = None;
        self.watch.turn_ends()?;
        let running = |key| self.watch.is_running(key);
        self.pools.turn_ends(self.watch.now, running)?;
        if self.seen.turns.is_multiple_of(self.look_every) && !self.watch.ended {
            self.look_at_everything()?;
        }
        Ok(())
    }

    fn count_turn(&mut self) -> Result<(), String> {
        if self.watch.now.0 == self.now {
            self.turns_at_once += 1;
            if self.turns_at_once > TURNS_AT_ONCE_MAX {
                return Err("time stands still".to_string());
            }
        } else {
            self.turns_at_once = 0;
        }
        self.watch.now = Instant(self.now);
        self.seen.turns += 1;
        Ok(())
    }

    fn play(&mut self, input: Input) -> Result<(), String> {
        if self.jumps && self.clockmaker.per_million(10_000) {
            let wrong = self.clockmaker.within(0, 2 * CLOCK_ERROR_MAX) as i64;
            self.error = wrong - CLOCK_ERROR_MAX as i64;
        }
        let unix = EPOCH + (self.now / SECOND) as i64 + self.error;
        let nanos = (self.now % SECOND) as u32;
        let now = Now { at: Instant(self.now), unix: UnixTime(unix.max(0)), nanos };
        let mut replied = false;
        self.supervisor.handle(now, input);
        while let Some(effect) = self.supervisor.next_effect() {
            if self.watch.ended {
                return Err(format!("after Exit: {effect:?}"));
            }
            match effect {
                Effect::Reply(..) => replied = true,
                Effect::Exit(_) => (),
                _ if replied => return Err(format!("after a reply: {effect:?}")),
                _ => (),
            }
            if let Some(answer) = self.perform(effect)? {
                self.supervisor.handle(now, answer);
            }
        }
        Ok(())
    }

    /// The supervisor's own checks, ours, and whether what it tells clients is what was seen.
    fn look_at_everything(&mut self) -> Result<(), String> {
        self.supervisor.check()?;
        self.watch.check()?;
        self.pools.check()?;
        if self.supervisor.state() != SupervisorState::Running {
            // Clients are told SHUTDOWN_STATE.
            return Ok(());
        }
        self.play(Input::Request(ASK_ALL, Request::AllProcessInfo))?;
        self.watch.turn_ends()?;
        let Some(Reply::Processes(infos)) = self.all.take() else {
            return Err("getAllProcessInfo did not answer".to_string());
        };
        let mut told: Vec<_> = infos.iter().map(|i| (&i.group, &i.name, i.state, i.pid)).collect();
        let here = self.watch.processes.values().filter(|seen| !seen.left);
        let mut seen: Vec<_> = here.map(|s| (&s.config.group, &s.config.name, s.state, s.child)).collect();
        told.sort_by_key(|(group, name, ..)| (*group, *name));
        seen.sort_by_key(|(group, name, ..)| (*group, *name));
        match told.iter().zip(&seen).find(|(told, seen)| told != seen) {
            Some((told, seen)) => Err(format!("told: {told:?}, seen: {seen:?}")),
            None if told.len() != seen.len() => Err(format!("told of {}, saw {}", told.len(), seen.len())),
            None => Ok(()),
        }
    }

    fn perform(&mut self, effect: Effect) -> Result<Option<Input>, String> {
        self.seen.effects += 1;
        Ok(match effect {
            Effect::Join(key, config) => {
                self.watch.join(key, &config)?;
                self.pools.join(key, &config.group, &self.config);
                Some(Input::Joined(key, LogPaths { stdout: "".into(), stderr: "".into() }))
            }
            Effect::Leave(key) => {
                self.print(|| format!("leave {}", key.0));
                self.watch.leave(key)?;
                None
            }
            Effect::Check(id, key, config) => {
                let missing = self.rng.per_million(5_000);
                self.seen.faults += usize::from(missing);
                let command = config.command.clone();
                let result = if missing { Err(CommandError::NotFound { command }) } else { Ok(()) };
                Some(Input::Checked(id, key, result))
            }
            Effect::Spawn(key, config) => Some(self.spawn(key, &config.command)?),
            Effect::Kill { process, signal, whole_group } => {
                self.print(|| format!("kill {} {} {whole_group}", process.0, signal.number()));
                self.watch.kill(process, signal)?;
                self.kill(process, signal)
            }
            Effect::Reply(ASK_ALL, reply) => {
                self.all = reply.ok();
                None
            }
            Effect::Reply(id, reply) => {
                self.print(|| format!("reply {}: {}", id.0, without_times(&reply)));
                self.answer(id)?;
                None
            }
            Effect::Write(key, bytes) => self.write(key, &bytes)?,
            Effect::Print(_) => None,
            Effect::ReadLog(id, ..) | Effect::ClearLog(id) | Effect::Measure { request: id, .. } => {
                self.print(|| format!("log {}", id.0));
                self.answer(id)?;
                None
            }
            Effect::ClearLogs(id, key) => Some(Input::LogsCleared(id, key, Ok(()))),
            Effect::Note(Note::Event(event)) => {
                self.print(|| format!("{} {}", event.name(), event.payload()));
                self.pools.event(&event);
                self.event(event)?;
                None
            }
            Effect::Note(Note::Listener(note)) => {
                self.remember(|| format!("{note:?}"));
                self.pools.note(&note, self.speaker, self.watch.now)?;
                None
            }
            Effect::ReadConfig(why) if self.rng.per_million(200_000) => {
                let broken = vec![config::Error::bare("the files are broken".to_string())];
                Some(Input::ConfigRead(why, Err(broken)))
            }
            Effect::ReadConfig(why) => {
                let config = self.scenario.edited(&mut self.rng);
                Some(Input::ConfigRead(why, Ok(Box::new(config))))
            }
            Effect::ReadProgram(id, text) => Some(Input::ProgramRead(id, text.group, Ok(Vec::new()))),
            Effect::Exit(exit) => {
                self.watch.ended = true;
                self.reborn = match exit {
                    Exit::Restart(config) => Some(config),
                    Exit::Shutdown => None,
                };
                None
            }
            Effect::Configured(config) => {
                self.config = (*config).clone();
                None
            }
            Effect::Note(_) | Effect::ReopenLogs => None,
        })
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        self.seen.events += 1;
        match event {
            Event::ProcessState { process, group, from, to } => {
                self.watch.event(&group, &process, from, to)?
            }
            Event::SupervisorStopping => self.watch.stopping = true,
            Event::SupervisorRunning
            | Event::ProcessLog(..)
            | Event::ProcessCommunication(..)
            | Event::RemoteCommunication { .. }
            | Event::Tick(..)
            | Event::GroupAdded(_)
            | Event::GroupRemoved(_)
            | Event::CollectionAdded(_)
            | Event::CollectionRemoved(_)
            | Event::CollectionChanged(_) => (),
        }
        Ok(())
    }

    fn answer(&mut self, id: RequestId) -> Result<(), String> {
        self.seen.replies += 1;
        self.watch.answered(id)?;
        if self.restarting.remove(&id).is_some() {
            self.watch.restarts -= 1;
        }
        self.ready.extend(self.next.remove(&id));
        Ok(())
    }

    fn spawn(&mut self, key: ProcessKey, script: &str) -> Result<Input, String> {
        self.seen.spawns += 1;
        self.watch.spawn(key)?;
        if self.rng.per_million(10_000) {
            self.seen.faults += 1;
            let errors = [SpawnError::Fork(Errno::EAGAIN), SpawnError::Dispatchers(Errno::EMFILE)];
            return Ok(Input::SpawnFailed(key, self.rng.pick(&errors).clone()));
        }
        self.pids += 1;
        let pid = Pid(self.pids);
        self.print(|| format!("spawn {} {pid}", key.0));
        if let Some(seen) = self.watch.processes.get_mut(&key) {
            seen.child = Some(pid);
        }
        self.follow(key, pid, script);
        self.begins_to_speak(key, pid, script);
        Ok(Input::Spawned(key, pid))
    }

    /// When and how a child ends if nobody ends it.
    fn follow(&mut self, key: ProcessKey, pid: Pid, script: &str) {
        let rng = &mut self.rng;
        let (after, wait_status) = match script {
            "storm" => (rng.within(1_000, MILLISECOND), 0),
            "crash" => (rng.within(1_000, 1_500 * MILLISECOND), 1 << 8),
            "job" => (rng.within(SECOND / 10, 900 * SECOND), *rng.pick(&[0, 0, 0, 1 << 8, 2 << 8])),
            _ => (rng.within(0, 20 * 3_600 * SECOND), *rng.pick(&[1 << 8, 11])),
        };
        self.end(key, pid, after, wait_status);
    }

    fn end(&mut self, key: ProcessKey, pid: Pid, after: u64, wait_status: i32) {
        let at = self.now + 1 + after;
        self.ends_planned += 1;
        self.ends.push(Reverse(End { at, number: self.ends_planned, key, pid, wait_status }));
    }

    fn kill(&mut self, key: ProcessKey, signal: Signal) -> Option<Input> {
        self.seen.kills += 1;
        let seen = self.watch.processes.get(&key)?;
        let (pid, stubborn) = (seen.child?, seen.config.command == "stubborn");
        if self.rng.per_million(5_000) {
            // It is ending already.
            self.seen.faults += 1;
            self.end(key, pid, MILLISECOND, 0);
            return Some(Input::KillFailed(key, Errno::ESRCH));
        }
        if self.rng.per_million(500) {
            self.seen.faults += 1;
            return Some(Input::KillFailed(key, Errno(1)));
        }
        if signal == Signal::KILL {
            let after = self.rng.within(0, 50 * MILLISECOND);
            self.end(key, pid, after, signal.number());
        } else if signal != Signal::USR1 && !stubborn {
            let after = self.rng.within(0, 2 * SECOND);
            let wait_status = *self.rng.pick(&[0, signal.number()]);
            self.end(key, pid, after, wait_status);
        }
        None
    }

    /// Adds to the fingerprint and to what is remembered.
    fn print(&mut self, text: impl FnOnce() -> String) {
        let text = text();
        self.seen.fingerprint.text(&text);
        self.remember(|| text);
    }

    fn remember(&mut self, text: impl FnOnce() -> String) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(format!("{:.9} {}", self.now as f64 / 1e9, text()));
    }
}

/// A reply as far as the wall clock has no part in it.
fn without_times(reply: &Result<Reply, Fault>) -> String {
    let brief = |info: &ProcessInfo| format!("{}:{} {} {:?}", info.group, info.name, info.state, info.pid);
    match reply {
        Ok(Reply::Process(info)) => brief(info),
        Ok(Reply::Processes(infos)) => infos.iter().map(brief).collect::<Vec<_>>().join(", "),
        other => format!("{other:?}"),
    }
}
