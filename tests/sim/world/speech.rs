//! What children write to their standard output and error, and what listeners make of what they are told: honest ones,
//! slow, dead and lying ones, those that flood, and those that do not read.

use std::collections::BTreeMap;

use convoke::api::Channel;
use convoke::names::{Pid, Signal};
use convoke::supervisor::{Heard, Input, ProcessKey, WriteError};

use super::{MILLISECOND, SECOND, World};
use crate::watch::Cause;

/// Events that a listener's pipe takes without being read.
const PIPE: usize = 20;

const OK: &str = "RESULT 2\nOKREADY\n";

/// What lies and floods are made of; some of it is what the protocol wants, at the wrong moment.
const NONSENSE: [&str; 10] = [
    "RESULT 4\nFAILREADY\n",
    "RESULT x\n",
    "RESULT -2\nOKREADY\n",
    "hello world\n",
    "RESULT 2\nOKRESULT 2\nOKREADY\n",
    "RESULT 2\nOKREADY\nREADY\n",
    "RESULT 0\nREADY\n",
    "RESALT 2\nOKREADY\n",
    "RESULT 3\nOK",
    "READY\n",
];

/// What is said and not heard yet, in the order of time.
#[derive(Default)]
pub struct Speeches {
    pieces: BTreeMap<(u64, u64), Piece>,
    said: u64,
    /// Nobody says the end of a sentence before its beginning.
    busy_until: BTreeMap<ProcessKey, u64>,
    /// How much each child has not read, if it does not read.
    unread: BTreeMap<ProcessKey, usize>,
}

/// What one read brings.
struct Piece {
    key: ProcessKey,
    pid: Pid,
    channel: Channel,
    heard: Heard,
    /// With this, somebody honest has said READY.
    ready: bool,
}

impl Speeches {
    pub fn next_at(&self) -> u64 {
        self.pieces.first_key_value().map_or(u64::MAX, |((at, _), _)| *at)
    }

    fn add(&mut self, at: u64, piece: Piece) {
        let at = self.busy_until.get(&piece.key).map_or(at, |until| at.max(*until));
        self.busy_until.insert(piece.key, at);
        self.said += 1;
        self.pieces.insert((at, self.said), piece);
    }
}

impl World {
    /// One piece is heard, unless whoever said it is dead.
    pub(super) fn somebody_speaks(&mut self) -> Result<(), String> {
        let Some((_, piece)) = self.speeches.pieces.pop_first() else { return Ok(()) };
        let Piece { key, pid, channel, heard, ready } = piece;
        if self.watch.processes.get(&key).is_none_or(|seen| seen.child != Some(pid)) {
            return Ok(());
        }
        self.print(|| format!("hear {} {channel:?} {heard:?}", key.0));
        self.speaker = Some(key);
        if ready {
            self.pools.ready(key);
        }
        self.turn(Cause::Output, Input::Output(key, channel, heard))
    }

    /// A child is born.
    pub(super) fn begins_to_speak(&mut self, key: ProcessKey, pid: Pid, script: &str) {
        self.speeches.unread.remove(&key);
        self.speeches.busy_until.remove(&key);
        match script {
            "chatty" => self.chat(key, pid),
            "honest" | "slow" | "mortal" | "deaf" | "closes" | "flood" => {
                let after = self.rng.within(0, 2 * SECOND);
                self.say(key, pid, after, "READY\n");
            }
            "liar" => {
                let text = *self.rng.pick(&["READY\n", "READY\n", "READY", "ready\n", "READY\nREADY\n"]);
                self.say(key, pid, SECOND, text);
            }
            // The dead say nothing; the others are no listeners.
            _ => (),
        }
    }

    /// Bursts of output and of messages between the markers.
    fn chat(&mut self, key: ProcessKey, pid: Pid) {
        let mut at = self.now;
        for _ in 0..self.rng.index(10) {
            at += self.rng.within(MILLISECOND, 30 * SECOND);
            for number in 0..self.rng.index(30) {
                let text = format!("{number}\u{e9}").into_bytes();
                let captured = self.rng.per_million(500_000);
                let heard = if captured { Heard::Captured(text) } else { Heard::Logged(text) };
                let channel = *self.rng.pick(&[Channel::Stdout, Channel::Stderr]);
                self.speeches.add(at, Piece { key, pid, channel, heard, ready: false });
            }
        }
    }

