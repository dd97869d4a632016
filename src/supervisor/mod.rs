//! The supervisor: owns every group and process, and turns inputs into effects. It has no clock and does no I/O.
//!
//! One input and all that follows from it is a *turn*: [`Supervisor::handle`] once, then [`Supervisor::next_effect`]
//! until there is none. An effect that is answered is answered by another `handle` before the next effect is
//! taken; what follows from the answer comes before what was already planned, so a turn reads like one straight
//! piece of code that calls the world and waits for it.

mod cache;
mod check;
pub mod clock;
mod collection;
pub mod event;
mod facts;
mod group;
pub mod handshake;
pub mod listener;
mod measures;
mod parked;
pub mod process;
mod publish;
mod requests;
mod shutdown;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod tick;
mod timers;
mod twiddler;
mod visit;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use crate::api::Channel;

use crate::api::metrics::Metrics;
use crate::api::{CollectionInfo, ConfigInfo, Fault, LogRead, Reply, Request, RequestId, SupervisorState};
use crate::config::{self, Config, ProcessConfig};
use crate::names::{Errno, ExitStatus, GroupName, Pid, Signal};

use cache::Cache;
use group::Groups;
use measures::EventCounts;
use parked::Parked;
use process::Process;
use publish::Listeners;
use shutdown::{LAST_WORDS_TIME, Shutdown};
use timers::Timers;

pub use clock::{Instant, Now, UnixTime};
pub use event::{CommandError, Event, Note, SpawnError};
pub use parked::PARKED_MAX;
pub use publish::Carried;
pub use twiddler::ProgramText;

/// Starts in one turn at most, automatic ones and those of one request: ten thousand of them never hold up another
/// request. The rest go on in the next turn, at once.
pub const STARTS_PER_TURN: usize = 8;

/// Where starts take long there are fewer in a turn, but always one: as many as took this long lately. A request may
/// wait for two turns.
const STARTS_TIME: Duration = Duration::from_millis(1);

/// Our handle to a process, never reused: a recycled pid cannot be mistaken for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProcessKey(pub u64);

/// What enters.
#[derive(Clone, Debug)]
pub enum Input {
    /// The daemon is up; comes once, first.
    Begin,
    /// The deadline has passed.
    Wake,
    /// The daemon itself was sent a signal.
    Signal(Signal),
    Request(RequestId, Request),
    /// Answers [`Effect::Join`].
    Joined(ProcessKey, LogPaths),
    /// Answers [`Effect::Check`].
    Checked(RequestId, ProcessKey, Result<(), CommandError>),
    /// Answers [`Effect::ClearLogs`].
    LogsCleared(RequestId, ProcessKey, Result<(), Errno>),
    /// Answers [`Effect::Spawn`], as does `SpawnFailed`.
    Spawned(ProcessKey, Pid),
    SpawnFailed(ProcessKey, SpawnError),
    /// Answers [`Effect::Kill`] when the signal could not be sent.
    KillFailed(ProcessKey, Errno),
    /// Answers [`Effect::Write`] when the bytes were not taken.
    WriteFailed(ProcessKey, WriteError),
    /// Output that is more than a log's: sent only where a listener or a capture needs it.
    Output(ProcessKey, Channel, Heard),
    /// The child failed before it became its program, and why; its exit follows.
    NeverBegan(ProcessKey, Arc<str>),
    /// The child is gone, reaped, and all its output is in its logs.
    Exited(ProcessKey, ExitStatus),
    /// Answers [`Effect::ReadConfig`].
    ConfigRead(ReadFor, Result<Box<Config>, Vec<config::Error>>),
    /// Answers [`Effect::ReadProgram`]; the text is the group's name.
    ProgramRead(RequestId, String, Result<Vec<Arc<ProcessConfig>>, Vec<config::Error>>),
}

/// What of a child's output the supervisor is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// What one read brought, where `..._events_enabled` is set (EVT-022).
    Logged(Vec<u8>),
    /// One whole message between the markers, where `..._capture_maxbytes` is set.
    Captured(Vec<u8>),
    /// What one read brought from a listener's standard output.
    Said(Vec<u8>),
}

