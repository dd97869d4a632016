//! What every section's reader works with: the merged files, the world, and all that is found to be wrong.

use super::error::{Error, Place};
use super::expand::Names;
use super::host::Host;
use super::ini::Document;
use super::{LogLevel, Message};
use crate::names::repr;

/// The reading of one configuration.
pub struct Context<'a> {
    pub document: &'a Document,
    pub host: &'a dyn Host,
    /// The directory of the main file, absolute.
    pub here: &'a str,
    /// `ENV_X` for the daemon's variables and, once read, for `[supervisord] environment` (CFG-040).
    pub environment: Names,
    pub errors: Vec<Error>,
    pub messages: Vec<Message>,
}

/// Reads the options of one section. An error is written down and the default stands in, so that all errors of
/// all files come at once; the first one written is the one that the reference would stop at (CFG-054).
pub struct Section<'c, 'a> {
    pub context: &'c mut Context<'a>,
    pub name: String,
    pub names: Names,
    /// Errors of process options name section and file (CFG-051); others do not (CFG-052).
    pub wrapped: bool,
}

impl<'a> Context<'a> {
    /// A reader for one section, in which `here` and `ENV_X` are known.
    pub fn section<'c>(&'c mut self, name: &str) -> Section<'c, 'a> {
        let mut names = self.environment.clone();
        names.set("here", self.here);
        Section { name: name.to_string(), names, wrapped: false, context: self }
    }

    /// Writes an error down with the place it is about.
    pub fn fail(&mut self, sentence: String, section: &str, option: Option<&str>) {
        let spot = self.document.spot(section, option);
        let place = spot.map(|spot| Place {
            file: spot.file.clone(),
            line: spot.line,
            section: Some(section.to_string()),
            option: option.map(str::to_string),
        });
        self.errors.push(Error { sentence, place, help: None });
    }

    pub fn warn(&mut self, text: String) {
        self.messages.push(Message { level: LogLevel::Warn, text });
    }
}

impl Section<'_, '_> {
    /// The option's text as it stands.
    pub fn raw(&self, option: &str) -> Option<String> {
        self.context.document.get(&self.name, option)
    }

    /// The option's text with `%(...)s` expanded; `None` when it is absent or cannot be.
    pub fn text(&mut self, option: &str) -> Option<String> {
        let raw = self.raw(option)?;
        let what = format!("{}.{option}", self.name);
        match self.names.expand(&raw, &what) {
            Ok(text) => Some(text),
            Err(sentence) => {
                self.fail(sentence, Some(option));
                None
            }
        }
    }

    /// The option's value, or the default when it is absent or wrong.
    pub fn read<T>(&mut self, option: &str, default: T, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        match self.text(option) {
            None => default,
            Some(text) => match parse(&text) {
                Ok(value) => value,
                Err(sentence) => {
                    self.fail(sentence, Some(option));
                    default
                }
            },
        }
    }

    /// The same for an option without a default.
    pub fn read_optional<T>(
        &mut self,
        option: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.read(option, None, |text| parse(text).map(Some))
    }

    /// Writes an error down, wrapped if errors of this section are.
    pub fn fail(&mut self, sentence: String, option: Option<&str>) {
        let sentence = if self.wrapped {
            let file = self.context.document.file_of(&self.name).unwrap_or_default();
            format!("{sentence} in section {} (file: {})", repr(&self.name), repr(file))
        } else {
            sentence
        };
        self.context.fail(sentence, &self.name, option);
    }
}
