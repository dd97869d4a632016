//! Our end of a child's pipe. A child that writes all the time gets a larger one, and is left to write for a moment
//! before it is read again: a wake-up for each line costs five times as much as the line. Not so where somebody waits for
//! what it writes: the answer of an event listener, or an event, is read at once.

use std::io::{self, ErrorKind};
use std::mem::replace;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::names::reason;

/// So many reads within `BUSY_TIME` make a child busy.
const BUSY_READS: u32 = 128;
const BUSY_TIME: Duration = Duration::from_millis(64);

/// A read of a busy child that brings less is followed by a rest.
const LITTLE: usize = 32 * 1024;

/// How long that rest is. A large pipe is not full by then, and the first line after silence is not held back.
const REST: Duration = Duration::from_millis(1);

/// Bytes that the pipe of a busy child holds.
const LARGE_PIPE: i32 = 1024 * 1024;

/// Pipes that may be large at once; the rest keep their size. The kernel allows a user 64 MiB of them.
const LARGE_PIPES_MAX: usize = 16;

static LARGE_PIPES: AtomicUsize = AtomicUsize::new(0);

/// One of the large pipes.
struct Large;

impl Large {
    fn new() -> Option<Large> {
        let more = |count| (count < LARGE_PIPES_MAX).then_some(count + 1);
        LARGE_PIPES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Large)
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        LARGE_PIPES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The end of a pipe that is read.
pub struct Pipe {
    source: Source,
    /// Whether it may be left alone, since what it brings is for a log alone.
    may_rest: bool,
    /// Reads since a moment, by which a busy child is known.
    reads: u32,
    since: Instant,
    /// A busy child's.
    large: Option<Large>,
    /// Until when a polled pipe is left alone.
    rest: Option<Instant>,
}

enum Source {
    /// The event loop says when there is something to read.
    Watched(Receiver),
    /// Looked at after each rest. The event loop would be woken by every line written meanwhile.
    Polled(OwnedFd),
    Closed,
}

impl Pipe {
    /// Takes our end of a pipe; `may_rest` if nobody waits for what it brings.
    pub fn new(end: OwnedFd, may_rest: bool) -> io::Result<Pipe> {
        make_nonblocking(&end)?;
        let source = Source::Watched(Receiver::from_owned_fd_unchecked(end)?);
        Ok(Pipe { source, may_rest, reads: 0, since: Instant::now(), large: None, rest: None })
    }

