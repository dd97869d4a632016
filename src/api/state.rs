//! States and the numbers they have on the wire (PROC-001 to PROC-003).

use std::fmt;

/// The state of one process (PROC-001).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProcessState {
    Stopped = 0,
    Starting = 10,
    Running = 20,
    Backoff = 30,
    Stopping = 40,
    Exited = 100,
    Fatal = 200,
    Unknown = 1000,
}

impl ProcessState {
    /// All of them, in the order of their numbers.
    pub const ALL: [ProcessState; 8] = [
        ProcessState::Stopped,
        ProcessState::Starting,
        ProcessState::Running,
        ProcessState::Backoff,
        ProcessState::Stopping,
        ProcessState::Exited,
        ProcessState::Fatal,
        ProcessState::Unknown,
    ];

    /// The number clients get.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The word clients get.
    pub fn name(self) -> &'static str {
        match self {
            ProcessState::Stopped => "STOPPED",
            ProcessState::Starting => "STARTING",
            ProcessState::Running => "RUNNING",
            ProcessState::Backoff => "BACKOFF",
            ProcessState::Stopping => "STOPPING",
            ProcessState::Exited => "EXITED",
            ProcessState::Fatal => "FATAL",
            ProcessState::Unknown => "UNKNOWN",
        }
    }

    /// Its place when those that most need attention come first.
    pub fn concern(self) -> u8 {
        match self {
            ProcessState::Fatal => 0,
            ProcessState::Backoff => 1,
            ProcessState::Unknown => 2,
            ProcessState::Exited => 3,
            ProcessState::Stopped => 4,
            ProcessState::Stopping => 5,
            ProcessState::Starting => 6,
            ProcessState::Running => 7,
        }
    }

    /// STOPPED, EXITED, FATAL or UNKNOWN (PROC-002).
    pub fn is_stopped(self) -> bool {
        match self {
            ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal | ProcessState::Unknown => {
                true
            }
            ProcessState::Starting
            | ProcessState::Running
            | ProcessState::Backoff
            | ProcessState::Stopping => false,
        }
    }

    /// RUNNING, BACKOFF or STARTING (PROC-002).
    pub fn is_running(self) -> bool {
        match self {
            ProcessState::Running | ProcessState::Backoff | ProcessState::Starting => true,
            ProcessState::Stopped
            | ProcessState::Stopping
            | ProcessState::Exited
            | ProcessState::Fatal
            | ProcessState::Unknown => false,
        }
    }

    /// RUNNING, STARTING or STOPPING (PROC-002).
    pub fn is_signallable(self) -> bool {
        match self {
            ProcessState::Running | ProcessState::Starting | ProcessState::Stopping => true,
            ProcessState::Stopped
            | ProcessState::Backoff
            | ProcessState::Exited
            | ProcessState::Fatal
            | ProcessState::Unknown => false,
        }
    }

    /// RUNNING alone.
    pub fn is_up(self) -> bool {
        self == ProcessState::Running
    }

    /// FATAL or BACKOFF.
    pub fn has_failed(self) -> bool {
        matches!(self, ProcessState::Fatal | ProcessState::Backoff)
    }

    /// STOPPED, EXITED or FATAL: a start is a start.
    pub fn can_be_started(self) -> bool {
        self.is_stopped() && self != ProcessState::Unknown
    }
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The state of the daemon (PROC-003).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SupervisorState {
    Shutdown = -1,
    Restarting = 0,
    Running = 1,
}

impl SupervisorState {
    /// The number clients get.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The word clients get.
    pub fn name(self) -> &'static str {
        match self {
            SupervisorState::Shutdown => "SHUTDOWN",
            SupervisorState::Restarting => "RESTARTING",
            SupervisorState::Running => "RUNNING",
        }
    }
}
