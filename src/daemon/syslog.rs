//! The system's log: one datagram a line to `/dev/log`, without waiting for whoever reads it.
//!
//! The C library's `syslog` would wait, and the daemon with it, while the reader is behind.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::socket::{MsgFlags, send};

use super::localtime;

const SOCKET: &str = "/dev/log";

/// `user.info`, and the daemon's name, as the reference leaves them (LOG-005).
const PRIORITY: u8 = 8 + 6;
const IDENT: &str = "supervisord";

/// Bytes of one line; a longer one comes in pieces.
pub const LINE_MAX: usize = 64 * 1024;

/// The connection; copies share it. Nobody is told of lines that are lost: there may be no such log at all.
#[derive(Clone, Debug, Default)]
pub struct Syslog {
    socket: Arc<Mutex<Option<UnixDatagram>>>,
}

impl Syslog {
    /// Sends a line. It is lost if the reader is behind or not there, as it is with the C library.
    pub fn send(&self, line: &[u8]) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stamp = localtime::syslog_time(i64::try_from(unix).unwrap_or(0));
        let mut datagram = format!("<{PRIORITY}>{stamp} {IDENT}: ").into_bytes();
        datagram.extend_from_slice(line);
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        // Once more, anew: the reader may have been restarted since.
        for _ in 0..2 {
            if socket.is_none() {
                *socket = connect();
            }
            let Some(connected) = &*socket else { return };
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(connected.as_raw_fd(), &datagram, flags) {
                Ok(_) | Err(nix::errno::Errno::EAGAIN) => return,
                Err(_) => *socket = None,
            }
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