    /// `None` once it is closed.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            Source::Watched(receiver) => Some(receiver.as_fd()),
            Source::Polled(end) => Some(end.as_fd()),
            Source::Closed => None,
        }
    }

    pub fn close(&mut self) {
        self.source = Source::Closed;
    }

    /// Waits out the rest of a busy child. May be given up at any moment.
    pub async fn rested(&self) {
        if let Some(until) = self.rest {
            sleep_until(until).await;
        }
    }

    /// Reads once: `None` if it is to be tried again, 0 when the child has closed its end. Waits for ever once closed.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<Option<usize>>> {
        let result = match &mut self.source {
            // Unlike a look for readiness and then a read, this spares a read that would bring nothing.
            Source::Watched(receiver) => {
                let mut read = ReadBuf::new(buffer);
                ready!(Pin::new(receiver).poll_read(context, &mut read)).map(|()| read.filled().len())
            }
            Source::Polled(end) => unistd::read(end, buffer).map_err(io::Error::from),
            Source::Closed => return Poll::Pending,
        };
        Poll::Ready(match result {
            Ok(count) => {
                self.has_brought(count);
                Ok(Some(count))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.is_silent();
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn has_brought(&mut self, count: usize) {
        if !self.may_rest {
            return;
        }
        self.grow_if_busy();
        self.rest = None;
        if self.large.is_some() && count < LITTLE {
            self.rest = Some(Instant::now() + REST);
            self.unwatch();
        }
    }

    fn grow_if_busy(&mut self) {
        self.reads = self.reads.saturating_add(1);
        if self.reads < BUSY_READS || self.large.is_some() {
            return;
        }
        let now = Instant::now();
        if now - self.since < BUSY_TIME
            && let Some(end) = self.fd()
            && let Some(large) = Large::new()
            // Refused to users who have many large pipes already: then it stays as it is.
            && fcntl(end, FcntlArg::F_SETPIPE_SZ(LARGE_PIPE)).is_ok()
        {
            self.large = Some(large);
        }
        (self.reads, self.since) = (0, now);
    }

    /// A whole rest without a byte ends the polling.
    fn is_silent(&mut self) {
        if let Source::Polled(_) = &self.source
            && (self.rest.is_none() || !self.watch())
        {
            self.rest = Some(Instant::now() + REST);
        }
    }

    fn unwatch(&mut self) {
        self.source = match replace(&mut self.source, Source::Closed) {
            Source::Watched(receiver) => match receiver.into_nonblocking_fd() {
                Ok(end) => Source::Polled(end),
                Err(error) => {
                    tracing::error!("a pipe was lost: {}", reason(&error));
                    Source::Closed
                }
            },
            source => source,
        };
    }

    /// Whether the event loop has taken the pipe back. It keeps nothing that it refuses.
    fn watch(&mut self) -> bool {
        let Source::Polled(end) = &self.source else { return true };
        let Ok(watched) = end.try_clone().and_then(Receiver::from_owned_fd_unchecked) else { return false };
        self.source = Source::Watched(watched);
        true
    }
}

/// Reads and writes of our end must not stop the daemon; the child's end stays as it is.
pub fn make_nonblocking(end: &OwnedFd) -> io::Result<()> {
    fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn pair() -> (Pipe, OwnedFd) {
        let (read, write) = unistd::pipe().unwrap();
        (Pipe::new(read, true).unwrap(), write)
    }

    /// Waits, reads, and gives what came.
    async fn next(pipe: &mut Pipe) -> Option<Vec<u8>> {
        pipe.rested().await;
        let mut buffer = vec![0; 4096];
        let count = poll_fn(|context| pipe.poll_read(context, &mut buffer)).await.unwrap()?;
        buffer.truncate(count);
        Some(buffer)
    }

    async fn make_busy(pipe: &mut Pipe, write: &OwnedFd) {
        for number in 0..BUSY_READS {
            let line = format!("line {number}\n");
            unistd::write(write, line.as_bytes()).unwrap();
            assert_eq!(next(pipe).await.unwrap(), line.as_bytes());
        }
    }

    fn is_polled(pipe: &Pipe) -> bool {
        matches!(pipe.source, Source::Polled(_))
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_child_is_left_to_write_and_a_silent_one_is_watched_again() {
        let (mut pipe, write) = pair();
        make_busy(&mut pipe, &write).await;
        assert!(is_polled(&pipe));
        let size = fcntl(pipe.fd().unwrap(), FcntlArg::F_GETPIPE_SZ).unwrap();
        assert_eq!(size, LARGE_PIPE);
        // Lines written in one rest come in one read.
        for line in [b"a\n", b"b\n", b"c\n"] {
            unistd::write(&write, line).unwrap();
        }
        assert_eq!(next(&mut pipe).await.unwrap(), b"a\nb\nc\n");
        assert_eq!(next(&mut pipe).await, None);
        assert!(!is_polled(&pipe));
        unistd::write(&write, b"again\n").unwrap();
        assert_eq!(next(&mut pipe).await.unwrap(), b"again\n");
        drop(write);
        assert_eq!(next(&mut pipe).await.unwrap(), b"");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_waited_for_is_read_at_once_however_busy_it_is() {
        let (read, write) = unistd::pipe().unwrap();
        let mut pipe = Pipe::new(read, false).unwrap();
        make_busy(&mut pipe, &write).await;
        assert!(pipe.large.is_none() && !is_polled(&pipe));
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_that_writes_now_and_then_keeps_its_small_pipe() {
        let (mut pipe, write) = pair();
        for _ in 0..2 * BUSY_READS {
            tokio::time::advance(Duration::from_millis(1)).await;
            unistd::write(&write, b"line\n").unwrap();
            assert_eq!(next(&mut pipe).await.unwrap(), b"line\n");
        }
        assert!(pipe.large.is_none() && !is_polled(&pipe));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_seen_while_resting() {
        let (mut pipe, write) = pair();
        make_busy(&mut pipe, &write).await;
        unistd::write(&write, b"last words").unwrap();
        drop(write);
        assert_eq!(next(&mut pipe).await.unwrap(), b"last words");
        assert_eq!(next(&mut pipe).await.unwrap(), b"");
        pipe.close();
        assert!(pipe.fd().is_none());
    }
}
