//! What is wrong with a configuration: one value, two faces.
//!
//! Scripts get the first one's `Display`, the reference's sentence. People get [`explain`]: every error of all files
//! with the line it is about. A [`Warning`] has the same shape.

use std::collections::BTreeMap;
use std::fmt;

use super::host::Host;
use super::ini::{Document, without_comment};

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
            file: spot.file.to_string(),
            line: spot.line,
            section: Some(section.to_string()),
            option: option.map(str::to_string),
        });
        Error { sentence, place, help: None }
    }

    /// Whether it tells of the same fault at the same place, wrapped or not.
    pub fn says_the_same(&self, other: &Error) -> bool {
        self.place == other.place && unwrapped(&self.sentence) == unwrapped(&other.sentence)
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

/// Something that is read as it stands, and that its writer probably meant otherwise. Only a check tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// What is said of it, in words of our own.
    pub error: Error,
    pub aim: Aim,
}

/// Which part of its line a pointer is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    /// The option's value, or the section.
    Value,
    /// The option's name.
    Name,
}

impl Warning {
    /// A warning about an option's value, or about a section.
    pub fn at(
        sentence: String,
        document: &Document,
        section: &str,
        option: Option<&str>,
        help: &str,
    ) -> Warning {
        let error = Error::at(sentence, document, section, option).with_help(help);
        Warning { error, aim: Aim::Value }
    }

    /// Points at the option's name instead.
    pub fn at_name(mut self) -> Warning {
        self.aim = Aim::Name;
        self
    }
}

/// What comes between a sentence and the section and file that go with it (CFG-051).
pub const WRAPPING: &str = " in section ";

fn unwrapped(sentence: &str) -> &str {
    match sentence.rsplit_once(WRAPPING) {
        Some((bare, tail)) if tail.contains(" (file: ") => bare,
        Some(_) | None => sentence,
    }
}

/// Every error with its file, line, section and option, a few lines each, for people.
pub fn explain(errors: &[Error], host: &dyn Host) -> String {
    let mut sources = Sources::new(host);
    errors.iter().map(|error| long_form("error", error, Aim::Value, &mut sources)).collect()
}

/// The same for warnings.
pub fn explain_warnings(warnings: &[Warning], host: &dyn Host) -> String {
    let mut sources = Sources::new(host);
    let warnings = warnings.iter();
    warnings.map(|warning| long_form("warning", &warning.error, warning.aim, &mut sources)).collect()
}

fn long_form(kind: &str, error: &Error, aim: Aim, sources: &mut Sources<'_>) -> String {
    let mut text = format!("{kind}: {}\n", headline(&error.sentence));
    if let Some(place) = &error.place {
        text.push_str(&shown(place, error.help.as_deref().unwrap_or_default(), aim, sources));
    } else if let Some(help) = &error.help {
        text.push_str(&format!("  = help: {help}\n"));
    }
    text
}

/// The lines of the files that places are in, each file read once.
pub struct Sources<'a> {
    host: &'a dyn Host,
    files: BTreeMap<String, Vec<String>>,
}

impl<'a> Sources<'a> {
    /// None read yet.
    pub fn new(host: &'a dyn Host) -> Sources<'a> {
        Sources { host, files: BTreeMap::new() }
    }

    /// In characters, from 1: where the pointer begins. `None` when the file can no longer be read.
    pub fn column(&mut self, place: &Place, aim: Aim) -> Option<usize> {
        let line = self.line(place)?;
        Some(target(&line, place.option.as_deref(), aim).0 + 1)
    }

    fn line(&mut self, place: &Place) -> Option<String> {
        if !self.files.contains_key(&place.file) {
            let bytes = self.host.read(&place.file).unwrap_or_default();
            let lines = String::from_utf8_lossy(&bytes).lines().map(str::to_string).collect();
            self.files.insert(place.file.clone(), lines);
        }
        self.files.get(&place.file)?.get(place.line.saturating_sub(1)).cloned()
    }
}

/// One line, without what the lines below it say anyway.
fn headline(sentence: &str) -> &str {
    if sentence.starts_with("Source contains parsing errors") {
        return "neither a section nor an option";
    }
    let bare = unwrapped(sentence).lines().next().unwrap_or_default();
    // A value whose first line is empty stands below, with the others.
    let bare = bare.strip_suffix(" in value '").unwrap_or(bare);
    bare.split(". Available names: ").next().unwrap_or(bare)
}

/// The place, the line, and a pointer at the value with the way out beside it.
fn shown(place: &Place, help: &str, aim: Aim, sources: &mut Sources<'_>) -> String {
    let mut text = format!("  --> {}:{}", place.file, place.line);
    if let Some(section) = &place.section {
        text.push_str(&format!(" in [{section}]"));
    }
    text.push('\n');
    let Some(line) = sources.line(place) else { return text };
    let number = place.line.to_string();
    let (start, length) = target(&line, place.option.as_deref(), aim);
    let (gap, mark) = (" ".repeat(number.len()), "^".repeat(length.max(1)));
    // Tabs stay, so that the pointer stands below the value whatever their width.
    let before: String = line.chars().take(start).map(|c| if c == '\t' { c } else { ' ' }).collect();
    let pointer = format!("{gap} | {before}{mark} {help}");
    text.push_str(&format!("{gap} |\n{number} | {line}\n{}\n", pointer.trim_end()));
    text
}

/// Where an option's value or name stands in its line, and how long it is, in characters; the whole line for anything
/// else.
fn target(line: &str, option: Option<&str>, aim: Aim) -> (usize, usize) {
    let line = without_comment(line).0;
    let all = (line.chars().count() - line.trim_start().chars().count(), line.trim().chars().count());
    let (Some(option), Some(at)) = (option, line.find(['=', ':'])) else { return all };
    if line[..at].trim().to_lowercase() != option {
        // The section's own line, or one that goes on with the value.
        return all;
    }
    if aim == Aim::Name {
        return (all.0, line[..at].trim().chars().count());
    }
    let value = &line[at + 1..];
    if value.trim().is_empty() {
        return all;
    }
    let before = line[..=at].chars().count();
    let blanks = value.chars().count() - value.trim_start().chars().count();
    (before + blanks, value.trim().chars().count())
}
