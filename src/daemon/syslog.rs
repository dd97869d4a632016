//! The system's log: one datagram a line to `/dev/log`, without waiting for whoever reads it.
//!
//! The C library's `syslog` would wait, and the daemon with it, while the reader is behind.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sys::socket::{MsgFlags, send};
use tokio::net::unix::pipe::Sender;

use super::localtime;
use super::target::has_room;

const SOCKET: &str = "/dev/log";

/// `user.info`, and the daemon's name, as the reference leaves them (LOG-005).
const PRIORITY: u8 = 8 + 6;
const IDENT: &str = "supervisord";

/// Bytes of one line; a longer one comes in pieces.
pub const LINE_MAX: usize = 64 * 1024;

/// Bytes of lines that wait while the reader is behind; what comes past them is dropped.
const WAITING_MAX: usize = 1024 * 1024;

/// How long the end of the daemon waits for the reader.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The connection, and what waits for it; copies are the same. Without a reader lines are lost, and nobody is told:
/// there may be no such log at all.
#[derive(Clone, Debug, Default)]
pub struct Syslog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    socket: Option<UnixDatagram>,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    /// Lines lost since the reader fell behind.
    dropped: u64,
    /// A task waits for the reader.
    helped: bool,
}

impl Syslog {
    /// Sends a line, at once or when the reader has room for it.
    pub fn send(&self, line: &[u8]) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stamp = localtime::syslog_time(i64::try_from(unix).unwrap_or(0));
        let mut datagram = format!("<{PRIORITY}>{stamp} {IDENT}: ").into_bytes();
        datagram.extend_from_slice(line);
        let mut state = self.state();
        state.wait(datagram);
        if !state.helped {
            state.flush();
        }
        // Before the runtime runs there is nobody who could wait; the next line asks again.
        if !state.waiting.is_empty()
            && !state.helped
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            state.helped = true;
            runtime.spawn(help_out(self.clone()));
        }
    }

    /// At the daemon's end: waits a little for the reader.
    pub fn finish(&self) {
        let deadline = Instant::now() + LAST_WORDS;
        let mut state = self.state();
        while !state.flush() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(socket) = state.socket.as_ref().filter(|_| !left.is_zero()) else { return };
            has_room(socket.as_fd(), PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, datagram: Vec<u8>) {
        if self.waiting_bytes + datagram.len() > WAITING_MAX {
            self.dropped += 1;
            return;
        }
        self.waiting_bytes += datagram.len();
        self.waiting.push_back(datagram);
    }

    /// Sends what waits, in order; whether nothing is left.
    fn flush(&mut self) -> bool {
        while let Some(datagram) = self.waiting.front() {
            // Once more, anew: the reader may have been restarted since.
            let sent = (0..2).find_map(|_| {
                if self.socket.is_none() {
                    self.socket = connect();
                }
                let socket = self.socket.as_ref()?;
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                let sent = send(socket.as_raw_fd(), datagram, flags);
                if sent.is_err_and(|errno| errno != Errno::EAGAIN) {
                    self.socket = None;
                    return None;
                }
                Some(sent)
            });
            if sent == Some(Err(Errno::EAGAIN)) {
                return false;
            }
            // Sent, or there is nobody to send it to.
            self.waiting_bytes -= datagram.len();
            self.waiting.pop_front();
        }
        true
    }
}

/// Sends what waits as the reader takes it, and tells of what was lost.
async fn help_out(syslog: Syslog) {
    loop {
        let socket = syslog.state().socket.as_ref().map(|socket| socket.as_fd().try_clone_to_owned());
        match socket.and_then(|socket| Sender::from_owned_fd_unchecked(socket.ok()?).ok()) {
            // Any socket will do: it is only watched.
            Some(socket) => drop(socket.writable().await),
            None => tokio::time::sleep(LAST_WORDS).await,
        }
        let mut state = syslog.state();
        if state.flush() {
            state.helped = false;
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);
            if dropped > 0 {
                tracing::warn!("the system's log takes lines again; {dropped} were dropped");
            }
            return;
        }
    }
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.connect(SOCKET).ok()?;
    Some(socket)
}

/// Puts lines together from the pieces in which output comes (LOG-036).
#[derive(Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Gives every line that is whole now, without its end.
    pub fn cut(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (last, rest) = bytes.split_at(end);
            self.begin(last, &mut line);
            line(&std::mem::take(&mut self.begun));
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.begin(bytes, &mut line);
    }

    /// Gives what is left when the output ends.
    pub fn finish(&mut self, mut line: impl FnMut(&[u8])) {
        if !self.begun.is_empty() {
            line(&std::mem::take(&mut self.begun));
        }
    }

    fn begin(&mut self, mut bytes: &[u8], line: &mut impl FnMut(&[u8])) {
        while self.begun.len() + bytes.len() > LINE_MAX {
            let (first, rest) = bytes.split_at(LINE_MAX - self.begun.len());
            self.begun.extend_from_slice(first);
            line(&std::mem::take(&mut self.begun));
            bytes = rest;
        }
        self.begun.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        pieces.iter().for_each(|piece| lines.cut(piece, |line| out.push(line.to_vec())));
        lines.finish(|line| out.push(line.to_vec()));
        out
    }

    #[test]
    fn lines_are_whole_however_they_come_log_036() {
        assert_eq!(lines(&[b"a", b"b\nc", b"", b"\n\nd"]), [&b"ab"[..], b"c", b"", b"d"]);
        let long = vec![b'x'; 2 * LINE_MAX + 1];
        let sizes: Vec<usize> = lines(&[&long, b"\n"]).iter().map(Vec::len).collect();
        assert_eq!(sizes, [LINE_MAX, LINE_MAX, 1]);
    }

    #[test]
    fn lines_past_the_bound_are_counted_and_not_kept() {
        let mut state = State::default();
        for _ in 0..WAITING_MAX / LINE_MAX + 3 {
            state.wait(vec![b'x'; LINE_MAX]);
        }
        assert_eq!((state.waiting.len(), state.waiting_bytes), (WAITING_MAX / LINE_MAX, WAITING_MAX));
        assert_eq!(state.dropped, 3);
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_lines(text in "[ab\n]{0,40}", cuts in proptest::collection::vec(0usize..40, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(lines(&pieces), lines(&[text.as_bytes()]));
        }
    }
}
