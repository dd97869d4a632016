//! What the methods of `supervisor_twiddler` do: processes that join and leave a group without a file that says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::Note;
use super::process::Process;
use super::{Effect, Step, Supervisor};
use crate::api::arguments::Argument;
use crate::api::plugin::Twiddle;
use crate::api::{Fault, FaultCode, Reply, RequestId};
use crate::config::{self, LogLevel, Message, ProcessConfig};

/// The version that `getAPIVersion` tells.
const API_VERSION: &str = "1.0";

/// The levels by the names that this package knows, and by number (LOG-002).
const LEVELS: [(&str, i64, LogLevel); 7] = [
    ("CRIT", 50, LogLevel::Critical),
    ("ERRO", 40, LogLevel::Error),
    ("WARN", 30, LogLevel::Warn),
    ("INFO", 20, LogLevel::Info),
    ("DEBG", 10, LogLevel::Debug),
    ("TRAC", 5, LogLevel::Trace),
    ("BLAT", 3, LogLevel::Blather),
];

/// A program that a client described; read like a section of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramText {
    pub group: String,
    pub program: String,
    pub options: BTreeMap<String, String>,
}

impl Supervisor {
    /// The answer, or `None` when it comes later.
    pub(super) fn twiddle(&mut self, id: RequestId, twiddle: Twiddle) -> Option<Result<Reply, Fault>> {
        Some(match twiddle {
            Twiddle::ApiVersion => Ok(Reply::Text(API_VERSION.to_string())),
            Twiddle::GroupNames => {
                let names =
                    self.groups.by_activation().into_iter().map(|group| group.config.name.to_string());
                Ok(Reply::Texts(names.collect()))
            }
            Twiddle::AddProgram { group, program, options } => {
                if self.groups.get(&group).is_none() {
                    return Some(Err(no_group(&group)));
                }
                let Some(options) = texts(options) else {
                    return Some(Err(FaultCode::IncorrectParameters.into()));
                };
                let text = ProgramText { group, program, options };
                self.added.push(Step::Do(Effect::ReadProgram(id, Box::new(text))));
                return None;
            }
            Twiddle::RemoveProcess { group, process } => self.remove_process(&group, process),
            Twiddle::Log { message, level } => match log_level(level) {
                Some(level) => {
                    self.note(Note::Config(Message { level, text: message }));
                    Ok(Reply::True)
                }
                None => Err(FaultCode::IncorrectParameters.into()),
            },
        })
    }

    /// The processes of a described program join its group, all of them or none.
    pub(super) fn on_program_read(
        &mut self,
        id: RequestId,
        group: &str,
        read: Result<Vec<Arc<ProcessConfig>>, Vec<config::Error>>,
    ) {
        let reply = match read {
            Ok(processes) => self.add_processes(group, &processes),
            Err(errors) => {
                let sentence = errors.first().map(config::Error::to_string).unwrap_or_default();
                Err(Fault::new(FaultCode::IncorrectParameters, sentence))
            }
        };
        self.replies.push_back((id, reply));
    }

    fn add_processes(&mut self, name: &str, processes: &[Arc<ProcessConfig>]) -> Result<Reply, Fault> {
        let Some(group) = self.groups.get(name) else { return Err(no_group(name)) };
        if let Some(known) = processes.iter().find(|process| group.by_name.contains_key(&process.name)) {
            return Err(Fault::new(FaultCode::BadName, known.name.to_string()));
        }
        let old = group.config.clone();
        let listener = matches!(old.kind, config::GroupKind::EventListeners(_));
        if listener && let Some(process) = processes.iter().find(|process| process.redirect_stderr) {
            // As for a section (CFG-131).
            let sentence = format!(
                "redirect_stderr=true is not allowed for {}: it will interfere with the eventlistener protocol",
                process.name
            );
            return Err(Fault::new(FaultCode::IncorrectParameters, sentence));
        }
        for process in processes {
            let process = &Arc::new(config::ProcessConfig { listener, ..(**process).clone() });
            if let Some(key) = self.groups.add_member(name, process, self.now) {
                self.added.push(Step::Do(Effect::Join(key, process.clone())));
                self.retime(key);
                self.listen(&old.name, key);
            }
        }
        self.follow_group(&old, name);
        Ok(Reply::True)
    }

    fn remove_process(&mut self, name: &str, process: String) -> Result<Reply, Fault> {
        let Some(group) = self.groups.get(name) else { return Err(no_group(name)) };
        let old = group.config.clone();
        let Some(key) = group.by_name.get(process.as_str()).copied() else {
            return Err(Fault::new(FaultCode::BadName, process));
        };
        if self.groups.process(key).is_some_and(still_runs) {
            return Err(Fault::new(FaultCode::StillRunning, process));
        }
        self.groups.remove_member(name, key);
        self.stop_listening(name, key);
        self.moved.insert(key);
        self.retime(key);
        self.added.push(Step::Do(Effect::Leave(key)));
        self.follow_group(&old, name);
        Ok(Reply::True)
    }

    /// As long as nothing has been read again, the configuration last read is the one in force.
    fn follow_group(&mut self, old: &Arc<config::GroupConfig>, name: &str) {
        let Some(new) = self.groups.get(name).map(|group| group.config.clone()) else { return };
        if let Some(at) = self.config.groups.iter().position(|group| Arc::ptr_eq(group, old)) {
            Arc::make_mut(&mut self.config).groups[at] = new;
        }
    }
}

/// One that is UNKNOWN and has a child counts, too.
fn still_runs(process: &Process) -> bool {
    process.pid().is_some() || !process.state().is_stopped()
}

fn no_group(name: &str) -> Fault {
    Fault::new(FaultCode::BadName, format!("group: {name}"))
}

/// Options as a file would hold them; `None` for what no option can be.
fn texts(options: BTreeMap<String, Argument>) -> Option<BTreeMap<String, String>> {
    let text = |value| match value {
        Argument::Text(text) => Some(text),
        Argument::Number(number) => Some(number.to_string()),
        Argument::Double(number) => Some(number.to_string()),
        Argument::Flag(flag) => Some(flag.to_string()),
        Argument::Nil | Argument::List(_) | Argument::Record(_) => None,
    };
    options.into_iter().map(|(name, value)| Some((name.to_lowercase(), text(value)?))).collect()
}

fn log_level(level: Option<Argument>) -> Option<LogLevel> {
    let found = |wanted: &dyn Fn(&(&str, i64, LogLevel)) -> bool| {
        LEVELS.iter().find(|row| wanted(row)).map(|(_, _, level)| *level)
    };
    match level {
        None => Some(LogLevel::Info),
        Some(Argument::Text(name)) => found(&|(known, _, _)| *known == name.to_uppercase()),
        Some(Argument::Number(number)) => found(&|(_, known, _)| *known == number),
        Some(
            Argument::Double(_) | Argument::Flag(_) | Argument::Nil | Argument::List(_) | Argument::Record(_),
        ) => None,
    }
}
