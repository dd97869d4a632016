//! The daemon's own log. Whatever part of the daemon calls `tracing` writes here, in the stock format.
//!
//! The reference has seven levels and `tracing` five: CRIT is an error with the target [`CRITICAL`], BLAT a trace
//! with the target [`BLATHER`].

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use super::identity::reason_for_us;
use super::localtime;
use super::logs::{Logs, SharedLog, Trouble};
use super::syslog::Syslog;
use crate::api::{Fault, FaultCode};
use crate::config::{LogLevel, MainLog, SupervisordConfig};
use crate::names::reason;

/// The target of an error that is CRIT.
pub const CRITICAL: &str = "convoke/critical";
/// The target of a trace that is BLAT.
pub const BLATHER: &str = "convoke/blather";

/// Writes a sentence of a level decided at run time.
pub fn say(level: LogLevel, text: &str) {
    match level {
        LogLevel::Critical => tracing::error!(target: CRITICAL, "{text}"),
        LogLevel::Error => tracing::error!("{text}"),
        LogLevel::Warn => tracing::warn!("{text}"),
        LogLevel::Info => tracing::info!("{text}"),
        LogLevel::Debug => tracing::debug!("{text}"),
        LogLevel::Trace => tracing::trace!("{text}"),
        LogLevel::Blather => tracing::trace!(target: BLATHER, "{text}"),
    }
}

/// The log and its outlets; copies are the same log.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    /// The least level written, as the order of [`LogLevel`].
    least: AtomicU8,
    outlets: Mutex<Outlets>,
    logs: Logs,
    syslog: Syslog,
}

#[derive(Default)]
struct Outlets {
    /// The copy that a foreground daemon writes to its standard output.
    copy: Option<SharedLog>,
    /// What listeners have to print, opened when they first do.
    print: Option<SharedLog>,
    file: Option<SharedLog>,
    syslog: bool,
}

/// No level is as high: nothing is written until the log is open.
const CLOSED: u8 = u8::MAX;

impl Default for Log {
    fn default() -> Log {
        let shared = Shared {
            least: AtomicU8::new(CLOSED),
            outlets: Mutex::default(),
            logs: Logs::default(),
            syslog: Syslog::default(),
        };
        Log { shared: Arc::new(shared) }
    }
}

impl Log {
    /// Opens the file, and the copy to standard output in the foreground unless silent (LOG-003). Replaces what
    /// was open before. The error names the file.
    pub fn open(&self, config: &SupervisordConfig) -> Result<(), String> {
        let file = match &config.logfile {
            MainLog::Path(path) => {
                let name = Arc::from(path.as_str());
                let file = self.shared.logs.open(&name, config.logfile_maxbytes, config.logfile_backups);
                Some(file.map_err(|error| format!("could not open {path}: {}", reason_for_us(&error)))?)
            }
            MainLog::Syslog => None,
        };
        let copied = config.nodaemon && !config.silent;
        // A daemon whose standard output is closed has no use for a copy.
        let copy = copied.then(|| self.shared.logs.open(&Arc::from("/dev/stdout"), 0, 0).ok()).flatten();
        let print = copy.clone();
        *self.outlets() = Outlets { copy, print, syslog: file.is_none(), file };
        self.shared.least.store(config.loglevel as u8, Ordering::Relaxed);
        Ok(())
    }

    /// Writes to standard output, which the copy may share.
    pub fn print(&self, text: &str) {
        let mut outlets = self.outlets();
        if outlets.print.is_none() {
            outlets.print = self.shared.logs.open(&Arc::from("/dev/stdout"), 0, 0).ok();
        }
        if let Some(print) = &outlets.print {
            // Whoever reads nothing of it will not read that either.
            let _ = print.write(text.as_bytes());
        }
    }

    /// Closes and opens the file again (SIG-004).
    pub fn reopen(&self) {
        let Some(file) = self.outlets().file.clone() else { return };
        if let Err(error) = file.reopen() {
            tracing::error!("could not reopen log {}: {}", file.path(), reason(&error));
        }
    }

    /// Where the log is; a name that is no file's if it goes to syslog (RPC-022).
    pub fn path(&self) -> Arc<str> {
        self.outlets().file.as_ref().map_or_else(|| Arc::from("syslog"), SharedLog::path)
    }

