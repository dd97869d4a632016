//! What is wrong with a configuration: one value, two faces.
//!
//! Scripts get the first one's `Display`, the reference's sentence. People get [`explain`]: every error of all files
//! with the line it is about.

use std::fmt;

use super::ini::Document;

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

impl Error {
    /// An error about no particular line.
    pub fn bare(sentence: String) -> Error {
        Error { sentence, place: None, help: None }
    }

    /// An error about an option, or about its section.
    pub fn at(sentence: String, document: &Document, section: &str, option: Option<&str>) -> Error {
        let place = document.spot(section, option).map(|spot| Place {
            file: spot.file.clone(),
            line: spot.line,
            section: Some(section.to_string()),
            option: option.map(str::to_string),
        });
        Error { sentence, place, help: None }
    }

    /// Adds the way out.
    pub fn with_help(mut self, help: &str) -> Error {
        self.help = Some(help.to_string());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Error {}

/// Every error with its file, line, section and option, a few lines each. `line_of` gives the text of a line.
pub fn explain(errors: &[Error], line_of: impl Fn(&str, usize) -> Option<String>) -> String {
    let mut text = String::new();
    for error in errors {
        // The reference's wrapping repeats the place, which comes next.
        let sentence = error.sentence.split(" in section ").next().unwrap_or(&error.sentence);
        let mut lines = sentence.lines();
        text.push_str(&format!("error: {}\n", lines.next().unwrap_or_default()));
        if let Some(place) = &error.place {
            text.push_str(&format!("  --> {}:{}", place.file, place.line));
            if let Some(section) = &place.section {
                text.push_str(&format!(" in [{section}]"));
            }
            text.push('\n');
            if let Some(line) = line_of(&place.file, place.line) {
                let number = place.line.to_string();
                let (start, length) = value_in(&line, place.option.as_deref());
                let gap = " ".repeat(number.len());
                text.push_str(&format!("{gap} |\n{number} | {line}\n{gap} | "));
                text.push_str(&format!("{}{}\n", " ".repeat(start), "^".repeat(length.max(1))));
            }
        }
        if let Some(help) = &error.help {
            text.push_str(&format!("  = help: {help}\n"));
        }
    }
    text
}

/// Where an option's value stands in its line, in characters; the whole line for anything else.
fn value_in(line: &str, option: Option<&str>) -> (usize, usize) {
    let all = (line.chars().count() - line.trim_start().chars().count(), line.trim().chars().count());
    let Some(at) = option.and_then(|_| line.find(['=', ':'])) else { return all };
    let value = &line[at + 1..];
    if value.trim().is_empty() {
        return all;
    }
    let before = line[..=at].chars().count();
    let blanks = value.chars().count() - value.trim_start().chars().count();
    (before + blanks, value.trim().chars().count())
}
