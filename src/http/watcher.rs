//! Whether the client at the other end is still there, for answers that go on and on.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A look at a connection's socket. HTTP notices that a client has gone by reading, but reads nothing while bytes of
/// the client's wait to be made sense of: the stock client sends an empty line after its request for a log.
#[derive(Clone, Debug)]
pub(super) struct Watcher(Option<Arc<OwnedFd>>);

impl Watcher {
    /// Watches through a descriptor of its own; without one to spare, not at all.
    pub(super) fn new(socket: impl AsFd) -> Watcher {
        Watcher(socket.as_fd().try_clone_to_owned().ok().map(Arc::new))
    }

    /// For a connection that is no socket.
    #[cfg(test)]
    pub(super) fn none() -> Watcher {
        Watcher(None)
    }

    /// Whether the client has closed its end, or its half of it.
    pub(super) fn gone(&self) -> bool {
        let Some(socket) = &self.0 else { return false };
        // Asked for this alone, the answer is never about bytes; of errors it always is.
        let end = PollFlags::from_bits_retain(libc::POLLRDHUP);
        matches!(poll(&mut [PollFd::new(socket.as_fd(), end)], PollTimeout::ZERO), Ok(count) if count > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_client_that_has_gone_is_seen_whatever_it_sent_before() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let watcher = Watcher::new(&ours);
        assert!(!watcher.gone());
        theirs.write_all(b"\r\n").unwrap();
        assert!(!watcher.gone());
        drop(theirs);
        assert!(watcher.gone());

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        let watcher = Watcher::new(&ours);
        assert!(!watcher.gone());
        theirs.shutdown(Shutdown::Write).unwrap();
        assert!(watcher.gone());
    }
}
