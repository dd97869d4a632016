//! Plays a trace to the supervisor, answering its effects as the recorded world answered, and compares.

use std::collections::{BTreeMap, VecDeque};

use convoke::api::{Channel, Reply, Request, RequestId, Target};
use convoke::config::{self, Config};
use convoke::names::{Errno, ExitStatus, Pid, Signal};
use convoke::supervisor::{
    CommandError, Effect, Exit, Heard, Input, LogPaths, Note, Now, ProcessKey, SpawnError, Supervisor,
};
use serde_json::{Value, json};

use crate::speech;
use crate::trace::{Step, Trace, both_clocks, edited};

/// Asks for the state of all processes; the trace's own requests have small numbers.
const ASK_ALL: RequestId = RequestId(1 << 40);

/// Wakes at one moment. Reaching it means that the supervisor's deadline stands still.
const WAKES_MAX: usize = 100;

/// What the recorded world would do, and what was said to it in this step.
struct World {
    keys: BTreeMap<ProcessKey, String>,
    names: BTreeMap<String, ProcessKey>,
    /// Failures to come, by process and kind.
    armed: BTreeMap<(String, String), VecDeque<String>>,
    last_pid: i32,
    /// What the files say; `None` if they cannot be read.
    later: Option<Config>,
    /// What a restart begins with.
    next_life: Option<Config>,
    saw: Vec<String>,
    /// By pool.
    told: BTreeMap<String, Vec<String>>,
    log: Vec<String>,
    replies: BTreeMap<u64, Value>,
    all: Option<Result<Reply, convoke::api::Fault>>,
    /// The turn is wrong in itself, whatever the trace says.
    wrong: Option<String>,
}

struct Replay {
    supervisor: Supervisor,
    world: World,
    /// What `getAllProcessInfo` said last, in the reference.
    known: BTreeMap<String, Value>,
    going_down: bool,
}

/// The first difference between a trace and its replay, in words.
pub fn difference(trace: &Trace) -> Option<String> {
    let mut replay = Replay::new(trace);
    for (number, step) in trace.steps.iter().enumerate() {
        if let Some(difference) = replay.step(step) {
            let input: Vec<String> = step.input.iter().map(Value::to_string).collect();
            return Some(format!(
                "seed {}, step {number} at {:.3} s: {}\n{difference}",
                trace.seed,
                step.at.seconds(),
                input.join(" ")
            ));
        }
    }
    None
}

impl Replay {
    fn new(trace: &Trace) -> Replay {
        let world = World {
            keys: BTreeMap::new(),
            names: BTreeMap::new(),
            armed: BTreeMap::new(),
            last_pid: 100,
            later: Some(trace.later()),
            next_life: None,
            saw: Vec::new(),
            told: BTreeMap::new(),
            log: Vec::new(),
            replies: BTreeMap::new(),
            all: None,
            wrong: None,
        };
        let supervisor = Supervisor::new(trace.config(), Pid(1)).without_last_words();
        Replay { supervisor, world, known: BTreeMap::new(), going_down: false }
    }

    fn step(&mut self, step: &Step) -> Option<String> {
        if let Some(early) = self.wait_until(step) {
            return Some(early);
        }
        if let Some(config) = self.world.next_life.take() {
            self.begin_again(config);
        }
        let now = step.at.now();
        let due = self.supervisor.deadline();
        self.world.hear_nothing();
        match self.world.input(&step.input) {
            Some(input) => self.turn(now, input),
            None => return None,
        }
        if step.input[0] == "wake" && due.is_none_or(|due| due > now.at) {
            return Some(format!("something is due, but the supervisor's deadline is {due:?}"));
        }
        self.finish(now).or_else(|| self.compare(step)).or_else(|| self.compare_infos(now, step))
    }

    /// After a restart: everything anew, in the same world.
    fn begin_again(&mut self, config: Config) {
        self.supervisor = Supervisor::new(config, Pid(1)).without_last_words();
        self.world.keys.clear();
        self.world.names.clear();
        self.known.clear();
        self.going_down = false;
    }

