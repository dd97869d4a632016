//! What probes and metrics are told.

use std::sync::Arc;

use super::super::testing::{World, collection, config, group};
use super::namespec;
use crate::api::metrics::Metrics;
use crate::api::{Fault, FaultCode, Reply, Request};
use crate::config::AutoRestart;
use crate::names::{ExitStatus, Signal};
use crate::supervisor::Input;

/// Five processes: `auto` starts by itself, `hand` does not; `once` and `odd` are not started again.
fn world() -> World {
    let mut all = group("g", 1, &["auto", "hand", "once", "odd", "slow"]);
    Arc::make_mut(&mut all.processes[1]).autostart = false;
    Arc::make_mut(&mut all.processes[2]).autorestart = AutoRestart::Never;
    Arc::make_mut(&mut all.processes[3]).autorestart = AutoRestart::Never;
    Arc::make_mut(&mut all.processes[4]).startsecs = 3_600;
    let views = vec![collection("well", &["auto", "hand", "once"]), collection("all", &["*"])];
    let mut world = World::begin(config(vec![all], views));
    world.until(5);
    world
}

fn unwell(world: &mut World, collection: Option<&str>) -> Vec<String> {
    match world.answer(Request::Health { collection: collection.map(str::to_string) }) {
        Ok(Reply::Processes(infos)) => {
            infos.iter().map(|info| format!("{} {}", info.name, info.state)).collect()
        }
        other => panic!("expected processes, got {other:?}"),
    }
}

fn metrics(world: &mut World) -> Metrics {
    match world.answer(Request::Metrics) {
        Ok(Reply::Metrics(metrics)) => *metrics,
        other => panic!("expected metrics, got {other:?}"),
    }
}

#[test]
fn unwell_is_who_should_run_and_neither_does_nor_has_ended_as_expected() {
    let mut world = world();
    assert_eq!(unwell(&mut world, None), ["slow STARTING"]);
    world.exit("g:once", 0);
    assert_eq!(unwell(&mut world, None), ["slow STARTING"], "0 is among its exitcodes");
    world.exit("g:odd", 3);
    assert_eq!(unwell(&mut world, None), ["odd EXITED", "slow STARTING"]);
    world.ask(Request::Stop { target: namespec("g:auto"), wait: false });
    assert_eq!(unwell(&mut world, None), ["auto STOPPING", "odd EXITED", "slow STARTING"]);
    world.exit("g:auto", 0);
    assert_eq!(unwell(&mut world, None), ["auto STOPPED", "odd EXITED", "slow STARTING"]);
}

#[test]
fn unwell_can_be_asked_of_a_collection_and_an_unknown_one_is_told_by_its_name() {
    let mut world = world();
    assert_eq!(unwell(&mut world, Some("well")), Vec::<String>::new());
    assert_eq!(unwell(&mut world, Some("all")), ["slow STARTING"]);
    let unknown = world.answer(Request::Health { collection: Some("nobody".to_string()) });
    assert_eq!(unknown, Err(Fault::new(FaultCode::BadName, "nobody")));
}

#[test]
fn starts_restarts_and_ends_are_counted() {
    let mut world = world();
    world.exit("g:auto", 7);
    world.until(10);
    world.exit("g:auto", 7);
    world.until(15);
    let (key, _) = world.children.remove("g:auto").unwrap();
    let killed = ExitStatus::Signaled { signal: Signal::KILL, core_dumped: true };
    world.turn(Input::Exited(key, killed));
    world.until(20);
    // A start by hand is no restart.
    world.ask(Request::Stop { target: namespec("g:auto"), wait: false });
    world.exit("g:auto", 0);
    world.ask(Request::Start { target: namespec("g:auto"), wait: false });
    let metrics = metrics(&mut world);
    let counts = |name: &str| {
        let process = metrics.processes.iter().find(|process| process.info.name.as_str() == name).unwrap();
        (process.starts, process.restarts, process.exits.clone())
    };
    let exits = [("0", 1), ("7", 2), ("SIGKILL", 1)].map(|(code, count)| (code.to_string(), count));
    assert_eq!(counts("auto"), (5, 3, exits.to_vec()));
    assert_eq!(counts("hand"), (0, 0, Vec::new()));
    let events: Vec<&str> = metrics.events.iter().map(|(kind, _)| *kind).collect();
    assert!(
        events.contains(&"PROCESS_STATE_EXITED") && events.contains(&"SUPERVISOR_STATE_CHANGE_RUNNING"),
        "{events:?}"
    );
    let exited = metrics.events.iter().find(|(kind, _)| *kind == "PROCESS_STATE_EXITED");
    assert_eq!(exited, Some(&("PROCESS_STATE_EXITED", 3)), "whether or not anybody listens");
}

#[test]
fn a_failed_start_that_is_tried_again_is_a_restart() {
    let mut all = group("a", 1, &["a"]);
    Arc::make_mut(&mut all.processes[0]).autostart = false;
    let mut world = World::begin(config(vec![all], vec![]));
    world.no_fork.insert("a".to_string());
    world.ask(Request::Start { target: namespec("a"), wait: false });
    let mut starts = Vec::new();
    for second in [0, 1, 2, 4, 5] {
        world.until(second);
        let process = metrics(&mut world).processes.remove(0);
        starts.push((process.starts, process.restarts));
    }
    assert_eq!(starts.last(), Some(&(3, 2)), "{starts:?}");
}

#[test]
fn each_collection_lists_its_members_by_their_places() {
    let mut world = world();
    let metrics = metrics(&mut world);
    let named = |place: &usize| metrics.processes[*place].info.name.to_string();
    let listed: Vec<(String, Vec<String>)> = metrics
        .collections
        .iter()
        .map(|(name, members)| (name.to_string(), members.iter().map(named).collect()))
        .collect();
    let expected =
        [("well", vec!["auto", "hand", "once"]), ("all", vec!["auto", "hand", "once", "odd", "slow"])];
    let expected =
        expected.map(|(name, members)| (name.to_string(), members.iter().map(|m| m.to_string()).collect()));
    assert_eq!(listed, expected);
}
