//! Names on the command line: processes, groups, collections, patterns.

use super::client::Client;
use super::failure::Failure;
use crate::api::received::Described;
use crate::api::{FaultCode, Request};
use crate::names::{Namespec, pattern_matches};

/// What one word means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// One process; the text as it goes to the server.
    Process { text: String, group: String, name: String },
    /// `group:*` and `group:`.
    Group(String),
    /// `@name`, without the sign, and what it means now.
    Collection(String, Vec<Described>),
    /// `@name` where there is none such.
    NoCollection(String),
}

impl Target {
    fn process(group: &str, name: &str) -> Target {
        Target::Process { text: format!("{group}:{name}"), group: group.to_string(), name: name.to_string() }
    }

    /// The word taken as the reference takes it.
    pub fn plain(word: &str) -> Target {
        let Namespec { group, process } = Namespec::parse(word);
        match process {
            Some(name) => {
                Target::Process { text: word.to_string(), group: group.to_string(), name: name.to_string() }
            }
            None => Target::Group(group.to_string()),
        }
    }
}

/// `group:process`, or short where both are called the same.
pub fn shown(group: &str, name: &str) -> String {
    if group == name { name.to_string() } else { format!("{group}:{name}") }
}

/// What the words mean, in their order; a pattern becomes all that fits it.
pub fn resolve(client: &mut Client, words: &[&str]) -> Result<Vec<Target>, Failure> {
    let mut all = None;
    let mut targets = Vec::new();
    for word in words {
        if let Some(name) = collection_name(word) {
            targets.push(collection(client, word, name)?);
        } else if is_pattern(word) {
            if all.is_none() {
                all = Some(client.processes(&Request::AllProcessInfo)?);
            }
            let fitting = fitting(word, all.as_deref().unwrap_or_default());
            // What fits nothing is a name like any, and the server will know none such.
            if fitting.is_empty() { targets.push(Target::plain(word)) } else { targets.extend(fitting) }
        } else {
            targets.push(Target::plain(word));
        }
    }
    Ok(targets)
}

/// Members of what the words mean, in their order, for commands that act on one process at a time. A group that is
/// not there gives `Err` with its name.
pub fn members(client: &mut Client, words: &[&str]) -> Result<Vec<Result<Target, Target>>, Failure> {
    let targets = resolve(client, words)?;
    let mut all = None;
    let mut members = Vec::new();
    for target in targets {
        match target {
            Target::Process { .. } => members.push(Ok(target)),
            Target::NoCollection(_) => members.push(Err(target)),
            Target::Collection(_, processes) => members.extend(processes.iter().map(|it| Ok(of(it)))),
            Target::Group(group) => {
                if all.is_none() {
                    all = Some(client.processes(&Request::AllProcessInfo)?);
                }
                let its = all.iter().flatten().filter(|it| it.info.group.as_str() == group);
                let its: Vec<_> = its.map(|it| Ok(of(it))).collect();
                if its.is_empty() { members.push(Err(Target::Group(group))) } else { members.extend(its) }
            }
        }
    }
    Ok(members)
}

fn of(process: &Described) -> Target {
    Target::process(process.info.group.as_str(), process.info.name.as_str())
}

/// Members of a collection, as they are shown; `None` where the word means no collection.
pub fn collection_members(client: &mut Client, word: &str) -> Result<Option<Vec<String>>, Failure> {
    let Some(name) = collection_name(word) else { return Ok(None) };
    Ok(match collection(client, word, name)? {
        Target::Collection(_, members) => {
            let shown = |it: &Described| shown(it.info.group.as_str(), it.info.name.as_str());
            Some(members.iter().map(shown).collect())
        }
        Target::Process { .. } | Target::Group(_) | Target::NoCollection(_) => None,
    })
}

/// The name in `@name`, and in `@name:*` and `@name:`, as a client without collections has to write it.
fn collection_name(word: &str) -> Option<&str> {
    let name = word.strip_prefix('@')?;
    let name = name.strip_suffix(":*").or(name.strip_suffix(':')).unwrap_or(name);
    (!name.is_empty() && !name.contains(':')).then_some(name)
}

