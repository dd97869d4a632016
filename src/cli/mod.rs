//! Command lines: read as the reference reads its own, and described for shells and manuals.

pub mod getopt;
pub mod pages;

pub use getopt::{Grammar, Row};

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};

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

/// A line on standard output. Whoever reads it may have seen enough: the exit status tells all the same.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line on standard error, which may be closed, too.
pub fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
