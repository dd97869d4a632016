//! What popular plug-ins of the stock client do, built in: supervisor-wildcards and supervisor-serialrestart.

use super::act::{self, Act};
use super::commands::Flow;
use super::failure::Failure;
use super::help::after_complaint;
use super::session::{Session, exit};
use super::targets::{collection_members, shown};
use super::together::act_on_each;
use crate::api::Request;
use crate::config::client::{BUILT_IN, CtlPlugin, WILDCARDS};
use crate::config::foreign::instead;
use crate::names::pattern_matches;

/// A line for each plug-in whose commands will be missing.
pub fn warnings(plugins: &[CtlPlugin]) -> Vec<String> {
    let foreign = plugins.iter().filter(|plugin| !BUILT_IN.contains(&plugin.factory.as_str()));
    foreign
        .map(|plugin| {
            let CtlPlugin { section, factory, .. } = plugin;
            format!("warning: [{section}] is left out: {factory}: {}", instead(factory))
        })
        .collect()
}

/// `mstart <pattern>...`
pub fn mstart(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    by_pattern(session, arguments, &[Act::Start])
}

/// `mstop <pattern>...`
pub fn mstop(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    by_pattern(session, arguments, &[Act::Stop])
}

/// `mrestart <pattern>...`
pub fn mrestart(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    by_pattern(session, arguments, &[Act::Stop, Act::Start])
}

/// All at once, as in the plug-in, which has a thread for each process.
fn by_pattern(session: &mut Session, arguments: &str, acts: &[Act<'_>]) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let mut patterns: Vec<&str> = arguments.split_whitespace().collect();
    if patterns.contains(&"all") {
        patterns = vec!["*"];
    }
    let members = members(session, &patterns)?;
    let with_group = option(session, WILDCARDS, "match_group");
    let mut names = Vec::new();
    for process in session.client.processes(&Request::AllProcessInfo)? {
        let (group, name) = (process.info.group.as_str(), process.info.name.as_str());
        let namespec = format!("{group}:{name}");
        let matched = if with_group { namespec.as_str() } else { name };
        let fits = |pattern: &&str| pattern_matches(pattern, matched);
        if patterns.iter().any(fits) || members.contains(&shown(group, name)) {
            names.push((group.to_string(), name.to_string()));
        }
    }
    if names.is_empty() {
        session.out.line("No process matched given expression.");
    }
    act_on_each(session, acts, names)?;
    Ok(Flow::On)
}

/// What the collections among the words have.
fn members(session: &mut Session, words: &[&str]) -> Result<Vec<String>, Failure> {
    let mut members = Vec::new();
    for word in words {
        members.extend(collection_members(&mut session.client, word)?.unwrap_or_default());
    }
    Ok(members)
}

/// `serialrestart <pattern>...`: each process is up again before the next is stopped.
pub fn serialrestart(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let patterns: Vec<&str> = arguments.split_whitespace().collect();
    if patterns.is_empty() {
        session.out.line("Error: serialrestart requires a process name");
        session.exit_status = exit::INVALID_ARGUMENTS;
        after_complaint(session, "serialrestart");
        return Ok(Flow::On);
    }
    let all = session.client.processes(&Request::AllProcessInfo)?;
    let all: Vec<String> =
        all.iter().map(|process| shown(process.info.group.as_str(), process.info.name.as_str())).collect();
    let mut names: Vec<String> = Vec::new();
    if patterns.contains(&"all") {
        names = all;
    } else {
        for pattern in patterns {
            let fitting = match collection_members(&mut session.client, pattern)? {
                Some(members) => members,
                None => all.iter().filter(|name| pattern_matches(pattern, name)).cloned().collect(),
            };
            if fitting.is_empty() {
                session.fail(&format!("No such process {pattern}"));
            }
            let new: Vec<String> = fitting.into_iter().filter(|name| !names.contains(name)).collect();
            names.extend(new);
        }
    }
    for name in &names {
        act::act_on(session, Act::Stop, &[name])?;
        act::act_on(session, Act::Start, &[name])?;
    }
    Ok(Flow::On)
}

/// A switch in the section of a plug-in; any number but 0 is on.
fn option(session: &Session, factory: &str, name: &str) -> bool {
    let plugin = session.settings.plugins.iter().find(|plugin| plugin.factory == factory);
    let value = plugin.and_then(|plugin| plugin.options.get(name));
    value.is_some_and(|value| value.trim().parse::<i64>().is_ok_and(|number| number != 0))
}
