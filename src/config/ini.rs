//! The INI dialect: Python's `RawConfigParser` as Supervisor sets it (CFG-001 to CFG-020).
//!
//! A pass of ours does what is this dialect's alone: line ends, comments, continuation, parse errors. It keeps where
//! everything stands, and hands the `configparser` crate canonical text, one option a line, for it to store.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use configparser::ini::{Ini, IniDefault};

use super::error::{Error, Place};
use crate::names::repr;

/// The section whose options are fallbacks for all others (CFG-014).
const DEFAULT: &str = "DEFAULT";
/// As it is stored; it is looked into for nearly every option there is.
const FENCED_DEFAULT: &str = "|DEFAULT|";

const HERE: &str = "%(here)s";

/// All files read so far, merged: repeated sections join, the last of repeated options wins (CFG-013).
#[derive(Debug)]
pub struct Document {
    store: Ini,
    /// Where a section first appeared (CFG-034), and where each of its options was last set.
    sections: BTreeMap<String, Spot>,
    options: BTreeMap<(String, String), Spot>,
    /// Lines of options whose comment begins inside a quote (BUG-049).
    cuts: Vec<Place>,
    /// Options that one file sets twice: where the first stands, and the line of the second.
    repeats: Vec<(Place, usize)>,
    /// Sections that were read from since `%(here)s` was last replaced.
    touched: BTreeSet<String>,
}

/// A file and a line of it, from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spot {
    /// Shared by all that stands in it.
    pub file: Arc<str>,
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
            cuts: Vec::new(),
            repeats: Vec::new(),
            touched: BTreeSet::new(),
        }
    }
}

