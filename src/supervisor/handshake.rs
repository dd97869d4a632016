//! What a listener says of itself on its standard output: READY, and RESULT for each event. Cut into reads anywhere.

use std::fmt;

use crate::config::value;
use crate::names::decoded;

const READY: &[u8] = b"READY\n";

/// Of a result line only what follows is looked at: `RESULT ` is as long (EVT-037).
const RESULT_AT: usize = 7;

/// Bytes of a result line without an end; past it the listener is taken to say something else.
const LINE_MAX: usize = 64 * 1024;

/// Bytes of one result. An announcement of more is a bad result line.
pub const RESULT_MAX: usize = 16 * 1024 * 1024;

/// Where a listener stands (PROC-004).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListenerState {
    Ready = 10,
    /// It has been told of an event and has not answered.
    Busy = 20,
    /// It has answered, or has only begun: READY must come next.
    Acknowledged = 30,
    /// It has said something else, and is told nothing any more (EVT-039).
    Unknown = 40,
}

impl fmt::Display for ListenerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ListenerState::Ready => "READY",
            ListenerState::Busy => "BUSY",
            ListenerState::Acknowledged => "ACKNOWLEDGED",
            ListenerState::Unknown => "UNKNOWN",
        })
    }
}

/// What became of what a listener said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    Ready,
    /// Anything where READY was due, or where nothing was.
    Nonsense,
    /// A whole result; somebody must judge it and say so with [`Handshake::enter`].
    Result(Vec<u8>),
    /// It has broken off the answer to its event.
    BadResultLine(String),
}

/// One listener's side of the protocol.
#[derive(Clone, Debug)]
pub struct Handshake {
    state: ListenerState,
    /// Not made sense of yet.
    heard: Vec<u8>,
    /// Bytes of the result that is being said.
    result: Option<usize>,
}

impl Default for Handshake {
    fn default() -> Handshake {
        Handshake { state: ListenerState::Acknowledged, heard: Vec::new(), result: None }
    }
}

impl Handshake {
    /// Where it stands.
    pub fn state(&self) -> ListenerState {
        self.state
    }

    /// Goes on from another state: an event has been sent, or a result judged.
    pub fn enter(&mut self, state: ListenerState) {
        self.state = state;
        self.result = None;
        if state == ListenerState::Unknown {
            self.heard = Vec::new();
        }
    }

    /// Takes what one read brought; then ask for what it says until there is no more.
    pub fn hear(&mut self, bytes: &[u8]) {
        if self.state != ListenerState::Unknown {
            self.heard.extend_from_slice(bytes);
        }
    }

    /// The next thing it says, if all of it has come.
    pub fn say(&mut self) -> Option<Said> {
        if self.heard.is_empty() {
            return None;
        }
        match self.state {
            ListenerState::Acknowledged if self.heard.len() < READY.len() => None,
            ListenerState::Acknowledged if self.heard.starts_with(READY) => {
                self.heard.drain(..READY.len());
                self.enter(ListenerState::Ready);
                Some(Said::Ready)
            }
            ListenerState::Acknowledged | ListenerState::Ready => {
                self.enter(ListenerState::Unknown);
                Some(Said::Nonsense)
            }
            ListenerState::Busy => self.say_result(),
            ListenerState::Unknown => None,
        }
    }

    fn say_result(&mut self) -> Option<Said> {
        if self.result.is_none() {
            let end = match self.heard.iter().position(|byte| *byte == b'\n') {
                Some(end) => end,
                None if self.heard.len() > LINE_MAX => self.heard.len(),
                None => return None,
            };
            let mut line: Vec<u8> = self.heard.drain(..(end + 1).min(self.heard.len())).collect();
            line.truncate(end.min(LINE_MAX));
            let length = line.get(RESULT_AT..).and_then(length);
            if length.is_none() {
                self.enter(ListenerState::Unknown);
                return Some(Said::BadResultLine(decoded(&line).into_owned()));
            }
            self.result = length;
        }
        // An empty result, too, is there only once something follows it (EVT-038).
        let length = self.result.filter(|length| !self.heard.is_empty() && *length <= self.heard.len())?;
        self.result = None;
        Some(Said::Result(self.heard.drain(..length).collect()))
    }
}

