//! What is wrong with a configuration: one value, two faces.

use std::fmt;

/// One fault of the files. `Display` is the sentence that scripts know, without `Error: ` (CFG-051).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The reference's sentence, wrapping included.
    pub sentence: String,
    /// Where it stands, as far as known.
    pub place: Option<Place>,
    /// The way out, in a few words.
    pub help: Option<String>,
}

/// A place in a file; lines count from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub section: Option<String>,
    pub option: Option<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Error {}
