//! The INI dialect: Python's `RawConfigParser` as Supervisor sets it (CFG-001 to CFG-020).
//!
//! A pass of ours does what is this dialect's alone: line ends, comments, continuation, parse errors. It keeps where
//! everything stands, and hands the `configparser` crate canonical text, one option a line, for it to store.

use std::collections::BTreeMap;

use configparser::ini::{Ini, IniDefault};

use super::error::{Error, Place};
use crate::names::repr;

/// The section whose options are fallbacks for all others (CFG-014).
const DEFAULT: &str = "DEFAULT";

/// All files read so far, merged: repeated sections join, the last of repeated options wins (CFG-013).
#[derive(Debug)]
pub struct Document {
    store: Ini,
    /// Where a section first appeared (CFG-034), and where each of its options was last set.
    sections: BTreeMap<String, Spot>,
    options: BTreeMap<(String, String), Spot>,
}

/// A file and a line of it, from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spot {
    pub file: String,
    pub line: usize,
}

impl Default for Document {
    fn default() -> Document {
        let mut settings = IniDefault::default();
        settings.comment_symbols = Vec::new();
        settings.inline_comment_symbols = Some(Vec::new());
        settings.delimiters = vec!['='];
        settings.case_sensitive = true;
        settings.multiline = false;
        Document {
            store: Ini::new_from_defaults(settings),
            sections: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }
}

impl Document {
    /// Takes one more file in. All its bad lines are reported together, as one error each with the one stock
    /// sentence (CFG-015); an option before any section ends the reading at once (CFG-016).
    pub fn read(&mut self, file: &str, text: &str) -> Result<(), Vec<Error>> {
        let mut reader =
            Reader { file, current: None, option: None, indent: 0, bad: Vec::new(), out: Vec::new() };
        for (index, line) in lines(text).enumerate() {
            reader.line(index + 1, line)?;
        }
        reader.report()?;
        self.keep(file, reader.out)
    }

    /// Replaces `%(here)s` as plain text in all that was read so far (CFG-032, CFG-033).
    pub fn expand_here(&mut self, directory: &str) {
        let wanted = encode("%(here)s");
        let directory = encode(directory);
        for options in self.store.get_mut_map().values_mut() {
            for value in options.values_mut().flatten() {
                if value.contains(&wanted) {
                    *value = value.replace(&wanted, &directory);
                }
            }
        }
    }

    /// Every section but `[DEFAULT]`, in the order of first appearance.
    pub fn sections(&self) -> Vec<String> {
        let names = self.store.get_map_ref().keys().map(|name| decode(name));
        names.filter(|name| name != DEFAULT).collect()
    }

    pub fn has_section(&self, name: &str) -> bool {
        name != DEFAULT && self.store.get_map_ref().contains_key(&encode(name))
    }

    /// An option's text; `[DEFAULT]` stands in where the section says nothing (CFG-014).
    pub fn get(&self, section: &str, option: &str) -> Option<String> {
        let map = self.store.get_map_ref();
        let find = |section: &str| map.get(&encode(section))?.get(&encode(option))?.as_ref();
        find(section).or_else(|| find(DEFAULT)).map(|value| decode(value))
    }

    /// The names of a section's own options.
    pub fn options(&self, section: &str) -> Vec<String> {
        let options = self.store.get_map_ref().get(&encode(section));
        options.map(|options| options.keys().map(|name| decode(name)).collect()).unwrap_or_default()
    }

    /// Where an option stands, or else its section.
    pub fn spot(&self, section: &str, option: Option<&str>) -> Option<&Spot> {
        let key = |section: &str| option.map(|option| (section.to_string(), option.to_string()));
        let own = key(section).and_then(|key| self.options.get(&key));
        own.or_else(|| key(DEFAULT).and_then(|key| self.options.get(&key)))
            .or_else(|| self.sections.get(section))
    }

    /// The file in which a section first appeared.
    pub fn file_of(&self, section: &str) -> Option<&str> {
        self.sections.get(section).map(|spot| spot.file.as_str())
    }