impl Document {
    /// Takes one more file in, and gives what is wrong with it: each bad line is an error of its own, all of them with
    /// the one stock sentence (CFG-015); an option before any section ends the reading at once (CFG-016).
    pub fn read(&mut self, file: &str, text: &str) -> Vec<Error> {
        let text = universal_newlines(text);
        let mut reader = Reader {
            file,
            current: None,
            quote: None,
            indent: 0,
            in_section: false,
            bad: Vec::new(),
            out: Vec::new(),
        };
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if let Err(error) = reader.line(index + 1, line) {
                return vec![*error];
            }
        }
        let mut errors = reader.report();
        errors.extend(self.keep(file, reader.out).err().map(|error| *error));
        errors
    }

    /// A section that stands in no file, as if it began `file`. The values are as they are: there are no comments.
    pub fn add_section(&mut self, file: &str, name: &str, options: &BTreeMap<String, String>) {
        let section = self.store.get_mut_map().entry(fence(name)).or_default();
        for (option, value) in options {
            section.insert(fence(option), Some(escape(value)));
        }
        let spot = Spot { file: Arc::from(file), line: 1 };
        self.sections.insert(name.to_string(), spot);
    }

    /// Replaces `%(here)s` as plain text in all that was read so far (CFG-032, CFG-033). What a section has from
    /// `[DEFAULT]` becomes its own by that, while `[DEFAULT]` keeps the text for files still to come.
    pub fn expand_here(&mut self, directory: &str) {
        let directory = escape(directory);
        let touched = std::mem::take(&mut self.touched);
        let everywhere = touched.contains(FENCED_DEFAULT);
        let map = self.store.get_mut_map();
        let defaults = map.get(FENCED_DEFAULT).cloned().unwrap_or_default();
        // Not every section for every file: with many of both, that is what a reading would spend its time on.
        let sections: Vec<String> =
            if everywhere { map.keys().cloned().collect() } else { touched.into_iter().collect() };
        for section in sections.iter().filter(|section| unfence(section) != DEFAULT) {
            let Some(options) = map.get_mut(section) else { continue };
            for (option, value) in &defaults {
                if value.as_ref().is_some_and(|value| value.contains(HERE)) && !options.contains_key(option) {
                    options.insert(option.clone(), value.clone());
                }
            }
            for value in options.values_mut().flatten().filter(|value| value.contains(HERE)) {
                *value = value.replace(HERE, &directory);
            }
        }
    }

    /// Every section but `[DEFAULT]`, in the order of first appearance.
    pub fn sections(&self) -> Vec<String> {
        let names = self.store.get_map_ref().keys().map(|name| unfence(name));
        names.filter(|name| *name != DEFAULT).map(str::to_string).collect()
    }

    /// Whether a section stands anywhere; `[DEFAULT]` is none (CFG-014).
    pub fn has_section(&self, name: &str) -> bool {
        name != DEFAULT && self.store.get_map_ref().contains_key(&fence(name))
    }

    /// An option's text; `[DEFAULT]` stands in where the section says nothing (CFG-014).
    pub fn get(&self, section: &str, option: &str) -> Option<String> {
        let map = self.store.get_map_ref();
        let option = fence(option);
        let find = |section: &str| map.get(section)?.get(&option)?.as_ref();
        find(&fence(section)).or_else(|| find(FENCED_DEFAULT)).map(|value| unescape(value))
    }

    /// The names of a section's options, those it has from `[DEFAULT]` last.
    pub fn options(&self, section: &str) -> Vec<String> {
        let map = self.store.get_map_ref();
        let own = map.get(&fence(section));
        let inherited = map.get(FENCED_DEFAULT).into_iter().flat_map(|options| options.keys());
        let inherited = inherited.filter(|option| own.is_none_or(|own| !own.contains_key(*option)));
        let own = own.into_iter().flat_map(|options| options.keys());
        own.chain(inherited).map(|option| unfence(option).to_string()).collect()
    }

    /// Where an option stands, or else its section.
    pub fn spot(&self, section: &str, option: Option<&str>) -> Option<&Spot> {
        let key = |section: &str| option.map(|option| (section.to_string(), option.to_string()));
        let own = key(section).and_then(|key| self.options.get(&key));
        own.or_else(|| key(DEFAULT).and_then(|key| self.options.get(&key)))
            .or_else(|| self.sections.get(section))
    }

    /// The names of the options that stand in the section itself, `[DEFAULT]` being one like others here.
    pub fn own_options<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.options.range((section.to_string(), String::new())..);
        all.take_while(move |((of, _), _)| of == section).map(|((_, option), _)| option.as_str())
    }

    /// Lines whose comment begins inside a quote.
    pub fn cuts(&self) -> &[Place] {
        &self.cuts
    }

    /// Options that one file sets twice: where the first stands, and the line of the second.
    pub fn repeats(&self) -> &[(Place, usize)] {
        &self.repeats
    }

    /// The file in which a section first appeared.
    pub fn file_of(&self, section: &str) -> Option<&str> {
        self.sections.get(section).map(|spot| &*spot.file)
    }

    fn keep(&mut self, file: &str, lines: Vec<Line>) -> Result<(), Box<Error>> {
        let mut canonical = String::new();
        let mut section = String::new();
        let name: Arc<str> = Arc::from(file);
        for line in lines {
            let spot = Spot { file: name.clone(), line: line.number };
            match line.what {
                What::Section(name) => {
                    for part in ["[", &fence(&name), "]\n"] {
                        canonical.push_str(part);
                    }
                    self.sections.entry(name.clone()).or_insert(spot);
                    section = name;
                }
                What::Option(name, value) => {
                    let value = escape(value.join("\n").trim_end_matches('\n'));
                    for part in [&fence(&name), "=", &value, "\n"] {
                        canonical.push_str(part);
                    }
                    let (line, option) = (spot.line, Some(name.clone()));
                    let before = self.options.insert((section.clone(), name), spot);
                    // A file that is read twice, by two patterns, begins again.
                    if let Some(before) = before.filter(|b| *b.file == *file && b.line < line) {
                        let section = Some(section.clone());
                        let place = Place { file: file.to_string(), line: before.line, section, option };
                        self.repeats.push((place, line));
                    }
                }
                What::Cut(option) => self.cuts.push(Place {
                    file: spot.file.to_string(),
                    line: spot.line,
                    section: Some(section.clone()),
                    option: Some(option),
                }),
            }
        }
        // Not `read_and_append`: it copies all that was read before for every file more.
        let read = Ini::new_from_defaults(self.store.defaults()).read(canonical);
        let broken = |text| Box::new(Error::bare(format!("could not read config file {file}: {text}")));
        let read = read.map_err(broken)?;
        for (section, options) in read {
            self.touched.insert(section.clone());
            self.store.get_mut_map().entry(section).or_default().extend(options);
        }
        Ok(())
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
    /// The value of the option before it, named here, is cut inside a quote.
    Cut(String),
}

