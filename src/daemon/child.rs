//! One task per running child. It moves the child's bytes into its logs, decides nothing, and reports the exit
//! when all is moved.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};

use super::recorder::Recorder;
use crate::names::ExitStatus;
use crate::supervisor::{Input, ProcessKey};

/// Bytes of one read, and of the one buffer that all children share (LOG-034).
const READ_SIZE: usize = 128 * 1024;

/// A read that brings as much is likely to be followed by another at once.
const MUCH: usize = 32 * 1024;

/// So many such reads in a row make a child busy.
const BUSY_READS: u32 = 16;

/// Bytes that the pipe of a busy child holds.
const LARGE_PIPE: i32 = 1024 * 1024;

/// Pipes that may be large at once; the rest keep their size. The kernel allows a user 64 MiB of them.
const LARGE_PIPES_MAX: usize = 16;

/// Bytes taken from a pipe after its child has died, where the size of the pipe is not known. A grandchild that
/// goes on writing is not waited for.
const DRAIN_MAX: usize = 1024 * 1024;

static LARGE_PIPES: AtomicUsize = AtomicUsize::new(0);

/// One of the large pipes.
struct Grown;

impl Grown {
    fn new() -> Option<Grown> {
        let more = |count| (count < LARGE_PIPES_MAX).then_some(count + 1);
        LARGE_PIPES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Grown)
    }
}

impl Drop for Grown {
    fn drop(&mut self) {
        LARGE_PIPES.fetch_sub(1, Ordering::Relaxed);
    }
}

thread_local! {
    /// A read is written out before the next begins, and there is one thread: one buffer does for everybody.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One channel of a child: the pipe it comes through, and where it goes.
pub struct Output {
    /// `None` once the child has closed its end.
    pipe: Option<Receiver>,
    recorder: Recorder,
    /// Reads in a row that brought much.
    busy: u32,
    grown: Option<Grown>,
}

impl Output {
    /// Takes our end of a pipe.
    pub fn new(pipe: OwnedFd, recorder: Recorder) -> io::Result<Output> {
        make_nonblocking(&pipe)?;
        let pipe = Some(Receiver::from_owned_fd_unchecked(pipe)?);
        Ok(Output { pipe, recorder, busy: 0, grown: None })
    }

    /// Waits for bytes and moves one read of them; whether there may be more at once.
    async fn pump(&mut self) -> bool {
        loop {
            self.recorder.room().await;
            let moved =
                poll_fn(|context| BUFFER.with_borrow_mut(|buffer| self.poll_move(context, buffer))).await;
            if let Some(more) = moved {
                return more;
            }
        }
    }

    /// `None` means that the log has no room meanwhile: nothing was read.
    fn poll_move(&mut self, context: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<Option<bool>> {
        // Waits for ever: the other branches of the child's task go on.
        let Some(pipe) = &mut self.pipe else { return Poll::Pending };
        if self.recorder.is_full() {
            return Poll::Ready(None);
        }
        buffer.resize(READ_SIZE, 0);
        let mut read = ReadBuf::new(buffer);
        let result = ready!(Pin::new(pipe).poll_read(context, &mut read));
        let bytes = read.filled();
        if result.is_err() || bytes.is_empty() {
            if let Some(pipe) = self.pipe.take() {
                self.closed(pipe);
            }
            return Poll::Ready(Some(false));
        }
        let much = bytes.len() >= MUCH;
        self.recorder.record(bytes);
        self.grow_if_busy(much);
        Poll::Ready(Some(much))
    }

    /// A child that writes as fast as it can gets a larger pipe: half as many switches between it and us.
    fn grow_if_busy(&mut self, much: bool) {
        self.busy = if much { self.busy.saturating_add(1) } else { 0 };
        if self.busy == BUSY_READS
            && let Some(pipe) = self.pipe.as_ref().filter(|_| self.grown.is_none())
            && let Some(grown) = Grown::new()
        {
            // Refused to users who have many large pipes already: then it stays as it is.
            let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(LARGE_PIPE));
            self.grown = Some(grown);
        }
    }

    /// Moves what a dead child has left (PROC-055), and waits for nothing but a slow log's room.
    async fn drain(&mut self) {
        if self.pipe.is_some() {
            self.recorder.room().await;
        }
        let Some(pipe) = self.pipe.take() else { return };
        let mut left = fcntl(&pipe, FcntlArg::F_GETPIPE_SZ).map_or(DRAIN_MAX, |size| size as usize);
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(READ_SIZE, 0);
            while left > 0 {
                // Asked of the pipe itself: tokio knows only what it was told before.
                match nix::unistd::read(&pipe, buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        left = left.saturating_sub(count);
                        self.recorder.record(buffer.get(..count).unwrap_or_default());
                    }
                    Err(nix::errno::Errno::EINTR) => (),
                    Err(_) => break,
                }
            }
        });
        self.closed(pipe);
    }

    fn closed(&mut self, pipe: Receiver) {
        self.recorder.finish();
        let (fd, process, channel) =
            (pipe.as_raw_fd(), self.recorder.process(), self.recorder.channel().name());
        tracing::debug!("fd {fd} closed, stopped monitoring <{process} {channel}>");
    }

    /// Tells the supervisor what it asked to be told. A chatty child waits here for its turn.
    async fn tell(&mut self, key: ProcessKey, inbox: &mpsc::Sender<Input>) {
        for heard in self.recorder.heard() {
            // Refused only when nobody is left to read it.
            let _ = inbox.send(Input::Output(key, self.recorder.channel(), heard)).await;
        }
    }
}

/// Reads and writes of our end must not stop the daemon; the child's end stays as it is.
pub fn make_nonblocking(end: &OwnedFd) -> io::Result<()> {
    fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

/// A child's life: its output into its logs, then, when the reaper has its status, what is left, and last the
/// exit, which so cannot overtake the output.
pub async fn attend(
    key: ProcessKey,
    mut stdout: Output,
    mut stderr: Option<Output>,
    mut status: oneshot::Receiver<ExitStatus>,
    inbox: mpsc::Sender<Input>,
) {
    let status = loop {
        let more = tokio::select! {
            status = &mut status => break status,
            more = stdout.pump() => more,
            more = pump(&mut stderr) => more,
        };
        tell(key, &mut stdout, &mut stderr, &inbox).await;
        if more {
            // One read, then everybody else's turn.
            tokio::task::yield_now().await;
        }
    };
    // Without a status the daemon itself is going.
    let Ok(status) = status else { return };
    stdout.drain().await;
    if let Some(stderr) = &mut stderr {
        stderr.drain().await;
    }
    tell(key, &mut stdout, &mut stderr, &inbox).await;
    drop((stdout, stderr));
    // Refused only when nobody is left to read it.
    let _ = inbox.send(Input::Exited(key, status)).await;
}

async fn pump(output: &mut Option<Output>) -> bool {
    match output {
        Some(output) => output.pump().await,
        None => std::future::pending().await,
    }
}

async fn tell(
    key: ProcessKey,
    stdout: &mut Output,
    stderr: &mut Option<Output>,
    inbox: &mpsc::Sender<Input>,
) {
    stdout.tell(key, inbox).await;
    if let Some(stderr) = stderr {
        stderr.tell(key, inbox).await;
    }
}
