//! What the page's buttons do. Each is ordinary requests to the supervisor, the same as over XML-RPC.

use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use super::snapshot::Snapshot;
use super::view::View;
use crate::api::{Fault, FaultCode, Outcome, Reply, Request, Target};
use crate::daemon::handle::Handle;

/// How long the page waits for what it has asked for. What takes longer goes on, and the page shows how: a browser has
/// few connections to one server, and a start may take minutes.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Processes that a sentence names; the others are counted.
const NAMED_MAX: usize = 4;

/// What became of a button's press, in a sentence for people.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub(super) struct Said {
    pub(super) ok: bool,
    pub(super) text: String,
}

impl Said {
    fn well(text: String) -> Said {
        Said { ok: true, text }
    }

    fn badly(text: String) -> Said {
        Said { ok: false, text }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    Start,
    Stop,
    Restart,
    Clear,
}

impl Verb {
    fn parse(word: &str) -> Option<Verb> {
        match word {
            "start" => Some(Verb::Start),
            "stop" => Some(Verb::Stop),
            "restart" => Some(Verb::Restart),
            "clear" => Some(Verb::Clear),
            _ => None,
        }
    }

    fn imperative(self) -> &'static str {
        match self {
            Verb::Start => "start",
            Verb::Stop => "stop",
            Verb::Restart => "restart",
            Verb::Clear => "clear the log of",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Verb::Start => "started",
            Verb::Stop => "stopped",
            Verb::Restart => "restarted",
            Verb::Clear => "log cleared",
        }
    }
}

/// Whom a button is for.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Whom {
    Process(String),
    /// `group:*`.
    Group(String),
    Collection(String),
    Everything,
    /// Those that a filter has left, in the order of their names.
    Shown(Vec<String>),
}

impl Whom {
    fn target(&self) -> Option<Target> {
        match self {
            Whom::Process(name) | Whom::Group(name) => Some(Target::Namespec(name.clone())),
            Whom::Collection(name) => Some(Target::Collection(name.clone())),
            Whom::Everything => Some(Target::All),
            Whom::Shown(_) => None,
        }
    }

    fn name(&self) -> String {
        match self {
            Whom::Process(name) => name.clone(),
            Whom::Group(name) => format!("group {}", name.strip_suffix(":*").unwrap_or(name)),
            Whom::Collection(name) => format!("collection {name}"),
            Whom::Everything => "all processes".to_string(),
            Whom::Shown(names) => format!("{} processes", names.len()),
        }
    }
}

/// Does what a button says: `stop:NAMESPEC`, `stop:GROUP:*`, `stop@COLLECTION`, or `stop` for all that the view
/// shows. Waits until it is done, but no longer than [`ANSWER_TIME`].
pub(super) async fn act(handle: &Handle, button: &str, view: &View, all: Snapshot) -> Said {
    let Some((verb, whom)) = read(button, view, &all) else {
        return Said::badly(format!("There is no such action: {button}"));
    };
    drop(all);
    let under_way = format!("Asked to {} {}; it is under way", verb.imperative(), whom.name());
    let handle = handle.clone();
    let mut work = tokio::spawn(async move { perform(&handle, verb, &whom).await });
    match tokio::time::timeout(ANSWER_TIME, &mut work).await {
        Ok(Ok(said)) => said,
        Ok(Err(_)) => Said::badly("supervisord could not do this; its log may say why".to_string()),
        Err(_) => Said::well(under_way),
    }
}

fn read(button: &str, view: &View, all: &Snapshot) -> Option<(Verb, Whom)> {
    if let Some(verb) = Verb::parse(button) {
        let whom = match (&view.collection, view.filter.is_empty()) {
            (None, true) => Whom::Everything,
            (Some(name), true) => Whom::Collection(name.clone()),
            (_, false) => {
                let usual = View { sort: super::view::Sort::Name, descending: false, ..view.clone() };
                Whom::Shown(usual.rows(all)?.iter().map(|row| row.id.clone()).collect())
            }
        };
        return Some((verb, whom));
    }
    let (word, name) = button.split_at(button.find([':', '@'])?);
    let verb = Verb::parse(word)?;
    Some(match name.split_at(1) {
        ("@", name) => (verb, Whom::Collection(name.to_string())),
        (_, name) if name.ends_with(":*") => (verb, Whom::Group(name.to_string())),
        (_, name) => (verb, Whom::Process(name.to_string())),
    })
}

