//! A child's standard input: what is written to it goes into the pipe at once, and what the pipe does not take waits
//! for the child to read.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::unistd;
use tokio::net::unix::pipe::Sender;
use tokio::task::AbortHandle;

use crate::supervisor::WriteError;

/// Bytes that may wait for a child that does not read. A write that would make them more is refused whole; but one
/// write is taken, however long, when nothing waits.
pub const WAITING_MAX: usize = 1024 * 1024;

/// Our end of a child's standard input. Dropping it drops what still waits, and the child sees the end.
pub struct Stdin {
    shared: Arc<Shared>,
    /// Writes what waits; there is none while nothing does.
    flusher: Option<AbortHandle>,
}

struct Shared {
    pipe: OwnedFd,
    state: Mutex<State>,
}

enum State {
    Open(VecDeque<u8>),
    /// The child has closed its end.
    Closed,
}

impl Stdin {
    /// Takes our end of a pipe, which does not block.
    pub fn new(pipe: OwnedFd) -> Stdin {
        let state = Mutex::new(State::Open(VecDeque::new()));
        Stdin { shared: Arc::new(Shared { pipe, state }), flusher: None }
    }

    /// Takes all of `bytes`, or none.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let mut state = self.shared.state();
        let State::Open(waiting) = &mut *state else { return Err(WriteError::Closed) };
        if !waiting.is_empty() {
            if waiting.len() + bytes.len() > WAITING_MAX {
                return Err(WriteError::Full);
            }
            waiting.extend(bytes);
            return Ok(());
        }
        match write_now(&self.shared.pipe, bytes) {
            Ok(taken) => waiting.extend(bytes.get(taken..).unwrap_or_default()),
            Err(_) => {
                *state = State::Closed;
                return Err(WriteError::Closed);
            }
        }
        if !waiting.is_empty() {
            drop(state);
            self.flusher = Some(tokio::spawn(flush(self.shared.clone())).abort_handle());
        }
        Ok(())
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if let Some(flusher) = &self.flusher {
            flusher.abort();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes as much as the pipe takes; whether that was all.
    fn flush(&self, pipe: &Sender) -> bool {
        let mut state = self.state();
        let State::Open(waiting) = &mut *state else { return true };
        while !waiting.is_empty() {
            match pipe.try_write(waiting.make_contiguous()) {
                Ok(taken) => drop(waiting.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(_) => {
                    *state = State::Closed;
                    return true;
                }
            }
        }
        true
    }
}

/// Until nothing waits. A pipe that cannot be watched keeps what waits, as if the child never read.
async fn flush(shared: Arc<Shared>) {
    let Ok(pipe) = shared.pipe.try_clone().and_then(Sender::from_owned_fd_unchecked) else { return };
    while pipe.writable().await.is_ok() && !shared.flush(&pipe) {}
}

/// Writes until all is taken or the pipe is full; how much was taken.
fn write_now(pipe: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        match unistd::write(pipe, rest) {
            Ok(count) => taken += count,
            Err(Errno::EINTR) => (),
            Err(Errno::EAGAIN) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use nix::fcntl::OFlag;
    use nix::unistd::pipe2;

    use super::*;
    use crate::daemon::pipe::make_nonblocking;

    fn pipe() -> (OwnedFd, Stdin) {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
        make_nonblocking(&write).unwrap();
        (read, Stdin::new(write))
    }

    #[tokio::test]
    async fn what_the_pipe_does_not_take_waits_and_arrives_in_order() {
        let (read, mut stdin) = pipe();
        let long: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
        assert_eq!(stdin.write(&long), Ok(()), "one write is taken, however long");
        assert_eq!(stdin.write(b"more"), Err(WriteError::Full));
        let mut got = Vec::new();
        let mut file = std::fs::File::from(read);
        while got.len() < long.len() {
            let mut some = vec![0; 100_000];
            let count = file.read(&mut some).unwrap();
            got.extend_from_slice(&some[..count]);
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
        assert!(got == long);
        assert_eq!(stdin.write(b"last"), Ok(()));
        let mut last = [0; 4];
        file.read_exact(&mut last).unwrap();
        assert_eq!(&last, b"last");
    }

    #[tokio::test]
    async fn a_refused_write_leaves_nothing_behind_bug_019() {
        let (read, mut stdin) = pipe();
        assert_eq!(stdin.write(&vec![b'a'; 100_000]), Ok(()));
        assert_eq!(stdin.write(&vec![b'b'; WAITING_MAX]), Err(WriteError::Full));
        assert_eq!(stdin.write(b"c"), Ok(()));
        let shared = stdin.shared.clone();
        let State::Open(waiting) = &*shared.state() else { panic!("closed") };
        assert!(waiting.iter().all(|byte| *byte != b'b'));
        assert_eq!(waiting.back(), Some(&b'c'));
        drop(read);
    }

    #[tokio::test]
    async fn an_end_that_the_child_has_closed_is_told() {
        let (read, mut stdin) = pipe();
        drop(read);
        assert_eq!(stdin.write(b"x"), Err(WriteError::Closed));
        assert_eq!(stdin.write(b""), Err(WriteError::Closed));
    }
}