/// A process of that very name wins, or a group; a server without collections has none.
fn collection(client: &mut Client, word: &str, name: &str) -> Result<Target, Failure> {
    if owns(client, word)? {
        return Ok(Target::plain(word));
    }
    match client.processes(&Request::CollectionProcessInfo { name: name.to_string() }) {
        Ok(members) => Ok(Target::Collection(name.to_string(), members)),
        Err(failure) if failure.is(FaultCode::BadName) => Ok(Target::NoCollection(name.to_string())),
        Err(failure) if failure.is(FaultCode::UnknownMethod) => Ok(Target::plain(word)),
        Err(failure) => Err(failure),
    }
}

/// Whether there is a process of that name, or a group for `name:*`.
fn owns(client: &mut Client, word: &str) -> Result<bool, Failure> {
    if let Namespec { group, process: None } = Namespec::parse(word) {
        let all = client.processes(&Request::AllProcessInfo)?;
        return Ok(all.iter().any(|it| it.info.group.as_str() == group));
    }
    match client.process(&Request::ProcessInfo { name: word.to_string() }) {
        Ok(_) => Ok(true),
        Err(failure) if failure.is(FaultCode::BadName) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Whether a word is a pattern; the star of `group:*` alone makes none.
fn is_pattern(word: &str) -> bool {
    let special = |text: &str| text.contains(['*', '?', '[']);
    match word.split_once(':') {
        Some((group, "*")) => special(group),
        Some((_, _)) | None => special(word),
    }
}

/// What fits a pattern: groups for `pattern:*`, else processes, by their own name, by `group:process`, or short.
fn fitting(pattern: &str, all: &[Described]) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    for process in all {
        let (group, name) = (process.info.group.as_str(), process.info.name.as_str());
        let target = match pattern.split_once(':') {
            Some((groups, "*" | "")) => {
                pattern_matches(groups, group).then(|| Target::Group(group.to_string()))
            }
            Some((groups, names)) => (pattern_matches(groups, group) && pattern_matches(names, name))
                .then(|| Target::process(group, name)),
            None => (pattern_matches(pattern, name) || pattern_matches(pattern, &shown(group, name)))
                .then(|| Target::process(group, name)),
        };
        found.extend(target.filter(|target| !found.contains(target)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ProcessInfo;

    fn process(group: &str, name: &str) -> Described {
        Described { info: ProcessInfo::of_stopped(group, name), description: String::new() }
    }

    fn found(pattern: &str) -> Vec<String> {
        let all = [("web", "web"), ("jobs", "worker_00"), ("jobs", "worker_01"), ("worker", "worker")];
        let all = all.map(|(group, name)| process(group, name));
        let shown = |target: &Target| match target {
            Target::Process { group, name, .. } => super::shown(group, name),
            Target::Group(group) => format!("{group}:*"),
            Target::Collection(name, _) | Target::NoCollection(name) => format!("@{name}"),
        };
        fitting(pattern, &all).iter().map(shown).collect()
    }

    #[test]
    fn patterns_fit_process_names_and_namespecs() {
        assert_eq!(found("w*"), ["web", "jobs:worker_00", "jobs:worker_01", "worker"]);
        assert_eq!(found("jobs*"), ["jobs:worker_00", "jobs:worker_01"]);
        assert_eq!(found("worker_0[1-9]"), ["jobs:worker_01"]);
        assert_eq!(found("j*:*_00"), ["jobs:worker_00"]);
        assert_eq!(found("*o*:*"), ["jobs:*", "worker:*"]);
        assert_eq!(found("x*"), [""; 0]);
    }

    #[test]
    fn a_collection_is_named_with_and_without_the_star() {
        for (word, expected) in [
            ("@a", Some("a")),
            ("@a:*", Some("a")),
            ("@a:", Some("a")),
            ("@a*", Some("a*")),
            ("@a:b", None),
            ("@a:b:*", None),
            ("@", None),
            ("@:*", None),
            ("a", None),
        ] {
            assert_eq!(collection_name(word), expected, "{word}");
        }
    }

    #[test]
    fn a_whole_group_is_no_pattern() {
        for (word, expected) in [
            ("g:*", false),
            ("g:", false),
            ("g:p", false),
            ("*", true),
            ("g*:*", true),
            ("g:p?", true),
            ("a[b", true),
        ] {
            assert_eq!(is_pattern(word), expected, "{word}");
        }
    }
}