    /// Wakes the supervisor whenever it asks for it on the way to this step; it must have nothing to do, since
    /// the reference did nothing. The tick that ends with the step is left out: there the step itself wakes it.
    fn wait_until(&mut self, step: &Step) -> Option<String> {
        self.world.hear_nothing();
        for _ in 0..WAKES_MAX {
            let at = self.supervisor.deadline().filter(|deadline| *deadline <= step.at.before())?;
            self.turn(both_clocks(at), Input::Wake);
            let world = &self.world;
            if !world.saw.is_empty()
                || !world.told.is_empty()
                || !world.log.is_empty()
                || !world.replies.is_empty()
            {
                return Some(format!(
                    "before this step, at {at:?}, the supervisor did {:?} {:?} {:?} {:?}",
                    world.saw, world.told, world.log, world.replies
                ));
            }
        }
        Some(format!("the supervisor asks to be woken again and again: {:?}", self.supervisor.deadline()))
    }

    /// The turns that the supervisor wants at this same moment: a shutdown begins in the turn after the one in
    /// which it was asked for.
    fn finish(&mut self, now: Now) -> Option<String> {
        for _ in 0..WAKES_MAX {
            self.supervisor.deadline().filter(|deadline| *deadline <= now.at)?;
            self.turn(now, Input::Wake);
        }
        Some(format!("at one moment it wants to be woken without end: {:?}", self.supervisor.deadline()))
    }

    fn turn(&mut self, now: Now, input: Input) {
        self.supervisor.handle(now, input);
        while let Some(effect) = self.supervisor.next_effect() {
            if let Some(answer) = self.world.perform(effect) {
                self.supervisor.handle(now, answer);
            }
        }
    }

    fn compare(&mut self, step: &Step) -> Option<String> {
        let world = &mut self.world;
        if let Some(wrong) = world.wrong.take() {
            return Some(wrong);
        }
        if world.saw != step.saw {
            return Some(lists("events and signals", &step.saw, &world.saw));
        }
        if world.told != step.told {
            let lines = |told: &BTreeMap<String, Vec<String>>| -> Vec<String> {
                told.iter()
                    .flat_map(|(pool, all)| all.iter().map(move |one| format!("{pool}: {one}")))
                    .collect()
            };
            return Some(lists("told to listeners", &lines(&step.told), &lines(&world.told)));
        }
        if world.log != step.log {
            return Some(lists("log", &step.log, &world.log));
        }
        let expected: BTreeMap<u64, Value> = step.replies.iter().cloned().collect();
        if world.replies != expected {
            let lines = |replies: &BTreeMap<u64, Value>| -> Vec<String> {
                replies.iter().map(|(id, reply)| format!("{id}: {reply}")).collect()
            };
            return Some(lists("replies", &lines(&expected), &lines(&world.replies)));
        }
        None
    }

    fn compare_infos(&mut self, now: Now, step: &Step) -> Option<String> {
        self.going_down |= step.saw.iter().any(|line| line.starts_with("SUPERVISOR_STATE_CHANGE_STOPPING"));
        if self.going_down {
            return None;
        }
        for (name, info) in &step.info {
            if info.is_null() {
                self.known.remove(name);
            } else {
                self.known.insert(name.clone(), info.clone());
            }
        }
        self.turn(now, Input::Request(ASK_ALL, Request::AllProcessInfo));
        let Some(Ok(Reply::Processes(infos))) = self.world.all.take() else {
            return Some("getAllProcessInfo was not answered with processes".to_string());
        };
        if !infos.is_sorted_by_key(|info| (&info.group, &info.name)) {
            return Some("getAllProcessInfo is not sorted by group, then name".to_string());
        }
        let got: BTreeMap<String, Value> =
            infos.iter().map(|info| (format!("{}:{}", info.group, info.name), speech::brief(info))).collect();
        let lines = |infos: &BTreeMap<String, Value>| -> Vec<String> {
            infos.iter().map(|(name, info)| format!("{name} {info}")).collect()
        };
        (got != self.known).then(|| {
            lists("state pid start stop exitstatus spawnerr logs", &lines(&self.known), &lines(&got))
        })
    }
}

/// Two lists one under the other, the lines that differ marked.
fn lists(what: &str, expected: &[String], got: &[String]) -> String {
    let side = |name: &str, these: &[String], others: &[String]| {
        let mut text = format!("  {name} {what}:\n");
        for (i, line) in these.iter().enumerate() {
            let mark = if others.get(i) == Some(line) { ' ' } else { '!' };
            text.push_str(&format!("   {mark} {}\n", line.trim_end()));
        }
        text
    };
    side("recorded", expected, got) + &side("replayed", got, expected)
}

