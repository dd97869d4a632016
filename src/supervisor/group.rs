//! Groups own processes; every process has exactly one. Here are the orders in which they are visited.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ProcessKey;
use super::clock::Now;
use super::process::Process;
use crate::config::{GroupConfig, ProcessConfig};
use crate::names::{GroupName, ProcessName};

/// A group in force.
#[derive(Clone, Debug)]
pub struct Group {
    pub config: Arc<GroupConfig>,
    /// How many groups had joined before it: equal priorities keep the order of activation (PROC-017).
    pub joined: u64,
    /// In the order of the configuration (CFG-119).
    pub members: Vec<ProcessKey>,
    /// The same, by name.
    pub by_name: BTreeMap<ProcessName, ProcessKey>,
}

/// A process and where it belongs.
#[derive(Clone, Debug)]
pub struct Member {
    pub process: Process,
    pub rank: Rank,
}

/// Where a process stands among all. Ordered as the reference visits them at each pass of its loop: by group
/// priority, activation, and the order inside the group, whatever the processes' own priorities (PROC-018).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank {
    group_priority: i64,
    joined: u64,
    index: usize,
    priority: i64,
}

impl Rank {
    /// The rank of the `index`th member of a group.
    pub fn new(group: &GroupConfig, joined: u64, index: usize, priority: i64) -> Rank {
        Rank { group_priority: group.priority, joined, index, priority }
    }

    /// The order of requests: by group, then by the processes' own priority (PROC-020).
    pub fn by_priority(self) -> (i64, u64, i64, usize) {
        (self.group_priority, self.joined, self.priority, self.index)
    }
}

/// Every group in force, and every process they own.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    groups: BTreeMap<GroupName, Group>,
    members: BTreeMap<ProcessKey, Member>,
    joined: u64,
    next_key: u64,
}

impl Groups {
    /// Takes a group in, with a new key for each process; the keys, in order.
    pub fn add(
        &mut self,
        config: &Arc<GroupConfig>,
        mut make: impl FnMut(&Arc<ProcessConfig>) -> Process,
    ) -> Vec<ProcessKey> {
        let mut group = Group {
            config: config.clone(),
            joined: self.joined,
            members: Vec::with_capacity(config.processes.len()),
            by_name: BTreeMap::new(),
        };
        self.joined += 1;
        for (index, process) in config.processes.iter().enumerate() {
            let key = ProcessKey(self.next_key);
            self.next_key += 1;
            group.members.push(key);
            group.by_name.insert(process.name.clone(), key);
            let rank = Rank::new(config, group.joined, index, process.priority);
            self.members.insert(key, Member { process: make(process), rank });
        }
        let keys = group.members.clone();
        self.groups.insert(config.name.clone(), group);
        keys
    }

    /// Takes one more process into a group, last; `None` without such a group.
    pub fn add_member(&mut self, name: &str, config: &Arc<ProcessConfig>, now: Now) -> Option<ProcessKey> {
        let group = self.groups.get_mut(name)?;
        let key = ProcessKey(self.next_key);
        self.next_key += 1;
        let index =
            group.members.iter().filter_map(|key| self.members.get(key)).map(|member| member.rank.index);
        let index = index.max().map_or(0, |last| last + 1);
        Arc::make_mut(&mut group.config).processes.push(config.clone());
        group.members.push(key);
        group.by_name.insert(config.name.clone(), key);
        let rank = Rank::new(&group.config, group.joined, index, config.priority);
        self.members.insert(key, Member { process: Process::new(config.clone(), now), rank });
        Some(key)
    }

    /// Lets one process of a group go.
    pub fn remove_member(&mut self, name: &str, key: ProcessKey) {
        let (Some(group), Some(member)) = (self.groups.get_mut(name), self.members.remove(&key)) else {
            return;
        };
        let gone = &member.process.config.name;
        group.members.retain(|member| *member != key);
        group.by_name.remove(gone);
        Arc::make_mut(&mut group.config).processes.retain(|process| process.name != *gone);
    }

    /// Lets a group go, and every process of it; the keys, in order.
    pub fn remove(&mut self, name: &str) -> Vec<ProcessKey> {
        let members = self.groups.remove(name).map_or_else(Vec::new, |group| group.members);
        for key in &members {
            self.members.remove(key);
        }
        members
    }

    pub fn get(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// In the order in which they joined.
    pub fn by_activation(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| group.joined);
        groups
    }

    /// By priority, equal ones in the order in which they joined.
    pub fn by_priority(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| (group.config.priority, group.joined));
        groups
    }

    pub fn member(&self, key: ProcessKey) -> Option<&Member> {
        self.members.get(&key)
    }

    pub fn member_mut(&mut self, key: ProcessKey) -> Option<&mut Member> {
        self.members.get_mut(&key)
    }

    pub fn process(&self, key: ProcessKey) -> Option<&Process> {
        self.members.get(&key).map(|member| &member.process)
    }

    /// Every process, in no order that means anything to users.
    pub fn members(&self) -> impl Iterator<Item = (ProcessKey, &Member)> {
        self.members.iter().map(|(key, member)| (*key, member))
    }

    /// The members of one group as requests visit them: by priority (PROC-020).
    pub fn group_by_priority(&self, group: &Group) -> Vec<ProcessKey> {
        self.in_request_order(group.members.iter().copied())
    }

    /// Every process as requests visit them (PROC-020).
    pub fn all_by_priority(&self) -> Vec<ProcessKey> {
        self.in_request_order(self.members.keys().copied())
    }

    /// Every process by the names of group and process (RPC-046).
    pub fn all_by_name(&self) -> impl Iterator<Item = ProcessKey> + '_ {
        self.groups.values().flat_map(|group| group.by_name.values().copied())
    }

    /// Those of `keys` that are known, as requests visit them.
    pub fn in_request_order(&self, keys: impl Iterator<Item = ProcessKey>) -> Vec<ProcessKey> {
        let mut ranked: Vec<_> =
            keys.filter_map(|key| Some((self.members.get(&key)?.rank.by_priority(), key))).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, key)| key).collect()
    }

    /// Those of `keys` that are known, as one pass of the reference's loop would visit them (PROC-018).
    pub fn in_loop_order(&self, keys: impl Iterator<Item = ProcessKey>) -> Vec<ProcessKey> {
        let mut ranked: Vec<_> = keys.filter_map(|key| Some((self.members.get(&key)?.rank, key))).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, key)| key).collect()
    }
}
