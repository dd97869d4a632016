//! Command lines: read as the reference reads its own, and described for shells and manuals.

pub mod getopt;
pub mod pages;

pub use getopt::{Grammar, Row};

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::names::reason;

/// The words of a command line. No configuration can hold what is no UTF-8, nor can an answer name it, so such a word is
/// refused; the error says how to do without.
pub fn words(given: impl Iterator<Item = OsString>) -> Result<Vec<String>, String> {
    let text = |word: OsString| {
        word.into_string().map_err(|word| {
            format!("{word:?} on the command line is not UTF-8; rename what it names, or link to it by another name")
        })
    };
    given.map(text).collect()
}

/// A line on standard output; whether it was taken, as by a reader who has seen enough and is gone. Else it is told.
pub fn say(line: impl Display) -> bool {
    let mut out = io::stdout().lock();
    !lost(&writeln!(out, "{line}").and_then(|()| out.flush()))
}

/// Whether words for standard output are lost, as on a full disk, and tells it. Nobody misses what is written for a reader
/// who is gone.
pub fn lost(written: &io::Result<()>) -> bool {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(format_args!("error: could not write to standard output: {}", reason(error)));
            true
        }
        Ok(()) | Err(_) => false,
    }
}

/// A line on standard error, which may be closed, too.
pub fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