impl World {
    fn hear_nothing(&mut self) {
        self.saw.clear();
        self.told.clear();
        self.log.clear();
        self.replies.clear();
    }

    /// What happened to the supervisor; `None` if it was something it cannot know of yet.
    fn input(&mut self, what: &[Value]) -> Option<Input> {
        let text = |i: usize| what[i].as_str().unwrap_or_else(|| panic!("no text at {i} in {what:?}"));
        let number = |i: usize| what[i].as_i64().unwrap_or_else(|| panic!("no number at {i} in {what:?}"));
        Some(match text(0) {
            "begin" => Input::Begin,
            "wake" => Input::Wake,
            "signal" => Input::Signal(Signal::from_number(number(1) as i32)),
            "exit" => Input::Exited(self.key(text(1)), ExitStatus::from_wait(number(2) as i32)),
            "request" => Input::Request(RequestId(number(1) as u64), request(text(2), &what[3..])),
            "say" => {
                let said = Heard::Said(text(2).as_bytes().to_vec());
                Input::Output(self.key(text(1)), Channel::Stdout, said)
            }
            "output" => {
                let channel = if text(2).ends_with("STDOUT") { Channel::Stdout } else { Channel::Stderr };
                let bytes = text(3).as_bytes().to_vec();
                let logged = text(2).starts_with("PROCESS_LOG");
                let heard = if logged { Heard::Logged(bytes) } else { Heard::Captured(bytes) };
                Input::Output(self.key(text(1)), channel, heard)
            }
            "arm" => {
                let failures = self.armed.entry((text(1).to_string(), text(2).to_string())).or_default();
                failures.push_back(text(3).to_string());
                return None;
            }
            "edit" => {
                self.later = edited(&what[1]);
                return None;
            }
            other => panic!("unknown input {other}"),
        })
    }

    fn key(&self, name: &str) -> ProcessKey {
        // A child that the supervisor does not know of: a number it cannot have given.
        self.names.get(name).copied().unwrap_or(ProcessKey(u64::MAX))
    }

    fn failure(&mut self, key: ProcessKey, kind: &str) -> Option<String> {
        let name = self.keys.get(&key)?.clone();
        self.armed.get_mut(&(name, kind.to_string()))?.pop_front()
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Join(key, config) => {
                let name = format!("{}:{}", config.group, config.name);
                self.keys.insert(key, name.clone());
                self.names.insert(name, key);
                return Some(Input::Joined(key, LogPaths { stdout: "".into(), stderr: "".into() }));
            }
            Effect::Leave(key) => {
                let name = self.keys.remove(&key);
                self.wrong = name.is_none().then(|| format!("{key:?} left twice"));
                self.names.retain(|_, known| *known != key);
            }
            Effect::Check(id, key, config) => {
                let failure = self.failure(key, "check").map(|how| command_error(&how, &config.command));
                return Some(Input::Checked(id, key, failure.map_or(Ok(()), Err)));
            }
            Effect::Spawn(key, config) => {
                if let Some(how) = self.failure(key, "spawn") {
                    return Some(Input::SpawnFailed(key, spawn_error(&how, &config.command)));
                }
                self.last_pid += 1;
                return Some(Input::Spawned(key, Pid(self.last_pid)));
            }
            Effect::Kill { process, signal, whole_group } => {
                let name = self.keys.get(&process).cloned().unwrap_or_default();
                let group = if whole_group { " group" } else { "" };
                self.saw.push(format!("kill {name} {}{group}", signal.number()));
                let failure = self.failure(process, "kill")?;
                return Some(Input::KillFailed(process, errno(&failure)));
            }
            Effect::Reply(ASK_ALL, reply) => self.all = Some(reply),
            Effect::Reply(id, reply) => {
                if self.replies.insert(id.0, speech::reply(&reply)).is_some() {
                    self.wrong = Some(format!("request {} was answered twice", id.0));
                }
            }
            Effect::Note(Note::Event(event)) => {
                self.saw.push(format!("{} {}", event.name(), event.payload()));
            }
            Effect::Note(note) => self.log.extend(speech::log_line(&note)),
            Effect::ReadConfig(why) => {
                let unreadable = || vec![config::Error::bare("the files are broken".to_string())];
                return Some(Input::ConfigRead(why, self.later.clone().map(Box::new).ok_or_else(unreadable)));
            }
            Effect::Exit(Exit::Shutdown) => self.saw.push("exit shutdown".to_string()),
            Effect::Exit(Exit::Restart(config)) => {
                self.saw.push("exit restart".to_string());
                self.next_life = Some(*config);
            }
            Effect::Write(key, bytes) => {
                let name = self.keys.get(&key).cloned().unwrap_or_default();
                let (pool, process) = name.split_once(':').unwrap_or_default();
                let told = format!("{process} {}", String::from_utf8_lossy(&bytes));
                self.told.entry(pool.to_string()).or_default().push(told);
            }
            Effect::ReadProgram(..)
            | Effect::ReadLog(..)
            | Effect::Measure { .. }
            | Effect::ClearLog(_)
            | Effect::ClearLogs(..)
            | Effect::Print(_) => {
                self.wrong = Some("the traces touch no log".to_string());
            }
            Effect::Configured(_) | Effect::ReopenLogs => (),
        }
        None
    }
}

