//! `[collection:x]`: a name and its selectors, nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::Context;
use super::known::nearest;
use super::{CollectionConfig, GroupConfig, value};
use crate::names::{CollectionName, Selector, pattern_matches};

/// A collection and the section it comes from.
type Read = (String, CollectionConfig);

/// Every collection, by priority and name; of two with one name only the first counts, as with groups. An item that
/// matches nothing is one warning; a circle is an error.
pub fn collections(context: &mut Context<'_>, groups: &[GroupConfig]) -> Vec<Arc<CollectionConfig>> {
    let sections = context.document.sections();
    let mut collections: Vec<Read> = Vec::new();
    for section in sections.iter().filter(|section| section.starts_with("collection:")) {
        collections.extend(collection(context, section).map(|collection| (section.clone(), collection)));
    }
    collections.sort_by(|(_, a), (_, b)| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    let mut seen = BTreeSet::new();
    collections.retain(|(section, collection)| {
        let first = seen.insert(collection.name.clone());
        if !first {
            let text = format!("[{section}] is left out: another collection is called {}", collection.name);
            context.warn(text, section, None, "give it a name of its own");
        }
        first
    });
    refuse_circles(context, &collections);
    for (section, collection) in &collections {
        warn_unresolved(context, section, collection, &collections, groups);
    }
    collections.into_iter().map(|(_, collection)| Arc::new(collection)).collect()
}

fn collection(context: &mut Context<'_>, section: &str) -> Option<CollectionConfig> {
    let name = section.split_once(':').map_or("", |(_, name)| name);
    let name = value::name(name).map_err(|sentence| context.fail(sentence, section, None)).ok()?;
    let mut options = context.section(section);
    let mut list = |option| {
        let mut items = options.text(option).map(|text| value::list(&text)).unwrap_or_default();
        // A comma too many, as at the end of a list that was a longer one, names nothing.
        items.retain(|item| !item.is_empty());
        items
    };
    let (programs, groups) = (list("programs"), list("groups"));
    let (collections, exclude) = (list("collections"), list("exclude"));
    let priority = options.read("priority", 999, value::integer);
    let given = ["programs", "groups", "collections"].iter().any(|option| options.raw(option).is_some());
    if !given || [&programs, &groups, &collections].into_iter().all(|items| items.is_empty()) {
        let sentence = format!("[{section}] must specify at least one of programs, groups or collections");
        let help = Some("add a line programs=...".to_string());
        context.fail_with_help(sentence, section, None, help);
        return None;
    }
    let selectors = |items: Vec<String>| items.iter().map(|item| Selector::new(item)).collect();
    Some(CollectionConfig {
        name: name.as_str().into(),
        priority,
        programs: selectors(programs),
        groups,
        collections: collections.iter().map(|name| name.as_str().into()).collect(),
        exclude: selectors(exclude),
    })
}

/// Every way back is told of once: `a -> b -> a`. Each collection is gone into once, however they are nested.
fn refuse_circles(context: &mut Context<'_>, collections: &[Read]) {
    let nested: BTreeMap<&CollectionName, &Read> =
        collections.iter().map(|read| (&read.1.name, read)).collect();
    let mut done: BTreeSet<&CollectionName> = BTreeSet::new();
    for (_, start) in collections {
        // From the start down to where the walk is, with what is still to be looked at in each.
        let mut path = vec![(start, start.collections.iter())];
        while let Some((collection, rest)) = path.last_mut() {
            let Some(next) = rest.next().filter(|_| !done.contains(&collection.name)) else {
                done.insert(&collection.name);
                path.pop();
                continue;
            };
            let Some((section, next)) = nested.get(next) else { continue };
            if let Some(at) = path.iter().position(|(on_path, _)| on_path.name == next.name) {
                let circle = path[at..].iter().map(|(on_path, _)| on_path.name.as_str());
                let circle: Vec<&str> = circle.chain([next.name.as_str()]).collect();
                let sentence = format!("[{section}] leads back to itself: {}", circle.join(" -> "));
                let help = Some("take it out of one of them".to_string());
                context.fail_with_help(sentence, section, Some("collections"), help);
            } else {
                path.push((next, next.collections.iter()));
            }
        }
    }
}

fn warn_unresolved(
    context: &mut Context<'_>,
    section: &str,
    collection: &CollectionConfig,
    collections: &[Read],
    groups: &[GroupConfig],
) {
    let processes = || groups.iter().flat_map(|group| &group.processes);
    let selects = |item: &Selector| processes().any(|p| item.matches(&p.program, &p.group, &p.name));
    let mut lost: Vec<(&str, &str)> = Vec::new();
    let programs = collection.programs.iter().filter(|item| !selects(item));
    lost.extend(programs.map(|item| ("programs", item.as_str())));
    let in_groups = |pattern: &str| groups.iter().any(|group| pattern_matches(pattern, group.name.as_str()));
    let unknown = collection.groups.iter().filter(|pattern| !in_groups(pattern));
    lost.extend(unknown.map(|pattern| ("groups", pattern.as_str())));
    let known = |name: &CollectionName| collections.iter().any(|(_, c)| c.name == *name);
    let unknown = collection.collections.iter().filter(|name| !known(name));
    lost.extend(unknown.map(|name| ("collections", name.as_str())));
    let exclude = collection.exclude.iter().filter(|item| !selects(item));
    lost.extend(exclude.map(|item| ("exclude", item.as_str())));
    for (option, item) in lost {
        let tell = |place: &str| format!("[{section}] {option}: {item} matches nothing{place}");
        let names: Vec<&str> = match option {
            "groups" => groups.iter().map(|group| group.name.as_str()).collect(),
            "collections" => collections.iter().map(|(_, collection)| collection.name.as_str()).collect(),
            _ => processes().map(|process| process.program.as_str()).collect(),
        };
        let help = match nearest(item, names.into_iter()) {
            Some(near) => format!("did you mean {near}?"),
            None => "nothing of that name is configured".to_string(),
        };
        context.warn_in_place(tell, section, Some(option), &help);
    }
}
