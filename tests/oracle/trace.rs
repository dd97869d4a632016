//! A recorded trace, as `record.py` writes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use convoke::config::{
    AutoRestart, Config, EventType, GroupConfig, GroupKind, ListenerConfig, ProcessConfig, ResultHandler,
};
use convoke::names::Signal;
use convoke::supervisor::{Instant, Now, UnixTime};
use serde::Deserialize;
use serde_json::Value;

use crate::common;

/// A tick is 1/512 of a second.
const TICK_NANOS: u64 = 1_953_125;
const TICKS_PER_SECOND: i64 = 512;
/// What the recorder's clock calls zero.
const EPOCH: i64 = 1_700_000_000;

#[derive(Deserialize)]
pub struct Trace {
    pub seed: u64,
    groups: Vec<Group>,
    /// What the files say once they are read again; as before if absent.
    later: Option<Vec<Group>>,
    pub steps: Vec<Step>,
}

/// One moment, what happened then, and all that followed.
#[derive(Deserialize)]
pub struct Step {
    pub at: Tick,
    /// The kind of input, then what belongs to it.
    #[serde(rename = "do")]
    pub input: Vec<Value>,
    /// Events and signals, in order.
    #[serde(default)]
    pub saw: Vec<String>,
    /// What the processes of each pool are told, in order: the process's name, and all that is written to it.
    #[serde(default)]
    pub told: BTreeMap<String, Vec<String>>,
    /// What a main log at level INFO says, in order.
    #[serde(default)]
    pub log: Vec<String>,
    #[serde(default)]
    pub replies: Vec<(u64, Value)>,
    /// What `getAllProcessInfo` says anew; null for a process that has left.
    #[serde(default)]
    pub info: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Tick(u64);

#[derive(Deserialize)]
struct Group {
    name: String,
    priority: i64,
    processes: Vec<Process>,
    /// Of a pool: what it subscribes to, and how much it can hold.
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    buffer_size: i64,
}

/// Only what is not the default.
#[derive(Deserialize)]
struct Process {
    name: String,
    priority: Option<i64>,
    autostart: Option<bool>,
    autorestart: Option<String>,
    startsecs: Option<i64>,
    startretries: Option<i64>,
    exitcodes: Option<Vec<u8>>,
    stopsignal: Option<i32>,
    stopwaitsecs: Option<i64>,
    stopasgroup: Option<bool>,
    killasgroup: Option<bool>,
}

/// A moment that need not be a tick.
pub fn both_clocks(at: Instant) -> Now {
    let second = 1_000_000_000;
    Now { at, unix: UnixTime(EPOCH + (at.0 / second) as i64), nanos: (at.0 % second) as u32 }
}

impl Tick {
    /// On both clocks.
    pub fn now(self) -> Now {
        both_clocks(Instant(self.0 * TICK_NANOS))
    }

    /// The tick before, where the recorder may have looked last.
    pub fn before(self) -> Instant {
        Instant((self.0 - 1) * TICK_NANOS)
    }

    /// For people.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / TICKS_PER_SECOND as f64
    }
}

impl Trace {
    pub fn config(&self) -> Config {
        common::config(configs(&self.groups), Vec::new())
    }

    pub fn later(&self) -> Config {
        common::config(configs(self.later.as_ref().unwrap_or(&self.groups)), Vec::new())
    }
}

/// What the files say after an edit; `None` if they cannot be read.
pub fn edited(groups: &Value) -> Option<Config> {
    let groups: Option<Vec<Group>> = serde_json::from_value(groups.clone()).expect("groups or null");
    groups.map(|groups| common::config(configs(&groups), Vec::new()))
}

fn configs(groups: &[Group]) -> Vec<Arc<GroupConfig>> {
    common::in_order(groups.iter().map(Group::config).collect())
}

impl Group {
    fn config(&self) -> Arc<GroupConfig> {
        let processes = self.processes.iter().map(|process| process.config(&self.name)).collect();
        let mut group = common::group(&self.name, self.priority, processes);
        if !self.events.is_empty() {
            let group = Arc::make_mut(&mut group);
            group.processes.iter_mut().for_each(|process| Arc::make_mut(process).listener = true);
            let kinds = self.events.iter().map(|name| EventType::parse(name).expect("a type of event"));
            group.kind = GroupKind::EventListeners(ListenerConfig {
                events: kinds.collect(),
                buffer_size: self.buffer_size,
                result_handler: ResultHandler::Standard,
                extended: false,
            });
        }
        group
    }
}

impl Process {
    fn config(&self, group: &str) -> ProcessConfig {
        let plain = common::process(group, &self.name);
        ProcessConfig {
            priority: self.priority.unwrap_or(plain.priority),
            autostart: self.autostart.unwrap_or(plain.autostart),
            autorestart: self.autorestart.as_deref().map_or(plain.autorestart, autorestart),
            startsecs: self.startsecs.unwrap_or(plain.startsecs),
            startretries: self.startretries.unwrap_or(plain.startretries),
            exitcodes: self.exitcodes.clone().unwrap_or_else(|| plain.exitcodes.clone()),
            stopsignal: self.stopsignal.map_or(plain.stopsignal, Signal::from_number),
            stopwaitsecs: self.stopwaitsecs.unwrap_or(plain.stopwaitsecs),
            stopasgroup: self.stopasgroup.unwrap_or(plain.stopasgroup),
            killasgroup: self.killasgroup.unwrap_or(plain.killasgroup),
            ..plain
        }
    }
}

fn autorestart(word: &str) -> AutoRestart {
    match word {
        "never" => AutoRestart::Never,
        "unexpected" => AutoRestart::Unexpected,
        "always" => AutoRestart::Always,
        other => panic!("unknown autorestart {other}"),
    }
}