async fn perform(handle: &Handle, verb: Verb, whom: &Whom) -> Said {
    match whom {
        Whom::Process(name) => one(handle, verb, name).await,
        Whom::Shown(names) => told(verb, whom, each(handle, verb, names).await),
        Whom::Group(_) | Whom::Collection(_) | Whom::Everything => {
            told(verb, whom, many(handle, verb, whom).await)
        }
    }
}

async fn one(handle: &Handle, verb: Verb, name: &str) -> Said {
    match ask_one(handle, verb, name).await {
        Ok(()) => Said::well(format!("{name}: {}", verb.done())),
        Err(fault) => Said::badly(format!("Could not {} {name}: {}", verb.imperative(), reason(&fault))),
    }
}

async fn ask_one(handle: &Handle, verb: Verb, name: &str) -> Result<(), Fault> {
    let target = || Target::Namespec(name.to_string());
    let request = match verb {
        Verb::Start => Request::Start { target: target(), wait: true },
        Verb::Stop => Request::Stop { target: target(), wait: true },
        Verb::Clear => Request::ClearProcessLogs { target: target() },
        Verb::Restart => {
            match handle.call(Request::Stop { target: target(), wait: true }).await {
                Ok(_) => (),
                Err(fault) if fault.code == FaultCode::NotRunning => (),
                Err(fault) => return Err(fault),
            }
            Request::Start { target: target(), wait: true }
        }
    };
    handle.call(request).await.map(drop)
}

/// Names of those that did it, and those that did not with the reason.
type Results = Vec<(String, Result<(), String>)>;

async fn many(handle: &Handle, verb: Verb, whom: &Whom) -> Result<Results, Fault> {
    let target = whom.target().unwrap_or(Target::All);
    let request = match (verb, whom) {
        (Verb::Start, _) => Request::Start { target, wait: true },
        (Verb::Stop, _) => Request::Stop { target, wait: true },
        (Verb::Clear, Whom::Group(_) | Whom::Collection(_)) => {
            // Those calls know one process, or all.
            return Err(Fault::new(FaultCode::BadName, whom.name()));
        }
        (Verb::Clear, _) => Request::ClearProcessLogs { target },
        (Verb::Restart, Whom::Collection(name)) => Request::Restart { collection: name.clone(), wait: true },
        (Verb::Restart, _) => {
            let stopped = outcomes(handle.call(Request::Stop { target: target.clone(), wait: true }).await?);
            let mut results = outcomes(handle.call(Request::Start { target, wait: true }).await?);
            results.extend(stopped.into_iter().filter(|(_, result)| result.is_err()));
            return Ok(results);
        }
    };
    handle.call(request).await.map(outcomes)
}

/// One request for each: all are under way at once, in order; those that are as wanted already are left alone.
async fn each(handle: &Handle, verb: Verb, names: &[String]) -> Result<Results, Fault> {
    if verb == Verb::Restart {
        let stopped = Box::pin(each(handle, Verb::Stop, names)).await?;
        let mut results = Box::pin(each(handle, Verb::Start, names)).await?;
        results.extend(stopped.into_iter().filter(|(_, result)| result.is_err()));
        return Ok(results);
    }
    let mut names = names.to_vec();
    if verb == Verb::Stop {
        names.reverse();
    }
    let mut asked = JoinSet::new();
    for name in names {
        let handle = handle.clone();
        asked.spawn(async move {
            let result = ask_one(&handle, verb, &name).await;
            (name, result)
        });
    }
    let mut results = Results::new();
    while let Some(ended) = asked.join_next().await {
        match ended {
            Ok((_, Err(fault))) if is_as_wanted(verb, &fault) => (),
            Ok((_, Err(fault))) if fault.code == FaultCode::ShutdownState => return Err(fault),
            Ok((name, result)) => results.push((name, result.map_err(|fault| reason(&fault)))),
            Err(_) => (),
        }
    }
    Ok(results)
}

fn is_as_wanted(verb: Verb, fault: &Fault) -> bool {
    match verb {
        Verb::Start => fault.code == FaultCode::AlreadyStarted,
        Verb::Stop => fault.code == FaultCode::NotRunning,
        Verb::Restart | Verb::Clear => false,
    }
}

fn outcomes(reply: Reply) -> Results {
    let Reply::Outcomes(outcomes) = reply else { return Results::new() };
    let result = |outcome: &Outcome| {
        let fault = Fault::new(outcome.status, outcome.description.clone());
        if outcome.status == FaultCode::Success { Ok(()) } else { Err(reason(&fault)) }
    };
    outcomes
        .iter()
        .map(|outcome| (crate::names::Namespec::display(&outcome.group, &outcome.name), result(outcome)))
        .collect()
}

