//! From options to a running daemon, and from its end to its next beginning in the same process.
//!
//! The order is the reference's (CLI-027), with one change: the sockets are bound before anything else is
//! touched, so a second daemon with the same configuration harms nothing of the first (BUG-004).

use std::io;
use std::rc::Rc;

use nix::sys::stat::{Mode, umask};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, getuid, setsid};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::fcgi::Sockets;
use super::log::{self, Log};
use super::machine::Machine;
use super::notify::Notify;
use super::options::{Options, Stop};
use super::pidfile::PidFile;
use super::settings::Settings;
use super::signals::SignalStream;
use super::{Arrivals, INBOX_MAX, Sources, autolog, check, identity, limits, localtime, memory, sys, target};
use crate::config::{Config, LogLevel, Message};
use crate::http::{self, socket};
use crate::names::{Pid, reason, repr};
use crate::supervisor::{Carried, Exit, Input, Supervisor};

/// Said as root without `user` (CLI-028); scripts know its beginning.
const ROOT_WARNING: &str = "Supervisor is running as root.  Privileges were not dropped because no user is \
                            specified in the config file.  If you intend to run as root, you can set user=root in \
                            the config file to avoid this message.";

/// Runs the daemon to its end. With `nodaemon` this is the foreground; else the caller's process ends early, with
/// status 0, and a new one goes on.
pub fn supervise(mut options: Options) -> Result<(), Stop> {
    if let Some(wish) = options.check() {
        return Err(check::check(&options, wish));
    }
    target::inherited();
    sys::survive_full_files();
    let config = options.read_config().map_err(Stop::Config)?;
    options.pin();
    let log = Log::default();
    // There is no other subscriber: this is the first and only call.
    let _ = tracing::subscriber::set_global_default(log.clone());

    if config.supervisord.nodaemon && config.supervisord.user.is_some() {
        target::prepare();
    }
    let mut lines = Lines::default();
    lines.become_user(&config)?;
    lines.infos.extend(limits::raise_to_minimum(&config.supervisord).map_err(Stop::Usage)?);
    let open_files = limits::raise_own_open_files();
    let opened = open(&config, &log, lines, PidFile::claim)?;
    if !config.supervisord.nodaemon {
        daemonize(&config)?;
    }
    let notify = Rc::new(Notify::new(std::env::var_os("NOTIFY_SOCKET").as_deref()));
    let daemon = Daemon { options, log, notify, open_files };
    let runtime = runtime().map_err(|error| failed("could not start", &error))?;
    let log = daemon.log.clone();
    let ended = runtime.block_on(daemon.live(config, opened));
    // Before the tasks go that hold what a log has not taken yet.
    log.logs().finish();
    log.syslog().finish();
    ended
}

/// Tasks that run before descriptors are looked at again. Of a thousand children that die together each has a task to
/// run, and a request waits for its turn behind them: with fewer in a round it waits for as many more rounds.
const TASKS_PER_ROUND: u32 = 256;

/// One thread, which waits for the kernel when there is nothing to do.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().event_interval(TASKS_PER_ROUND).enable_io().enable_time().build()
}

/// What outlives a restart.
struct Daemon {
    options: Options,
    log: Log,
    notify: Rc<Notify>,
    open_files: Option<(u64, u64)>,
}

impl Daemon {
    /// Runs, and begins again after each restart, in the same process (PROC-068).
    async fn live(self, mut config: Config, mut opened: Opened) -> Result<(), Stop> {
        let mut signals =
            SignalStream::open().map_err(|error| failed("could not take signals over", &error))?;
        let mut carried = Carried::default();
        loop {
            let (exit, left, pidfile) = self.run(config, opened, carried, &mut signals).await?;
            match exit {
                Exit::Shutdown => return Ok(()),
                Exit::Restart(next) => (config, carried) = (*next, left),
            }
            let mut lines = Lines::default();
            let claim = |path: &str| pidfile.claim_anew(path);
            let again = lines.become_user(&config).and_then(|()| open(&config, &self.log, lines, claim));
            // Standard error may lead nowhere by now.
            opened = again.inspect_err(|stop| log::say(LogLevel::Critical, &stop.to_string()))?;
        }
    }

