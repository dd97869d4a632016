//! What can be asked of the logs.

/// One of a process's two streams of output.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    Stdout,
    Stderr,
}

impl Channel {
    /// `stdout` or `stderr`, as options, file names and log lines have it.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Stdout => "stdout",
            Channel::Stderr => "stderr",
        }
    }
}

/// Which log is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogName {
    /// The daemon's own.
    Main,
    /// The name is kept as the caller wrote it, since faults repeat it (RPC-012).
    Process { name: String, channel: Channel },
}

/// What is wanted of a log. Offsets and lengths are bytes, and may be anything a client sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogRead {
    /// The bytes from `offset` on, or the last ones if it is negative (RPC-021). The answer is a text.
    Slice { offset: i64, length: i64 },
    /// The last `length` bytes and the size, if there is anything past `offset` (RPC-051).
    Tail { offset: i64, length: i64 },
    /// Where the log is, for those who follow it. The answer is a text.
    Path,
}
