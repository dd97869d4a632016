//! The world as the daemon holds it: the children not yet reaped, their logs, the callers who wait. It carries out
//! one effect at a time.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};

use super::child;
use super::fcgi::{Share, Sockets};
use super::handle::{Call, Change, News};
use super::logfile;
use super::logs::{Logs, SharedLog};
use super::measure::{self, Counter};
use super::notify::Notify;
use super::settings::Settings;
use super::spawn::Spawner;
use super::start::{self, Started};
use super::stdin::Stdin;
use super::{autolog, log, notes, readlog, sys};
use crate::api::metrics::Metrics;
use crate::api::{Fault, LogRead, Reply, RequestId};
use crate::config::{self, Config, OutputConfig, ProcessConfig};
use crate::names::{Errno, ExitStatus, Pid, Signal, reason};
use crate::supervisor::{
    Effect, Exit, Input, Instant, LogPaths, Note, Now, ProcessKey, ProgramText, SpawnError, UnixTime,
    WriteError,
};

/// Deaths that are told as one, so that the memory of a storm of them can go back to the system.
const CROWD: u64 = 256;

/// What became of an effect.
pub enum Performed {
    Done,
    /// The answer, to be given to the supervisor before its next effect.
    Gave(Input),
    /// The run is over.
    Exit(Exit),
}

/// Reads what the daemon was started with once more.
pub trait ConfigReader {
    /// The files as they are now.
    fn config(&self) -> Result<Config, Vec<config::Error>>;
    /// The processes of a program that is in no file.
    fn program(&self, text: &ProgramText) -> Result<Vec<Arc<ProcessConfig>>, Vec<config::Error>>;
}

/// Carries out effects.
pub struct Machine {
    pub notify: Rc<Notify>,
    /// There may be dead children that were not collected.
    pub unreaped: bool,
    settings: Settings,
    reader: Box<dyn ConfigReader>,
    log: log::Log,
    logs: Logs,
    inbox: mpsc::Sender<Input>,
    news: News,
    /// Children whose exit was told.
    buried: u64,
    started: tokio::time::Instant,
    spawner: Spawner,
    sockets: Sockets,
    /// Held until what the log has to say of their processes is said (PROC-061).
    parting: Vec<Share>,
    members: HashMap<ProcessKey, Member>,
    children: HashMap<Pid, ProcessKey>,
    callers: HashMap<RequestId, oneshot::Sender<Result<Reply, Fault>>>,
    last_request: u64,
}

/// A process as the machine knows it.
struct Member {
    config: Arc<ProcessConfig>,
    logs: LogPaths,
    written: Arc<Counter>,
    child: Option<Running>,
}

/// A child that has not been reported dead.
struct Running {
    pid: Pid,
    /// Taken when the child is reaped: from then on its pid may be anybody's.
    reaped: Option<oneshot::Sender<ExitStatus>>,
    /// Kept open, so that the child waits for input instead of seeing its end (PROC-042).
    /// `None` where a FastCGI program has its socket (PROC-064).
    stdin: Option<Stdin>,
    socket: Option<Share>,
    logs: [Option<SharedLog>; 2],
}

