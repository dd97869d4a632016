//! Collections: views over processes of any groups, worked out at each use and kept nowhere.

use std::collections::BTreeSet;

use super::ProcessKey;
use super::group::{Groups, Member};
use crate::api::CollectionInfo;
use crate::config::{CollectionConfig, Config};
use crate::names::{CollectionName, Namespec, Selector, pattern_matches};

/// `(programs ∪ groups ∪ members(collections)) ∖ exclude`, each process once, in start order. `None` when there
/// is no collection of that name.
pub fn members(name: &str, config: &Config, groups: &Groups) -> Option<Vec<ProcessKey>> {
    let collection = find(name, config)?;
    let set = member_set(collection, config, groups, &mut Vec::new());
    Some(groups.in_request_order(set.into_iter()))
}

/// The collections that hold a process, by priority and name.
pub fn containing(member: &Member, config: &Config) -> Vec<String> {
    let holders =
        config.collections.iter().filter(|collection| holds(collection, member, config, &mut Vec::new()));
    holders.map(|collection| collection.name.to_string()).collect()
}

/// What [`member_set`] says of one process, without a look at the others.
fn holds<'a>(
    collection: &'a CollectionConfig,
    member: &Member,
    config: &'a Config,
    path: &mut Vec<&'a CollectionName>,
) -> bool {
    if path.contains(&&collection.name) {
        return false;
    }
    path.push(&collection.name);
    let mut nested = collection.collections.iter().filter_map(|name| find(name.as_str(), config));
    let held = collection.programs.iter().any(|selector| selects(selector, member))
        || collection.groups.iter().any(|pattern| in_group(pattern, member))
        || nested.any(|nested| holds(nested, member, config, path));
    path.pop();
    held && !collection.exclude.iter().any(|selector| selects(selector, member))
}

/// Every collection as configured and as it resolves now, by priority and name.
pub fn infos(config: &Config, groups: &Groups) -> Vec<CollectionInfo> {
    config.collections.iter().map(|collection| info(collection, config, groups)).collect()
}

fn find<'a>(name: &str, config: &'a Config) -> Option<&'a CollectionConfig> {
    config.collections.iter().map(|collection| &**collection).find(|c| c.name.as_str() == name)
}

/// `path` holds the collections being resolved: the configuration refuses circles, and this ends on one anyway.
fn member_set<'a>(
    collection: &'a CollectionConfig,
    config: &'a Config,
    groups: &Groups,
    path: &mut Vec<&'a CollectionName>,
) -> BTreeSet<ProcessKey> {
    if path.contains(&&collection.name) {
        return BTreeSet::new();
    }
    path.push(&collection.name);
    let mut set: BTreeSet<ProcessKey> = groups
        .members()
        .filter(|(_, member)| {
            collection.programs.iter().any(|selector| selects(selector, member))
                || collection.groups.iter().any(|pattern| in_group(pattern, member))
        })
        .map(|(key, _)| key)
        .collect();
    for nested in collection.collections.iter().filter_map(|name| find(name.as_str(), config)) {
        set.extend(member_set(nested, config, groups, path));
    }
    path.pop();
    set.retain(|key| {
        groups.member(*key).is_some_and(|m| !collection.exclude.iter().any(|selector| selects(selector, m)))
    });
    set
}

fn info(collection: &CollectionConfig, config: &Config, groups: &Groups) -> CollectionInfo {
    let keys = groups.in_request_order(member_set(collection, config, groups, &mut Vec::new()).into_iter());
    let texts = |selectors: &[Selector]| selectors.iter().map(|s| s.as_str().to_string()).collect();
    CollectionInfo {
        name: collection.name.clone(),
        priority: collection.priority,
        program_names: texts(&collection.programs),
        group_names: collection.groups.clone(),
        collection_names: collection.collections.iter().map(CollectionName::to_string).collect(),
        exclude_names: texts(&collection.exclude),
        processes: keys
            .iter()
            .filter_map(|key| groups.process(*key))
            .map(|process| Namespec::display(&process.config.group, &process.config.name))
            .collect(),
        unresolved: unresolved(collection, config, groups),
    }
}

/// Items that match nothing now: their program may have gone, or may arrive with the next `update`.
fn unresolved(collection: &CollectionConfig, config: &Config, groups: &Groups) -> Vec<String> {
    let nobody = |wanted: &dyn Fn(&Member) -> bool| !groups.members().any(|(_, member)| wanted(member));
    let no_process = |selectors: &[Selector]| -> Vec<String> {
        let lost = selectors.iter().filter(|selector| nobody(&|member| selects(selector, member)));
        lost.map(|selector| selector.as_str().to_string()).collect()
    };
    let mut items = no_process(&collection.programs);
    items.extend(collection.groups.iter().filter(|pattern| nobody(&|m| in_group(pattern, m))).cloned());
    let lost = collection.collections.iter().filter(|name| find(name.as_str(), config).is_none());
    items.extend(lost.map(CollectionName::to_string));
    items.extend(no_process(&collection.exclude));
    items
}

fn selects(selector: &Selector, member: &Member) -> bool {
    let config = &member.process.config;
    selector.matches(&config.program, &config.group, &config.name)
}

fn in_group(pattern: &str, member: &Member) -> bool {
    pattern_matches(pattern, member.process.config.group.as_str())
}
