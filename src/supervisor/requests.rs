//! What each request does, and the order in which it is refused.

use std::sync::Arc;

use super::collection;
use super::event::{Event, Note};
use super::parked::{Shape, Verb};
use super::{Effect, ProcessKey, ReadFor, Step, Supervisor, WriteError, facts};
use crate::api::{
    API_VERSION, Channel, Fault, FaultCode, LogName, LogRead, ProcessInfo, ProcessState, Reply, Request,
    RequestId, SUPERVISOR_VERSION, SupervisorState, Target,
};
use crate::config::{self, Config};
use crate::names::{Namespec, Signal};

/// Whom a target means.
enum Found {
    One(ProcessKey),
    /// In request order, for the members of a group or of everything.
    Many(Vec<ProcessKey>),
    /// In start order; stopped in the reverse.
    Collection(Vec<ProcessKey>),
}

impl Supervisor {
    pub(super) fn on_request(&mut self, id: RequestId, request: Request) {
        // In SHUTDOWN and RESTARTING nothing is answered, not even what state it is (RPC-015).
        let now = match (self.state, &request) {
            // A stream of the log shows the shutdown itself.
            (_, Request::ReadLog { read: LogRead::Path, .. })
            | (SupervisorState::Running, _)
            // The packages that these come from refuse in a shutdown only.
            | (SupervisorState::Restarting, Request::Twiddle(_) | Request::Cache(_)) => {
                self.answer(id, request)
            }
            // Granted at any time: the reference does not look at its state here.
            (_, Request::RemoteCommunication { .. }) => self.answer(id, request),
            (SupervisorState::Shutdown | SupervisorState::Restarting, _) => {
                Some(Err(FaultCode::ShutdownState.into()))
            }
        };
        if let Some(reply) = now {
            self.replies.push_back((id, reply));
        }
    }

    /// The answer, or `None` when it comes later.
    fn answer(&mut self, id: RequestId, request: Request) -> Option<Result<Reply, Fault>> {
        Some(match request {
            Request::ApiVersion => Ok(Reply::Text(API_VERSION.to_string())),
            Request::SupervisorVersion => Ok(Reply::Text(SUPERVISOR_VERSION.to_string())),
            Request::Identification => Ok(Reply::Text(self.config.supervisord.identifier.clone())),
            Request::State => Ok(Reply::State(self.state)),
            Request::Pid => Ok(Reply::Number(i64::from(self.daemon.0))),
            Request::Start { target, wait } => return self.walk(id, Verb::Start, &target, wait),
            Request::Stop { target, wait } => return self.walk(id, Verb::Stop, &target, wait),
            Request::Signal { target, signal } => {
                let verb = Verb::Signal(Signal::parse(&signal).map_err(|_| signal));
                return self.walk(id, verb, &target, false);
            }
            Request::Restart { collection, wait } => return self.restart(id, collection, wait),
            Request::ProcessInfo { name } => self.process_info(name),
            Request::AllProcessInfo => Ok(Reply::Processes(self.infos(self.groups.all_by_name()))),
            Request::AllConfigInfo => Ok(Reply::Configs(facts::config_infos(&self.config, &self.groups))),
            Request::ReloadConfig => return self.read_config(ReadFor::Reread(id)),
            Request::AddGroup { name } => self.add_group(name),
            Request::RemoveGroup { name } => self.remove_group(name),
            Request::ListCollections => Ok(Reply::Collections(collection::infos(&self.config, &self.groups))),
            Request::CollectionProcessInfo { name } => self
                .collection_members(&name)
                .map(|keys| Reply::Processes(self.infos(keys.into_iter())))
                .ok_or_else(|| Fault::new(FaultCode::BadName, name)),
            Request::Health { collection } => self.unwell(collection),
            Request::Metrics => {
                self.measure(id);
                return None;
            }
            Request::ReadLog { log, read } => return self.read_log(id, log, read),
            Request::ClearLog => {
                self.added.push(Step::Do(Effect::ClearLog(id)));
                return None;
            }
            Request::ClearProcessLogs { target } => return self.clear_logs(id, &target),
            Request::SendStdin { name, chars } => return self.send_stdin(id, name, chars),
            Request::RemoteCommunication { kind, data } => {
                self.note(Note::Event(Event::RemoteCommunication { kind, data }));
                Ok(Reply::True)
            }
            Request::Shutdown => {
                self.ask_shutdown(SupervisorState::Shutdown);
                Ok(Reply::True)
            }
            Request::Twiddle(twiddle) => return self.twiddle(id, twiddle),
            Request::Cache(call) => self.cache.call(call),
            // Read first: a broken file stops nothing (BUG-002).
            Request::RestartDaemon => return self.read_config(ReadFor::RestartCall(id)),
        })
    }

