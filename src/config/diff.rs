//! What a reread would change, compared with the groups in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Config, GroupConfig};
use crate::names::GroupName;

/// Groups by what `update` would do with them (RPC-025).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diff {
    /// In the order of the new configuration.
    pub added: Vec<GroupName>,
    /// In the order of the new configuration.
    pub changed: Vec<GroupName>,
    /// In the order in which the active ones joined.
    pub removed: Vec<GroupName>,
}

/// Compares by value, AUTO logs included (CFG-139, BUG-028). `active` is in the order of activation.
pub fn diff(active: &[Arc<GroupConfig>], new: &Config) -> Diff {
    let old: BTreeMap<&GroupName, &Arc<GroupConfig>> = active.iter().map(|g| (&g.name, g)).collect();
    let wanted: BTreeMap<&GroupName, &Arc<GroupConfig>> = new.groups.iter().map(|g| (&g.name, g)).collect();
    let mut diff = Diff::default();
    for group in &new.groups {
        match old.get(&group.name) {
            None => diff.added.push(group.name.clone()),
            Some(current) if *current != group => diff.changed.push(group.name.clone()),
            Some(_) => (),
        }
    }
    diff.removed = active.iter().map(|g| g.name.clone()).filter(|name| !wanted.contains_key(name)).collect();
    diff
}