impl Machine {
    /// A machine without children; `inbox` is where their exits will go, `sockets` knows what was tried already,
    /// `news` is where others hear of what happens.
    pub fn new(
        notify: Rc<Notify>,
        settings: Settings,
        reader: Box<dyn ConfigReader>,
        log: log::Log,
        sockets: Sockets,
        inbox: mpsc::Sender<Input>,
        news: News,
    ) -> Machine {
        Machine {
            notify,
            unreaped: false,
            settings,
            reader,
            logs: log.logs().clone(),
            log,
            inbox,
            news,
            buried: 0,
            started: tokio::time::Instant::now(),
            spawner: Spawner::default(),
            sockets,
            parting: Vec::new(),
            members: HashMap::new(),
            children: HashMap::new(),
            callers: HashMap::new(),
            last_request: 0,
        }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let at = Instant(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        let (unix, nanos) = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos()),
            Err(_) => (0, 0),
        };
        Now { at, unix: UnixTime(unix), nanos }
    }

    /// When, by the clock of timers, an instant of [`Machine::now`] is.
    pub fn moment(&self, at: Instant) -> tokio::time::Instant {
        let since = Duration::from_nanos(at.0);
        // The end of time does not come; a day is as good and does not overflow.
        let day = Duration::from_secs(86_400);
        self.started.checked_add(since).unwrap_or_else(|| tokio::time::Instant::now() + day)
    }

    /// Takes a call in, and remembers who waits for its answer.
    pub fn accept(&mut self, call: Call) -> Input {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        self.callers.insert(id, call.answer);
        Input::Request(id, call.request)
    }

    /// Collects one of the dead; its task reports it.
    pub fn reap(&mut self) {
        let (children, members) = (&mut self.children, &mut self.members);
        self.unreaped = super::reap::reap_one(|pid, status| {
            let Some(key) = children.remove(&pid) else { return false };
            let running = members.get_mut(&key).and_then(|member| member.child.as_mut());
            if let Some(reaped) = running.and_then(|running| running.reaped.take()) {
                // Its task does not end without it, so it is there.
                let _ = reaped.send(status);
            }
            true
        });
    }

    /// Forgets a child whose exit is about to be told.
    pub fn bury(&mut self, process: ProcessKey) {
        if let Some(member) = self.members.get_mut(&process) {
            self.parting.extend(member.child.take().and_then(|running| running.socket));
        }
        self.buried += 1;
        if self.buried.is_multiple_of(CROWD) {
            self.news.let_go.tell();
        }
    }

    /// The turn is over: sockets that nobody uses any more are closed, and what may have changed is counted.
    pub fn end_turn(&mut self, unchanged: bool) {
        self.parting.clear();
        if !unchanged {
            self.news.changes.advance();
        }
    }

    /// Carries one effect out.
    pub fn perform(&mut self, effect: Effect) -> Performed {
        if !matches!(effect, Effect::Note(_)) {
            self.parting.clear();
        }
        match effect {
            Effect::Leave(key) => self.leave(key),
            Effect::Print(text) => self.log.print(&text),
            Effect::Reply(request, answer) => self.answer(request, answer),
            Effect::ReadLog(request, path, read) => self.read_log(request, path, read),
            Effect::Measure { request, metrics, keys } => self.measure(request, metrics, &keys),
            Effect::ClearLog(request) => self.clear_log(request),
            Effect::Note(note) => self.note(note),
            Effect::Configured(config) => self.follow(&config),
            Effect::ReopenLogs => self.reopen_logs(),
            Effect::Join(key, config) => return Performed::Gave(Input::Joined(key, self.join(key, config))),
            Effect::Check(request, key, config) => {
                let checked = start::find(&self.settings, &config).map(drop);
                return Performed::Gave(Input::Checked(request, key, checked));
            }
            Effect::Spawn(key, config) => {
                let spawned = self.spawn(key, &config);
                return Performed::Gave(match spawned {
                    Ok(pid) => Input::Spawned(key, pid),
                    Err(error) => Input::SpawnFailed(key, error),
                });
            }
            Effect::Kill { process, signal, whole_group } => {
                if let Err(errno) = self.kill(process, signal, whole_group) {
                    return Performed::Gave(Input::KillFailed(process, errno));
                }
            }
            Effect::Write(key, bytes) => {
                if let Err(error) = self.write(key, &bytes) {
                    return Performed::Gave(Input::WriteFailed(key, error));
                }
            }
            Effect::ClearLogs(request, key) => {
                return Performed::Gave(Input::LogsCleared(request, key, self.clear_logs(key)));
            }
            Effect::ReadConfig(why) => {
                return Performed::Gave(Input::ConfigRead(why, self.reader.config().map(Box::new)));
            }
            Effect::ReadProgram(request, text) => {
                let read = self.reader.program(&text);
                return Performed::Gave(Input::ProgramRead(request, text.group, read));
            }
            Effect::Exit(exit) => return Performed::Exit(exit),
        }
        Performed::Done
    }

    fn leave(&mut self, key: ProcessKey) {
        self.news.changes.tell(|| Some(Change::Everything));
        if let Some(member) = self.members.remove(&key) {
            self.sockets.forget(&member.config);
        }
        self.logs.prune();
    }

    fn clear_log(&mut self, request: RequestId) {
        let cleared = self.log.clear();
        self.answer(request, cleared.map(|()| Reply::True));
    }

    fn note(&mut self, note: Note) {
        if let Note::RestartRefused { .. } = &note {
            self.notify.refused();
        }
        if let Note::Event(event) = &note {
            self.news.changes.tell(|| Change::of(event));
        }
        if let Some(message) = notes::sentence(note) {
            log::say(message.level, &message.text);
        }
    }

    fn follow(&mut self, config: &Config) {
        self.settings.follow(config);
        self.news.changes.tell(|| Some(Change::Everything));
    }

    fn answer(&mut self, request: RequestId, answer: Result<Reply, Fault>) {
        if let Some(caller) = self.callers.remove(&request) {
            // A client that has hung up is not waiting.
            let _ = caller.send(answer);
        }
    }

    /// Reads on while everything else goes on.
    fn read_log(&mut self, request: RequestId, path: Option<Arc<str>>, read: LogRead) {
        let Some(caller) = self.callers.remove(&request) else { return };
        let path = path.unwrap_or_else(|| self.log.path());
        tokio::spawn(async move {
            // A client that has hung up is not waiting.
            let _ = caller.send(readlog::read(&path, read).await);
        });
    }

    /// Looks at the children while everything else goes on.
    fn measure(&mut self, request: RequestId, mut metrics: Box<Metrics>, keys: &[ProcessKey]) {
        let Some(caller) = self.callers.remove(&request) else { return };
        for (process, key) in metrics.processes.iter_mut().zip(keys) {
            process.written =
                self.members.get(key).map(|member| member.written.written()).unwrap_or_default();
        }
        tokio::spawn(async move {
            measure::usages(&mut metrics).await;
            // A client that has hung up is not waiting.
            let _ = caller.send(Ok(Reply::Metrics(metrics)));
        });
    }

    /// Empties both logs of a process, open or not, and all that can be emptied even if one cannot (LOG-038,
    /// BUG-026).
    fn clear_logs(&self, process: ProcessKey) -> Result<(), Errno> {
        let Some(member) = self.members.get(&process) else { return Ok(()) };
        let clear = |path: &Arc<str>, output: &OutputConfig| {
            if path.is_empty() {
                return Ok(());
            }
            // Perhaps it is another process that has it open.
            match self.logs.find(path, output.maxbytes, output.backups) {
                Some(log) => log.clear(),
                None => logfile::clear(path),
            }
        };
        let config = &member.config;
        let cleared =
            [clear(&member.logs.stdout, &config.stdout), clear(&member.logs.stderr, &config.stderr)];
        let failed = cleared.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |error| Err(Errno(error.raw_os_error().unwrap_or(0))))
    }

    fn join(&mut self, key: ProcessKey, config: Arc<ProcessConfig>) -> LogPaths {
        let logs = LogPaths {
            stdout: self.log_path(&config, "stdout", &config.stdout),
            stderr: self.log_path(&config, "stderr", &config.stderr),
        };
        self.sockets.try_once(&config);
        self.news.changes.tell(|| Some(Change::Everything));
        self.members.insert(key, Member { config, logs: logs.clone(), written: Arc::default(), child: None });
        logs
    }

    fn log_path(&self, config: &ProcessConfig, channel: &str, output: &OutputConfig) -> Arc<str> {
        match &output.logfile {
            config::LogFile::None => Arc::from(""),
            config::LogFile::Path(path) => Arc::from(path.as_str()),
            config::LogFile::Auto => {
                let Settings { childlogdir, identifier, .. } = &self.settings;
                autolog::create(childlogdir, &config.name, channel, identifier)
            }
        }
    }

    fn write(&mut self, process: ProcessKey, bytes: &[u8]) -> Result<(), WriteError> {
        let running = self.members.get_mut(&process).and_then(|member| member.child.as_mut());
        running.and_then(|running| running.stdin.as_mut()).ok_or(WriteError::Closed)?.write(bytes)
    }

    fn kill(&self, process: ProcessKey, signal: Signal, whole_group: bool) -> Result<(), Errno> {
        let running = self.members.get(&process).and_then(|member| member.child.as_ref());
        match running {
            Some(Running { pid, reaped: Some(_), .. }) => {
                sys::kill(if whole_group { -pid.0 } else { pid.0 }, signal)
            }
            Some(Running { reaped: None, .. }) | None => Err(Errno::ESRCH),
        }
    }

    fn reopen_logs(&self) {
        tracing::info!("supervisord logreopen");
        self.log.reopen();
        let running = self.members.values().filter_map(|member| member.child.as_ref());
        for shared in running.flat_map(|running| running.logs.iter().flatten()) {
            if let Err(error) = shared.reopen() {
                tracing::error!("could not reopen log {}: {}", shared.path(), reason(&error));
            }
        }
    }

    fn spawn(&mut self, key: ProcessKey, config: &Arc<ProcessConfig>) -> Result<Pid, SpawnError> {
        // A process that has not joined has no log.
        let none = || LogPaths { stdout: Arc::from(""), stderr: Arc::from("") };
        let member = self.members.entry(key).or_insert_with(|| Member {
            config: config.clone(),
            logs: none(),
            written: Arc::default(),
            child: None,
        });
        let socket = self.sockets.share(config).map_err(SpawnError::Socket)?;
        let descriptor = socket.as_ref().map(Share::as_fd);
        let started =
            start::start(&mut self.spawner, &self.settings, config, &self.log, &member.logs, descriptor);
        let Started { pid, never_began, stdin, mut stdout, mut stderr, logs } = match started {
            Ok(started) => started,
            Err(error) => {
                self.parting.extend(socket);
                return Err(error);
            }
        };
        for output in [&mut stdout].into_iter().chain(&mut stderr) {
            output.count_into(&member.written);
        }
        let (reaped, status) = oneshot::channel();
        member.child =
            Some(Running { pid, reaped: Some(reaped), stdin: stdin.map(Stdin::new), socket, logs });
        self.children.insert(pid, key);
        tokio::spawn(child::attend(key, stdout, stderr, status, never_began, self.inbox.clone()));
        Ok(pid)
    }
}