/// Why bytes for a child's standard input were not taken; none of them was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// The child has closed its end, or there is no child.
    Closed,
    /// Too much waits for the child to read.
    Full,
}

/// Where a process's output goes; empty where it has no file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogPaths {
    pub stdout: Arc<str>,
    pub stderr: Arc<str>,
}

/// Why the configuration is read again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadFor {
    /// `reloadConfig`.
    Reread(RequestId),
    /// The `restart` call, answered with the result.
    RestartCall(RequestId),
    /// SIGHUP.
    RestartSignal,
}

/// What leaves. The daemon performs effects in order; one that is answered is answered at once, before the next.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A process has joined: name and create its logs (LOG-030). Answered.
    Join(ProcessKey, Arc<ProcessConfig>),
    /// A process has left with its group; forget it.
    Leave(ProcessKey),
    /// Could this command be run? Asked before a start by hand (RPC-028). Answered.
    Check(RequestId, ProcessKey, Arc<ProcessConfig>),
    /// Answered.
    Spawn(ProcessKey, Arc<ProcessConfig>),
    /// Answered only if it fails. `whole_group` means the child's process group (PROC-027).
    Kill {
        process: ProcessKey,
        signal: Signal,
        whole_group: bool,
    },
    /// Bytes for the child's standard input, taken whole or not at all. Answered only if it fails.
    Write(ProcessKey, Vec<u8>),
    /// Text for the daemon's own standard output (CFG-133).
    Print(String),
    Reply(RequestId, Result<Reply, Fault>),
    /// Replies to the request with what the log holds: `None` means the daemon's own, which the daemon knows.
    ReadLog(RequestId, Option<Arc<str>>, LogRead),
    /// Replies to the request with these, and what the daemon knows of the processes with these keys, in their order.
    Measure {
        request: RequestId,
        metrics: Box<Metrics>,
        keys: Vec<ProcessKey>,
    },
    /// Empties the daemon's own log and replies to the request.
    ClearLog(RequestId),
    /// Empties both logs of a process (LOG-038). Answered.
    ClearLogs(RequestId, ProcessKey),
    Note(Note),
    /// Answered.
    ReadConfig(ReadFor),
    /// Answered.
    ReadProgram(RequestId, Box<ProgramText>),
    /// The configuration just read has come into force, collections and scalars; groups wait for `update`.
    Configured(Arc<Config>),
    /// SIGUSR2 (SIG-004).
    ReopenLogs,
    /// Everything has stopped; always the last effect.
    Exit(Exit),
}

/// How a run of the daemon ends.
#[derive(Clone, Debug)]
pub enum Exit {
    Shutdown,
    /// Begin again, in this same process, with the configuration that was read when the restart was asked for.
    Restart(Box<Config>),
}

/// What is planned for the rest of the turn.
#[derive(Clone, Debug)]
enum Step {
    Do(Effect),
    /// What began the turn, after all that was due already.
    Take(Arrival),
    /// A process's own effect, on its way out.
    Process(ProcessKey, process::Effect),
    /// A request comes to the next of its processes.
    Visit(RequestId, ProcessKey),
    /// The effects of a visit have been carried out.
    Visited(RequestId, ProcessKey),
    /// A group is in force: if it is a pool, it hears what follows.
    Subscribe(GroupName),
    /// A process has ended, and has been seen to.
    Died(ProcessKey),
    /// An event has been given to a process of this pool, or not.
    Told(GroupName, ProcessKey),
    /// Bytes have been given to a child, or not: the end of `sendProcessStdin` by this name.
    Sent(RequestId, String),
}

/// The inputs that begin a turn; the others are answers within one.
#[derive(Clone, Debug)]
enum Arrival {
    Begin,
    Signal(Signal),
    Request(RequestId, Request),
    Output(ProcessKey, Channel, Heard),
    Exited(ProcessKey, ExitStatus),
}

