//! One task per running child. It moves the child's bytes into its logs, decides nothing, and reports the exit
//! when all is moved.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};
use tracing::Level;

use super::logs::{self, SharedLog};
use super::output::{AnsiStripper, bytes_repr};
use crate::names::{ExitStatus, ProcessName, repr};
use crate::supervisor::{Input, ProcessKey};

/// Bytes of one read, and of the one buffer that all children share.
const READ_SIZE: usize = 64 * 1024;

/// Bytes taken from a pipe after its child has died, where the size of the pipe is not known. A grandchild that
/// goes on writing is not waited for.
const DRAIN_MAX: usize = 1024 * 1024;

thread_local! {
    /// A read is written out before the next begins, and there is one thread: one buffer does for everybody.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One channel of a child: the pipe it comes through, and where it goes.
pub struct Output {
    process: ProcessName,
    channel: &'static str,
    /// `None` once the child has closed its end.
    pipe: Option<Receiver>,
    log: Option<SharedLog>,
    stripper: Option<AnsiStripper>,
}

impl Output {
    /// Takes our end of a pipe. `strip` takes ANSI sequences out (LOG-035).
    pub fn new(
        process: ProcessName,
        channel: &'static str,
        pipe: OwnedFd,
        log: Option<SharedLog>,
        strip: bool,
    ) -> io::Result<Output> {
        make_nonblocking(&pipe)?;
        let pipe = Some(Receiver::from_owned_fd_unchecked(pipe)?);
        Ok(Output { process, channel, pipe, log, stripper: strip.then(AnsiStripper::default) })
    }

    /// Waits for bytes and moves one read of them; whether there may be more at once.
    async fn pump(&mut self) -> bool {
        if let Some(log) = &self.log {
            log.room().await;
        }
        poll_fn(|context| BUFFER.with_borrow_mut(|buffer| self.poll_move(context, buffer))).await
    }

    fn poll_move(&mut self, context: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<bool> {
        // Waits for ever: the other branches of the child's task go on.
        let Some(pipe) = &mut self.pipe else { return Poll::Pending };
        buffer.resize(READ_SIZE, 0);
        let mut read = ReadBuf::new(buffer);
        let result = ready!(Pin::new(pipe).poll_read(context, &mut read));
        let bytes = read.filled();
        if result.is_err() || bytes.is_empty() {
            if let Some(pipe) = self.pipe.take() {
                self.closed(pipe);
            }
            return Poll::Ready(false);
        }
        let full = bytes.len() == READ_SIZE;
        self.record(bytes);
        Poll::Ready(full)
    }

    /// Moves what a dead child has left, without waiting (PROC-055).
    fn drain(&mut self) {
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
                        self.record(buffer.get(..count).unwrap_or_default());
                    }
                    Err(nix::errno::Errno::EINTR) => (),
                    Err(_) => break,
                }
            }
        });
        self.closed(pipe);
    }

    fn closed(&mut self, pipe: Receiver) {
        let held_back = self.stripper.as_mut().map_or(&[][..], AnsiStripper::finish);
        self.write(held_back);
        let fd = pipe.as_raw_fd();
        tracing::debug!("fd {fd} closed, stopped monitoring <{} {}>", self.process, self.channel);
    }

    fn record(&mut self, bytes: &[u8]) {
        match &mut self.stripper {
            Some(stripper) => {
                let stripped = stripper.strip(bytes);
                self.write(&stripped);
            }
            None => self.write(bytes),
        }
    }

    fn write(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(log) = &self.log {
            logs::say(log.write(bytes));
        }
        if tracing::enabled!(Level::DEBUG) {
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text.to_string(),
                Err(_) => format!("Undecodable: {}", bytes_repr(bytes)),
            };
            // LOG-006
            tracing::debug!("{} {} output:\n{text}", repr(self.process.as_str()), self.channel);
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
        if more {
            // One read, then everybody else's turn.
            tokio::task::yield_now().await;
        }
    };
    // Without a status the daemon itself is going.
    let Ok(status) = status else { return };
    stdout.drain();
    if let Some(stderr) = &mut stderr {
        stderr.drain();
    }
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
