//! The client's program: arguments in, an exit status out.

use std::process::ExitCode;

use convoke::ctl;

fn main() -> ExitCode {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_else(|| "supervisorctl".to_string());
    let words: Vec<String> = words.collect();
    ExitCode::from(ctl::run(&program, &words))
}
