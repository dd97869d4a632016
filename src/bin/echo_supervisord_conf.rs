//! Prints a sample configuration; whatever it is asked, as scripts expect (CLI-039).

use std::io::{self, Write};
use std::process::ExitCode;

use convoke::config::SAMPLE;

fn main() -> ExitCode {
    match io::stdout().write_all(SAMPLE.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
