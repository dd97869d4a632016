//! What becomes of the bytes of one of a child's channels: log, system's log, main log, events.

use std::sync::Arc;

use tracing::Level;

use super::capture::{Capture, Piece};
use super::logs::{self, SharedLog};
use super::measure::Counter;
use super::output::AnsiStripper;
use super::syslog::{Lines, Syslog};
use crate::api::Channel;
use crate::config::ProcessConfig;
use crate::names::{ProcessName, bytes_repr, decoded, repr};
use crate::supervisor::Heard;

/// Where a channel's bytes go. A piece that is recorded is written before the call returns, or held by its log.
pub struct Recorder {
    process: ProcessName,
    channel: Channel,
    /// A listener's standard output: the supervisor hears every byte of it.
    listener: bool,
    capture: Option<Capture>,
    outlets: Outlets,
}

/// All but the capture, which decides what comes here.
struct Outlets {
    log: Option<SharedLog>,
    written: Option<Arc<Counter>>,
    stripper: Option<AnsiStripper>,
    syslog: Option<(Syslog, Lines)>,
    events: bool,
    /// Whether the main log shows it, too, at level DEBG.
    copied: bool,
    /// What the supervisor is to be told of, in order.
    heard: Vec<Heard>,
}

impl Recorder {
    /// By the settings of this channel; `strip` takes ANSI sequences out (LOG-035).
    pub fn new(
        config: &Arc<ProcessConfig>,
        channel: Channel,
        log: Option<SharedLog>,
        syslog: &Syslog,
        strip: bool,
    ) -> Recorder {
        let output = match channel {
            Channel::Stdout => &config.stdout,
            Channel::Stderr => &config.stderr,
        };
        let listener = config.listener && channel == Channel::Stdout;
        let max = usize::try_from(output.capture_maxbytes).unwrap_or(0);
        let outlets = Outlets {
            log,
            written: None,
            stripper: strip.then(AnsiStripper::default),
            syslog: output.syslog.then(|| (syslog.clone(), Lines::default())),
            // What answers events makes none, whatever the options say (CFG-132).
            events: output.events_enabled && !listener,
            copied: !listener,
            heard: Vec::new(),
        };
        let capture = (max > 0 && !listener).then(|| Capture::new(max, strip));
        Recorder { process: config.name.clone(), channel, listener, capture, outlets }
    }

    /// Counts what goes to the log.
    pub fn count_into(&mut self, counter: &Arc<Counter>) {
        self.outlets.written = Some(counter.clone());
    }

    /// Whose output it takes.
    pub fn process(&self) -> &ProcessName {
        &self.process
    }

    /// Which of its two channels.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Waits while the log is so far behind that its programs are to be held up.
    pub async fn room(&self) {
        if let Some(log) = &self.outlets.log {
            log.room().await;
        }
    }

    /// Whether the supervisor is told of what comes, which somebody then waits for.
    pub fn tells(&self) -> bool {
        self.listener || self.outlets.events || self.capture.is_some()
    }

    /// Whether it would wait.
    pub fn is_full(&self) -> bool {
        self.outlets.log.as_ref().is_some_and(SharedLog::is_full)
    }

    /// Takes the next bytes.
    pub fn record(&mut self, bytes: &[u8]) {
        let Recorder { process, channel, listener, capture, outlets } = self;
        if *listener {
            outlets.heard.push(Heard::Said(bytes.to_vec()));
            copy_of_listener(process, *channel, bytes);
        }
        match capture {
            Some(capture) => capture.cut(bytes, |piece| outlets.take(process, *channel, piece)),
            None => outlets.take(process, *channel, Piece::Text(bytes)),
        }
    }

    /// The output has ended: what was held back goes out.
    pub fn finish(&mut self) {
        let Recorder { process, channel, capture, outlets, .. } = self;
        if let Some(capture) = capture {
            capture.finish(|piece| outlets.take(process, *channel, piece));
        }
        let held_back = outlets.stripper.as_mut().map_or(&[][..], AnsiStripper::finish);
        outlets.write(process, *channel, held_back);
        if let Some((syslog, lines)) = &mut outlets.syslog {
            lines.finish(|line| send(syslog, process, line));
        }
    }

    /// What the supervisor is to be told of since the last time.
    pub fn heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.outlets.heard)
    }
}

impl Outlets {
    fn take(&mut self, process: &ProcessName, channel: Channel, piece: Piece<'_>) {
        match piece {
            Piece::Text(bytes) => match &mut self.stripper {
                Some(stripper) => {
                    let stripped = stripper.strip(bytes);
                    self.write(process, channel, &stripped);
                }
                None => self.write(process, channel, bytes),
            },
            Piece::Event(bytes) => {
                copy_to_main_log(process, channel, &bytes);
                let name = repr(process.as_str());
                tracing::debug!("{name} {} emitted a comm event", channel.name());
                self.heard.push(Heard::Captured(bytes));
            }
        }
    }

    fn write(&mut self, process: &ProcessName, channel: Channel, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(log) = &self.log {
            logs::say(log.write(bytes));
            if let Some(counter) = &self.written {
                counter.add(channel, bytes.len());
            }
        }
        if let Some((syslog, lines)) = &mut self.syslog {
            lines.cut(bytes, |line| send(syslog, process, line));
        }
        if self.copied {
            copy_to_main_log(process, channel, bytes);
        }
        if self.events {
            self.heard.push(Heard::Logged(bytes.to_vec()));
        }
    }
}

/// LOG-036
fn send(syslog: &Syslog, process: &ProcessName, line: &[u8]) {
    syslog.send(&[process.as_str().as_bytes(), b" ", line].concat());
}

/// What a listener says is shown byte for byte, and before anything is taken out of it.
fn copy_of_listener(process: &ProcessName, channel: Channel, bytes: &[u8]) {
    if tracing::enabled!(Level::DEBUG) {
        tracing::debug!("{} {} output:\n{}", repr(process.as_str()), channel.name(), bytes_repr(bytes));
    }
}

/// LOG-006
fn copy_to_main_log(process: &ProcessName, channel: Channel, bytes: &[u8]) {
    if !tracing::enabled!(Level::DEBUG) || bytes.is_empty() {
        return;
    }
    tracing::debug!("{} {} output:\n{}", repr(process.as_str()), channel.name(), decoded(bytes));
}
