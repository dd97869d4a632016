//! The client's program: arguments in, an exit status out.

use std::process::ExitCode;

use convoke::ctl;
use convoke::daemon::sys;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let program = sys::program(words.next()).unwrap_or_else(|| "supervisorctl".to_string());
    // A name that is not UTF-8 is one that no process has.
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    ExitCode::from(ctl::run(&program, &words))
}
