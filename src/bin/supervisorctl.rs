//! The client's program: arguments in, an exit status out.

use std::process::ExitCode;

use convoke::daemon::sys;
use convoke::{cli, ctl};

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let program = sys::program(words.next()).unwrap_or_else(|| "supervisorctl".to_string());
    match cli::words(words) {
        Ok(words) => ExitCode::from(ctl::run(&program, &words)),
        Err(refusal) => {
            cli::complain(format_args!("Error: {refusal}\nFor help, use {program} -h"));
            ExitCode::from(2)
        }
    }
}
