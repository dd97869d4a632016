//! What is configured, and what clients ask.

use std::sync::Arc;

use convoke::api::{Channel, LogName, LogRead, Request, Target};
use convoke::config::{
    AutoRestart, CollectionConfig, Config, EventType, GroupConfig, GroupKind, ListenerConfig, ProcessConfig,
    ResultHandler,
};
use convoke::names::{Selector, Signal};

use crate::common;
use crate::rng::Rng;

/// Collections in every configuration.
const COLLECTIONS: usize = 20;

/// Event listener pools in every configuration, the last of its groups.
const POOLS: usize = 4;

/// What pools subscribe to; the last two hear the clock, too.
const EVENTS: [&[EventType]; 7] = [
    &[EventType::ProcessState],
    &[EventType::ProcessStateExited, EventType::ProcessState, EventType::ProcessCommunication],
    &[EventType::ProcessLog, EventType::ProcessCommunication],
    &[EventType::RemoteCommunication, EventType::SupervisorStateChange, EventType::ProcessLogStderr],
    &[EventType::ProcessGroup, EventType::Collection, EventType::ProcessStateFatal],
    &[EventType::Event],
    &[EventType::Tick5, EventType::Tick],
];
const EVENTS_WITHOUT_CLOCK: usize = 5;

/// The groups that may be configured, of which each reading of the files finds most.
pub struct Scenario {
    groups: Vec<Arc<GroupConfig>>,
    collections: Vec<Arc<CollectionConfig>>,
    /// The pools among the groups begin here.
    pools_at: usize,
    /// Whether pools may hear the clock.
    ticks: bool,
}

impl Scenario {
    /// Groups of mixed sizes with this many processes in all, and pools.
    pub fn new(rng: &mut Rng, processes: usize, ticks: bool) -> Scenario {
        let mut groups = Vec::new();
        let mut left = processes;
        while left > 0 {
            let largest = *rng.pick(&[1, 1, 1, 4, 4, 16, 64, 500]);
            let size = (1 + rng.index(largest)).min(left);
            left -= size;
            groups.push(some_group(rng, groups.len(), size));
        }
        let pools_at = groups.len();
        for number in pools_at..pools_at + POOLS {
            groups.push(some_pool(rng, number, ticks));
        }
        let collections = (0..COLLECTIONS).map(|number| some_collection(rng, number, groups.len())).collect();
        Scenario { groups, collections, pools_at, ticks }
    }

    /// Everything.
    pub fn config(&self) -> Config {
        common::config(common::in_order(self.groups.clone()), self.collections.clone())
    }

    /// After somebody edited the files: groups gone, groups changed, a collection changed.
    pub fn edited(&mut self, rng: &mut Rng) -> Config {
        let mut groups = Vec::new();
        for number in 0..self.groups.len() {
            if rng.per_million(20_000) {
                let size = self.groups[number].processes.len();
                let pool = number >= self.pools_at;
                self.groups[number] =
                    if pool { some_pool(rng, number, self.ticks) } else { some_group(rng, number, size) };
            }
            if !rng.per_million(20_000) {
                groups.push(self.groups[number].clone());
            }
        }
        let number = rng.index(COLLECTIONS);
        self.collections[number] = some_collection(rng, number, self.groups.len());
        common::config(common::in_order(groups), self.collections.clone())
    }

    /// A request, and what the same client asks for once it is answered.
    pub fn some_request(&self, rng: &mut Rng) -> Vec<Request> {
        let group = rng.pick(&self.groups);
        let name = group.name.to_string();
        let process = format!("{name}:{}", rng.pick(&group.processes).name);
        let signal = rng.pick(&["HUP", "USR1", "KILL", "TERM", "BOGUS"]).to_string();
        let collection = format!("c{}", rng.index(COLLECTIONS + 1));
        let wait = rng.per_million(600_000);
        let stop = |target, wait| Request::Stop { target, wait };
        let start = |target, wait| Request::Start { target, wait };
        vec![match rng.index(1_000) {
            0..200 => start(Target::Namespec(process), wait),
            200..350 => stop(Target::Namespec(process), wait),
            350..450 => {
                // What `supervisorctl restart` does.
                return vec![
                    stop(Target::Namespec(process.clone()), true),
                    start(Target::Namespec(process), true),
                ];
            }
            450..520 => start(Target::Group(name), wait),
            520..580 => stop(Target::Group(name), wait),
            580..640 => Request::Signal { target: Target::Namespec(process), signal },
            640..660 => Request::Signal { target: Target::Group(name), signal },
            660..700 => start(Target::Collection(collection), wait),
            700..720 => stop(Target::Collection(collection), wait),
            720..740 => stop(Target::Group(format!("@{collection}")), wait),
            740..790 => Request::Restart { collection, wait },
            790..800 => Request::Signal { target: Target::Collection(collection), signal },
            800..900 => {
                // What `supervisorctl update` does.
                let remove = Request::RemoveGroup { name: name.clone() };
                return vec![stop(Target::Group(name.clone()), true), remove, Request::AddGroup { name }];
            }
            900..920 => Request::RemoveGroup { name },
            920..940 => Request::AddGroup { name },
            940..960 => Request::ReloadConfig,
            960..970 => Request::ProcessInfo { name: process },
            970..988 => {
                Request::RemoteCommunication { kind: format!("k\u{e4}{}", rng.index(100)), data: name }
            }
            988..990 => Request::ListCollections,
            990..994 => Request::CollectionProcessInfo { name: collection },
            994 => start(Target::All, wait),
            995 => {
                return vec![stop(Target::All, true), start(Target::All, true)];
            }
            996 => Request::Signal { target: Target::All, signal: "HUP".to_string() },
            997 => {
                let name = LogName::Process { name: process.clone(), channel: Channel::Stderr };
                let read = Request::ReadLog { log: name, read: LogRead::Tail { offset: 0, length: 9 } };
                let clear = Request::ClearProcessLogs { target: Target::Namespec(process) };
                return vec![Request::AllConfigInfo, read, clear];
            }
            998 if rng.per_million(500_000) => Request::AllProcessInfo,
            998 => Request::RestartDaemon,
            _ => Request::State,
        }]
    }
}