    /// From the pid file to the last child's end.
    async fn run(
        &self,
        config: Config,
        opened: Opened,
        carried: Carried,
        signals: &mut SignalStream,
    ) -> Result<(Exit, Carried, PidFile), Stop> {
        let pid = std::process::id();
        let Opened { listeners, mut pidfile, sockets } = opened;
        pidfile.write(pid)?;
        let (handle, calls) = super::handle::Handle::new();
        let news = handle.news().clone();
        let options = http::Options {
            interfaces: config.interfaces.clone(),
            local_time: localtime::local_time,
            ctime: localtime::ctime,
        };
        let servers =
            http::serve(listeners, handle, options).map_err(|error| failed("could not serve", &error))?;
        let (inbox, exits) = mpsc::channel::<Input>(INBOX_MAX);
        let mut settings = Settings {
            identifier: String::new(),
            childlogdir: String::new(),
            strip_ansi: false,
            server_url: None,
            environment: std::env::vars_os().collect(),
            open_files: self.open_files,
        };
        settings.follow(&config);
        let reader = Box::new(self.options.clone());
        let (notify, log) = (self.notify.clone(), self.log.clone());
        tokio::spawn(memory::give_back_in_time(news.let_go.clone()));
        let machine = Machine::new(notify, settings, reader, log, sockets, inbox, news);
        let supervisor = Supervisor::new(config, Pid(pid.cast_signed())).carrying(carried);
        let sources = Sources::new(signals, Arrivals::new(exits, calls));
        let (exit, left) = super::run(supervisor, machine, sources).await;
        servers.close().await;
        Ok((exit, left, pidfile))
    }
}

/// What a run begins with.
struct Opened {
    listeners: Vec<socket::Listener>,
    pidfile: PidFile,
    sockets: Sockets,
}

/// Binds the sockets and claims the pid file, so that nobody else goes by this configuration; only then opens the log
/// and clears the AUTO logs of an earlier run away. `claim` takes the pid file: at a restart it may be there already.
fn open(
    config: &Config,
    log: &Log,
    lines: Lines,
    claim: impl FnOnce(&str) -> Result<PidFile, Stop>,
) -> Result<Opened, Stop> {
    let bound = config.servers.iter().map(socket::bind).collect::<Result<Vec<_>, _>>();
    let listeners = bound.map_err(|error| Stop::Usage(error.to_string()))?;
    let pidfile = claim(&config.supervisord.pidfile)?;
    log.open(&config.supervisord).map_err(Stop::Failed)?;
    lines.say(config);
    if !config.supervisord.nocleanup {
        autolog::remove_stale(&config.supervisord.childlogdir, &config.supervisord.identifier);
    }
    let mut sockets = Sockets::default();
    for process in config.groups.iter().flat_map(|group| &group.processes) {
        sockets.try_once(process);
    }
    for message in http::announcements(&config.servers, &config.interfaces) {
        log::say(message.level, &message.text);
    }
    Ok(Opened { listeners, pidfile, sockets })
}

/// What is to be logged about a start, once the log is open.
#[derive(Default)]
struct Lines {
    critical: Option<&'static str>,
    infos: Vec<String>,
}

impl Lines {
    /// Becomes the configured user (CLI-028 to CLI-031).
    fn become_user(&mut self, config: &Config) -> Result<(), Stop> {
        match config.supervisord.user {
            Some(uid) => {
                identity::assume(uid).map_err(Stop::Usage)?;
                self.infos.push(format!("Set uid to user {uid} succeeded"));
            }
            None if getuid().is_root() => self.critical = Some(ROOT_WARNING),
            None => (),
        }
        Ok(())
    }

    /// Criticals, warnings, infos, in this order (LOG-007).
    fn say(self, config: &Config) {
        if let Some(text) = self.critical {
            log::say(LogLevel::Critical, text);
        }
        for Message { level, text } in &config.messages {
            log::say(*level, text);
        }
        for text in self.infos {
            log::say(LogLevel::Info, &text);
        }
    }
}

/// A failure when the log is open, which tells it too: standard error may lead nowhere by now.
fn failed(what: &str, error: &io::Error) -> Stop {
    let stop = Stop::failed(what, error);
    log::say(LogLevel::Critical, &stop.to_string());
    stop
}

/// Leaves the terminal and the caller behind (PROC-065). No thread and no runtime exists yet.
fn daemonize(config: &Config) -> Result<(), Stop> {
    // While the caller is still there to be told.
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    let null = null.map_err(|error| {
        failed(
            "could not go to the background, for want of /dev/null; nodaemon=true stays in the foreground",
            &error,
        )
    })?;
    let last_words = || log::say(LogLevel::Blather, "supervisord forked; parent exiting");
    sys::fork_and_leave(last_words)
        .map_err(|errno| failed("could not go to the background", &io::Error::from_raw_os_error(errno.0)))?;
    tracing::info!("daemonizing the supervisord process");
    if let Some(directory) = &config.supervisord.directory {
        match std::env::set_current_dir(directory) {
            Ok(()) => tracing::info!("set current directory: {}", repr(directory)),
            Err(error) => tracing::error!(
                target: log::CRITICAL,
                "can't chdir into {}: {}", repr(directory), reason(&error)
            ),
        }
    }
    dup2_stdin(&null).map_err(|errno| failed("could not replace standard input", &errno.into()))?;
    dup2_stdout(&null).map_err(|errno| failed("could not replace standard output", &errno.into()))?;
    dup2_stderr(&null).map_err(|errno| failed("could not replace standard error", &errno.into()))?;
    // A new process leads no group, so it may lead a session.
    setsid().map_err(|errno| failed("could not begin a session", &errno.into()))?;
    umask(Mode::from_bits_truncate(config.supervisord.umask));
    Ok(())
}
