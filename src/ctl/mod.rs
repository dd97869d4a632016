//! supervisorctl: asks the daemon, shows what it says. Blocking, without a runtime.
//!
//! Read in this order: `arguments`, `session`, `commands`, then the commands themselves.

mod act;
pub mod arguments;
mod client;
mod collections;
mod commands;
mod complete;
mod explain;
mod failure;
mod follow;
mod foreground;
mod groups;
mod help;
mod http;
mod output;
mod plugins;
mod response;
mod session;
mod shell;
mod show;
mod status;
mod tail;
mod targets;
mod terminal;
mod together;
mod wait;

use std::io::{self, IsTerminal};

use crate::cli;
use crate::config::error::explain as explain_errors;
use crate::config::read::SystemHost;

use arguments::{Settings, Stop};
use session::{Interrupted, Session, exit};

/// Does what the command line asks for, and gives the exit status.
pub fn run(program: &str, words: &[String]) -> u8 {
    let settings = match Settings::read(program, words) {
        Ok(settings) => settings,
        Err(stop) => return report(&stop, program),
    };
    plugins::warnings(&settings.plugins).iter().for_each(cli::complain);
    let (line, interactive) = (settings.line.clone(), settings.interactive);
    let mut session = Session::new(settings);
    let Some(line) = line else {
        shell::run(session, "status");
        // Whatever happened in it (CTL-049).
        return 0;
    };
    // Asked for both, the shell comes after the command, where somebody is there to use it (BUG-042).
    if interactive && io::stdin().is_terminal() {
        return shell::run(session, &line);
    }
    match session.run(&line) {
        Ok(_) if session.out.has_failed() => exit::GENERIC,
        Ok(_) => session.exit_status,
        Err(Interrupted) => exit::INTERRUPTED,
    }
}

fn report(stop: &Stop, program: &str) -> u8 {
    match stop {
        Stop::Asked(text) => {
            if cli::say(text) {
                0
            } else {
                exit::GENERIC
            }
        }
        Stop::Usage(sentence) => {
            cli::complain(format_args!("Error: {sentence}\nFor help, use {program} -h"));
            exit::INVALID_ARGUMENTS
        }
        Stop::Config(errors) => {
            if errors.iter().any(|error| error.place.is_some()) {
                cli::complain(explain_errors(errors, &SystemHost::now()));
            }
            let sentence = errors.first().map(|error| error.sentence.as_str()).unwrap_or_default();
            cli::complain(format_args!("Error: {sentence}\nFor help, use {program} -h"));
            exit::INVALID_ARGUMENTS
        }
        Stop::Grammar(errors) => {
            cli::complain(explain_errors(errors, &SystemHost::now()));
            let sentence = errors.first().map(|error| error.sentence.as_str()).unwrap_or_default();
            cli::complain(format_args!("Error: {sentence}"));
            exit::GENERIC
        }
    }
}
