//! What is right as far as it goes, and probably not meant: the warnings of a check. A daemon that starts says none
//! of this; what its log says is gathered while reading.

use std::collections::{BTreeMap, BTreeSet};

use super::client::BUILT_IN;
use super::error::{Aim, Error, Warning};
use super::foreign::instead;
use super::host::{Host, absolute, dirname, join};
use super::ini::Document;
use super::known::{KINDS, Kind, nearest, similar_section};
use super::{Address, Config, LogFile, MainLog, ProcessConfig, ServerConfig};
use super::{reach, value};

/// Where [`Document`] keeps the fallbacks for all sections.
const DEFAULT: &str = "DEFAULT";

const SUPERVISORD: &str = "supervisord";

/// What the files alone show, whether or not their values make sense.
pub fn files(document: &Document) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for section in document.sections() {
        match Kind::of(&section) {
            Some(kind) => options(document, &section, kind, &mut warnings),
            None => warnings.push(unknown_section(document, &section)),
        }
    }
    defaults(document, &mut warnings);
    for place in document.cuts() {
        let sentence = "a comment begins inside a quote, and all after it is left out".to_string();
        let help = "a ; or # with no blank before it is kept".to_string();
        let error = Error { sentence, place: Some(place.clone()), help: Some(help) };
        warnings.push(Warning { error, aim: Aim::Value });
    }
    for (place, line) in document.repeats() {
        let option = place.option.as_deref().unwrap_or_default();
        let sentence = format!("{option} is set again in line {line}, so that this value is not used");
        let help = "the last one counts; sections of one name are one section".to_string();
        let error = Error { sentence, place: Some(place.clone()), help: Some(help) };
        warnings.push(Warning { error, aim: Aim::Value });
    }
    python(document, &mut warnings);
    without_effect(document, &mut warnings);
    warnings
}

fn unknown_section(document: &Document, section: &str) -> Warning {
    let help = match similar_section(section) {
        Some(similar) => format!("did you mean {similar}?"),
        None => "nothing reads it".to_string(),
    };
    Warning::at(format!("unknown section [{section}]"), document, section, None, &help)
}

fn options(document: &Document, section: &str, kind: &Kind, warnings: &mut Vec<Warning>) {
    for option in document.own_options(section) {
        let near = || nearest(option, kind.all_options());
        let is_argument = kind.open && near().is_none() && !option.starts_with('[');
        if kind.all_options().any(|known| known == option) || is_argument {
            continue;
        }
        let elsewhere = || KINDS.iter().find(|kind| kind.all_options().any(|known| known == option));
        let help = match (near().or_else(|| kind.elsewhere_called(option)), elsewhere()) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, _) if option.starts_with('[') => "the name of a section ends with ]".to_string(),
            (None, Some(kind)) => format!("an option of {}", kind.example("")),
            (None, None) => "nothing reads it".to_string(),
        };
        let sentence = format!("unknown option {option} in [{section}]");
        warnings.push(Warning::at(sentence, document, section, Some(option), &help).at_name());
    }
}

/// An option of `[DEFAULT]` is for any section.
fn defaults(document: &Document, warnings: &mut Vec<Warning>) {
    let known: BTreeSet<&str> = KINDS.iter().flat_map(Kind::all_options).collect();
    for option in document.own_options(DEFAULT).filter(|option| !known.contains(option)) {
        let help = match nearest(option, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => "nothing reads it".to_string(),
        };
        let sentence = format!("unknown option {option} in [{DEFAULT}]");
        warnings.push(Warning::at(sentence, document, DEFAULT, Some(option), &help).at_name());
    }
}

/// A listener's standard output is its half of the protocol: nothing is captured from it and it makes no events
/// (CFG-132).
fn without_effect(document: &Document, warnings: &mut Vec<Warning>) {
    for section in document.sections() {
        if Kind::of(&section).is_none_or(|kind| kind.head != "eventlistener") {
            continue;
        }
        // One from [DEFAULT] is meant for others.
        let is_set = |option| {
            document
                .own_options(&section)
                .find(|own| *own == option)
                .and_then(|own| document.get(&section, own))
        };
        let captures = is_set("stdout_capture_maxbytes").is_some_and(|v| value::byte_size(&v) != Ok(0));
        let tells = is_set("stdout_events_enabled").is_some_and(|v| value::boolean(&v) == Ok(true));
        for (option, set) in [("stdout_capture_maxbytes", captures), ("stdout_events_enabled", tells)] {
            if set {
                let sentence = format!("{option} has no effect in [{section}]: a listener answers there");
                let help = "the option of the same name for stderr works";
                warnings.push(Warning::at(sentence, document, &section, Some(option), help).at_name());
            }
        }
    }
}

