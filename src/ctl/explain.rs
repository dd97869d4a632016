//! What to do about a server that cannot be reached. On standard error, below the line that scripts know.

use std::fs;
use std::io::ErrorKind;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::failure::Failure;
use super::session::Session;
use crate::cli;

/// Explains a failed connection; says nothing of other failures.
pub fn failure(session: &Session, failure: &Failure) {
    let Some(kind) = failure.io_kind() else { return };
    let settings = &session.settings;
    let url = session.client.url();
    let mut lines = Vec::new();
    if url == settings.serverurl && !settings.server_given {
        lines.push(match &settings.file {
            Some(file) => format!("note: {url} is the server that {file} names"),
            None => format!("note: no configuration file was found, so the server is {url}; -c names a file"),
        });
    }
    if kind == ErrorKind::InvalidInput {
        lines
            .push("help: the path of a unix socket has at most 107 bytes: give it a shorter one".to_string());
    } else if kind == ErrorKind::PermissionDenied {
        lines.push(
            "help: the socket belongs to somebody else: run this as that user, or with sudo".to_string(),
        );
    } else {
        lines.push(match living(settings.pidfile.as_deref()) {
            Some((pid, pidfile)) => format!(
                "note: supervisord runs with pid {pid} ({pidfile}), but does not listen there: has the file changed \
                 since it was started?"
            ),
            None => match &settings.file {
                Some(file) => format!("help: supervisord does not seem to run; start it with: supervisord -c {file}"),
                None => "help: start it with: supervisord -c FILE".to_string(),
            },
        });
    }
    cli::complain(lines.join("\n"));
}

/// Explains a 401.
pub fn credentials(session: &Session) {
    match &session.client.credentials.username {
        Some(user) => cli::complain(format_args!("help: the server refuses user {user}, or the password")),
        None => cli::complain("help: set username and password in [supervisorctl], or give -u and -p"),
    }
}

/// The daemon's pid, if the file that should hold it does and the process exists.
fn living(pidfile: Option<&str>) -> Option<(i32, &str)> {
    let pidfile = pidfile?;
    let pid: i32 = fs::read_to_string(pidfile).ok()?.trim().parse().ok()?;
    let exists = pid > 0 && !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH));
    exists.then_some((pid, pidfile))
}
