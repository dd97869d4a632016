//! Starting one process: its logs opened, its pipes made, its child spawned.

use std::ffi::{CString, NulError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::child::Output;
use super::command::{self, Command};
use super::identity;
use super::log::Log;
use super::logs::{Logs, SharedLog};
use super::mounts;
use super::pipe;
use super::recorder::Recorder;
use super::settings::Settings;
use super::spawn::{Failure, Launch, Spawner, Step, spawn_apart};
use crate::api::Channel;
use crate::config::{OutputConfig, ProcessConfig};
use crate::names::{Errno, Pid};
use crate::supervisor::{CommandError, LogPaths, SpawnError};

/// A child that has begun, or has failed to and is dead but not reaped; either way its exit will come.
pub struct Started {
    pub pid: Pid,
    /// Why it failed to, as its standard error says too (PROC-047).
    pub never_began: Option<Arc<str>>,
    /// `None` where a socket is in its place (PROC-064).
    pub stdin: Option<OwnedFd>,
    pub stdout: Output,
    pub stderr: Option<Output>,
    pub logs: [Option<SharedLog>; 2],
}

/// Looks the command up and starts it (PROC-034 to PROC-049), with `socket` as its descriptor 0 if there is one. Nothing
/// is left behind on failure.
pub fn start(
    spawner: &mut Spawner,
    settings: &Settings,
    config: &Arc<ProcessConfig>,
    main_log: &Log,
    paths: &LogPaths,
    socket: Option<BorrowedFd<'_>>,
) -> Result<Started, SpawnError> {
    let command = find(settings, config).map_err(SpawnError::Command)?;
    let stdout_log = open_log(main_log.logs(), &paths.stdout, &config.stdout)?;
    let stderr_log = open_log(main_log.logs(), &paths.stderr, &config.stderr)?;
    let stdin_read;
    let (its_stdin, stdin) = match socket {
        Some(socket) => (socket, None),
        None => {
            let (read, write) = pipe()?;
            pipe::make_nonblocking(&write).map_err(dispatchers)?;
            stdin_read = read;
            (stdin_read.as_fd(), Some(write))
        }
    };
    let (stdout_read, stdout_write) = pipe()?;
    let (stderr_read, stderr_write) = (!config.redirect_stderr).then(pipe).transpose()?.unzip();
    let output = |channel, pipe, log: &Option<SharedLog>| {
        let recorder = Recorder::new(config, channel, log.clone(), main_log.syslog(), settings.strip_ansi);
        Output::new(pipe, recorder).map_err(dispatchers)
    };
    let stdout = output(Channel::Stdout, stdout_read, &stdout_log)?;
    let stderr = stderr_read.map(|pipe| output(Channel::Stderr, pipe, &stderr_log)).transpose()?;

    let its_stderr = stderr_write.as_ref().unwrap_or(&stdout_write);
    let (identity, refusal) = match config.user.map(identity::find) {
        None | Some(Ok(None)) => (None, None),
        Some(Ok(Some(identity))) => (Some(identity), None),
        Some(Err(refusal)) => (None, Some(refusal)),
    };
    let null_byte = |_: NulError| SpawnError::Command(has_null_byte(config));
    let launch = Launch {
        file: CString::new(command.file.as_str()).map_err(null_byte)?,
        arguments: c_strings(&command.arguments).map_err(null_byte)?,
        environment: command::environment(&settings.environment, settings.server_url.as_deref(), config)
            .map_err(null_byte)?,
        descriptors: [its_stdin, stdout_write.as_fd(), its_stderr.as_fd()],
        refused: refusal.is_some(),
        identity,
        directory: config.directory.as_deref().map(CString::new).transpose().map_err(null_byte)?,
        umask: config.umask,
        open_files: settings.open_files,
    };
    let why = |failure| why(failure, config, &command, refusal.as_deref());
    if config.directory.as_deref().is_some_and(mounts::may_hang) {
        let pid = spawn_apart(&launch, |failure| words(&why(failure))).map_err(SpawnError::Fork)?;
        return Ok(Started { pid, never_began: None, stdin, stdout, stderr, logs: [stdout_log, stderr_log] });
    }
    let (pid, failure) = spawner.spawn(&launch).map_err(SpawnError::Fork)?;
    let never_began = failure.map(why);
    if let Some(why) = &never_began {
        // The child wrote nothing itself: its words are put into its pipe, before its end of it is closed. The pipe is
        // empty, and takes more than this; if not, the exit status still tells.
        let _ = nix::unistd::write(its_stderr, words(why).as_bytes());
    }
    Ok(Started { pid, never_began, stdin, stdout, stderr, logs: [stdout_log, stderr_log] })
}

/// The file and arguments of a process's command.
pub fn find(settings: &Settings, config: &ProcessConfig) -> Result<Command, CommandError> {
    let path = settings.environment.iter().find(|(name, _)| name == "PATH");
    Command::find(config, path.and_then(|(_, path)| path.to_str()))
}

/// Its ends to read from and to write to.
fn pipe() -> Result<(OwnedFd, OwnedFd), SpawnError> {
    pipe2(OFlag::O_CLOEXEC).map_err(|errno| dispatchers(errno.into()))
}

/// A failure to open pipes or logs (PROC-038).
fn dispatchers(error: io::Error) -> SpawnError {
    SpawnError::Dispatchers(Errno(error.raw_os_error().unwrap_or(0)))
}

fn open_log(logs: &Logs, path: &Arc<str>, config: &OutputConfig) -> Result<Option<SharedLog>, SpawnError> {
    if path.is_empty() {
        return Ok(None);
    }
    logs.open(path, config.maxbytes, config.backups).map(Some).map_err(dispatchers)
}

fn c_strings(strings: &[String]) -> Result<Vec<CString>, NulError> {
    strings.iter().map(|string| CString::new(string.as_str())).collect()
}

/// Text that the kernel would take for shorter than it is cannot be run.
fn has_null_byte(config: &ProcessConfig) -> CommandError {
    CommandError::Unparsable { command: config.command.clone(), message: "embedded null byte".to_string() }
}

/// What its standard error says of a child that never became its program.
fn words(why: &str) -> String {
    format!("supervisor: {why}\nsupervisor: child process was not spawned\n")
}

/// What a child failed at before it became its program (PROC-047).
fn why(failure: Failure, config: &ProcessConfig, command: &Command, refusal: Option<&str>) -> Arc<str> {
    let errno = failure.errno.name();
    let uid = config.user.unwrap_or_default();
    let text = match failure.step {
        Step::Descriptors => format!("couldn't set up descriptors: {errno}"),
        Step::Refused => format!("couldn't setuid to {uid}: {}", refusal.unwrap_or_default()),
        Step::Groups => format!("couldn't setuid to {uid}: Could not set groups of effective user"),
        Step::Gid => format!("couldn't setuid to {uid}: Could not set group id of effective user"),
        Step::Uid => format!("couldn't setuid to {uid}: {errno}"),
        Step::Directory => {
            format!("couldn't chdir to {}: {errno}", config.directory.as_deref().unwrap_or_default())
        }
        Step::Execute => {
            format!("couldn't exec {}: {errno}", command.arguments.first().map_or("", String::as_str))
        }
    };
    Arc::from(text)
}
