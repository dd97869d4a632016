//! Prints a sample configuration; whatever it is asked, as scripts expect (CLI-039).

use std::io::{self, Write};
use std::process::ExitCode;

use convoke::cli;
use convoke::config::SAMPLE;

fn main() -> ExitCode {
    let written = io::stdout().write_all(SAMPLE.as_bytes());
    cli::lost(&written);
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