/// What `getAllConfigInfo` and `listCollections` would answer right after a start.
pub fn preview(config: &Config) -> (Vec<ConfigInfo>, Vec<CollectionInfo>) {
    let mut groups = Groups::default();
    for group in &config.groups {
        groups.add(group, |process| Process::new(process.clone(), Now::default()));
    }
    (facts::config_infos(config, &groups), collection::infos(config, &groups))
}

/// Owns every group and process; see the module's text.
#[derive(Clone, Debug)]
pub struct Supervisor {
    /// The configuration last read; groups of it come into force one by one.
    config: Arc<Config>,
    daemon: Pid,
    now: Now,
    state: SupervisorState,
    groups: Groups,
    /// Every process's deadline; changes in [`Supervisor::retime`] only.
    timers: Timers,
    parked: BTreeMap<RequestId, Parked>,
    listeners: Listeners,
    event_counts: EventCounts,
    /// Processes that took an input or left since the parked requests were looked at.
    moved: BTreeSet<ProcessKey>,
    shutdown: Option<Shutdown>,
    /// [`LAST_WORDS_TIME`], or none.
    last_words_time: i64,
    cache: Cache,
    /// What a restart will begin with.
    next_config: Option<Box<Config>>,
    /// What is planned, in order; what an input adds goes before what is there.
    steps: VecDeque<Step>,
    added: Vec<Step>,
    /// The last effects of the turn.
    replies: VecDeque<(RequestId, Result<Reply, Fault>)>,
    /// As [`STARTS_TIME`] has it.
    starts_limit: usize,
    starts_left: usize,
    turn_began: Instant,
    /// Why the last `Write` failed, until somebody asks.
    unwritten: Option<WriteError>,
    done: bool,
}

impl Supervisor {
    /// A supervisor of nothing yet; [`Input::Begin`] brings the groups in. `daemon` is the pid to report.
    pub fn new(config: Config, daemon: Pid) -> Supervisor {
        Supervisor {
            config: Arc::new(config),
            daemon,
            now: Now::default(),
            state: SupervisorState::Running,
            groups: Groups::default(),
            timers: Timers::default(),
            parked: BTreeMap::new(),
            listeners: Listeners::default(),
            event_counts: EventCounts::default(),
            moved: BTreeSet::new(),
            shutdown: None,
            last_words_time: LAST_WORDS_TIME,
            cache: Cache::default(),
            next_config: None,
            steps: VecDeque::new(),
            added: Vec::new(),
            replies: VecDeque::new(),
            starts_limit: STARTS_PER_TURN,
            starts_left: STARTS_PER_TURN,
            turn_began: Instant(0),
            unwritten: None,
            done: false,
        }
    }

    /// At the end it stops pools that are still at work, as the reference does: for those who compare the two.
    pub fn without_last_words(mut self) -> Supervisor {
        self.last_words_time = 0;
        self
    }

    /// Whether it runs, or on what way to its end it is.
    pub fn state(&self) -> SupervisorState {
        self.state
    }

    /// Takes one input. Then take every effect before the next one, answers apart.
    pub fn handle(&mut self, now: Now, input: Input) {
        let last = std::mem::replace(&mut self.now, now);
        match input {
            Input::Joined(key, logs) => {
                if let Some(member) = self.groups.member_mut(key) {
                    member.process.logs = logs;
                }
            }
            Input::Checked(id, key, result) => self.on_checked(id, key, result),
            Input::LogsCleared(id, key, result) => self.on_logs_cleared(id, key, result),
            Input::Spawned(key, pid) => self.step(key, process::Input::Spawned(pid)),
            Input::SpawnFailed(key, error) => self.step(key, process::Input::SpawnFailed(error)),
            Input::NeverBegan(key, why) => self.step(key, process::Input::NeverBegan(why)),
            Input::KillFailed(key, errno) => self.step(key, process::Input::KillFailed(errno)),
            Input::WriteFailed(_, error) => self.unwritten = Some(error),
            Input::ConfigRead(why, result) => self.on_config_read(why, result),
            Input::ProgramRead(id, group, result) => self.on_program_read(id, &group, result),
            Input::Begin => self.begin_turn(last, Some(Arrival::Begin)),
            Input::Wake => self.begin_turn(last, None),
            Input::Signal(signal) => self.begin_turn(last, Some(Arrival::Signal(signal))),
            Input::Request(id, request) => self.begin_turn(last, Some(Arrival::Request(id, request))),
            Input::Output(key, channel, heard) => {
                self.begin_turn(last, Some(Arrival::Output(key, channel, heard)));
            }
            Input::Exited(key, status) => self.begin_turn(last, Some(Arrival::Exited(key, status))),
        }
        self.plan_first();
    }

