//! The `collection` command, and what becomes of collections when the configuration is read again.

use super::act::{self, Act, missing};
use super::client::Client;
use super::commands::Flow;
use super::failure::Failure;
use super::help::after_complaint;
use super::output::{Outcome, Output};
use super::session::{Session, exit};
use super::status::show;
use super::targets::Target;
use crate::api::{CollectionInfo, FaultCode, Request};

/// What can be done with collections.
pub const VERBS: [&str; 5] = ["restart", "signal", "start", "status", "stop"];

/// `collection status|start|stop|restart|signal ...`
pub fn collection(session: &mut Session, arguments: &str) -> Result<Flow, Failure> {
    if !session.is_up()? {
        return Ok(Flow::On);
    }
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let Some((verb, names)) = words.split_first() else {
        return complain(session, "Error: collection requires a subcommand");
    };
    let (signal, names) = match (*verb, names.split_first()) {
        ("signal", Some((signal, names))) => (*signal, names),
        _ => ("", names),
    };
    match (*verb, names.is_empty()) {
        ("status", true) => list_all(session)?,
        ("status", false) => each(session, names, show_members)?,
        ("start" | "stop" | "restart", true) => {
            return complain(session, &format!("Error: collection {verb} requires a collection name"));
        }
        ("signal", true) => {
            return complain(
                session,
                "Error: collection signal requires a signal name and a collection name",
            );
        }
        ("start", false) => {
            each(session, names, |session, name| act::act_on_collection(session, Act::Start, name))?
        }
        ("stop", false) => {
            each(session, names, |session, name| act::act_on_collection(session, Act::Stop, name))?
        }
        ("restart", false) => each(session, names, restart)?,
        ("signal", false) => {
            let act = Act::Signal(signal);
            each(session, names, |session, name| act::act_on_collection(session, act, name))?;
        }
        (verb, _) => return complain(session, &format!("Error: collection has no subcommand {verb}")),
    }
    Ok(Flow::On)
}

fn complain(session: &mut Session, sentence: &str) -> Result<Flow, Failure> {
    session.fail(sentence);
    session.exit_status = exit::INVALID_ARGUMENTS;
    after_complaint(session, "collection");
    Ok(Flow::On)
}

fn each(
    session: &mut Session,
    names: &[&str],
    mut act: impl FnMut(&mut Session, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    names.iter().try_for_each(|name| act(session, name.strip_prefix('@').unwrap_or(name)))
}

/// A stop, then a start, as for everything else; a name that is wrong is told once.
fn restart(session: &mut Session, name: &str) -> Result<(), Failure> {
    let known = session.client.collections()?.iter().any(|collection| collection.name.as_str() == name);
    if !known {
        missing(session, &Target::NoCollection(name.to_string()), exit::GENERIC);
        return Ok(());
    }
    act::act_on_collection(session, Act::Stop, name)?;
    act::act_on_collection(session, Act::Start, name)
}

fn show_members(session: &mut Session, name: &str) -> Result<(), Failure> {
    match session.client.processes(&Request::CollectionProcessInfo { name: name.to_string() }) {
        Ok(members) => {
            if !session.out.is_document() {
                session.out.line(&format!("Collection: {name}"));
            }
            show(session, &members);
        }
        Err(failure) if failure.is(FaultCode::BadName) => {
            missing(session, &Target::NoCollection(name.to_string()), exit::GENERIC);
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

fn list_all(session: &mut Session) -> Result<(), Failure> {
    let collections = session.client.collections()?;
    if session.out.collections(&collections) {
        return Ok(());
    }
    if collections.is_empty() {
        session.out.line("No collections configured");
    }
    collections.iter().for_each(|collection| session.out.line(&configured(collection)));
    Ok(())
}

/// A collection as its section has it.
fn configured(collection: &CollectionInfo) -> String {
    let options = [
        ("programs", &collection.program_names),
        ("groups", &collection.group_names),
        ("collections", &collection.collection_names),
        ("exclude", &collection.exclude_names),
    ];
    let options = options.into_iter().filter(|(_, names)| !names.is_empty());
    let options: Vec<String> = options.map(|(name, names)| format!("{name}={}", names.join(", "))).collect();
    format!("{}\t\t{}", collection.name, options.join(" "))
}

/// All collections; `None` where the daemon has no such thing, or does not answer.
pub fn list(client: &mut Client) -> Option<Vec<CollectionInfo>> {
    client.collections().ok()
}

/// Names of collections: added, changed, removed.
#[derive(Debug, Default)]
pub struct Differences([Vec<String>; 3]);

impl Differences {
    /// Only what the sections say counts: what they mean changes with every process that comes or goes.
    pub fn between(before: Option<Vec<CollectionInfo>>, after: Option<Vec<CollectionInfo>>) -> Differences {
        let (Some(before), Some(after)) = (before, after) else { return Differences::default() };
        let named = |list: &[CollectionInfo], name: &str| {
            list.iter().find(|it| it.name.as_str() == name).map(configured_all)
        };
        let mut differences = Differences::default();
        for collection in &after {
            let name = collection.name.to_string();
            match named(&before, &name) {
                None => differences.0[0].push(name),
                Some(was) if was != configured_all(collection) => differences.0[1].push(name),
                Some(_) => (),
            }
        }
        let gone = before.iter().filter(|collection| named(&after, collection.name.as_str()).is_none());
        differences.0[2] = gone.map(|collection| collection.name.to_string()).collect();
        differences
    }

    /// What `reread` says, below its own lines.
    pub fn tell_reread(&self, out: &mut Output) {
        let words = ["available", "changed", "disappeared"];
        let mut lines: Vec<(&String, &str)> = Vec::new();
        for (names, word) in self.0.iter().zip(words) {
            lines.extend(names.iter().map(|name| (name, word)));
        }
        lines.sort();
        if !lines.is_empty() && !out.is_document() {
            out.line("Collections:");
        }
        for (name, word) in lines {
            let result = if out.is_document() { format!("collection {word}") } else { word.to_string() };
            out.outcome(Outcome::done(name.as_str(), &result));
        }
    }

    /// What `update` says, below its own lines.
    pub fn tell_update(&self, out: &mut Output) {
        let [added, changed, removed] = &self.0;
        for (names, word) in
            [(removed, "removed collection"), (changed, "updated collection"), (added, "added collection")]
        {
            names.iter().for_each(|name| out.outcome(Outcome::done(name.as_str(), word)));
        }
    }
}

fn configured_all(collection: &CollectionInfo) -> (i64, String) {
    (collection.priority, configured(collection))
}