/// Factories that the daemon does not ask for; those of `[rpcinterface:x]` it does.
fn python(document: &Document, warnings: &mut Vec<Warning>) {
    for section in document.sections() {
        if Kind::of(&section).is_none_or(|kind| kind.head != "ctlplugin") {
            continue;
        }
        let option = "supervisor.ctl_factory";
        let factory = document.get(&section, option);
        let Some(factory) = factory.filter(|factory| !BUILT_IN.contains(&factory.as_str())) else { continue };
        let sentence = format!(
            "[{section}] names the Python factory {factory}, which cannot be loaded: its commands will be missing in \
             supervisorctl"
        );
        let help = instead(&factory);
        warnings.push(Warning::at(sentence, document, &section, Some(option), &help));
    }
}

/// What the values show in the world they are for.
pub fn values(document: &Document, config: &Config, host: &dyn Host) -> Vec<Warning> {
    let mut warnings = Vec::new();
    main_files(document, config, host, &mut warnings);
    for server in &config.servers {
        warnings.extend(server_warning(document, server, host));
    }
    warnings.extend(reach::reach(document, config, host));
    let sections = Sections::of(document);
    let base = working_directory(config, host);
    let mut seen = BTreeSet::new();
    let mut writers = Writers::new();
    if let MainLog::Path(path) = &config.supervisord.logfile {
        let writer = ("the main log".to_string(), SUPERVISORD.to_string(), "logfile");
        writers.insert(path.clone(), vec![writer]);
    }
    for process in config.groups.iter().flat_map(|group| &group.processes) {
        let section = sections.section(process);
        for (option, sentence, help) in paths(process, &base, host) {
            // One process of many is enough.
            if seen.insert((section.to_string(), option)) {
                let sentence = format!("[{section}] {option}: {sentence}");
                warnings.push(Warning::at(sentence, document, section, Some(option), help));
            }
        }
        note_writers(process, section, &base, host, &mut writers);
    }
    for (path, writers) in writers.iter().filter(|(_, writers)| writers.len() > 1) {
        warnings.extend(shared_log(document, path, writers));
    }
    warnings
}

/// Where the daemon will be: in the background it goes to its `directory` (CFG-084).
pub fn working_directory(config: &Config, host: &dyn Host) -> String {
    match &config.supervisord.directory {
        Some(directory) if !config.supervisord.nodaemon => absolute(directory, host),
        Some(_) | None => host.cwd().to_string(),
    }
}

/// Which section a process comes from.
pub struct Sections {
    by_program: BTreeMap<String, String>,
}

impl Sections {
    /// The sections of programs; of two with one name the first.
    pub fn of(document: &Document) -> Sections {
        let mut by_program = BTreeMap::new();
        for section in document.sections() {
            if let Some((head, name)) = section.split_once(':')
                && ["program", "fcgi-program", "eventlistener"].contains(&head)
            {
                by_program.entry(name.trim_matches(super::ini::is_space).to_string()).or_insert(section);
            }
        }
        Sections { by_program }
    }

    /// The whole name of the section, such as `program:x`.
    pub fn section(&self, process: &ProcessConfig) -> &str {
        self.by_program.get(process.program.as_str()).map_or("", String::as_str)
    }
}

fn main_files(document: &Document, config: &Config, host: &dyn Host, warnings: &mut Vec<Warning>) {
    if let Some(user) = config.supervisord.user.filter(|user| ![0, *user].contains(&host.uid())) {
        let sentence = format!("[{SUPERVISORD}] user: only root can become the user {user}");
        let help = "start supervisord as root, or leave the option out";
        warnings.push(Warning::at(sentence, document, SUPERVISORD, Some("user"), help));
    }
    let logfile = match &config.supervisord.logfile {
        MainLog::Path(path) => Some(("logfile", path)),
        MainLog::Syslog => None,
    };
    for (option, path) in logfile.into_iter().chain([("pidfile", &config.supervisord.pidfile)]) {
        if host.is_dir(path) {
            let sentence = format!("[{SUPERVISORD}] {option}: {path} is a directory");
            let help = "the name of a file";
            warnings.push(Warning::at(sentence, document, SUPERVISORD, Some(option), help));
        }
    }
}

