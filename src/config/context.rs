//! What every section's reader works with: the merged files, the world, and all that is found to be wrong.

use super::error::{Error, WRAPPING, Warning};
use super::expand::{FORMAT, Names, UNKNOWN_NAME};
use super::host::Host;
use super::ini::Document;
use super::known::{Kind, nearest};
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
    /// What of the messages a check shows, each with its place.
    pub warnings: Vec<Warning>,
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
        let mut section = self.section_without_here(name);
        section.names.set("here", section.context.here);
        section
    }

    /// The same where only `ENV_X` is known (CFG-046).
    pub fn section_without_here<'c>(&'c mut self, name: &str) -> Section<'c, 'a> {
        Section { name: name.to_string(), names: self.environment.clone(), wrapped: false, context: self }
    }

    /// Writes an error down with the place it is about. A section is read once for each group it is in, and its
    /// priority once more for its own: what was said of a place is not said again.
    pub fn fail(&mut self, sentence: String, section: &str, option: Option<&str>) {
        self.fail_with_help(sentence, section, option, None);
    }

    /// The same with a way out that is better than the usual one, if there is one.
    pub fn fail_with_help(
        &mut self,
        sentence: String,
        section: &str,
        option: Option<&str>,
        way_out: Option<String>,
    ) {
        let absent = option.filter(|option| self.document.get(section, option).is_none());
        let help = match (way_out, absent) {
            (Some(way_out), _) => Some(way_out),
            (None, Some(absent)) => Some(missing(self.document, section, absent)),
            (None, None) => {
                let value = option.filter(|_| !sentence.starts_with(FORMAT));
                let value = value.and_then(|option| self.document.get(section, option));
                value.and_then(|value| stray_sign(&value, option)).or_else(|| help(&sentence, option))
            }
        };
        let mut error = Error::at(sentence, self.document, section, option);
        error.help = help;
        if !self.errors.iter().any(|known| known.says_the_same(&error)) {
            self.errors.push(error);
        }
    }

    /// A line for the log, which a check shows in its place, with the way out.
    pub fn warn(&mut self, text: String, section: &str, option: Option<&str>, help: &str) {
        self.warnings.push(Warning::at(text.clone(), self.document, section, option, help));
        self.messages.push(Message { level: LogLevel::Warn, text });
    }

    /// The same where the log's line holds its own place: `tell` is given it, and nothing for the check.
    pub fn warn_in_place(
        &mut self,
        tell: impl Fn(&str) -> String,
        section: &str,
        option: Option<&str>,
        help: &str,
    ) {
        let place = self.document.spot(section, option);
        let place = place.map(|spot| format!(" ({}:{})", spot.file, spot.line)).unwrap_or_default();
        self.warnings.push(Warning::at(tell(""), self.document, section, option, help));
        self.messages.push(Message { level: LogLevel::Warn, text: tell(&place) });
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
        if !raw.contains('%') {
            return Some(raw);
        }
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
        let sentence = self.wrap(sentence);
        self.context.fail(sentence, &self.name, option);
    }

    /// The same with a way out that is better than the usual one.
    pub fn fail_with_help(&mut self, sentence: String, option: Option<&str>, way_out: &str) {
        let sentence = self.wrap(sentence);
        self.context.fail_with_help(sentence, &self.name, option, Some(way_out.to_string()));
    }

    fn wrap(&self, sentence: String) -> String {
        if !self.wrapped {
            return sentence;
        }
        let file = self.context.document.file_of(&self.name).unwrap_or_default();
        format!("{sentence}{WRAPPING}{} (file: {})", repr(&self.name), repr(file))
    }
}

/// What to do about an option that has to be there: perhaps it is, with a letter wrong.
pub fn missing(document: &Document, section: &str, option: &str) -> String {
    let known =
        |word: &str| Kind::of(section).is_some_and(|kind| kind.all_options().any(|known| known == word));
    let typo =
        document.own_options(section).find(|own| !known(own) && nearest(own, [option].into_iter()).is_some());
    match typo {
        Some(typo) => format!("did you mean {option} by {typo}?"),
        None if option == "process_name" => {
            "add a line process_name=%(program_name)s_%(process_num)02d".to_string()
        }
        None => format!("add a line {option}=..."),
    }
}

/// What spoils a value that may be right without it: quotes around it, or a comment that is none (CFG-006, CFG-020).
fn stray_sign(value: &str, option: Option<&str>) -> Option<String> {
    if option.is_some_and(|option| ["command", "environment"].contains(&option)) {
        return None;
    }
    let quoted = ['"', '\'']
        .iter()
        .any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote));
    if quoted {
        return Some("without the quotes: they are a part of the value".to_string());
    }
    let comment = value.find([';', '#']).filter(|at| *at > 0);
    comment.map(|_| "a ; or # begins a comment only after a blank".to_string())
}

