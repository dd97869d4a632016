//! Command lines: read as the reference reads its own, and described for shells and manuals.

pub mod getopt;
pub mod pages;

pub use getopt::{Grammar, Row};

use std::fmt::Display;
use std::io::{self, Write};

/// A line on standard output. Whoever reads it may have seen enough: the exit status tells all the same.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line on standard error, which may be closed, too.
pub fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
