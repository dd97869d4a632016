//! `[group:x]`, and the implicit group of every program that is in none (CFG-116 to CFG-119).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::{GroupConfig, program, value};

/// Every group, by priority and name. Of two with one name only the first counts (CFG-118).
pub fn groups(context: &mut Context<'_>) -> Vec<GroupConfig> {
    let sections = context.document.sections();
    let of_kind = |kind: &'static str| sections.iter().filter(move |section| section.starts_with(kind));
    let mut groups = Vec::new();
    let mut members = BTreeSet::new();
    for section in of_kind("group:") {
        groups.extend(group(context, section, &mut members));
    }
    for section in of_kind("program:").filter(|section| !members.contains(*section)) {
        groups.extend(lone_program(context, section));
    }
    for section in of_kind("eventlistener:") {
        unheard(context, |context| check_listener(context, section));
        not_yet(context, section);
    }
    for section in of_kind("fcgi-program:") {
        if !members.contains(section) {
            unheard(context, |context| drop(lone_program(context, section)));
        }
        not_yet(context, section);
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    first_of_each_name(context, groups)
}

fn first_of_each_name(context: &mut Context<'_>, groups: Vec<GroupConfig>) -> Vec<GroupConfig> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for group in groups {
        if seen.insert(group.name.clone()) {
            kept.push(group);
        } else {
            let text = format!("two groups are called {}: only the first by priority is used", group.name);
            let section = section_of(context, group.name.as_str());
            context.warn(text, &section, None, "give one of them another name");
        }
    }
    kept
}

/// The section that makes a group of this name.
fn section_of(context: &Context<'_>, group: &str) -> String {
    let kinds = ["program:", "group:"];
    let found =
        kinds.iter().map(|kind| format!("{kind}{group}")).find(|name| context.document.has_section(name));
    found.unwrap_or_default()
}

fn group(context: &mut Context<'_>, section: &str, members: &mut BTreeSet<String>) -> Option<GroupConfig> {
    let name = name(context, section)?;
    let mut options = context.section(section);
    let programs = options.text("programs").map(|text| value::list(&text)).unwrap_or_default();
    let priority = options.read("priority", 999, value::integer);
    let mut processes = Vec::new();
    for member in programs {
        let plain = format!("program:{member}");
        let fcgi = format!("fcgi-program:{member}");
        match (context.document.has_section(&plain), context.document.has_section(&fcgi)) {
            (false, false) => {
                let sentence = format!("[{section}] names unknown program or fcgi-program {member}");
                context.fail(sentence, section, Some("programs"));
            }
            (true, true) => {
                let sentence =
                    format!("[{section}] name {member} is ambiguous (exists as program and fcgi-program)");
                context.fail(sentence, section, Some("programs"));
            }
            (true, false) => {
                processes.extend(program::processes(context, &plain, &name));
                members.insert(plain);
            }
            (false, true) => {
                unheard(context, |context| drop(program::processes(context, &fcgi, &name)));
                members.insert(fcgi);
            }
        }
    }
    Some(GroupConfig { name: name.as_str().into(), priority, processes: unique(processes) })
}

fn lone_program(context: &mut Context<'_>, section: &str) -> Option<GroupConfig> {
    let name = name(context, section)?;
    let priority = context.section(section).read("priority", 999, value::integer);
    let processes = program::processes(context, section, &name);
    Some(GroupConfig { name: name.as_str().into(), priority, processes: unique(processes) })
}

/// The part after the colon, as a name of a group.
fn name(context: &mut Context<'_>, section: &str) -> Option<String> {
    let name = section.split_once(':').map_or("", |(_, name)| name);
    value::name(name).map_err(|sentence| context.fail(sentence, section, None)).ok()
}

/// Processes of one name collapse: the first keeps its place, the last its settings (CFG-104).
fn unique(processes: Vec<Arc<super::ProcessConfig>>) -> Vec<Arc<super::ProcessConfig>> {
    let mut kept: indexmap::IndexMap<_, Arc<super::ProcessConfig>> = indexmap::IndexMap::new();
    for process in processes {
        kept.insert(process.name.clone(), process);
    }
    kept.into_values().collect()
}

/// What a section that is left out would be warned of is left out too; its errors count.
fn unheard(context: &mut Context<'_>, check: impl FnOnce(&mut Context<'_>)) {
    let (messages, warnings) = (context.messages.len(), context.warnings.len());
    check(context);
    context.messages.truncate(messages);
    context.warnings.truncate(warnings);
}

/// A pool's name is not looked at before its processes are (CFG-052).
fn check_listener(context: &mut Context<'_>, section: &str) {
    let name = section.split_once(':').map_or("", |(_, name)| name);
    context.section(section).read("priority", -1, value::integer);
    program::processes(context, section, name);
}

fn not_yet(context: &mut Context<'_>, section: &str) {
    let text = format!("[{section}] is not carried out yet: its processes are not started");
    context.warn(text, section, None, "a later version will");
}