    fn keep(&mut self, file: &str, lines: Vec<Line>) -> Result<(), Vec<Error>> {
        let mut canonical = String::new();
        let mut section = String::new();
        for line in lines {
            let spot = Spot { file: file.to_string(), line: line.number };
            match line.what {
                What::Section(name) => {
                    canonical.push_str(&format!("[{}]\n", encode(&name)));
                    self.sections.entry(name.clone()).or_insert(spot);
                    section = name;
                }
                What::Option(name, value) => {
                    let value = value.join("\n");
                    canonical.push_str(&format!(
                        "{}={}\n",
                        encode(&name),
                        encode(value.trim_end_matches('\n'))
                    ));
                    self.options.insert((section.clone(), name), spot);
                }
            }
        }
        let stored = self.store.read_and_append(canonical).map(drop);
        stored.map_err(|text| vec![Error::bare(format!("could not read config file {file}: {text}"))])
    }
}

/// One meaningful line, continuations included.
struct Line {
    number: usize,
    what: What,
}

enum What {
    Section(String),
    Option(String, Vec<String>),
}

/// The state of Python's reader between two lines.
struct Reader<'a> {
    file: &'a str,
    /// Whether a section has begun.
    current: Option<()>,
    /// Whether an option may be continued, and how far its own line was indented.
    option: Option<()>,
    indent: usize,
    bad: Vec<(usize, String)>,
    out: Vec<Line>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, raw: &str) -> Result<(), Vec<Error>> {
        let (content, commented) = without_comment(raw);
        let value = content.trim_matches(is_space);
        if value.is_empty() {
            if !commented && self.option.is_some() {
                self.continue_with(String::new());
            }
            return Ok(());
        }
        let indent = raw.chars().take_while(|c| is_space(*c)).count();
        if self.option.is_some() && indent > self.indent {
            self.continue_with(value.to_string());
            return Ok(());
        }
        self.indent = indent;
        if let Some(name) = section_name(value) {
            self.current = Some(());
            self.option = None;
            self.out.push(Line { number, what: What::Section(name.to_string()) });
        } else if self.current.is_none() {
            return Err(vec![self.no_section(number, raw)]);
        } else {
            self.option_line(number, raw, value);
        }
        Ok(())
    }

    fn continue_with(&mut self, text: String) {
        if let Some(Line { what: What::Option(_, value), .. }) = self.out.last_mut() {
            value.push(text);
        }
    }

    fn option_line(&mut self, number: usize, raw: &str, value: &str) {
        let Some(at) = value.find(['=', ':']) else {
            self.bad.push((number, raw.to_string()));
            return;
        };
        let name = value[..at].trim_end_matches(is_space).to_lowercase();
        if name.is_empty() {
            self.bad.push((number, raw.to_string()));
        }
        let value = value[at + 1..].trim_matches(is_space).to_string();
        self.option = Some(());
        self.out.push(Line { number, what: What::Option(name, vec![value]) });
    }

    fn no_section(&self, number: usize, raw: &str) -> Error {
        let (file, line) = (repr(self.file), repr(raw));
        Error {
            sentence: format!("File contains no section headers.\nfile: {file}, line: {number}\n{line}"),
            place: Some(self.place(number)),
            help: Some("begin with a section such as [supervisord]".to_string()),
        }
    }

    fn report(&self) -> Result<(), Vec<Error>> {
        if self.bad.is_empty() {
            return Ok(());
        }
        let mut sentence = format!("Source contains parsing errors: {}", repr(self.file));
        for (number, raw) in &self.bad {
            sentence.push_str(&format!("\n\t[line {number:>2}]: {}", repr(raw)));
        }
        let help =
            "an option is written name=value; a longer value goes on in a line indented more".to_string();
        let error = |(number, _): &(usize, String)| Error {
            sentence: sentence.clone(),
            place: Some(self.place(*number)),
            help: Some(help.clone()),
        };
        Err(self.bad.iter().map(error).collect())
    }

    fn place(&self, line: usize) -> Place {
        Place { file: self.file.to_string(), line, section: None, option: None }
    }
}

/// Lines with their ends as Python's universal newlines give them (CFG-002): the end is part of the line, and is
/// always `\n`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        Some(line)
    })
}

/// CRLF and lone CR become LF, as a file opened as text gives them.
pub fn universal_newlines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The line up to its comment, and whether there was one (CFG-006 to CFG-008). The search goes in rounds, one
/// occurrence of each sign a round, and ends with the first round that finds a comment.
fn without_comment(line: &str) -> (&str, bool) {
    let trimmed = line.trim_matches(is_space);
    if trimmed.starts_with([';', '#']) {
        return ("", true);
    }
    let mut searches = [(';', Some(0)), ('#', Some(0))];
    loop {
        let mut comment: Option<usize> = None;
        for (sign, from) in &mut searches {
            let Some(start) = *from else { continue };
            *from = line[start..].find(*sign).map(|at| start + at + 1);
            if let Some(after) = *from {
                let at = after - 1;
                if at == 0 || line[..at].ends_with(is_space) {
                    comment = Some(comment.map_or(at, |known| known.min(at)));
                }
            }
        }
        if let Some(at) = comment {
            return (&line[..at], true);
        }
        if searches.iter().all(|(_, from)| from.is_none()) {
            return (line, false);
        }
    }
}

/// `[name]`, up to the last bracket of the line (CFG-003).
fn section_name(value: &str) -> Option<&str> {
    let inner = value.strip_prefix('[')?;
    inner.rfind(']').filter(|end| *end > 0).map(|end| &inner[..end])
}

/// What Python's `str.isspace` takes for white space (CFG-019).
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Text in which nothing means anything to the store.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    out.push('x');
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/') {
            out.push(c);
        } else {
            out.push_str(&format!("~{:x}~", c as u32));
        }
    }
    out
}

fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.strip_prefix('x').unwrap_or(text).split('~');
    out.push_str(pieces.next().unwrap_or_default());
    while let (Some(code), Some(plain)) = (pieces.next(), pieces.next()) {
        out.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
        out.push_str(plain);
    }
    out
}
