//! One use of the client: the server it talks to, what it says, and the status it will exit with.

use std::io::ErrorKind;

use super::arguments::Settings;
use super::client::Client;
use super::commands::{self, Command, Flow};
use super::failure::Failure;
use super::http::Credentials;
use super::output::Output;
use super::{explain, terminal};
use crate::api::received::RemoteFault;
use crate::api::{API_VERSION, FaultCode};

/// Exit statuses (CTL-003).
pub mod exit {
    pub const GENERIC: u8 = 1;
    pub const INVALID_ARGUMENTS: u8 = 2;
    /// `status` shows a process that is stopped.
    pub const STOPPED: u8 = 3;
    pub const NO_NAMESPACE: u8 = 3;
    pub const REFUSED: u8 = 4;
    pub const UNKNOWN: u8 = 4;
    pub const WRONG_VERSION: u8 = 5;
    pub const NOT_RUNNING: u8 = 7;
    /// What a shell says of a program that Ctrl-C ended.
    pub const INTERRUPTED: u8 = 130;
}

/// What commands work with.
#[derive(Debug)]
pub struct Session {
    pub settings: Settings,
    pub client: Client,
    pub out: Output,
    /// That of the last thing in this line that set it (CTL-004).
    pub exit_status: u8,
}

impl Session {
    pub fn new(settings: Settings) -> Session {
        let credentials =
            Credentials { username: settings.username.clone(), password: settings.password.clone() };
        let client = Client::new(settings.serverurl.clone(), credentials);
        Session { settings, client, out: Output::new(), exit_status: 0 }
    }

    /// Carries one line out, whatever comes of it; the error is Ctrl-C.
    pub fn run(&mut self, line: &str) -> Result<Flow, Interrupted> {
        self.exit_status = 0;
        let line = line.trim();
        let Some((name, arguments)) = taken_apart(line) else {
            if !line.is_empty() {
                self.fail(&format!("*** Unknown syntax: {line}"));
            }
            return Ok(Flow::On);
        };
        let Some(command) = commands::find(name) else {
            self.fail(&format!("*** Unknown syntax: {line}"));
            return Ok(Flow::On);
        };
        let (arguments, json) = without_json(&arguments, self.settings.json);
        // Whoever leaves is not asking for anything.
        let json = json && !command.leaves();
        if json && !command.json {
            self.fail(&format!("Error: {name} has no JSON form"));
            self.exit_status = exit::INVALID_ARGUMENTS;
            return Ok(Flow::On);
        }
        if json {
            self.out.begin_document();
        }
        let flow = self.carry_out(command, &arguments);
        self.out.end_document(self.exit_status);
        flow
    }

    fn carry_out(&mut self, command: &Command, arguments: &str) -> Result<Flow, Interrupted> {
        loop {
            match (command.run)(self, arguments) {
                Ok(flow) => return Ok(flow),
                Err(Failure::Interrupted) => return Err(Interrupted),
                // Once told, the reference tries again and then tells of the failure (BUG-042).
                Err(Failure::Protocol { status: 401, .. }) if !self.settings.interactive => {
                    self.fail("Server requires authentication");
                    explain::credentials(self);
                    return Ok(Flow::On);
                }
                Err(Failure::Protocol { status: 401, .. }) => match self.log_in() {
                    Ok(()) => (),
                    Err(Failure::Interrupted) => return Err(Interrupted),
                    Err(failure) => {
                        self.fail_with(&failure);
                        return Ok(Flow::On);
                    }
                },
                Err(failure) => {
                    self.fail_with(&failure);
                    return Ok(Flow::On);
                }
            }
        }
    }

    fn log_in(&mut self) -> Result<(), Failure> {
        self.out.line("Server requires authentication");
        let username = terminal::ask(self, "Username:")?;
        let password = terminal::ask_secret(&mut self.client.wait, "Password:")?;
        self.out.line("");
        self.client.log_in(Credentials { username: Some(username), password: Some(password) });
        Ok(())
    }

    /// Says what is wrong; the status is the general one.
    pub fn fail(&mut self, line: &str) {
        self.exit_status = exit::GENERIC;
        self.out.line(line);
    }