    /// The next thing to do. `None` means that the turn is over; replies are always its last effects but for
    /// `Exit`.
    pub fn next_effect(&mut self) -> Option<Effect> {
        loop {
            match self.steps.pop_front() {
                Some(Step::Do(effect)) => return Some(self.leaving(effect)),
                Some(Step::Process(key, effect)) => {
                    if let Some(effect) = self.process_effect(key, effect) {
                        return Some(self.leaving(effect));
                    }
                }
                Some(Step::Take(arrival)) => self.take(arrival),
                Some(Step::Visit(id, key)) => self.visit(id, key),
                Some(Step::Visited(id, key)) => self.visited(id, key),
                Some(Step::Subscribe(name)) => self.subscribe(&name),
                Some(Step::Died(key)) => self.died(key),
                Some(Step::Told(pool, key)) => self.told(&pool, key),
                Some(Step::Sent(id, name)) => self.sent(id, name),
                None => {
                    if !self.settle() {
                        return self.last_effect();
                    }
                }
            }
            self.plan_first();
        }
    }

    /// When [`Input::Wake`] would change something.
    pub fn deadline(&self) -> Option<Instant> {
        let process = self.timers.first();
        let report = self.parked.values().filter_map(|parked| parked.report_at).min();
        let shutdown = self.shutdown.as_ref().and_then(Shutdown::deadline);
        let listeners = self.listeners_deadline();
        let walk = self.walk_under_way().map(|_| self.now.at);
        [process, report, shutdown, listeners, walk].into_iter().flatten().min()
    }

    /// From how long the starts of the turn that ended at `last` took, how many the next may have.
    fn limit_starts(&mut self, last: Now) {
        let started = self.starts_limit - self.starts_left;
        let took = last.at - self.turn_began;
        if let Some(each) = u32::try_from(started).ok().and_then(|started| took.checked_div(started)) {
            let fit = STARTS_TIME.as_nanos().checked_div(each.as_nanos());
            let fit = fit.and_then(|fit| usize::try_from(fit).ok()).unwrap_or(STARTS_PER_TURN);
            self.starts_limit = fit.clamp(1, STARTS_PER_TURN);
        }
        self.turn_began = self.now.at;
    }

