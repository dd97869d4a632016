//! The daemon's program: arguments in, an exit status out.

use std::process::ExitCode;

use convoke::daemon::boot::supervise;
use convoke::daemon::options::Options;
use convoke::daemon::target;

fn main() -> ExitCode {
    // Before anything is opened: what is open now was handed to us.
    target::inherited();
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_else(|| "supervisord".to_string());
    let words: Vec<String> = words.collect();
    match Options::parse(&program, &words).and_then(supervise) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => ExitCode::from(stop.report(&program)),
    }
}