    /// Says what is wrong in the manner of CTL-006.
    pub fn fail_with(&mut self, failure: &Failure) {
        self.fail(&format!("error: {failure}: file: {} line: {}", file!(), line!()));
        explain::failure(self, failure);
    }

    /// The status of a fault (CTL-003); `ignored` leaves it as it is.
    pub fn note_fault(&mut self, code: i64, ignored: Option<FaultCode>) {
        let is = |known: FaultCode| code == known as i64;
        if is(FaultCode::Success) || ignored.is_some_and(is) {
            return;
        }
        let dead = [FaultCode::SpawnError, FaultCode::AbnormalTermination, FaultCode::NotRunning];
        self.exit_status = if dead.into_iter().any(is) { exit::NOT_RUNNING } else { exit::GENERIC };
    }

    /// Whether there is a daemon that we understand (CTL-007); says so if there is not.
    pub fn is_up(&mut self) -> Result<bool, Failure> {
        let failure = match self.client.version() {
            Ok(version) if version == API_VERSION => return Ok(true),
            Ok(version) => {
                self.fail(&format!(
                    "Sorry, this version of supervisorctl expects to talk to a server with API version \
                     {API_VERSION}, but the remote version is {version}."
                ));
                self.exit_status = exit::WRONG_VERSION;
                return Ok(false);
            }
            Err(failure) => failure,
        };
        if failure.is(FaultCode::UnknownMethod) {
            self.fail(
                "Sorry, supervisord responded but did not recognize the supervisor namespace commands that \
                 supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is \
                 enabled in the configuration file (see sample.conf).",
            );
            self.exit_status = exit::NO_NAMESPACE;
            return Ok(false);
        }
        let url = self.client.url().to_string();
        let (sentence, status) = match failure.io_kind() {
            Some(ErrorKind::ConnectionRefused) => (format!("{url} refused connection"), exit::REFUSED),
            Some(ErrorKind::NotFound) => (format!("{url} no such file"), exit::NOT_RUNNING),
            Some(_) | None => return Err(failure),
        };
        self.fail(&sentence);
        self.exit_status = status;
        explain::failure(self, &failure);
        Ok(false)
    }
}

/// Ctrl-C.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interrupted;

/// The word that names the command, and the rest (CTL-005). `None` when there is no such word.
fn taken_apart(line: &str) -> Option<(&str, String)> {
    if let Some(topic) = line.strip_prefix('?') {
        return Some(("help", topic.trim().to_string()));
    }
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    (!name.is_empty()).then(|| (name, rest.trim().to_string()))
}

/// The arguments without `--json`, and whether the answer is to be JSON.
fn without_json(arguments: &str, always: bool) -> (String, bool) {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    if !words.contains(&"--json") {
        return (arguments.to_string(), always);
    }
    let rest: Vec<&str> = words.into_iter().filter(|word| *word != "--json").collect();
    (rest.join(" "), true)
}

/// Whether a failure is a fault with a sentence of its own: then that is said instead.
pub fn fault_of(failure: &Failure) -> Option<&RemoteFault> {
    match failure {
        Failure::Fault(fault) => Some(fault),
        Failure::Protocol { .. }
        | Failure::Io(_)
        | Failure::Disconnected
        | Failure::Unreadable(_)
        | Failure::Value(_)
        | Failure::NoInput
        | Failure::Interrupted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leading_word_names_the_command_ctl_005() {
        for (line, expected) in [
            ("status", Some(("status", ""))),
            ("start-all", Some(("start", "-all"))),
            ("tail  -f   x ", Some(("tail", "-f   x"))),
            ("?start", Some(("help", "start"))),
            ("?", Some(("help", ""))),
            ("!ls", None),
            ("-x", None),
            ("", None),
        ] {
            let expected = expected.map(|(name, rest)| (name, rest.to_string()));
            assert_eq!(taken_apart(line.trim()), expected, "{line}");
        }
    }

    #[test]
    fn json_is_asked_for_anywhere_among_the_arguments() {
        assert_eq!(without_json("a  --json b", false), ("a b".to_string(), true));
        assert_eq!(without_json("a  b", true), ("a  b".to_string(), true));
        assert_eq!(without_json("a--json", false), ("a--json".to_string(), false));
    }
}