    /// Empties the file (RPC-023). A foreground daemon says so, once for each outlet (LOG-039).
    pub fn clear(&self) -> Result<(), Fault> {
        let path = self.path();
        if !std::path::Path::new(&*path).exists() {
            return Err(FaultCode::NoFile.into());
        }
        let outlets = self.outlets();
        let cleared = outlets.file.as_ref().map_or(Ok(()), SharedLog::clear);
        cleared.map_err(|_| FaultCode::Failed)?;
        // In the file it would stand in the part that is gone.
        if let Some(copy) = outlets.copy.as_ref().filter(|_| self.writes(LogLevel::Info)) {
            let line = line(LogLevel::Info, "reopening log file");
            let _ = copy.write(line.repeat(2).as_bytes());
        }
        Ok(())
    }

    /// All open logs, among them its own.
    pub fn logs(&self) -> &Logs {
        &self.shared.logs
    }

    /// The system's log.
    pub fn syslog(&self) -> &Syslog {
        &self.shared.syslog
    }

    fn outlets(&self) -> std::sync::MutexGuard<'_, Outlets> {
        self.shared.outlets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writes(&self, level: LogLevel) -> bool {
        level as u8 >= self.shared.least.load(Ordering::Relaxed)
    }

    fn write(&self, level: LogLevel, text: &str) {
        let line = line(level, text);
        let outlets = self.outlets();
        // Nobody is left to be told of trouble with the copy.
        let copy = |line: &str| outlets.copy.as_ref().map(|copy| copy.write(line.as_bytes()));
        drop(copy(&line));
        if outlets.syslog {
            // One call a line, with all that a line of the file has, its end included (LOG-005).
            for part in text.trim_end_matches('\n').split('\n') {
                self.shared.syslog.send(self::line(level, part).as_bytes());
            }
        }
        match outlets.file.as_ref().and_then(|file| file.write(line.as_bytes())) {
            Some(Trouble::Began(trouble)) => drop(copy(&self::line(LogLevel::Error, &trouble))),
            Some(Trouble::Ended(relief)) => {
                let relief = self::line(LogLevel::Warn, &relief);
                drop(copy(&relief));
                drop(outlets.file.as_ref().map(|file| file.write(relief.as_bytes())));
            }
            None => (),
        }
    }
}

/// A line as the log has it (LOG-001).
fn line(level: LogLevel, text: &str) -> String {
    let (unix, millis) = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_millis()),
        Err(_) => (0, 0),
    };
    format!("{} {} {text}\n", localtime::stamp(unix, millis), word(level))
}

/// The word in the line (LOG-002).
fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Critical => "CRIT",
        LogLevel::Error => "ERRO",
        LogLevel::Warn => "WARN",
        LogLevel::Info => "INFO",
        LogLevel::Debug => "DEBG",
        LogLevel::Trace => "TRAC",
        LogLevel::Blather => "BLAT",
    }
}

fn level_of(metadata: &Metadata<'_>) -> LogLevel {
    match (*metadata.level(), metadata.target()) {
        (Level::ERROR, CRITICAL) => LogLevel::Critical,
        (Level::ERROR, _) => LogLevel::Error,
        (Level::WARN, _) => LogLevel::Warn,
        (Level::INFO, _) => LogLevel::Info,
        (Level::DEBUG, _) => LogLevel::Debug,
        (Level::TRACE, BLATHER) => LogLevel::Blather,
        (Level::TRACE, _) => LogLevel::Trace,
    }
}

impl Subscriber for Log {
    /// The level changes when the daemon begins again, so each event is asked about anew.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    /// Libraries that trace are not heard.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.writes(level_of(metadata)) && metadata.target().starts_with("convoke")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.write(level_of(event.metadata()), &text.0);
    }

    // Spans are not used: a line says all it has to.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The message of an event, other fields behind it.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::supervisord_config;

    fn config(path: &str, loglevel: LogLevel) -> SupervisordConfig {
        let logfile = MainLog::Path(path.to_string());
        SupervisordConfig { logfile, loglevel, ..supervisord_config() }
    }

    #[test]
    fn lines_have_the_stock_form_and_lower_levels_are_left_out_log_001_log_002() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.log");
        let log = Log::default();
        log.open(&config(&path.to_string_lossy(), LogLevel::Trace)).unwrap();
        tracing::subscriber::with_default(log, || {
            for level in [
                LogLevel::Critical,
                LogLevel::Error,
                LogLevel::Warn,
                LogLevel::Info,
                LogLevel::Debug,
                LogLevel::Trace,
                LogLevel::Blather,
            ] {
                say(level, "two\nlines");
            }
            tracing::error!(target: "somebody::else", "not ours");
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let heads: Vec<&str> = text.lines().step_by(2).map(|line| &line[23..]).collect();
        assert_eq!(
            heads,
            [" CRIT two", " ERRO two", " WARN two", " INFO two", " DEBG two", " TRAC two"],
            "{text}"
        );
        let stamp = &text[..23];
        let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "9999-99-99 99:99:99,999");
    }
}
