//! `supervisord --check`: reads the configuration as a daemon would, says what is wrong with it, and touches nothing.

use std::collections::BTreeSet;

use super::command::Command;
use super::model::{Finding, Findings, Model};
use super::options::{Options, Stop};
use crate::config::error::{Place, Sources, explain, explain_warnings};
use crate::config::habit::{self, Habit};
use crate::config::host::join;
use crate::config::ini::Document;
use crate::config::lint::{self, Sections};
use crate::config::read::Reading;
use crate::config::{Config, Error, Host, ProcessConfig, Warning};

/// What the command line asks of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Check {
    /// One JSON object instead of text.
    pub json: bool,
    /// A warning is as bad as an error.
    pub strict: bool,
}

/// Checks what the options name.
pub fn check(options: &Options, wish: Check) -> Stop {
    let host = options.host();
    let Reading { config, mut warnings, document, whole } = options.survey();
    if whole {
        warnings.extend(lint::files(&document));
    }
    if let Ok(config) = &config {
        warnings.extend(lint::values(&document, config, host));
        warnings.extend(commands(&document, config, host));
    }
    // What is written next can have its memory.
    drop(document);
    verdict(config, warnings, wish, host)
}

/// What is printed, and the exit status: 0 or 2.
pub fn verdict(
    config: Result<Config, Vec<Error>>,
    warnings: Vec<Warning>,
    wish: Check,
    host: &dyn Host,
) -> Stop {
    let warnings = in_order(warnings);
    let (config, errors) = match config {
        Ok(config) => (Some(config), Vec::new()),
        Err(errors) => (None, errors),
    };
    let ok = config.is_some() && (warnings.is_empty() || !wish.strict);
    let text = if wish.json {
        let mut sources = Sources::new(host);
        let findings = Findings {
            ok,
            errors: errors.iter().map(|error| Finding::of_error(error, &mut sources)).collect(),
            warnings: warnings.iter().map(|warning| Finding::of_warning(warning, &mut sources)).collect(),
            model: config.as_ref().filter(|_| ok).map(Model::of),
        };
        match serde_json::to_string(&findings) {
            Ok(text) => text,
            Err(error) => return Stop::Failed(format!("could not write JSON: {error}")),
        }
    } else {
        let (wrong, odd) = (explain(&errors, host), explain_warnings(&warnings, host));
        format!("{wrong}{odd}{}, {}", count(errors.len(), "error"), count(warnings.len(), "warning"))
    };
    Stop::Checked { text, ok }
}

/// By file and line, each once: a program that is in two groups is read twice.
fn in_order(mut warnings: Vec<Warning>) -> Vec<Warning> {
    let place = |warning: &Warning| {
        warning.error.place.as_ref().map(|place| (place.file.clone(), place.line, place.option.clone()))
    };
    warnings.sort_by_cached_key(|warning| (place(warning), warning.error.sentence.clone()));
    warnings.dedup();
    warnings
}

fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// Commands that a start would not find, looked up as a start does (PROC-034 to PROC-037), and those that only a shell
/// would understand. One process of a section is enough.
fn commands(document: &Document, config: &Config, host: &dyn Host) -> Vec<Warning> {
    let path = host.environment().get("PATH").map(String::as_str);
    let base = lint::working_directory(config, host);
    let sections = Sections::of(document);
    let (mut warnings, mut told) = (Vec::new(), BTreeSet::new());
    for process in config.groups.iter().flat_map(|group| &group.processes) {
        let section = sections.section(process);
        if told.contains(section) || is_cut(document, section) {
            continue;
        }
        let habit = habit::in_command(&process.command);
        let mut warn = |sentence: &str, help: &str| {
            told.insert(section);
            let sentence = format!("[{section}] {sentence}");
            warnings.push(Warning::at(sentence, document, section, Some("command"), help));
        };
        let directory = join(&base, process.directory.as_deref().unwrap_or_default());
        if !host.is_dir(&directory) && is_relative(&process.command) {
            // That the directory is missing has been told.
            continue;
        }
        let placed = ProcessConfig { directory: Some(directory), ..ProcessConfig::clone(process) };
        match (Command::find(&placed, path), habit) {
            (Err(error), None) => warn(&error.to_string(), "it could not be started now"),
            (Err(error), Some(Habit { help, .. })) => warn(&error.to_string(), &help),
            (Ok(_), Some(Habit { sentence, help })) => warn(&sentence, &help),
            (Ok(_), None) => (),
        }
    }
    warnings
}

/// Whether a comment has cut the command: told already, and reason enough for all else.
fn is_cut(document: &Document, section: &str) -> bool {
    let is_command = |place: &Place| {
        place.section.as_deref() == Some(section) && place.option.as_deref() == Some("command")
    };
    document.cuts().iter().any(is_command)
}

/// Whether the command is looked for in the program's directory.
fn is_relative(command: &str) -> bool {
    let program = command.split_whitespace().next().unwrap_or_default();
    program.contains('/') && !program.starts_with('/')
}