    fn walk(
        &mut self,
        id: RequestId,
        verb: Verb,
        target: &Target,
        wait: bool,
    ) -> Option<Result<Reply, Fault>> {
        let (shape, keys) = match (self.find(target), target) {
            (Err(fault), _) => return Some(Err(fault)),
            (Ok(Found::One(key)), Target::Namespec(name)) => (Shape::One(name.clone()), vec![key]),
            (Ok(Found::One(key)), Target::Group(_) | Target::Collection(_) | Target::All) => {
                (Shape::Many, vec![key])
            }
            (Ok(Found::Many(keys)), _) => (Shape::Many, keys),
            (Ok(Found::Collection(mut keys)), _) => {
                if verb == Verb::Stop {
                    keys.reverse();
                }
                (Shape::Many, keys)
            }
        };
        self.plan_visits(id, verb, shape, wait, keys);
        None
    }

    /// Stop all in reverse, wait, then start all in order; whether to wait for the starts is the caller's choice.
    fn restart(&mut self, id: RequestId, name: String, wait: bool) -> Option<Result<Reply, Fault>> {
        let Some(order) = self.collection_members(&name) else {
            return Some(Err(Fault::new(FaultCode::BadName, name)));
        };
        let stop: Vec<ProcessKey> = order.iter().rev().copied().collect();
        let shape = Shape::ThenStart { order, wait, stopped_badly: Vec::new() };
        self.plan_visits(id, Verb::Stop, shape, true, stop);
        None
    }

    fn find(&self, target: &Target) -> Result<Found, Fault> {
        let bad_name = |name: &str| Fault::new(FaultCode::BadName, name);
        match target {
            Target::All => Ok(Found::Many(self.groups.all_by_priority())),
            Target::Collection(name) => {
                self.collection_members(name).map(Found::Collection).ok_or_else(|| bad_name(name))
            }
            Target::Group(name) => self.find_group(name).ok_or_else(|| bad_name(name)),
            Target::Namespec(text) => {
                let namespec = Namespec::parse(text);
                match namespec.process {
                    // The group call that this becomes knows the group's name only.
                    None if self.find_group(namespec.group).is_none() => Err(bad_name(text)),
                    None => self.find_group(namespec.group).ok_or_else(|| bad_name(text)),
                    Some(process) => {
                        let group = self.groups.get(namespec.group).ok_or_else(|| bad_name(text))?;
                        let key = group.by_name.get(process).ok_or_else(|| bad_name(text))?;
                        Ok(Found::One(*key))
                    }
                }
            }
        }
    }

    /// `@name` is a collection, unless a real group is called so.
    fn find_group(&self, name: &str) -> Option<Found> {
        if let Some(group) = self.groups.get(name) {
            return Some(Found::Many(self.groups.group_by_priority(group)));
        }
        self.collection_members(name.strip_prefix('@')?).map(Found::Collection)
    }

    pub(super) fn collection_members(&self, name: &str) -> Option<Vec<ProcessKey>> {
        collection::members(name, &self.config, &self.groups)
    }

    pub(super) fn infos(&self, keys: impl Iterator<Item = ProcessKey>) -> Vec<ProcessInfo> {
        keys.filter_map(|key| Some(self.groups.process(key)?.info(self.now))).collect()
    }

