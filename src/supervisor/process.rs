//! One process: a state machine. The table of its transitions is in docs/architecture.md, printed by a
//! test.

use std::sync::Arc;

use super::LogPaths;
use super::clock::{Instant, Now, UnixTime};
use super::event::{Event, Fate, Note, SpawnError, StateChange};
use super::measures::Counts;
use crate::api::{ProcessInfo, ProcessState};
use crate::config::{AutoRestart, ProcessConfig};
use crate::names::{Errno, ExitStatus, Pid, Signal};

/// Seconds since the last start before an automatic restart. The reference has this pause only by accident, from
/// its one-second poll; without it `startsecs=0` with `autorestart=true` would be a storm of forks.
pub const RESTART_FLOOR: i64 = 1;

/// Seconds between repeated SIGKILLs when `stopwaitsecs` is zero; the reference repeats on every pass of its loop.
pub const KILL_FLOOR: i64 = 1;

/// What is said of a child that died before `startsecs` (PROC-040); after it why, where that is known.
const EXITED_TOO_QUICKLY: &str = "Exited too quickly (process log may have details)";

/// What a process can be told.
#[derive(Clone, Debug)]
pub enum Input {
    Start,
    Stop,
    Signal(Signal),
    Wake,
    Spawned(Pid),
    SpawnFailed(SpawnError),
    /// The child failed before it became its program.
    NeverBegan(Arc<str>),
    KillFailed(Errno),
    Exited(ExitStatus),
    /// The daemon shuts down: start nothing any more (PROC-015).
    Hold,
    /// The daemon shuts down and has come to this group: BACKOFF becomes FATAL (PROC-024).
    GiveUp,
}

/// What a process wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    Spawn,
    Kill { signal: Signal, whole_group: bool },
    Note(Note),
}

/// What a signal was sent for; decides what is said when it cannot be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SentSignal {
    Stop(Signal),
    Request(Signal),
}

/// Data belongs to the state that needs it: a stopped process cannot have a pid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// `start_at` is set while autostart is due.
    Stopped {
        start_at: Option<Instant>,
    },
    /// No pid until the answer to `Spawn`, within the same turn.
    Starting {
        pid: Option<Pid>,
        since: Instant,
    },
    Running {
        pid: Pid,
    },
    /// No `retry_at` once the daemon shuts down.
    Backoff {
        retry_at: Option<Instant>,
    },
    Stopping {
        pid: Pid,
        kill_at: Instant,
    },
    Exited {
        restart_at: Option<Instant>,
    },
    Fatal,
    /// A signal could not be sent; the child may live on.
    Unknown {
        pid: Option<Pid>,
    },
}

/// One supervised process.
#[derive(Clone, Debug)]
pub struct Process {
    pub config: Arc<ProcessConfig>,
    /// Where its output goes; known once it has joined.
    pub logs: LogPaths,
    state: State,
    /// Failed starts in a row; `tries` in events (PROC-008).
    tries: i64,
    started_at: Option<Instant>,
    start: UnixTime,
    stop: UnixTime,
    spawnerr: Option<Arc<str>>,
    exitstatus: Option<i32>,
    /// Unlike `exitstatus`, a new start does not forget it.
    last_exit: Option<ExitStatus>,
    pub counts: Counts,
    /// Why the child that now ends never became its program.
    never_began: Option<Arc<str>>,
    held: bool,
    /// What the last `Kill` was for, should it fail.
    sent: SentSignal,
    /// Why it is UNKNOWN, for whoever asked for the signal (PROC-031).
    problem: Option<String>,
}

impl Process {
    /// A process that has just joined: it starts by itself if so configured (PROC-014).
    pub fn new(config: Arc<ProcessConfig>, now: Now) -> Process {
        let start_at = config.autostart.then_some(now.at);
        let none: Arc<str> = Arc::from("");
        Process {
            config,
            logs: LogPaths { stdout: none.clone(), stderr: none },
            state: State::Stopped { start_at },
            tries: 0,
            started_at: None,
            start: UnixTime(0),
            stop: UnixTime(0),
            spawnerr: None,
            exitstatus: None,
            last_exit: None,
            counts: Counts::default(),
            never_began: None,
            held: false,
            sent: SentSignal::Stop(Signal::TERM),
            problem: None,
        }
    }