/// The state of Python's reader between two lines.
struct Reader<'a> {
    file: &'a str,
    in_section: bool,
    /// The option that a line indented more goes on with: its place in `out`.
    current: Option<usize>,
    /// The quote that is open at the end of that option's value so far.
    quote: Option<char>,
    /// How far that option's own line was indented, or the last other line that meant something.
    indent: usize,
    bad: Vec<(usize, String)>,
    out: Vec<Line>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, raw: &str) -> Result<(), Box<Error>> {
        let (content, commented) = without_comment(raw);
        let value = content.trim_matches(is_space);
        if value.is_empty() {
            if !commented {
                self.go_on("");
            }
            return Ok(());
        }
        let indent = raw.chars().take_while(|c| is_space(*c)).count();
        if indent > self.indent && self.current.is_some() {
            self.go_on(value);
            self.note_cut(number, &raw[content.len()..]);
            return Ok(());
        }
        self.indent = indent;
        if let Some(name) = section_name(value) {
            self.in_section = true;
            self.current = None;
            self.out.push(Line { number, what: What::Section(name.to_string()) });
        } else if self.in_section {
            self.option(number, raw, value);
            self.note_cut(number, &raw[content.len()..]);
        } else {
            return Err(Box::new(self.no_section(number, raw)));
        }
        Ok(())
    }

    /// One line more for the option at hand (CFG-009, CFG-010).
    fn go_on(&mut self, text: &str) {
        let line = self.current.and_then(|at| self.out.get_mut(at));
        if let Some(Line { what: What::Option(_, value), .. }) = line {
            value.push(text.to_string());
            self.quote = quote_after(self.quote, text);
        }
    }

    /// Remembers a comment that begins inside a quote (BUG-049). Where quotes mean nothing, a lone apostrophe is
    /// none: its like must stand in the comment.
    fn note_cut(&mut self, number: usize, comment: &str) {
        let Some(quote) = self.quote.filter(|_| !comment.trim().is_empty()) else { return };
        let line = self.current.and_then(|at| self.out.get(at));
        if let Some(Line { what: What::Option(name, _), .. }) = line
            && (["command", "environment"].contains(&name.as_str()) || comment.contains(quote))
        {
            let what = What::Cut(name.clone());
            self.out.push(Line { number, what });
        }
    }

    fn option(&mut self, number: usize, raw: &str, value: &str) {
        let Some(at) = value.find(['=', ':']) else {
            // The option before it stays at hand, as it does in Python.
            self.bad.push((number, raw.to_string()));
            return;
        };
        let name = value[..at].trim_end_matches(is_space).to_lowercase();
        if name.is_empty() {
            self.bad.push((number, raw.to_string()));
            self.current = None;
            self.quote = None;
            return;
        }
        let value = value[at + 1..].trim_matches(is_space).to_string();
        self.quote = quote_after(None, &value);
        self.current = Some(self.out.len());
        self.out.push(Line { number, what: What::Option(name, vec![value]) });
    }

    fn no_section(&self, number: usize, raw: &str) -> Error {
        let (file, line) = (repr(self.file), repr(raw));
        let help = if raw.starts_with('\u{feff}') {
            "the file begins with a byte order mark, which cannot be seen: save it without"
        } else {
            "begin with a section such as [supervisord]"
        };
        Error {
            sentence: format!("File contains no section headers.\nfile: {file}, line: {number}\n{line}"),
            place: Some(self.place(number)),
            help: Some(help.to_string()),
        }
    }

    fn report(&self) -> Vec<Error> {
        let mut sentence = format!("Source contains parsing errors: {}", repr(self.file));
        for (number, raw) in &self.bad {
            sentence.push_str(&format!("\n\t[line {number:>2}]: {}", repr(raw)));
        }
        let help = "an option is written name=value; a long value goes on in lines that are indented more";
        let error = |(number, _): &(usize, String)| Error {
            sentence: sentence.clone(),
            place: Some(self.place(*number)),
            help: Some(help.to_string()),
        };
        self.bad.iter().map(error).collect()
    }

    fn place(&self, line: usize) -> Place {
        Place { file: self.file.to_string(), line, section: None, option: None }
    }
}

/// CRLF and lone CR become LF, as a file opened as text gives them (CFG-002).
fn universal_newlines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The line up to its comment, and whether there was one (CFG-006 to CFG-008). The search goes in rounds, one
/// occurrence of each sign a round, and ends with the first round that finds a comment.
pub fn without_comment(line: &str) -> (&str, bool) {
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

/// The quote that is open after `text` when `open` was before it, by the rules of a shell.
fn quote_after(mut open: Option<char>, text: &str) -> Option<char> {
    if open.is_none() && !text.contains(['\'', '"']) {
        return None;
    }
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None | Some('"'), '\\') => drop(chars.next()),
            (None, '\'' | '"') => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            (_, _) => (),
        }
    }
    open
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

/// Keeps the store from trimming a name, or seeing a section in an option that begins with a bracket.
fn fence(name: &str) -> String {
    ["|", name, "|"].concat()
}

fn unfence(name: &str) -> &str {
    name.strip_prefix('|').and_then(|name| name.strip_suffix('|')).unwrap_or(name)
}

/// A value of many lines as one line.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescape(value: &str) -> String {
    if !value.contains('\\') {
        return value.to_string();
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|c| if c == 'n' { '\n' } else { c })),
            c => out.push(c),
        }
    }
    out
}
