//! Runs a command whose real process is another, named in a pid file, and passes signals on to that one (CLI-041 to
//! CLI-045). Ends as the command ends, at once (BUG-040).

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use convoke::cli::{self, pages};
use convoke::daemon::sys;
use convoke::names::reason;

/// What a shell says of a command that could not be run.
const CANNOT_RUN: u8 = 127;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let program = sys::program(words.next()).unwrap_or_else(|| "pidproxy".to_string());
    let words: Vec<OsString> = words.collect();
    if let Some(text) = asked(&words) {
        return text.map_or_else(
            |complaint| {
                cli::complain(format_args!("Error: {complaint}"));
                ExitCode::from(2)
            },
            |text| {
                if cli::say(text) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            },
        );
    }
    match &words[..] {
        [pidfile, command, arguments @ ..] => run(Path::new(pidfile), command, arguments),
        [] | [_] => {
            cli::say(format_args!(
                "pidproxy -- run a command and pass signals on to the process that a pid file names.\n\n\
                 Usage: {program} PIDFILE COMMAND [ARGUMENT...]"
            ));
            ExitCode::FAILURE
        }
    }
}

/// What an option asks for, where a pid file should be.
fn asked(words: &[OsString]) -> Option<Result<String, String>> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    match words[..] {
        ["--man"] => Some(Ok(pages::manual(described(), "1"))),
        ["--completions", shell] => Some(pages::completions(shell, described())),
        _ => None,
    }
}

fn described() -> clap::Command {
    let file = |name: &'static str| clap::Arg::new(name).value_hint(clap::ValueHint::FilePath);
    clap::Command::new("pidproxy")
        .about("run a command and pass signals on to the process that a pid file names")
        .disable_help_flag(true)
        .arg(file("PIDFILE").required(true).help("holds the pid of the process that is meant"))
        .arg(file("COMMAND").required(true).help("is run; PATH is not searched"))
        .arg(clap::Arg::new("ARGUMENT").num_args(0..).help("is passed to the command"))
        .arg(clap::Arg::new("completions").long("completions").value_name("SHELL").help(
            "write completions for bash, zsh or fish and leave",
        ))
        .arg(clap::Arg::new("man").long("man").num_args(0).help("write the manual page and leave"))
        .after_help(
            "TERM, HUP, INT, USR1, USR2 and QUIT are passed on; after TERM, INT or QUIT pidproxy ends with status 0. \
             Else it ends with the status of the command, or 128 and the number of the signal that ended it.",
        )
}

fn run(pidfile: &Path, command: &OsString, arguments: &[OsString]) -> ExitCode {
    // Before the command is there: none of its signals may be missed.
    let signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGQUIT, SIGCHLD]);
    let file = std::path::absolute(command);
    let started = file.and_then(|file| Command::new(file).arg0(command).args(arguments).spawn());
    let (mut signals, mut child) = match (signals, started) {
        (Ok(signals), Ok(child)) => (signals, child),
        (Err(error), _) | (_, Err(error)) => {
            let (command, reason) = (command.to_string_lossy(), reason(&error));
            cli::complain(format_args!("pidproxy: could not run {command}: {reason}"));
            return ExitCode::from(CANNOT_RUN);
        }
    };
    loop {
        for signal in signals.wait() {
            let end = if signal == SIGCHLD { ended(&mut child) } else { pass_on(signal, pidfile) };
            if let Some(code) = end {
                return code;
            }
        }
    }
}

/// The exit code of the command, if it has ended.
fn ended(child: &mut Child) -> Option<ExitCode> {
    let code = |status: ExitStatus| status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    let status = child.try_wait().ok().flatten()?;
    Some(ExitCode::from(code(status).and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)))
}

/// Sends a signal to the process that the file names now. Gives the exit code if this is the end.
fn pass_on(signal: i32, pidfile: &Path) -> Option<ExitCode> {
    let last = matches!(signal, SIGTERM | SIGINT | SIGQUIT);
    let Some(pid) = read(pidfile) else {
        cli::say(format_args!("Can't read child pidfile {}!", pidfile.display()));
        return None;
    };
    let sent = Signal::try_from(signal).and_then(|signal| kill(Pid::from_raw(pid), signal));
    match sent {
        Ok(()) => last.then_some(ExitCode::SUCCESS),
        Err(errno) => {
            cli::complain(format_args!("pidproxy: could not signal process {pid}: {}", errno.desc()));
            last.then_some(ExitCode::FAILURE)
        }
    }
}

/// The pid in the file. 0 and below would mean whole groups of processes, and 1 is not ours to end.
fn read(pidfile: &Path) -> Option<i32> {
    fs::read_to_string(pidfile).ok()?.trim().parse().ok().filter(|pid| *pid > 1)
}