/// A method of the reference and its arguments, as the request that they are decoded to.
fn request(method: &str, args: &[Value]) -> Request {
    let text = |i: usize| args[i].as_str().unwrap_or_else(|| panic!("{method} {args:?}")).to_string();
    let flag = |i: usize| args[i] == json!(true);
    match method {
        "startProcess" => Request::Start { target: Target::Namespec(text(0)), wait: flag(1) },
        "startProcessGroup" => Request::Start { target: Target::Group(text(0)), wait: flag(1) },
        "startAllProcesses" => Request::Start { target: Target::All, wait: flag(0) },
        "stopProcess" => Request::Stop { target: Target::Namespec(text(0)), wait: flag(1) },
        "stopProcessGroup" => Request::Stop { target: Target::Group(text(0)), wait: flag(1) },
        "stopAllProcesses" => Request::Stop { target: Target::All, wait: flag(0) },
        "signalProcess" => Request::Signal { target: Target::Namespec(text(0)), signal: text(1) },
        "signalProcessGroup" => Request::Signal { target: Target::Group(text(0)), signal: text(1) },
        "signalAllProcesses" => Request::Signal { target: Target::All, signal: text(0) },
        "getProcessInfo" => Request::ProcessInfo { name: text(0) },
        "getState" => Request::State,
        "addProcessGroup" => Request::AddGroup { name: text(0) },
        "removeProcessGroup" => Request::RemoveGroup { name: text(0) },
        "reloadConfig" => Request::ReloadConfig,
        "sendRemoteCommEvent" => Request::RemoteCommunication { kind: text(0), data: text(1) },
        "shutdown" => Request::Shutdown,
        "restart" => Request::RestartDaemon,
        other => panic!("unknown method {other}"),
    }
}

fn command_error(how: &str, command: &str) -> CommandError {
    let path = command.split(' ').next().unwrap_or_default().to_string();
    match how {
        "missing" => CommandError::NotFound { command: path },
        "directory" => CommandError::Directory { path },
        "mode" => CommandError::NotExecutable { path },
        "access" => CommandError::NoPermission { path },
        "empty" => CommandError::Empty,
        other => panic!("unknown failure {other}"),
    }
}

fn spawn_error(how: &str, command: &str) -> SpawnError {
    match how.split_once(':') {
        Some(("pipes", name)) => SpawnError::Dispatchers(errno(name)),
        Some(("fork", name)) => SpawnError::Fork(errno(name)),
        Some(_) | None => SpawnError::Command(command_error(how, command)),
    }
}

fn errno(name: &str) -> Errno {
    match name {
        "EPERM" => Errno(1),
        "ESRCH" => Errno::ESRCH,
        "EAGAIN" => Errno::EAGAIN,
        "ENOMEM" => Errno(12),
        "EACCES" => Errno(13),
        "EMFILE" => Errno::EMFILE,
        other => panic!("unknown errno {other}"),
    }
}