fn told(verb: Verb, whom: &Whom, results: Result<Results, Fault>) -> Said {
    let results = match results {
        Ok(mut results) => {
            results.sort();
            results
        }
        Err(fault) => {
            return Said::badly(format!(
                "Could not {} {}: {}",
                verb.imperative(),
                whom.name(),
                reason(&fault)
            ));
        }
    };
    let failed: Vec<String> = results
        .iter()
        .filter_map(|(name, result)| Some(format!("{name} ({})", result.as_ref().err()?)))
        .collect();
    let done: Vec<String> =
        results.iter().filter(|(_, result)| result.is_ok()).map(|(name, _)| name.clone()).collect();
    match (done.is_empty(), failed.is_empty()) {
        (true, true) => Said::well(format!("Nothing to {} in {}", verb.imperative(), whom.name())),
        (false, true) => Said::well(format!("{}: {}", list(&done), verb.done())),
        (true, false) => Said::badly(format!("Could not {} {}", verb.imperative(), list(&failed))),
        (false, false) => Said::badly(format!(
            "{}: {}. Could not {} {}",
            list(&done),
            verb.done(),
            verb.imperative(),
            list(&failed)
        )),
    }
}

/// `a, b and c`, or with a count where they are many.
fn list(names: &[String]) -> String {
    let shown = if names.len() <= NAMED_MAX { names.len() } else { NAMED_MAX - 1 };
    let rest = match names.len() - shown {
        0 => None,
        more => Some(format!("{more} more")),
    };
    let parts: Vec<&str> = names[..shown].iter().map(String::as_str).chain(rest.as_deref()).collect();
    match parts.split_last() {
        Some((last, [])) => (*last).to_string(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Why not, in words.
fn reason(fault: &Fault) -> String {
    let words = match fault.code {
        FaultCode::NoFile => "there is no such file",
        FaultCode::NotExecutable => "the file is not executable",
        FaultCode::AlreadyStarted => "it runs already",
        FaultCode::NotRunning => "it does not run",
        FaultCode::SpawnError => "it could not be started, or ended too quickly",
        FaultCode::AbnormalTermination => "it ended while it was waited for",
        FaultCode::BadName => "there is nothing of that name",
        FaultCode::ShutdownState => "supervisord is shutting down",
        FaultCode::UnknownMethod
        | FaultCode::IncorrectParameters
        | FaultCode::BadArguments
        | FaultCode::SignatureUnsupported
        | FaultCode::BadSignal
        | FaultCode::Failed
        | FaultCode::Success
        | FaultCode::AlreadyAdded
        | FaultCode::StillRunning
        | FaultCode::CantReread
        | FaultCode::NotInWhitelist => return fault.to_string(),
    };
    words.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::super::query::Query;
    use super::super::row::Row;
    use super::super::snapshot::Collection;
    use super::*;
    use crate::daemon::handle::Call;

    fn snapshot() -> Snapshot {
        let row = |id: &str| Row {
            id: id.to_string(),
            group: "g".to_string(),
            state: "RUNNING",
            rank: 7,
            pid: 0,
            start: 0,
            stop: 0,
            exit: String::new(),
            what: String::new(),
            out: true,
            err: true,
            can_start: false,
            can_stop: true,
        };
        let members = vec!["g:b".to_string(), "g:a".to_string()];
        Snapshot {
            name: String::new(),
            now: 0,
            rows: ["g:a", "g:b", "g:ab"].map(row).to_vec(),
            collections: vec![Collection { name: "c".to_string(), members }],
        }
    }

    fn view(query: &str) -> View {
        View::of(&Query::parse(query))
    }

    #[test]
    fn a_button_says_what_it_is_for() {
        let read = |button: &str, query: &str| read(button, &view(query), &snapshot());
        let process = |name: &str| Whom::Process(name.to_string());
        assert_eq!(read("stop:g:a", "collection=c"), Some((Verb::Stop, process("g:a"))));
        assert_eq!(read("clear:x", ""), Some((Verb::Clear, process("x"))));
        assert_eq!(read("start:g:*", ""), Some((Verb::Start, Whom::Group("g:*".to_string()))));
        assert_eq!(read("restart@c", ""), Some((Verb::Restart, Whom::Collection("c".to_string()))));
        assert_eq!(read("stop", ""), Some((Verb::Stop, Whom::Everything)));
        assert_eq!(read("stop", "collection=c"), Some((Verb::Stop, Whom::Collection("c".to_string()))));
        // A filter narrows what "all" means to what is seen, and the order of the rows has no part in it.
        let shown = Whom::Shown(vec!["g:a".to_string(), "g:ab".to_string()]);
        assert_eq!(read("stop", "q=g:A&sort=state&desc=1"), Some((Verb::Stop, shown)));
        assert_eq!(
            read("stop", "q=b&collection=c"),
            Some((Verb::Stop, Whom::Shown(vec!["g:b".to_string()])))
        );
        for nonsense in ["", "halt", "halt:x", "stop x"] {
            assert_eq!(read(nonsense, ""), None, "{nonsense}");
        }
        assert_eq!(read("stop", "collection=none&q=x"), None);
    }

    /// A supervisor of straw; it gives what `reply` says, or never answers.
    fn straw(
        reply: fn(&Request) -> Option<Result<Reply, Fault>>,
    ) -> (Handle, mpsc::UnboundedReceiver<Request>) {
        let (handle, mut calls) = Handle::new();
        let (heard, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Some(Call { request, answer }) = calls.recv().await {
                match reply(&request) {
                    Some(reply) => drop(answer.send(reply)),
                    None => kept.push(answer),
                }
                let _ = heard.send(request);
            }
        });
        (handle, asked)
    }

    fn outcome(name: &str, status: FaultCode) -> Outcome {
        Outcome { name: name.into(), group: "g".into(), status, description: "d".to_string() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_starts_also_what_does_not_run() {
        let (handle, mut asked) = straw(|request| {
            let stop = matches!(request, Request::Stop { .. });
            Some(if stop { Err(FaultCode::NotRunning.into()) } else { Ok(Reply::True) })
        });
        let said = act(&handle, "restart:g:a", &view(""), snapshot()).await;
        assert_eq!(said, Said::well("g:a: restarted".to_string()));
        let target = || Target::Namespec("g:a".to_string());
        assert_eq!(asked.recv().await, Some(Request::Stop { target: target(), wait: true }));
        assert_eq!(asked.recv().await, Some(Request::Start { target: target(), wait: true }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_goes_on_and_the_page_is_answered() {
        let (handle, mut asked) = straw(|_| None);
        let said = act(&handle, "start:g:a", &view(""), snapshot()).await;
        assert_eq!(said, Said::well("Asked to start g:a; it is under way".to_string()));
        assert!(matches!(asked.recv().await, Some(Request::Start { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_a_filter_shows_are_asked_for_one_by_one_and_skipped_where_they_are_as_wanted() {
        let (handle, mut asked) = straw(|request| match request {
            Request::Stop { target: Target::Namespec(name), .. } if name == "g:a" => {
                Some(Err(FaultCode::NotRunning.into()))
            }
            _ => Some(Ok(Reply::True)),
        });
        let said = act(&handle, "stop", &view("q=a"), snapshot()).await;
        assert_eq!(said, Said::well("g:ab: stopped".to_string()));
        let stop = |name: &str| Request::Stop { target: Target::Namespec(name.to_string()), wait: true };
        assert_eq!(asked.recv().await, Some(stop("g:ab")), "the last first");
        assert_eq!(asked.recv().await, Some(stop("g:a")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sentence_names_those_that_failed() {
        let (handle, _asked) = straw(|_| {
            Some(Ok(Reply::Outcomes(vec![
                outcome("a", FaultCode::Success),
                outcome("b", FaultCode::SpawnError),
            ])))
        });
        let said = act(&handle, "start@c", &view(""), snapshot()).await;
        let text = "g:a: started. Could not start g:b (it could not be started, or ended too quickly)";
        assert_eq!(said, Said::badly(text.to_string()));
        let said = act(&handle, "halt", &view(""), snapshot()).await;
        assert_eq!(said, Said::badly("There is no such action: halt".to_string()));
    }

    #[test]
    fn long_lists_are_counted() {
        let names: Vec<String> = (0..7).map(|number| number.to_string()).collect();
        let said = [0, 1, 2, 4, 5, 7].map(|count| list(&names[..count]));
        assert_eq!(said, ["", "0", "0 and 1", "0, 1, 2 and 3", "0, 1, 2 and 2 more", "0, 1, 2 and 4 more"]);
    }
}