    /// A listener is told of an event, if it reads.
    pub(super) fn write(&mut self, key: ProcessKey, bytes: &[u8]) -> Result<Option<Input>, String> {
        self.print(|| format!("write {} {}", key.0, String::from_utf8_lossy(bytes)));
        self.pools.written(key, bytes, self.watch.now)?;
        self.watch.tell(key)?;
        let seen = self.watch.processes.get(&key).ok_or("an event for nobody")?;
        let Some(pid) = seen.child else {
            // Its end is what this turn is about, and something was due before.
            self.pools.not_written(key);
            return Ok(Some(Input::WriteFailed(key, WriteError::Closed)));
        };
        let script = seen.config.command.clone();
        let unread = self.speeches.unread.entry(key).or_default();
        *unread += 1;
        let error = match script.as_str() {
            "deaf" if *unread > PIPE => Some(WriteError::Full),
            "closes" if *unread > PIPE => Some(WriteError::Closed),
            _ => None,
        };
        if let Some(error) = error {
            self.pools.not_written(key);
            return Ok(Some(Input::WriteFailed(key, error)));
        }
        self.react(key, pid, &script);
        Ok(None)
    }

    fn react(&mut self, key: ProcessKey, pid: Pid, script: &str) {
        match script {
            "honest" | "deaf" | "closes" => {
                let after = self.rng.within(0, 50 * MILLISECOND);
                self.say(key, pid, after, OK);
            }
            "slow" => {
                let after = self.rng.within(SECOND, 90 * SECOND);
                self.say(key, pid, after, OK);
            }
            "mortal" if self.rng.per_million(300_000) => {
                let after = self.rng.within(0, SECOND);
                self.end(key, pid, after, Signal::KILL.number());
            }
            "mortal" => self.say(key, pid, MILLISECOND, OK),
            "liar" if self.rng.per_million(300_000) => {
                let text = *self.rng.pick(&NONSENSE);
                self.say(key, pid, MILLISECOND, text);
            }
            "liar" => self.say(key, pid, MILLISECOND, OK),
            "flood" => self.flood(key, pid),
            // The dead do not answer.
            _ => (),
        }
    }

    /// An event about its standard error for each event, which may be an event for itself again (EVT-023); and now and
    /// then a line without an end.
    fn flood(&mut self, key: ProcessKey, pid: Pid) {
        let at = self.now + self.rng.within(20 * MILLISECOND, SECOND);
        for number in 0..self.rng.within(1, 4) {
            let heard = Heard::Logged(format!("{number}\n").into_bytes());
            self.speeches.add(at, Piece { key, pid, channel: Channel::Stderr, heard, ready: false });
        }
        if self.rng.per_million(20_000) {
            let heard = Heard::Said(vec![b'x'; 70_000]);
            self.speeches.add(at, Piece { key, pid, channel: Channel::Stdout, heard, ready: false });
        }
        self.say(key, pid, SECOND, OK);
    }

    /// What a listener says, cut anywhere.
    fn say(&mut self, key: ProcessKey, pid: Pid, after: u64, text: &str) {
        let honest = self
            .watch
            .processes
            .get(&key)
            .is_some_and(|seen| ["honest", "slow", "mortal"].contains(&seen.config.command.as_str()));
        let mut at = self.now + 1 + after;
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let cut = if self.rng.per_million(700_000) { rest.len() } else { 1 + self.rng.index(rest.len()) };
            let (first, others) = rest.split_at(cut);
            rest = others;
            let heard = Heard::Said(first.to_vec());
            let ready = honest && rest.is_empty();
            self.speeches.add(at, Piece { key, pid, channel: Channel::Stdout, heard, ready });
            at += self.rng.within(0, 10 * MILLISECOND);
        }
    }
}
