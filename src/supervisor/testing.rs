//! A small world for tests of this folder: one in which every effect succeeds unless a test says otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Channel, Effect, Event, Heard, Input, LogPaths, Note, Now, ProcessKey, SpawnError, Supervisor, UnixTime,
    WriteError,
};
use crate::api::{Fault, Reply, Request, RequestId};
use crate::config::*;
use crate::names::{Errno, ExitStatus, Pid, Selector};

use super::clock::Instant;
pub use crate::config::testing::{process_config, supervisord_config};

/// Second `seconds` on both clocks; people's starts at a million.
pub fn at(seconds: i64) -> Now {
    Now { at: Instant(0).plus_seconds(seconds), unix: UnixTime(1_000_000 + seconds), nanos: 0 }
}

/// A group of processes with the stock settings.
pub fn group(name: &str, priority: i64, processes: &[&str]) -> GroupConfig {
    let processes = processes.iter().map(|process| Arc::new(process_config(name, process))).collect();
    GroupConfig { name: name.into(), priority, kind: GroupKind::Programs, processes }
}

/// An event listener pool whose processes run at once.
pub fn pool(name: &str, events: &[EventType], buffer_size: i64, processes: &[&str]) -> GroupConfig {
    let processes = processes.iter().map(|process| {
        let listens = ProcessConfig { listener: true, startsecs: 0, ..process_config(name, process) };
        Arc::new(listens)
    });
    let listener = ListenerConfig {
        events: events.to_vec(),
        buffer_size,
        result_handler: ResultHandler::Standard,
        extended: false,
    };
    let kind = GroupKind::EventListeners(listener);
    GroupConfig { name: name.into(), priority: -1, kind, processes: processes.collect() }
}

/// A collection by programs alone.
pub fn collection(name: &str, programs: &[&str]) -> CollectionConfig {
    CollectionConfig {
        name: name.into(),
        priority: 999,
        programs: programs.iter().map(|program| Selector::new(program)).collect(),
        groups: Vec::new(),
        collections: Vec::new(),
        exclude: Vec::new(),
    }
}

/// A configuration of groups and collections.
pub fn config(groups: Vec<GroupConfig>, collections: Vec<CollectionConfig>) -> Config {
    Config {
        supervisord: supervisord_config(),
        servers: Vec::new(),
        groups: groups.into_iter().map(Arc::new).collect(),
        collections: collections.into_iter().map(Arc::new).collect(),
        interfaces: Vec::new(),
        messages: Vec::new(),
        collection_messages: Vec::new(),
    }
}

/// Carries effects out by writing them down.
pub struct World {
    pub supervisor: Supervisor,
    pub now: Now,
    /// What happened, in order, one line each: spawns, kills, events, replies.
    pub said: Vec<String>,
    pub replies: BTreeMap<u64, Result<Reply, Fault>>,
    pub children: BTreeMap<String, (ProcessKey, Pid)>,
    /// Programs whose fork fails.
    pub no_fork: BTreeSet<String>,
    /// Programs whose signals fail.
    pub no_kill: BTreeSet<String>,
    /// Programs whose logs cannot be emptied.
    pub no_clear: BTreeSet<String>,
    /// Programs that have closed their standard input, or do not read it.
    pub no_write: BTreeMap<String, WriteError>,
    /// What the files say when they are read again.
    pub files: Result<Config, Vec<Error>>,
    pub exited: bool,
    names: BTreeMap<ProcessKey, String>,
    next_pid: i32,
    next_request: u64,
}

impl World {
    /// A world at second 0 in which the daemon has just begun.
    pub fn begin(config: Config) -> World {
        World::begin_with(Supervisor::new(config.clone(), Pid(1)), config)
    }

    /// The same with a supervisor of the test's own.
    pub fn begin_with(supervisor: Supervisor, config: Config) -> World {
        let mut world = World {
            supervisor,
            now: at(0),
            said: Vec::new(),
            replies: BTreeMap::new(),
            children: BTreeMap::new(),
            no_fork: BTreeSet::new(),
            no_kill: BTreeSet::new(),
            no_clear: BTreeSet::new(),
            no_write: BTreeMap::new(),
            files: Ok(config),
            exited: false,
            names: BTreeMap::new(),
            next_pid: 100,
            next_request: 0,
        };
        world.turn(Input::Begin);
        world
    }

    /// One turn, with every effect carried out.
    pub fn turn(&mut self, input: Input) {
        self.supervisor.handle(self.now, input);
        while let Some(effect) = self.supervisor.next_effect() {
            if let Some(answer) = self.perform(effect) {
                self.supervisor.handle(self.now, answer);
            }
        }
        assert_eq!(self.supervisor.check(), Ok(()));
    }

