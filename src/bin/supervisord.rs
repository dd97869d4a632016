//! The daemon's program: arguments in, an exit status out.

use std::process::ExitCode;

use convoke::cli;
use convoke::daemon::boot::supervise;
use convoke::daemon::options::{Options, Stop};
use convoke::daemon::{sys, target};

fn main() -> ExitCode {
    // Before anything is opened: what is open now was handed to us.
    target::inherited();
    let mut words = std::env::args_os();
    let program = sys::program(words.next()).unwrap_or_else(|| "supervisord".to_string());
    let words = cli::words(words).map_err(Stop::Usage);
    match words.and_then(|words| Options::parse(&program, &words)).and_then(supervise) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => ExitCode::from(stop.report(&program)),
    }
}