/// As Python's `int` reads it, if it can be a length.
fn length(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.is_ascii())?;
    value::integer(text).ok().and_then(|n| usize::try_from(n).ok()).filter(|length| *length <= RESULT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that a listener says in `pieces`, each result judged good and followed by the next event at once.
    fn play(pieces: &[&[u8]]) -> (Vec<Said>, ListenerState) {
        let mut handshake = Handshake::default();
        let mut said = Vec::new();
        for piece in pieces {
            handshake.hear(piece);
            while let Some(what) = handshake.say() {
                if let Said::Result(_) = what {
                    handshake.enter(ListenerState::Acknowledged);
                }
                said.push(what);
            }
            if handshake.state() == ListenerState::Ready {
                handshake.enter(ListenerState::Busy);
            }
        }
        (said, handshake.state())
    }

    fn result(bytes: &[u8]) -> Said {
        Said::Result(bytes.to_vec())
    }

    #[test]
    fn a_conversation_is_understood_wherever_the_reads_cut_it_evt_035_evt_036() {
        // What it says before it is told the next event, and what follows.
        let parts: [&[u8]; 3] = [b"READY\n", b"RESULT 2\nOKREADY\n", b"RESULT 6\nRESULTREADY\n"];
        let expected = vec![Said::Ready, result(b"OK"), Said::Ready, result(b"RESULT"), Said::Ready];
        for first in 0..=parts[0].len() {
            for second in 0..=parts[1].len() {
                for third in 0..=parts[2].len() {
                    let cut = |part: usize, at: usize| parts[part].split_at(at);
                    let ((a, b), (c, d), (e, f)) = (cut(0, first), cut(1, second), cut(2, third));
                    assert_eq!(play(&[a, b, c, d, e, f]), (expected.clone(), ListenerState::Busy));
                }
            }
        }
    }

    #[test]
    fn anything_else_than_ready_is_nonsense_evt_035() {
        for bad in [&b"READY "[..], b"READY\r\n", b"ready\n", b"\nREADY\n", b"Hello\n", b"RESULT 2\nOK"] {
            assert_eq!(play(&[bad]), (vec![Said::Nonsense], ListenerState::Unknown), "{bad:?}");
        }
        assert_eq!(play(&[b"READY"]), (vec![], ListenerState::Acknowledged), "five bytes say nothing yet");
        assert_eq!(play(&[b"READ", b"XY", b"READY\n"]).0, [Said::Nonsense], "and nothing after it counts");
    }

    #[test]
    fn whoever_is_ready_must_be_silent_evt_036() {
        assert_eq!(play(&[b"READY\nx"]), (vec![Said::Ready, Said::Nonsense], ListenerState::Unknown));
        assert_eq!(play(&[b"READY\nREADY\n"]).1, ListenerState::Unknown);
    }

    #[test]
    fn only_the_number_of_a_result_line_counts_evt_037() {
        for good in
            [&b"RESULT 2\nOK"[..], b"RESULTS2\nOK", b"RESULT  2 \r\nOK", b"RESULT +2\nOK", b"RESULT 0_2\nOK"]
        {
            assert_eq!(play(&[b"READY\n", good]).0, [Said::Ready, result(b"OK")], "{good:?}");
        }
        for (bad, line) in [
            (&b"RESULT x\nOK"[..], "RESULT x"),
            (b"OK\n", "OK"),
            (b"\n", ""),
            (b"RESULT -1\n", "RESULT -1"),
            (b"RESULT 99999999999\n", "RESULT 99999999999"),
            (b"RESULT \xff\n", "Undecodable: b'RESULT \\xff'"),
        ] {
            let expected = vec![Said::Ready, Said::BadResultLine(line.to_string())];
            assert_eq!(play(&[b"READY\n", bad]), (expected, ListenerState::Unknown), "{bad:?}");
        }
    }

    #[test]
    fn an_empty_result_is_there_once_something_follows_it_evt_038() {
        assert_eq!(play(&[b"READY\n", b"RESULT 0\n"]), (vec![Said::Ready], ListenerState::Busy));
        assert_eq!(play(&[b"READY\n", b"RESULT 0\n", b"READY\n"]).0, [Said::Ready, result(b""), Said::Ready]);
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let mut handshake = Handshake::default();
        handshake.enter(ListenerState::Busy);
        for _ in 0..3 {
            handshake.hear(&[b'x'; LINE_MAX / 2]);
        }
        assert!(matches!(handshake.say(), Some(Said::BadResultLine(line)) if line.len() == LINE_MAX));
        handshake.hear(b"more");
        assert!(handshake.heard.is_empty() && handshake.say().is_none());
    }
}