fn server_warning(document: &Document, server: &ServerConfig, host: &dyn Host) -> Option<Warning> {
    let section = &server.section;
    match &server.address {
        Address::Inet { host: name, .. } => {
            if name.contains('/') {
                let sentence = format!("[{section}] port: {name} is no name of a machine");
                let help = "host:port, such as 127.0.0.1:9001";
                return Some(Warning::at(sentence, document, section, Some("port"), help));
            }
            if !server.is_exposed() {
                return None;
            }
            let whom = if name.is_empty() { "all interfaces" } else { name };
            let sentence = format!(
                "[{section}] listens on {whom} without a password: whoever reaches it can start and stop programs"
            );
            let help = "set username and password, or listen on 127.0.0.1";
            Some(Warning::at(sentence, document, section, Some("port"), help))
        }
        Address::Unix { path, .. } => {
            let directory = dirname(path);
            let missing = !host.is_dir(directory);
            let sentence = format!("[{section}] file: the directory {directory} does not exist");
            missing
                .then(|| Warning::at(sentence, document, section, Some("file"), "make the directory first"))
        }
    }
}

/// The option, what is wrong with its value, and the way out.
type Trouble = (&'static str, String, &'static str);

/// Users, directories and logs of a process that would fail once it starts.
fn paths(process: &ProcessConfig, base: &str, host: &dyn Host) -> Vec<Trouble> {
    let mut found = Vec::new();
    if let Some(user) = process.user.filter(|user| ![0, *user].contains(&host.uid())) {
        let sentence = format!("only root can run a program as the user {user}");
        found.push(("user", sentence, "start supervisord as root, or leave the option out"));
    }
    if let Some(directory) = &process.directory
        && !host.is_dir(&join(base, directory))
    {
        let quoted = directory.starts_with(['"', '\'']);
        let help = if quoted {
            "without the quotes: they are a part of the value"
        } else {
            "make the directory first"
        };
        found.push(("directory", format!("{directory} does not exist"), help));
    }
    for (option, output) in [("stdout_logfile", &process.stdout), ("stderr_logfile", &process.stderr)] {
        let LogFile::Path(path) = &output.logfile else { continue };
        let whole = absolute(&join(base, path), host);
        let directory = dirname(&whole);
        if !host.is_dir(directory) {
            let sentence = format!("the directory {directory} does not exist");
            found.push((option, sentence, "make the directory first"));
        } else if host.is_dir(&whole) {
            found.push((option, format!("{path} is a directory"), "the name of a file"));
        }
    }
    found
}

/// Who writes a file: what to call it, its section and its option.
type Writers = BTreeMap<String, Vec<(String, String, &'static str)>>;

/// Devices and descriptors may be shared by any number.
fn note_writers(process: &ProcessConfig, section: &str, base: &str, host: &dyn Host, writers: &mut Writers) {
    for (option, output) in [("stdout_logfile", &process.stdout), ("stderr_logfile", &process.stderr)] {
        if let LogFile::Path(path) = &output.logfile {
            let whole = absolute(&join(base, path), host);
            if !whole.starts_with("/dev/") && !whole.starts_with("/proc/") {
                let channel = option.split('_').next().unwrap_or_default();
                let who = format!("{channel} of {}:{}", process.group, process.name);
                writers.entry(whole).or_default().push((who, section.to_string(), option));
            }
        }
    }
}

/// The second writer is the one to blame.
fn shared_log(
    document: &Document,
    path: &str,
    writers: &[(String, String, &'static str)],
) -> Option<Warning> {
    let [(first, first_section, _), (second, section, option), rest @ ..] = writers else { return None };
    let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
    let sentence =
        format!("{path} is written by {first} and {second}{more}: one rotates it away from the other");
    let same_section = first_section == section;
    let same_process =
        first.split_once(" of ").map(|(_, who)| who) == second.split_once(" of ").map(|(_, who)| who);
    let help = if same_process {
        "redirect_stderr=true keeps both in one file"
    } else if same_section {
        "%(group_name)s and %(process_num)d give each process a file of its own"
    } else {
        "give each a file of its own"
    };
    Some(Warning::at(sentence, document, section, Some(option), help))
}
