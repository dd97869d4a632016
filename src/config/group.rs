//! `[group:x]`, and the implicit group of every program that is in none (CFG-116 to CFG-119).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::{GroupConfig, program, value};

/// Every group, by priority and name. Of two with one name only the first counts (CFG-118).
pub fn groups(context: &mut Context<'_>) -> Vec<GroupConfig> {
    let sections = context.document.sections();
    let mut groups = Vec::new();
    let mut members = BTreeSet::new();
    for section in sections.iter().filter(|section| section.starts_with("group:")) {
        groups.extend(group(context, section, &mut members));
    }
    for section in sections.iter().filter(|section| section.starts_with("program:")) {
        if !members.contains(section) {
            groups.extend(lone_program(context, section));
        }
    }
    for section in &sections {
        if section.starts_with("eventlistener:") || section.starts_with("fcgi-program:") {
            not_yet(context, section);
        }
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    let mut seen = BTreeSet::new();
    groups.retain(|group: &GroupConfig| seen.insert(group.name.clone()));
    groups
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
                program::processes(context, &fcgi, &name);
            }
        }
    }
    Some(GroupConfig { name: name.as_str().into(), priority, processes: unique(processes) })
}

fn lone_program(context: &mut Context<'_>, section: &str) -> Option<GroupConfig> {
    let name = name(context, section)?;
    let priority = context.section(section).read("priority", 999, value::integer);
    let errors = context.errors.len();
    let processes = program::processes(context, section, &name);
    // A bad priority has been reported for the group already (CFG-052).
    let twice = errors > 0
        && context.errors[..errors].iter().any(|error| {
            let place = error.place.as_ref();
            place.is_some_and(|place| {
                place.section.as_deref() == Some(section) && place.option.as_deref() == Some("priority")
            })
        });
    if twice {
        let mut kept = context.errors.split_off(errors);
        kept.retain(|error| {
            error.place.as_ref().is_none_or(|place| place.option.as_deref() != Some("priority"))
        });
        context.errors.extend(kept);
    }
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

/// Read and checked as far as it is a program, and left out.
fn not_yet(context: &mut Context<'_>, section: &str) {
    let name = section.split_once(':').map_or("", |(_, name)| name).trim().to_string();
    let messages = context.messages.len();
    program::processes(context, section, &name);
    context.messages.truncate(messages);
    context.warn(format!("[{section}] is not carried out yet: its processes are not started"));
}
