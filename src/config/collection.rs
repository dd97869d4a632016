//! `[collection:x]`: a name and its selectors, nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::{CollectionConfig, GroupConfig, value};
use crate::names::{CollectionName, Selector, pattern_matches};

/// Every collection, by priority and name. An item that matches nothing is one warning; a circle is an error.
pub fn collections(context: &mut Context<'_>, groups: &[GroupConfig]) -> Vec<Arc<CollectionConfig>> {
    let sections = context.document.sections();
    let mut collections = Vec::new();
    for section in sections.iter().filter(|section| section.starts_with("collection:")) {
        collections.extend(collection(context, section).map(|collection| (section.clone(), collection)));
    }
    refuse_circles(context, &collections);
    for (section, collection) in &collections {
        warn_unresolved(context, section, collection, &collections, groups);
    }
    let mut collections: Vec<_> =
        collections.into_iter().map(|(_, collection)| Arc::new(collection)).collect();
    collections.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    collections
}

fn collection(context: &mut Context<'_>, section: &str) -> Option<CollectionConfig> {
    let name = section.split_once(':').map_or("", |(_, name)| name);
    let name = value::name(name).map_err(|sentence| context.fail(sentence, section, None)).ok()?;
    let mut options = context.section(section);
    let mut list = |option| options.text(option).map(|text| value::list(&text)).unwrap_or_default();
    let (programs, groups) = (list("programs"), list("groups"));
    let (collections, exclude) = (list("collections"), list("exclude"));
    let priority = options.read("priority", 999, value::integer);
    let given = ["programs", "groups", "collections"].iter().any(|option| options.raw(option).is_some());
    if !given || [&programs, &groups, &collections].into_iter().all(|items| items.is_empty()) {
        let sentence = format!("[{section}] must specify at least one of programs, groups or collections");
        context.fail(sentence, section, None);
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

/// `a -> b -> a` is told of once, at the collection from which the circle is met first.
fn refuse_circles(context: &mut Context<'_>, collections: &[(String, CollectionConfig)]) {
    let nested: BTreeMap<&CollectionName, &[CollectionName]> =
        collections.iter().map(|(_, c)| (&c.name, c.collections.as_slice())).collect();
    let mut known: Vec<&CollectionName> = Vec::new();
    for (section, collection) in collections {
        let mut path = vec![&collection.name];
        if !known.contains(&&collection.name)
            && let Some(circle) = circle(&nested, &mut path)
        {
            let shown: Vec<&str> = circle.iter().map(|name| name.as_str()).collect();
            let sentence = format!("[{section}] leads back to itself: {}", shown.join(" -> "));
            context.fail(sentence, section, Some("collections"));
            known.extend(circle);
        }
    }
}

/// A way from the last of `path` back to its first.
fn circle<'a>(
    nested: &BTreeMap<&'a CollectionName, &'a [CollectionName]>,
    path: &mut Vec<&'a CollectionName>,
) -> Option<Vec<&'a CollectionName>> {
    let last = *path.last()?;
    for next in nested.get(last).copied().unwrap_or_default() {
        if path.first() == Some(&next) {
            let mut found = path.clone();
            found.push(next);
            return Some(found);
        }
        if !path.contains(&next) {
            path.push(next);
            if let Some(found) = circle(nested, path) {
                return Some(found);
            }
            path.pop();
        }
    }
    None
}

fn warn_unresolved(
    context: &mut Context<'_>,
    section: &str,
    collection: &CollectionConfig,
    collections: &[(String, CollectionConfig)],
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
        let place = context.document.spot(section, Some(option));
        let place = place.map(|spot| format!(" ({}:{})", spot.file, spot.line)).unwrap_or_default();
        context.warn(format!("[{section}] {option}: {item} matches nothing{place}"));
    }
}