    fn process_info(&self, name: String) -> Result<Reply, Fault> {
        let info = match self.find(&Target::Namespec(name.clone()))? {
            Found::One(key) => self.groups.process(key).map(|process| process.info(self.now)),
            Found::Many(_) | Found::Collection(_) => None,
        };
        info.map(|info| Reply::Process(Box::new(info))).ok_or_else(|| Fault::new(FaultCode::BadName, name))
    }

    /// The daemon reads the file and replies (RPC-021, RPC-050, RPC-051).
    fn read_log(&mut self, id: RequestId, log: LogName, read: LogRead) -> Option<Result<Reply, Fault>> {
        let path = match log {
            LogName::Main => None,
            LogName::Process { name, channel } => match self.log_of(name, channel) {
                Ok(path) if path.is_empty() => return Some(no_log(read)),
                Ok(path) => Some(path),
                Err(fault) => return Some(Err(fault)),
            },
        };
        self.added.push(Step::Do(Effect::ReadLog(id, path, read)));
        None
    }

    /// Where a process's output goes; empty if nowhere. Only one process can be meant.
    fn log_of(&self, name: String, channel: Channel) -> Result<Arc<str>, Fault> {
        let process = match self.find(&Target::Namespec(name.clone()))? {
            Found::One(key) => self.groups.process(key),
            Found::Many(_) | Found::Collection(_) => None,
        };
        let logs = &process.ok_or_else(|| Fault::new(FaultCode::BadName, name))?.logs;
        Ok(match channel {
            Channel::Stdout => logs.stdout.clone(),
            Channel::Stderr => logs.stderr.clone(),
        })
    }

    fn clear_logs(&mut self, id: RequestId, target: &Target) -> Option<Result<Reply, Fault>> {
        match (self.find(target), target) {
            (Ok(Found::Many(_) | Found::Collection(_)), Target::Namespec(name)) => {
                Some(Err(Fault::new(FaultCode::BadName, name)))
            }
            (_, _) => self.walk(id, Verb::ClearLogs, target, false),
        }
    }

    /// Written at once or refused: nothing of it is kept when the answer is a fault (RPC-054, BUG-019).
    fn send_stdin(&mut self, id: RequestId, name: String, chars: String) -> Option<Result<Reply, Fault>> {
        let key = match self.find(&Target::Namespec(name.clone())) {
            Ok(Found::One(key)) => key,
            Ok(Found::Many(_) | Found::Collection(_)) => {
                return Some(Err(Fault::new(FaultCode::BadName, name)));
            }
            Err(fault) => return Some(Err(fault)),
        };
        let process = self.groups.process(key)?;
        match process.state() {
            ProcessState::Starting | ProcessState::Running => (),
            ProcessState::Stopped
            | ProcessState::Backoff
            | ProcessState::Stopping
            | ProcessState::Exited
            | ProcessState::Fatal
            | ProcessState::Unknown => return Some(Err(Fault::new(FaultCode::NotRunning, name))),
        }
        // A FastCGI program has its socket there (PROC-064).
        if process.config.socket.is_some() {
            return Some(Err(Fault::new(FaultCode::NoFile, name)));
        }
        self.added.push(Step::Do(Effect::Write(key, chars.into_bytes())));
        self.added.push(Step::Sent(id, name));
        None
    }

    pub(super) fn sent(&mut self, id: RequestId, name: String) {
        let reply = match self.unwritten.take() {
            None => Ok(Reply::True),
            Some(WriteError::Closed) => Err(Fault::new(FaultCode::NoFile, name)),
            Some(WriteError::Full) => {
                Err(Fault::new(FaultCode::Failed, format!("{name} does not read its standard input")))
            }
        };
        self.replies.push_back((id, reply));
    }

    /// From the configuration last read (RPC-026).
    fn add_group(&mut self, name: String) -> Result<Reply, Fault> {
        let Some(group) = self.config.groups.iter().find(|group| group.name.as_str() == name).cloned() else {
            return Err(Fault::new(FaultCode::BadName, name));
        };
        if self.groups.get(&name).is_some() {
            return Err(Fault::new(FaultCode::AlreadyAdded, name));
        }
        self.join(&group);
        Ok(Reply::True)
    }

