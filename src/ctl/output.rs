//! What a command says: lines for people and for the scripts that read them, or one JSON document.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::api::received::Described;
use crate::api::{CollectionInfo, ConfigInfo, LogSetting};
use crate::cli;
use crate::names::Namespec;

/// Where a command's words go: all to standard output, errors too (CTL-002).
#[derive(Debug, Default)]
pub struct Output {
    /// What is said so far of a command that is to answer in JSON.
    document: Option<Document>,
    /// Whether nobody reads any more.
    closed: bool,
    /// Whether words were lost, as on a full disk.
    failed: bool,
    pub colour: bool,
}

/// The answer of one command in JSON. What does not apply is left out.
#[derive(Debug, Default, Serialize)]
struct Document {
    exit_status: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<Vec<Process>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<Vec<Available>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collections: Option<Vec<Collection>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<Outcome>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<String>,
}

/// A process, as `getProcessInfo` tells of it.
#[derive(Debug, Serialize)]
struct Process {
    namespec: String,
    group: String,
    name: String,
    state: &'static str,
    description: String,
    /// Null when it does not run.
    pid: Option<i32>,
    /// Seconds; null when it does not run.
    uptime: Option<i64>,
    start: i64,
    stop: i64,
    now: i64,
    exitstatus: i32,
    spawnerr: String,
    stdout_logfile: String,
    stderr_logfile: String,
}

impl From<&Described> for Process {
    fn from(process: &Described) -> Process {
        let info = &process.info;
        Process {
            namespec: Namespec::display(&info.group, &info.name),
            group: info.group.to_string(),
            name: info.name.to_string(),
            state: info.state.name(),
            description: process.description.clone(),
            pid: info.pid.map(|pid| pid.0),
            uptime: info.pid.map(|_| info.now.saturating_sub(info.start).max(0)),
            start: info.start,
            stop: info.stop,
            now: info.now,
            exitstatus: info.exitstatus,
            spawnerr: info.spawnerr.to_string(),
            stdout_logfile: info.stdout_logfile.to_string(),
            stderr_logfile: info.stderr_logfile.to_string(),
        }
    }
}

/// A configured process, with the settings people ask for.
#[derive(Debug, Serialize)]
struct Available {
    namespec: String,
    group: String,
    name: String,
    inuse: bool,
    autostart: bool,
    group_priority: i64,
    priority: i64,
    command: String,
    directory: Option<String>,
    stdout_logfile: Option<String>,
    stderr_logfile: Option<String>,
}

impl From<&ConfigInfo> for Available {
    fn from(config: &ConfigInfo) -> Available {
        let log = |setting: &LogSetting| match setting {
            LogSetting::Auto => Some("auto".to_string()),
            LogSetting::None => None,
            LogSetting::Path(path) => Some(path.to_string()),
        };
        Available {
            namespec: Namespec::display(&config.group, &config.name),
            group: config.group.to_string(),
            name: config.name.to_string(),
            inuse: config.inuse,
            autostart: config.autostart,
            group_priority: config.group_prio,
            priority: config.process_prio,
            command: config.command.clone(),
            directory: config.directory.clone(),
            stdout_logfile: log(&config.stdout.logfile),
            stderr_logfile: log(&config.stderr.logfile),
        }
    }
}

#[derive(Debug, Serialize)]
struct Collection {
    name: String,
    priority: i64,
    programs: Vec<String>,
    groups: Vec<String>,
    collections: Vec<String>,
    exclude: Vec<String>,
    processes: Vec<String>,
    unresolved: Vec<String>,
}

impl From<&CollectionInfo> for Collection {
    fn from(info: &CollectionInfo) -> Collection {
        Collection {
            name: info.name.to_string(),
            priority: info.priority,
            programs: info.program_names.clone(),
            groups: info.group_names.clone(),
            collections: info.collection_names.clone(),
            exclude: info.exclude_names.clone(),
            processes: info.processes.clone(),
            unresolved: info.unresolved.clone(),
        }
    }
}

/// What became of one name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Outcome {
    /// As it is shown: `group:process`, or short.
    pub name: String,
    pub ok: bool,
    /// What was done, such as `started`, or why it was not.
    pub result: String,
    /// The fault's code, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
}

impl Outcome {
    pub fn done(name: impl Into<String>, result: &str) -> Outcome {
        Outcome { name: name.into(), ok: true, result: result.to_string(), code: None }
    }

    pub fn refused(name: impl Into<String>, why: impl Into<String>, code: Option<i64>) -> Outcome {
        Outcome { name: name.into(), ok: false, result: why.into(), code }
    }

    /// The line that scripts know.
    fn line(&self) -> String {
        let Outcome { name, result, .. } = self;
        if self.ok { format!("{name}: {result}") } else { format!("{name}: ERROR ({result})") }
    }
}

impl Output {
    /// Colours only where a person looks, and does not mind (`NO_COLOR`).
    pub fn new() -> Output {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_none_or(|term| term == "dumb");
        let colour = io::stdout().is_terminal() && !dumb && set("NO_COLOR").is_none();
        Output { colour, ..Output::default() }
    }

    /// From here on, what is said goes into one JSON document.
    pub fn begin_document(&mut self) {
        self.document = Some(Document::default());
    }

    /// Writes the document, if one was begun.
    pub fn end_document(&mut self, exit_status: u8) {
        if let Some(mut document) = self.document.take() {
            document.exit_status = exit_status;
            let text = serde_json::to_string(&document).unwrap_or_default();
            self.line(&text);
        }
    }

    pub fn is_document(&self) -> bool {
        self.document.is_some()
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether words were lost, which has been told.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// A line. In a document, a message.
    pub fn line(&mut self, text: &str) {
        match &mut self.document {
            Some(_) if text.is_empty() => (),
            Some(document) => document.messages.push(text.to_string()),
            None => self.bytes(format!("{text}\n").as_bytes()),
        }
    }

    /// Bytes as they are, at once.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        if !self.closed && cli::lost(&written) {
            self.failed = true;
        }
        self.closed |= written.is_err();
    }

    /// What became of one name.
    pub fn outcome(&mut self, outcome: Outcome) {
        let line = outcome.line();
        self.outcome_as(&line, outcome);
    }

    /// The same where the line is one of its own.
    pub fn outcome_as(&mut self, line: &str, outcome: Outcome) {
        match &mut self.document {
            Some(document) => document.results.push(outcome),
            None => self.line(line),
        }
    }

    /// Processes in a document; gives whether there is one.
    pub fn processes(&mut self, processes: &[&Described]) -> bool {
        let Some(document) = &mut self.document else { return false };
        let entries = processes.iter().map(|process| Process::from(*process));
        document.processes.get_or_insert_default().extend(entries);
        true
    }

    /// Configured processes in a document; gives whether there is one.
    pub fn available(&mut self, configs: &[ConfigInfo]) -> bool {
        let Some(document) = &mut self.document else { return false };
        document.available = Some(configs.iter().map(Available::from).collect());
        true
    }

    /// Collections in a document; gives whether there is one.
    pub fn collections(&mut self, collections: &[CollectionInfo]) -> bool {
        let Some(document) = &mut self.document else { return false };
        document.collections = Some(collections.iter().map(Collection::from).collect());
        true
    }

    /// The daemon's version.
    pub fn version(&mut self, version: String) {
        match &mut self.document {
            Some(document) => document.version = Some(version),
            None => self.line(&version),
        }
    }

    /// The daemon's pid.
    pub fn pid(&mut self, pid: i64) {
        match &mut self.document {
            Some(document) => document.pid = Some(pid),
            None => self.line(&pid.to_string()),
        }
    }
}