    /// Takes one input and says what is to be done about it, in order.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Start => self.on_start(now, out),
            Input::Stop => self.on_stop(now, out),
            Input::Signal(signal) => self.on_signal(signal, out),
            Input::Wake => self.on_wake(now, out),
            Input::Spawned(pid) => self.on_spawned(now, pid, out),
            Input::SpawnFailed(error) => self.on_spawn_failed(now, &error, out),
            Input::NeverBegan(why) => self.never_began = Some(why),
            Input::KillFailed(errno) => self.on_kill_failed(errno, out),
            Input::Exited(status) => self.on_exited(now, status, out),
            Input::Hold => self.on_hold(),
            Input::GiveUp => self.on_give_up(out),
        }
    }

    /// When [`Input::Wake`] would change something.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Stopped { start_at } => start_at,
            State::Starting { pid: Some(_), since } => {
                // More than startsecs, not as much as (PROC-006).
                Some(since.plus_seconds(self.config.startsecs).just_after())
            }
            State::Backoff { retry_at } => retry_at,
            State::Stopping { kill_at, .. } => Some(kill_at),
            State::Exited { restart_at } => restart_at,
            State::Starting { pid: None, .. }
            | State::Running { .. }
            | State::Fatal
            | State::Unknown { .. } => None,
        }
    }

    /// Whether waking it now would start a child.
    pub fn would_start(&self) -> bool {
        match self.state {
            State::Stopped { start_at: Some(_) }
            | State::Backoff { retry_at: Some(_) }
            | State::Exited { restart_at: Some(_) } => true,
            State::Stopped { start_at: None }
            | State::Backoff { retry_at: None }
            | State::Exited { restart_at: None }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Fatal
            | State::Unknown { .. } => false,
        }
    }

    /// The state, as clients know it.
    pub fn state(&self) -> ProcessState {
        match self.state {
            State::Stopped { .. } => ProcessState::Stopped,
            State::Starting { .. } => ProcessState::Starting,
            State::Running { .. } => ProcessState::Running,
            State::Backoff { .. } => ProcessState::Backoff,
            State::Stopping { .. } => ProcessState::Stopping,
            State::Exited { .. } => ProcessState::Exited,
            State::Fatal => ProcessState::Fatal,
            State::Unknown { .. } => ProcessState::Unknown,
        }
    }

    /// The pid of its child, if it has one.
    pub fn pid(&self) -> Option<Pid> {
        match self.state {
            State::Starting { pid, .. } | State::Unknown { pid } => pid,
            State::Running { pid } | State::Stopping { pid, .. } => Some(pid),
            State::Stopped { .. } | State::Backoff { .. } | State::Exited { .. } | State::Fatal => None,
        }
    }

    /// Why the last start or run went wrong (PROC-040).
    pub fn spawnerr(&self) -> Option<&Arc<str>> {
        self.spawnerr.as_ref()
    }

    /// What went wrong when it was last signalled, if that made it UNKNOWN.
    pub fn problem(&self) -> Option<&str> {
        match self.state {
            State::Unknown { .. } => self.problem.as_deref(),
            State::Stopped { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping { .. }
            | State::Exited { .. }
            | State::Fatal => None,
        }
    }

    /// The facts for `getProcessInfo` (RPC-041 to RPC-043).
    pub fn info(&self, now: Now) -> ProcessInfo {
        ProcessInfo {
            name: self.config.name.clone(),
            group: self.config.group.clone(),
            start: self.start.0,
            stop: self.stop.0,
            now: now.unix.0,
            state: self.state(),
            spawnerr: self.spawnerr.clone().unwrap_or_default(),
            exitstatus: self.exitstatus.unwrap_or(0),
            stdout_logfile: self.logs.stdout.clone(),
            stderr_logfile: self.logs.stderr.clone(),
            pid: self.pid(),
            last_exit: self.last_exit,
        }
    }

    fn on_start(&mut self, now: Now, out: &mut Vec<Effect>) {
        match self.state {
            State::Stopped { .. } | State::Backoff { .. } | State::Exited { .. } | State::Fatal => (),
            State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Unknown { .. } => {
                out.push(Effect::Note(Note::AlreadyRunning { process: self.config.name.clone() }));
                return;
            }
        }
        self.counts.starts += 1;
        self.spawnerr = None;
        self.exitstatus = None;
        self.start = now.unix;
        self.started_at = Some(now.at);
        let to = StateChange::Starting { tries: self.tries };
        self.change(State::Starting { pid: None, since: now.at }, to, out);
        out.push(Effect::Spawn);
    }

    /// Its time begins here, not when the start was planned: many starts in one turn take a while.
    fn on_spawned(&mut self, now: Now, child: Pid, out: &mut Vec<Effect>) {
        if let State::Starting { pid, since } = &mut self.state {
            (*pid, *since) = (Some(child), now.at);
            self.started_at = Some(now.at);
            out.push(Effect::Note(Note::Spawned { process: self.config.name.clone(), pid: child }));
        }
    }

    fn on_spawn_failed(&mut self, now: Now, error: &SpawnError, out: &mut Vec<Effect>) {
        let State::Starting { pid: None, .. } = self.state else { return };
        let text = error.text(&self.config.name);
        out.push(Effect::Note(Note::SpawnFailed { text: text.to_string() }));
        self.spawnerr = Some(text);
        self.enter_backoff(now, out);
        self.give_up_when_out_of_tries(out);
    }

    fn on_stop(&mut self, now: Now, out: &mut Vec<Effect>) {
        match self.state {
            State::Starting { pid: Some(pid), .. } | State::Running { pid } => {
                let kill_at = now.at.plus_seconds(self.config.stopwaitsecs);
                let whole_group = self.config.stopasgroup;
                self.note_killing(pid, self.config.stopsignal, whole_group, out);
                self.change(State::Stopping { pid, kill_at }, StateChange::Stopping { pid }, out);
                self.send(SentSignal::Stop(self.config.stopsignal), whole_group, out);
            }
            State::Backoff { .. } => {
                out.push(Effect::Note(Note::KilledInBackoff { process: self.config.name.clone() }));
                // The reference keeps the count, so that the next start has fewer tries left (BUG-020).
                self.tries = 0;
                self.change(State::Stopped { start_at: None }, StateChange::Stopped { child: None }, out);
            }
            // A restart not yet due is called off: whoever stops a program wants it to stay so.
            State::Exited { .. } => self.state = State::Exited { restart_at: None },
            State::Stopped { .. } => self.state = State::Stopped { start_at: None },
            State::Starting { pid: None, .. }
            | State::Stopping { .. }
            | State::Fatal
            | State::Unknown { .. } => (),
        }
    }

    fn on_signal(&mut self, signal: Signal, out: &mut Vec<Effect>) {
        if let Some(pid) = self.pid() {
            out.push(Effect::Note(Note::Signalling { process: self.config.name.clone(), pid, signal }));
            self.send(SentSignal::Request(signal), false, out);
        }
    }

    fn on_wake(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.deadline().is_none_or(|deadline| now.at < deadline) {
            return;
        }
        match self.state {
            State::Stopped { .. } => self.on_start(now, out),
            State::Backoff { .. } | State::Exited { .. } => {
                self.counts.restarts += 1;
                self.on_start(now, out);
            }
            State::Starting { pid: Some(pid), .. } => {
                self.tries = 0;
                self.change(State::Running { pid }, StateChange::Running { pid }, out);
                let (process, startsecs) = (self.config.name.clone(), self.config.startsecs);
                out.push(Effect::Note(Note::Success { process, startsecs }));
            }
            State::Stopping { pid, .. } => {
                let wait = self.config.stopwaitsecs.max(KILL_FLOOR);
                self.state = State::Stopping { pid, kill_at: now.at.plus_seconds(wait) };
                out.push(Effect::Note(Note::StopOverdue { process: self.config.name.clone(), pid }));
                let whole_group = self.config.killasgroup;
                self.note_killing(pid, Signal::KILL, whole_group, out);
                self.send(SentSignal::Stop(Signal::KILL), whole_group, out);
            }
            State::Starting { pid: None, .. }
            | State::Running { .. }
            | State::Fatal
            | State::Unknown { .. } => (),
        }
    }

    fn on_kill_failed(&mut self, errno: Errno, out: &mut Vec<Effect>) {
        let Some(pid) = self.pid() else { return };
        let process = self.config.name.clone();
        if errno == Errno::ESRCH {
            out.push(Effect::Note(Note::NobodyToSignal { process, pid }));
            return;
        }
        // Both sentences are the reference's, the second without the signal that it means to name.
        let text = match self.sent {
            SentSignal::Stop(_) => format!("unknown problem killing {process} ({pid}):{}", errno.name()),
            SentSignal::Request(_) => {
                format!("unknown problem sending sig {process} ({pid}):{}", errno.name())
            }
        };
        self.problem = Some(text.clone());
        out.push(Effect::Note(Note::KillFailed { text }));
        if self.state() != ProcessState::Unknown {
            self.change(State::Unknown { pid: Some(pid) }, StateChange::Unknown, out);
        }
    }

    fn on_exited(&mut self, now: Now, status: ExitStatus, out: &mut Vec<Effect>) {
        let was = self.state;
        self.stop = now.unix;
        self.last_exit = Some(status);
        self.counts.ended(status);
        let expected = self.expects(status);
        let never_began = self.never_began.take();
        match was {
            State::Stopping { pid, .. } => {
                self.exitstatus = Some(status.code());
                self.change(
                    State::Stopped { start_at: None },
                    StateChange::Stopped { child: Some((pid, status)) },
                    out,
                );
                self.note_exit(status, Fate::Stopped { expected }, out);
            }
            State::Starting { pid: Some(_), since } if self.too_quick(now, since) => {
                self.exitstatus = None;
                self.spawnerr = Some(match never_began {
                    Some(why) => Arc::from(format!("{EXITED_TOO_QUICKLY}: {why}")),
                    None => Arc::from(EXITED_TOO_QUICKLY),
                });
                self.enter_backoff(now, out);
                self.note_exit(status, Fate::Exited { expected: false }, out);
                self.give_up_when_out_of_tries(out);
            }
            State::Starting { pid: Some(pid), .. } => {
                // Long enough, or startsecs=0: it was running, if only for a moment.
                self.change(State::Running { pid }, StateChange::Running { pid }, out);
                self.enter_exited(now, pid, status, expected, out);
            }
            State::Running { pid } => self.enter_exited(now, pid, status, expected, out),
            State::Unknown { .. } => self.state = State::Unknown { pid: None },
            State::Stopped { .. }
            | State::Starting { pid: None, .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal => (),
        }
    }

    /// Whether its last child ended with one of `exitcodes`.
    pub fn ended_as_expected(&self) -> bool {
        self.last_exit.is_some_and(|status| self.expects(status))
    }

    fn expects(&self, status: ExitStatus) -> bool {
        self.config.exitcodes.iter().any(|code| i32::from(*code) == status.code())
    }

    /// An exit before startsecs is a failed start whatever its code (PROC-007).
    fn too_quick(&self, now: Now, since: Instant) -> bool {
        now.at < since.plus_seconds(self.config.startsecs)
    }

    fn enter_exited(
        &mut self,
        now: Now,
        pid: Pid,
        status: ExitStatus,
        expected: bool,
        out: &mut Vec<Effect>,
    ) {
        self.tries = 0;
        self.exitstatus = Some(status.code());
        if !expected {
            self.spawnerr = Some(Arc::from(format!("Bad exit code {}", status.code())));
        }
        let again = match self.config.autorestart {
            AutoRestart::Always => true,
            AutoRestart::Unexpected => !expected,
            AutoRestart::Never => false,
        };
        let floor = self.started_at.map_or(now.at, |started| started.plus_seconds(RESTART_FLOOR));
        let restart_at = (again && !self.held).then(|| floor.max(now.at));
        self.change(State::Exited { restart_at }, StateChange::Exited { expected, pid, status }, out);
        self.note_exit(status, Fate::Exited { expected }, out);
    }

    /// One try more, and as many seconds until the next (PROC-008).
    fn enter_backoff(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.tries += 1;
        let retry_at = (!self.held).then(|| now.at.plus_seconds(self.tries).just_after());
        self.change(State::Backoff { retry_at }, StateChange::Backoff { tries: self.tries }, out);
    }

    fn give_up_when_out_of_tries(&mut self, out: &mut Vec<Effect>) {
        if self.tries > self.config.startretries {
            self.on_give_up(out);
            out.push(Effect::Note(Note::GaveUp { process: self.config.name.clone() }));
        }
    }

    fn on_give_up(&mut self, out: &mut Vec<Effect>) {
        if let State::Backoff { .. } = self.state {
            self.tries = 0;
            self.change(State::Fatal, StateChange::Fatal, out);
        }
    }

    fn on_hold(&mut self) {
        self.held = true;
        match &mut self.state {
            State::Stopped { start_at: due }
            | State::Backoff { retry_at: due }
            | State::Exited { restart_at: due } => *due = None,
            State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Fatal
            | State::Unknown { .. } => (),
        }
    }

    fn change(&mut self, state: State, to: StateChange, out: &mut Vec<Effect>) {
        let from = self.state();
        self.state = state;
        let (process, group) = (self.config.name.clone(), self.config.group.clone());
        out.push(Effect::Note(Note::Event(Event::ProcessState { process, group, from, to })));
    }

    fn send(&mut self, sent: SentSignal, whole_group: bool, out: &mut Vec<Effect>) {
        self.sent = sent;
        let (SentSignal::Stop(signal) | SentSignal::Request(signal)) = sent;
        out.push(Effect::Kill { signal, whole_group });
    }

    fn note_killing(&self, pid: Pid, signal: Signal, whole_group: bool, out: &mut Vec<Effect>) {
        let process = self.config.name.clone();
        out.push(Effect::Note(Note::Killing { process, pid, signal, whole_group }));
    }

    fn note_exit(&self, status: ExitStatus, fate: Fate, out: &mut Vec<Effect>) {
        out.push(Effect::Note(Note::Exited { process: self.config.name.clone(), status, fate }));
    }
}

#[cfg(test)]
mod tests;