    fn remove_group(&mut self, name: String) -> Result<Reply, Fault> {
        let Some(group) = self.groups.get(&name) else {
            return Err(Fault::new(FaultCode::BadName, name));
        };
        let group_name = group.config.name.clone();
        let mut members = group.members.iter().filter_map(|key| self.groups.process(*key));
        if members.any(|process| !process.state().is_stopped()) {
            return Err(Fault::new(FaultCode::StillRunning, name));
        }
        self.unsubscribe(&name);
        for key in self.groups.remove(&name) {
            self.moved.insert(key);
            self.retime(key);
            self.added.push(Step::Do(Effect::Leave(key)));
        }
        self.note(Note::Event(Event::GroupRemoved(group_name)));
        Ok(Reply::True)
    }

    fn read_config(&mut self, why: ReadFor) -> Option<Result<Reply, Fault>> {
        self.added.push(Step::Do(Effect::ReadConfig(why)));
        None
    }

    pub(super) fn on_config_read(&mut self, why: ReadFor, result: Result<Box<Config>, Vec<config::Error>>) {
        let config = result.map_err(|errors| {
            errors.first().map_or_else(|| "no reason given".to_string(), config::Error::to_string)
        });
        match (why, config) {
            (ReadFor::Reread(id), Ok(config)) => {
                let reply = self.put_in_force(*config);
                self.replies.push_back((id, Ok(reply)));
            }
            (ReadFor::Reread(id), Err(reason)) => {
                self.replies.push_back((id, Err(Fault::new(FaultCode::CantReread, reason))));
            }
            (ReadFor::RestartCall(id), Ok(config)) => {
                self.next_config = Some(config);
                self.ask_shutdown(SupervisorState::Restarting);
                self.replies.push_back((id, Ok(Reply::True)));
            }
            (ReadFor::RestartCall(id), Err(reason)) => {
                self.note(Note::RestartRefused { reason: reason.clone() });
                self.replies.push_back((id, Err(Fault::new(FaultCode::CantReread, reason))));
            }
            (ReadFor::RestartSignal, Ok(config)) => {
                self.next_config = Some(config);
                self.ask_shutdown(SupervisorState::Restarting);
            }
            (ReadFor::RestartSignal, Err(reason)) => self.note(Note::RestartRefused { reason }),
        }
    }

    /// Collections and scalars at once, since they own nothing; groups wait for `update` (CFG-138).
    fn put_in_force(&mut self, config: Config) -> Reply {
        let active: Vec<_> = self.groups.by_activation().iter().map(|group| group.config.clone()).collect();
        let diff = config::diff::diff(&active, &config);
        let old = std::mem::replace(&mut self.config, Arc::new(config));
        self.added.push(Step::Do(Effect::Configured(self.config.clone())));
        self.note_collections(&old);
        let names = |names: Vec<crate::names::GroupName>| names.iter().map(ToString::to_string).collect();
        Reply::Reread { added: names(diff.added), changed: names(diff.changed), removed: names(diff.removed) }
    }

    fn note_collections(&mut self, old: &Config) {
        let new = self.config.clone();
        for message in &new.collection_messages {
            self.note(Note::Config(message.clone()));
        }
        for collection in &new.collections {
            let event = match old.collections.iter().find(|known| known.name == collection.name) {
                None => Event::CollectionAdded(collection.name.clone()),
                Some(known) if known != collection => Event::CollectionChanged(collection.name.clone()),
                Some(_) => continue,
            };
            self.note(Note::Event(event));
        }
        for gone in old.collections.iter().filter(|c| !new.collections.iter().any(|n| n.name == c.name)) {
            self.note(Note::Event(Event::CollectionRemoved(gone.name.clone())));
        }
    }
}

/// What is said of a process that keeps no log: a tail is empty, the rest is a fault.
fn no_log(read: LogRead) -> Result<Reply, Fault> {
    match read {
        LogRead::Tail { .. } => Ok(Reply::Tail { text: String::new(), size: 0, overflow: false }),
        LogRead::Slice { .. } | LogRead::Path => Err(FaultCode::NoFile.into()),
    }
}
