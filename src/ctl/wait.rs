//! Waiting: for input, for a time, and for Ctrl-C, all in one place.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::failure::Failure;

/// Ctrl-C ends the program, as it does any, until [`Wait::catch_interrupts`]; then it ends the waiting.
#[derive(Debug, Default)]
pub struct Wait {
    /// The handler of SIGINT writes to the other end.
    interrupt: Option<UnixStream>,
}

impl Wait {
    /// From here on Ctrl-C makes whatever waits give [`Failure::Interrupted`].
    pub fn catch_interrupts(&mut self) -> io::Result<()> {
        if self.interrupt.is_none() {
            let (ours, theirs) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, theirs)?;
            self.interrupt = Some(ours);
        }
        Ok(())
    }

    /// Forgets a Ctrl-C that came when nothing waited.
    pub fn forget(&self) {
        if let Some(mut interrupt) = self.interrupt.as_ref() {
            drain(&mut interrupt);
        }
    }

    /// Waits until something can be read from one of these, or hung up. Gives for each whether it can.
    pub fn readable(&self, what: &[BorrowedFd<'_>]) -> Result<Vec<bool>, Failure> {
        self.poll(what, PollTimeout::NONE)
    }

    /// Lets a time pass.
    pub fn pass(&self, time: Duration) -> Result<(), Failure> {
        let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        self.poll(&[], time).map(drop)
    }

    /// Whether something can be read from it now.
    pub fn has_something(what: BorrowedFd<'_>) -> bool {
        let mut fds = [PollFd::new(what, PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    fn poll(&self, what: &[BorrowedFd<'_>], time: PollTimeout) -> Result<Vec<bool>, Failure> {
        let interrupt = self.interrupt.as_ref().map(AsFd::as_fd);
        let all = what.iter().copied().chain(interrupt);
        let mut fds: Vec<PollFd<'_>> = all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        loop {
            match poll(&mut fds, time) {
                Ok(_) => break,
                // A window that changes its size, or a program that goes on after Ctrl-Z.
                Err(Errno::EINTR) => (),
                Err(errno) => return Err(Failure::Io(errno.into())),
            }
        }
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
        if fds.get(what.len()).is_some_and(ready) {
            self.forget();
            return Err(Failure::Interrupted);
        }
        Ok(fds.iter().take(what.len()).map(ready).collect())
    }
}

fn drain(pipe: &mut impl io::Read) {
    let mut bytes = [0; 16];
    while pipe.read(&mut bytes).is_ok_and(|read| read > 0) {}
}
