//! The supervisor: owns every group and process, and turns inputs into effects. It has no clock and does no I/O.

pub mod clock;
pub mod event;

use std::sync::Arc;

use crate::api::{Fault, Reply, Request, RequestId};
use crate::config::{self, Config, ProcessConfig};
use crate::names::{Errno, ExitStatus, Pid, Signal};

pub use clock::{Instant, Now, UnixTime};
pub use event::{CommandError, Event, Note, SpawnError};

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
    /// Answers [`Effect::Spawn`], as does `SpawnFailed`.
    Spawned(ProcessKey, Pid),
    SpawnFailed(ProcessKey, SpawnError),
    /// Answers [`Effect::Kill`] when the signal could not be sent.
    KillFailed(ProcessKey, Errno),
    /// The child is gone, reaped, and all its output is in its logs.
    Exited(ProcessKey, ExitStatus),
    /// Answers [`Effect::ReadConfig`].
    ConfigRead(ReadFor, Result<Config, Vec<config::Error>>),
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
    Reply(RequestId, Result<Reply, Fault>),
    Note(Note),
    /// Answered.
    ReadConfig(ReadFor),
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