    /// What is due comes before what just arrived, as the reference's loop has it.
    fn begin_turn(&mut self, last: Now, arrival: Option<Arrival>) {
        self.limit_starts(last);
        self.starts_left = self.starts_limit;
        self.begin_shutdown();
        self.wake_due();
        self.tick();
        self.walk_on();
        self.added.extend(arrival.map(Step::Take));
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Begin => self.on_begin(),
            Arrival::Signal(signal) => self.on_daemon_signal(signal),
            Arrival::Request(id, request) => self.on_request(id, request),
            Arrival::Output(key, channel, heard) => self.on_output(key, channel, heard),
            Arrival::Exited(key, status) => {
                self.step(key, process::Input::Exited(status));
                self.added.push(Step::Died(key));
            }
        }
    }

    /// The groups of the configuration join, in order (PROC-017); the starts they want are due at once.
    fn on_begin(&mut self) {
        self.forget_lost_pools();
        for group in self.config.groups.clone() {
            self.join(&group);
        }
        for collection in self.config.collections.clone() {
            self.note(Note::Event(Event::CollectionAdded(collection.name.clone())));
        }
        self.note(Note::Event(Event::SupervisorRunning));
    }

    /// Brings a group into force.
    fn join(&mut self, config: &Arc<config::GroupConfig>) {
        let now = self.now;
        for key in self.groups.add(config, |process| Process::new(process.clone(), now)) {
            if let Some(process) = self.groups.process(key) {
                self.added.push(Step::Do(Effect::Join(key, process.config.clone())));
            }
            self.retime(key);
        }
        self.added.push(Step::Subscribe(config.name.clone()));
        self.note(Note::Event(Event::GroupAdded(config.name.clone())));
    }

    fn on_output(&mut self, key: ProcessKey, channel: Channel, heard: Heard) {
        let Some(process) = self.groups.process(key) else { return };
        let source = event::Source {
            process: process.config.name.clone(),
            group: process.config.group.clone(),
            pid: process.pid(),
            channel,
        };
        match heard {
            Heard::Logged(data) => self.note(Note::Event(Event::ProcessLog(source, data))),
            Heard::Captured(data) => self.note(Note::Event(Event::ProcessCommunication(source, data))),
            Heard::Said(bytes) => self.on_said(key, &bytes),
        }
    }

    /// Lets one process take an input, and plans what it wants.
    fn step(&mut self, key: ProcessKey, input: process::Input) {
        let mut effects = Vec::new();
        if let Some(member) = self.groups.member_mut(key) {
            member.process.step(self.now, input, &mut effects);
            self.moved.insert(key);
            self.retime(key);
            self.note_stopped(key);
        }
        self.added.extend(effects.into_iter().map(|effect| Step::Process(key, effect)));
    }

    fn process_effect(&mut self, key: ProcessKey, effect: process::Effect) -> Option<Effect> {
        Some(match effect {
            process::Effect::Spawn => Effect::Spawn(key, self.groups.process(key)?.config.clone()),
            process::Effect::Kill { signal, whole_group } => {
                Effect::Kill { process: key, signal, whole_group }
            }
            process::Effect::Note(note) => Effect::Note(note),
        })
    }

    /// An event that leaves for the log is told to listeners next.
    fn leaving(&mut self, effect: Effect) -> Effect {
        if let Effect::Note(Note::Event(event)) = &effect {
            self.publish(event);
            self.plan_first();
        }
        effect
    }

    fn note(&mut self, note: Note) {
        self.added.push(Step::Do(Effect::Note(note)));
    }

    /// What was added goes first, in the order in which it was added.
    fn plan_first(&mut self) {
        for step in self.added.drain(..).rev() {
            self.steps.push_front(step);
        }
    }

    /// The end of a turn, again until nothing moves: who has arrived, what is due, whom to tell of it, and what
    /// shutdown wants next.
    fn settle(&mut self) -> bool {
        self.settle_parked();
        if self.added.is_empty() {
            self.wake_due();
        }
        if self.added.is_empty() {
            self.tell_all();
        }
        if self.added.is_empty() {
            self.advance_shutdown();
        }
        !self.added.is_empty()
    }

    fn last_effect(&mut self) -> Option<Effect> {
        if let Some((id, reply)) = self.replies.pop_front() {
            return Some(Effect::Reply(id, reply));
        }
        if std::mem::take(&mut self.done) {
            return Some(Effect::Exit(match self.next_config.take() {
                Some(config) if self.state == SupervisorState::Restarting => Exit::Restart(config),
                Some(_) | None => Exit::Shutdown,
            }));
        }
        None
    }

    /// Wakes every process whose deadline has passed, in the order of the reference's loop.
    fn wake_due(&mut self) {
        let due = self.timers.due(self.now.at, self.starts_left);
        for key in self.groups.in_loop_order(due) {
            let starts = self.groups.process(key).is_some_and(Process::would_start);
            if starts && self.starts_left == 0 {
                continue;
            }
            self.starts_left -= usize::from(starts);
            self.step(key, process::Input::Wake);
        }
    }

    /// Keeps the index of deadlines true to one process. The only place that changes it.
    fn retime(&mut self, key: ProcessKey) {
        self.timers.set(key, self.groups.process(key));
    }
}
