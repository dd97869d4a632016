//! One task per running child. It moves the child's bytes into its logs, decides nothing, and reports the exit
//! when all is moved.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use nix::fcntl::{FcntlArg, fcntl};
use tokio::sync::{mpsc, oneshot};

use super::measure::Counter;
use super::pipe::Pipe;
use super::recorder::Recorder;
use super::turn::in_turn;
use crate::names::ExitStatus;
use crate::supervisor::{Input, ProcessKey};

/// Bytes of one read, and of the one buffer that all children share (LOG-034).
const READ_SIZE: usize = 128 * 1024;

/// A read that brings as much is likely to be followed by another at once.
const MUCH: usize = 32 * 1024;

/// Bytes taken from a pipe after its child has died, where the size of the pipe is not known. A grandchild that
/// goes on writing is not waited for.
const DRAIN_MAX: usize = 1024 * 1024;

thread_local! {
    /// A read is written out before the next begins, and there is one thread: one buffer does for everybody.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One channel of a child: the pipe it comes through, and where it goes.
pub struct Output {
    pipe: Pipe,
    recorder: Recorder,
}

impl Output {
    /// Takes our end of a pipe.
    pub fn new(pipe: OwnedFd, recorder: Recorder) -> io::Result<Output> {
        Ok(Output { pipe: Pipe::new(pipe, !recorder.tells())?, recorder })
    }

    /// Counts what goes to the log.
    pub fn count_into(&mut self, counter: &Arc<Counter>) {
        self.recorder.count_into(counter);
    }

    /// Waits for bytes and moves one read of them; whether there may be more at once. Waits for ever once the child
    /// has closed its end: the other branches of the child's task go on. May be given up at any moment.
    async fn pump(&mut self) -> bool {
        loop {
            self.recorder.room().await;
            self.pipe.rested().await;
            let moved = poll_fn(|context| BUFFER.with_borrow_mut(|buffer| self.poll_move(context, buffer)));
            match moved.await {
                Some(0) => {
                    in_turn(|| self.closed()).await;
                    return false;
                }
                Some(count) => return count >= MUCH,
                None => (),
            }
        }
    }

    /// Bytes moved; the end of the output is 0 of them. `None` if it is to be tried again.
    fn poll_move(&mut self, context: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<Option<usize>> {
        // Another program's output may have filled the log meanwhile.
        if self.recorder.is_full() {
            return Poll::Ready(None);
        }
        buffer.resize(READ_SIZE, 0);
        let Some(count) = ready!(self.pipe.poll_read(context, buffer)).unwrap_or(Some(0)) else {
            return Poll::Ready(None);
        };
        if let Some(bytes @ [_, ..]) = buffer.get(..count) {
            self.recorder.record(bytes);
        }
        Poll::Ready(Some(count))
    }

    /// Moves what a dead child has left (PROC-055), and waits for nothing but a slow log's room and its turn.
    async fn drain(&mut self) {
        while self.pipe.fd().is_some() {
            self.recorder.room().await;
            in_turn(|| BUFFER.with_borrow_mut(|buffer| self.move_rest(buffer))).await;
        }
    }

    fn move_rest(&mut self, buffer: &mut Vec<u8>) {
        // Those who had their turn before may have filled the log meanwhile.
        if self.recorder.is_full() {
            return;
        }
        let size = self.pipe.fd().and_then(|fd| fcntl(fd, FcntlArg::F_GETPIPE_SZ).ok());
        let mut left = size.map_or(DRAIN_MAX, |size| size as usize);
        buffer.resize(READ_SIZE, 0);
        while left > 0
            && let Some(fd) = self.pipe.fd()
        {
            // Asked of the pipe itself: the event loop knows only what it was told before.
            match nix::unistd::read(fd, buffer) {
                Ok(0) => break,
                Ok(count) => {
                    left = left.saturating_sub(count);
                    self.recorder.record(buffer.get(..count).unwrap_or_default());
                }
                Err(nix::errno::Errno::EINTR) => (),
                Err(_) => break,
            }
        }
        self.closed();
    }

    fn closed(&mut self) {
        let fd = self.pipe.fd().map(|fd| fd.as_raw_fd());
        self.pipe.close();
        self.recorder.finish();
        let (process, channel) = (self.recorder.process(), self.recorder.channel().name());
        if let Some(fd) = fd {
            tracing::debug!("fd {fd} closed, stopped monitoring <{process} {channel}>");
        }
    }

    /// Tells the supervisor what it asked to be told. A chatty child waits here for its turn.
    async fn tell(&mut self, key: ProcessKey, inbox: &mpsc::Sender<Input>) {
        for heard in self.recorder.heard() {
            // Refused only when nobody is left to read it.
            let _ = inbox.send(Input::Output(key, self.recorder.channel(), heard)).await;
        }
    }
}

/// A child's life, or that of one which `never_began` for the reason given: its output into its logs, then, when the
/// reaper has its status, what is left, and last the exit, which so cannot overtake the output.
#[allow(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps room for its arguments twice, and there are many"
)]
pub fn attend(
    key: ProcessKey,
    mut stdout: Output,
    mut stderr: Option<Output>,
    mut status: oneshot::Receiver<ExitStatus>,
    never_began: Option<Arc<str>>,
    inbox: mpsc::Sender<Input>,
) -> impl Future<Output = ()> {
    async move {
        let status = loop {
            let more = tokio::select! {
                biased;
                status = &mut status => break status,
                more = stdout.pump() => pump_now(&mut stderr).await || more,
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
        if let Some(why) = never_began {
            let _ = inbox.send(Input::NeverBegan(key, why)).await;
        }
        // Refused only when nobody is left to read it.
        let _ = inbox.send(Input::Exited(key, status)).await;
    }
}

async fn pump(output: &mut Option<Output>) -> bool {
    match output {
        Some(output) => output.pump().await,
        None => std::future::pending().await,
    }
}

/// One read of what is there already. What a child wrote to both channels at one time is taken in the order in which
/// the reference takes it, stdout first; and neither channel has to wait until the other is silent.
async fn pump_now(output: &mut Option<Output>) -> bool {
    tokio::select! {
        biased;
        more = pump(output) => more,
        () = std::future::ready(()) => false,
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
