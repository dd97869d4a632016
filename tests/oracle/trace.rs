//! A recorded trace, as `record.py` writes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use convoke::config::{AutoRestart, Config, GroupConfig, ProcessConfig};
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

impl Tick {
    /// On both clocks.
    pub fn now(self) -> Now {
        let unix = UnixTime(EPOCH + self.0 as i64 / TICKS_PER_SECOND);
        Now { at: Instant(self.0 * TICK_NANOS), unix, nanos: 0 }
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
    let group = |group: &Group| {
        let processes = group.processes.iter().map(|process| process.config(&group.name)).collect();
        common::group(&group.name, group.priority, processes)
    };
    common::in_order(groups.iter().map(group).collect())
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