    /// Wakes the supervisor at each of its deadlines until `seconds`.
    pub fn until(&mut self, seconds: i64) {
        while let Some(deadline) = self.supervisor.deadline().filter(|deadline| *deadline <= at(seconds).at) {
            let when = deadline.max(self.now.at);
            let (seconds, nanos) = (when.0 / 1_000_000_000, (when.0 % 1_000_000_000) as u32);
            self.now = Now { at: when, unix: UnixTime(1_000_000 + seconds as i64), nanos };
            self.turn(Input::Wake);
        }
        self.now = at(seconds);
    }

    /// Asks for something; the answer may come later.
    pub fn ask(&mut self, request: Request) -> u64 {
        self.next_request += 1;
        self.turn(Input::Request(RequestId(self.next_request), request));
        self.next_request
    }

    /// Asks for something that is answered at once.
    pub fn answer(&mut self, request: Request) -> Result<Reply, Fault> {
        let id = self.ask(request);
        self.replies.remove(&id).expect("an answer within the turn")
    }

    /// The child of this process ends.
    pub fn exit(&mut self, name: &str, code: u8) {
        let (key, _) = self.children.remove(name).expect("a child");
        self.turn(Input::Exited(key, ExitStatus::Exited(code)));
    }

    /// A listener writes to its standard output.
    pub fn say(&mut self, name: &str, text: &str) {
        let (key, _) = self.children[name];
        self.turn(Input::Output(key, Channel::Stdout, Heard::Said(text.as_bytes().to_vec())));
    }

    /// What was said since the last time, as one text.
    pub fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Join(key, config) => {
                let name = crate::names::Namespec::display(&config.group, &config.name);
                self.names.insert(key, name);
                Some(Input::Joined(key, LogPaths { stdout: "out".into(), stderr: "err".into() }))
            }
            Effect::Leave(key) => {
                self.names.remove(&key);
                None
            }
            Effect::Check(id, key, _) => Some(Input::Checked(id, key, Ok(()))),
            Effect::Spawn(key, _) => {
                let name = self.names[&key].clone();
                self.said.push(format!("spawn {name}"));
                if self.no_fork.contains(&name) {
                    return Some(Input::SpawnFailed(key, SpawnError::Fork(Errno::EAGAIN)));
                }
                self.next_pid += 1;
                self.children.insert(name, (key, Pid(self.next_pid)));
                Some(Input::Spawned(key, Pid(self.next_pid)))
            }
            Effect::Kill { process, signal, .. } => {
                let name = self.names[&process].clone();
                self.said.push(format!("kill {name} {}", signal.name()));
                self.no_kill.contains(&name).then_some(Input::KillFailed(process, Errno(1)))
            }
            Effect::Print(text) => {
                self.said.push(format!("print {text}"));
                None
            }
            Effect::Write(key, bytes) => {
                let name = self.names[&key].clone();
                self.said.push(format!("write {name} {}", String::from_utf8_lossy(&bytes)));
                self.no_write.get(&name).map(|error| Input::WriteFailed(key, *error))
            }
            Effect::ReadLog(id, path, read) => {
                self.said.push(format!("reply {}: {path:?} {read:?}", id.0));
                self.replies.insert(id.0, Ok(Reply::Text("log".to_string())));
                None
            }
            Effect::Measure { request, metrics, .. } => {
                self.replies.insert(request.0, Ok(Reply::Metrics(metrics)));
                None
            }
            Effect::ReadProgram(id, text) => {
                let names: Vec<&str> =
                    text.options.get("names").map_or(Vec::new(), |n| n.split(' ').collect());
                let made = names.iter().map(|name| Arc::new(process_config(&text.group, name))).collect();
                Some(Input::ProgramRead(id, text.group.clone(), Ok(made)))
            }
            Effect::ClearLog(id) => {
                self.replies.insert(id.0, Ok(Reply::True));
                None
            }
            Effect::ClearLogs(id, key) => {
                let name = self.names[&key].clone();
                self.said.push(format!("clear {name}"));
                let failed = self.no_clear.contains(&name);
                Some(Input::LogsCleared(id, key, if failed { Err(Errno(1)) } else { Ok(()) }))
            }
            Effect::Reply(id, reply) => {
                self.said.push(format!("reply {}", id.0));
                self.replies.insert(id.0, reply);
                None
            }
            Effect::Note(Note::Event(event @ Event::ProcessState { .. })) => {
                let payload = event.payload();
                let name = payload.split(' ').next().unwrap_or_default().replace("processname:", "");
                self.said.push(format!("{name} {}", event.name().replace("PROCESS_STATE_", "")));
                None
            }
            Effect::Note(note) => {
                self.said.push(format!("{note:?}"));
                None
            }
            Effect::ReadConfig(why) => Some(Input::ConfigRead(why, self.files.clone().map(Box::new))),
            Effect::Configured(_) | Effect::ReopenLogs => None,
            Effect::Exit(exit) => {
                self.said.push(format!("exit {}", if matches!(exit, super::Exit::Shutdown) { 0 } else { 1 }));
                self.exited = true;
                None
            }
        }
    }
}