/// The way out of a wrong value.
pub fn help(sentence: &str, option: Option<&str>) -> Option<String> {
    if sentence.starts_with("Invalid name:") {
        return Some("a name has no blanks, colons or slashes".to_string());
    }
    let option = option?;
    if sentence.contains(UNKNOWN_NAME) {
        return Some(names_help(sentence));
    }
    if sentence.starts_with(FORMAT) {
        return Some(format_help(sentence));
    }
    what_may_stand_in(option).map(str::to_string)
}

/// Either a percent sign was meant as it stands, or the letter after a name is missing or wrong.
fn format_help(sentence: &str) -> String {
    let lacks_letter = |rest: &str| {
        let (name, rest) = rest.split_once(')')?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || "-+ #.".contains(c));
        (is_name && !rest.starts_with(|c: char| c.is_ascii_alphabetic())).then(|| name.to_string())
    };
    if let Some(name) = sentence.split("%(").skip(1).find_map(lacks_letter) {
        return format!("an s is missing: %({name})s is the value");
    }
    if sentence.contains("number is required, not str") {
        return "the letter s takes any value, as in %(program_name)s".to_string();
    }
    "%% is a plain percent sign".to_string()
}

/// A variable can be set; of other names there are few.
fn names_help(sentence: &str) -> String {
    if sentence.contains("contains names ('ENV_") {
        return "set the variable, in UTF-8, where supervisord is started; %% is a plain percent sign"
            .to_string();
    }
    let all = sentence.split("Available names: ").nth(1).unwrap_or_default();
    let all = all.split(WRAPPING).next().unwrap_or_default();
    let names = all.split(", ").filter(|name| !name.starts_with("ENV_") && !name.is_empty());
    let names: Vec<&str> = names.chain(["ENV_X for the variable X"]).collect();
    format!("known here: {}", names.join(", "))
}

/// What an option takes, in a few words.
fn what_may_stand_in(option: &str) -> Option<&'static str> {
    let words = match option {
        "autostart" | "stopasgroup" | "killasgroup" | "redirect_stderr" | "nodaemon" | "silent"
        | "nocleanup" | "strip_ansi" | "metrics" | "healthz_auth" | "events_extended" => "true or false",
        "autorestart" => "true, false or unexpected",
        "priority" | "numprocs" | "numprocs_start" | "minfds" | "minprocs" | "startretries" => {
            "a whole number, such as 10"
        }
        "startsecs" | "stopwaitsecs" => "a whole number of seconds, such as 10",
        "exitcodes" => "numbers from 0 to 255 with commas between, such as 0,2",
        "stopsignal" => "a signal such as TERM, HUP or USR1",
        "user" => "the name or the number of a user of this machine",
        "chown" => "user or user:group of this machine",
        "umask" => "an octal number, such as 022",
        "chmod" => "an octal number, such as 0700",
        "loglevel" => "critical, error, warn, info, debug, trace or blather",
        "events" => "types of events with commas between, such as PROCESS_STATE,TICK_60",
        "buffer_size" => "a number of events, such as 100",
        "result_handler" => {
            "Python code cannot be loaded; leave the option out, or name supervisor_stdout:event_handler, which is \
             built in, if the listener sends back what it was told"
        }
        "socket" => "unix:///path/to/socket or tcp://host:port",
        "socket_backlog" => "a number from 1 to 65535",
        "socket_owner" => "user or user:group of this machine",
        "socket_mode" => "an octal number, such as 0700",
        "username" => "set both, or neither",
        "base_path" => "the path of a URL, such as /supervisor",
        "port" => "a port, host:port or *:port",
        "process_name" => "%(program_name)s_%(process_num)02d gives every process a name of its own",
        "environment" => "pairs with commas between: NAME=\"value\",OTHER=\"value\"",
        "logfile" | "pidfile" | "childlogdir" | "directory" => "make the directory first",
        option if option.ends_with("_maxbytes") => "a number of bytes, such as 50MB; 0 is no limit",
        option if option.ends_with("_events_enabled") || option.ends_with("_syslog") => "true or false",
        option if option.ends_with("_backups") => "a whole number, such as 10",
        option if option.ends_with("_logfile") => "a file in a directory that exists, or NONE, or AUTO",
        _ => return None,
    };
    Some(words)
}