fn some_group(rng: &mut Rng, number: usize, size: usize) -> Arc<GroupConfig> {
    let name = format!("g{number}");
    let processes = (0..size).map(|i| some_process(rng, &name, &format!("p{i}"))).collect();
    common::group(&name, *rng.pick(&[999, 999, 10, 20, 30]), processes)
}

/// Listeners of every kind, with much room for events and with little.
fn some_pool(rng: &mut Rng, number: usize, ticks: bool) -> Arc<GroupConfig> {
    let name = format!("g{number}");
    let kinds = ["honest", "honest", "slow", "dead", "mortal", "liar", "flood", "deaf", "closes"];
    let processes = (0..=rng.index(4)).map(|i| {
        let mut process = ProcessConfig {
            command: rng.pick(&kinds).to_string(),
            listener: true,
            startsecs: *rng.pick(&[0, 1, 1, 5]),
            stopwaitsecs: *rng.pick(&[1, 5]),
            ..common::process(&name, &format!("p{i}"))
        };
        process.stderr.events_enabled = true;
        Arc::new(process)
    });
    let processes = processes.collect();
    let choice = if ticks { &EVENTS[..] } else { &EVENTS[..EVENTS_WITHOUT_CLOCK] };
    let kind = GroupKind::EventListeners(ListenerConfig {
        events: rng.pick(choice).to_vec(),
        buffer_size: *rng.pick(&[1, 2, 10, 10, 100, 1_000]),
        result_handler: ResultHandler::Standard,
        extended: rng.per_million(300_000),
    });
    Arc::new(GroupConfig { name: name.as_str().into(), priority: -1, kind, processes })
}

/// The command is the child's script; see `world`.
fn some_process(rng: &mut Rng, group: &str, name: &str) -> ProcessConfig {
    let (command, startsecs, autorestart) = match rng.index(1_000) {
        // Dies as soon as it lives, for ever: what RESTART_FLOOR is for.
        0 => ("storm", 0, AutoRestart::Always),
        1..30 => ("crash", *rng.pick(&[1, 2, 10]), AutoRestart::Unexpected),
        30..180 => ("job", *rng.pick(&[0, 1, 5]), *rng.pick(&[AutoRestart::Always, AutoRestart::Unexpected])),
        180..250 => ("stubborn", 1, AutoRestart::Unexpected),
        250..260 => ("chatty", 1, AutoRestart::Unexpected),
        _ => {
            ("steady", *rng.pick(&[0, 1, 1, 1, 5, 10]), *rng.pick(&[AutoRestart::Always, AutoRestart::Never]))
        }
    };
    ProcessConfig {
        command: command.to_string(),
        priority: *rng.pick(&[999, 999, 1, 2]),
        autostart: rng.per_million(900_000),
        autorestart,
        startsecs,
        startretries: *rng.pick(&[0, 1, 3, 10]),
        exitcodes: rng.pick(&[vec![0], vec![0, 2], vec![]]).clone(),
        stopsignal: *rng.pick(&[Signal::TERM, Signal::INT, Signal::QUIT]),
        stopwaitsecs: *rng.pick(&[0, 1, 5, 10]),
        stopasgroup: rng.per_million(200_000),
        killasgroup: rng.per_million(400_000),
        ..common::process(group, name)
    }
}

/// Programs, groups and earlier collections, some by pattern, some of them nowhere.
fn some_collection(rng: &mut Rng, number: usize, groups: usize) -> Arc<CollectionConfig> {
    let group = |rng: &mut Rng| format!("g{}", rng.index(groups + 1));
    let mut programs = vec![Selector::new(&group(rng)), Selector::new(&format!("{}:p[0-3]", group(rng)))];
    if rng.per_million(200_000) {
        programs.push(Selector::new("g*:p7"));
    }
    let nested = (number > 0 && rng.per_million(300_000)).then(|| format!("c{}", rng.index(number)));
    Arc::new(CollectionConfig {
        name: format!("c{number}").as_str().into(),
        priority: 999,
        programs,
        groups: vec![group(rng), format!("{}?", group(rng))],
        collections: nested.iter().map(|name| name.as_str().into()).collect(),
        exclude: vec![Selector::new("*:p1")],
    })
}
