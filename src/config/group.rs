//! `[group:x]`, and the implicit group of every program that is in none (CFG-116 to CFG-119).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::ini::is_space;
use super::known::nearest;
use super::{FcgiSocket, GroupConfig, GroupKind, ProcessConfig, fcgi, pool, program, value};

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
        groups.push(pool::pool(context, section));
    }
    for section in of_kind("fcgi-program:").filter(|section| !members.contains(*section)) {
        groups.extend(lone_fcgi_program(context, section));
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
    let kinds = ["program:", "group:", "eventlistener:", "fcgi-program:"];
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
                let help = member_help(context, &member);
                context.fail_with_help(sentence, section, Some("programs"), help);
            }
            (true, true) => {
                let sentence =
                    format!("[{section}] name {member} is ambiguous (exists as program and fcgi-program)");
                let help = Some("give one of them another name".to_string());
                context.fail_with_help(sentence, section, Some("programs"), help);
            }
            (true, false) => {
                processes.extend(program::processes(context, &plain, &name));
                members.insert(plain);
            }
            (false, true) => {
                let socket = fcgi::member_socket(context, &fcgi);
                processes.extend(with_socket(program::processes(context, &fcgi, &name), socket));
                members.insert(fcgi);
            }
        }
    }
    Some(programs_group(&name, priority, processes))
}

/// The program that was probably meant.
fn member_help(context: &Context<'_>, member: &str) -> Option<String> {
    let sections = context.document.sections();
    let program = |section: &String| {
        let (kind, name) = section.split_once(':')?;
        ["program", "fcgi-program"].contains(&kind).then(|| name.to_string())
    };
    let names: Vec<String> = sections.iter().filter_map(program).collect();
    if names.iter().any(|name| name.trim_matches(is_space) == member) {
        // CFG-115.
        return Some("the section's name must be written without blanks around it".to_string());
    }
    let parts: Vec<&str> = member.split(is_space).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.iter().all(|part| names.iter().any(|name| name == part)) {
        return Some(format!("commas go between: {}", parts.join(",")));
    }
    if let Some(near) = nearest(member, names.iter().map(String::as_str)) {
        return Some(format!("did you mean {near}?"));
    }
    let some: Vec<&str> = names.iter().map(String::as_str).take(KNOWN_SHOWN).collect();
    let more = if names.len() > some.len() { ", and more" } else { "" };
    Some(match some.as_slice() {
        [] => "there is no program, nor a fcgi-program".to_string(),
        some => format!("known here: {}{more}", some.join(", ")),
    })
}

/// So many names of programs are shown to whoever wrote one that is none; of more, the first ones.
const KNOWN_SHOWN: usize = 8;

fn lone_program(context: &mut Context<'_>, section: &str) -> Option<GroupConfig> {
    let name = name(context, section)?;
    let priority = context.section(section).read("priority", 999, value::integer);
    let processes = program::processes(context, section, &name);
    Some(programs_group(&name, priority, processes))
}

/// In the reference's order: the socket is read before the processes are.
fn lone_fcgi_program(context: &mut Context<'_>, section: &str) -> Option<GroupConfig> {
    let name = name(context, section)?;
    let priority = context.section(section).read("priority", 999, value::integer);
    let socket = fcgi::socket(context, section);
    let processes = with_socket(program::processes(context, section, &name), socket);
    Some(programs_group(&name, priority, processes))
}

fn with_socket(
    mut processes: Vec<Arc<ProcessConfig>>,
    socket: Option<Arc<FcgiSocket>>,
) -> Vec<Arc<ProcessConfig>> {
    for process in &mut processes {
        Arc::make_mut(process).socket.clone_from(&socket);
    }
    processes
}

fn programs_group(name: &str, priority: i64, processes: Vec<Arc<ProcessConfig>>) -> GroupConfig {
    GroupConfig {
        name: name.into(),
        priority,
        kind: GroupKind::Programs,
        processes: program::unique(processes),
    }
}

/// The part after the colon, as a name of a group.
fn name(context: &mut Context<'_>, section: &str) -> Option<String> {
    let name = section.split_once(':').map_or("", |(_, name)| name);
    value::name(name).map_err(|sentence| context.fail(sentence, section, None)).ok()
}
