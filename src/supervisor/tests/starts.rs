//! Many starts at once, and who is heard meanwhile.

use std::sync::Arc;

use super::{outcomes, start};
use crate::api::{Reply, Request, Target};
use crate::names::{Pid, Signal};
use crate::supervisor::testing::{World, at, config, group};
use crate::supervisor::{Effect, Input, Instant, STARTS_PER_TURN, Supervisor};

fn spawned(world: &World) -> Vec<&str> {
    world.said.iter().filter_map(|line| line.strip_prefix("spawn g:")).collect()
}

#[test]
fn ten_thousand_autostarts_leave_room_for_a_request() {
    let names: Vec<String> = (0..200).map(|i| format!("p{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::begin(config(vec![group("g", 1, &names)], vec![]));
    assert_eq!(spawned(&world).len(), STARTS_PER_TURN);
    assert!(world.answer(Request::Pid).is_ok());
    assert!(spawned(&world).len() <= 2 * STARTS_PER_TURN);
    world.until(0);
    assert_eq!(spawned(&world).len(), 200);
}

/// A world of 50 processes that wait to be started.
fn fifty_stopped() -> World {
    let names: Vec<String> = (0..50).map(|i| format!("p{i:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut all = group("g", 1, &names);
    for process in &mut all.processes {
        Arc::make_mut(process).autostart = false;
    }
    World::begin(config(vec![all], vec![]))
}

#[test]
fn a_start_of_everything_leaves_room_for_another_request() {
    let mut world = fifty_stopped();
    let id = world.ask(start(Target::All));
    assert_eq!(spawned(&world).len(), STARTS_PER_TURN);
    assert!(world.answer(Request::Pid).is_ok());
    assert_eq!(spawned(&world).len(), 2 * STARTS_PER_TURN);
    world.until(0);
    assert!(spawned(&world).is_sorted() && spawned(&world).len() == 50, "{:?}", spawned(&world));
    assert!(!world.replies.contains_key(&id), "it is answered before all run");
    world.until(2);
    let answered = outcomes(world.replies.get(&id));
    assert!(answered.is_sorted() && answered.len() == 50, "{answered:?}");
}

#[test]
fn who_dies_while_others_are_still_to_be_started_is_told_after_those_not_waited_for_rpc_035() {
    let mut world = fifty_stopped();
    world.no_fork.insert("g:p49".to_string());
    let id = world.ask(start(Target::All));
    world.exit("g:p00", 0);
    assert!(spawned(&world).len() < 50);
    world.until(2);
    let answered = outcomes(world.replies.get(&id));
    assert_eq!(answered[0], "p49 SPAWN_ERROR: g:p49");
    assert_eq!(answered[1], "p00 SPAWN_ERROR: g:p00");
    assert_eq!(answered[2], "p01 OK");
    assert_eq!(answered.len(), 50);
}

#[test]
fn a_shutdown_in_the_middle_of_a_start_starts_no_more() {
    let mut world = fifty_stopped();
    let id = world.ask(start(Target::All));
    world.turn(Input::Signal(Signal::TERM));
    world.until(3);
    let begun: Vec<String> = spawned(&world).iter().map(|name| name.to_string()).collect();
    assert!(begun.len() < 50, "{begun:?}");
    begun.iter().for_each(|name| world.exit(&format!("g:{name}"), 0));
    assert_eq!(world.heard().last().map(String::as_str), Some("exit 0"));
    let answered = outcomes(world.replies.get(&id));
    assert_eq!(answered.iter().filter(|line| line.ends_with(" SHUTDOWN_STATE")).count(), 50 - begun.len());
}

/// Starts in each of five turns, where each start takes so many microseconds.
fn starts_by_turn(micros: u64) -> Vec<usize> {
    let names: Vec<String> = (0..100).map(|i| format!("p{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut supervisor = Supervisor::new(config(vec![group("g", 1, &names)], vec![]), Pid(1));
    let mut now = at(10);
    let mut turn = |input| {
        let mut starts = 0;
        supervisor.handle(now, input);
        while let Some(effect) = supervisor.next_effect() {
            if let Effect::Spawn(key, _) = effect {
                starts += 1;
                now.at = Instant(now.at.0 + micros * 1_000);
                supervisor.handle(now, Input::Spawned(key, Pid(100)));
            }
        }
        starts
    };
    let begin = turn(Input::Begin);
    [begin].into_iter().chain((0..4).map(|_| turn(Input::Wake))).collect()
}

#[test]
fn where_starts_take_long_a_turn_has_fewer_but_always_one() {
    assert_eq!(starts_by_turn(0), [8, 8, 8, 8, 8]);
    assert_eq!(starts_by_turn(500), [8, 2, 2, 2, 2]);
    assert_eq!(starts_by_turn(100_000), [8, 1, 1, 1, 1]);
}

#[test]
fn who_has_ended_before_anybody_looked_was_started_with_startsecs_0_rpc_032() {
    let mut job = group("job", 1, &["job"]);
    for process in &mut job.processes {
        let process = Arc::make_mut(process);
        (process.autostart, process.startsecs) = (false, 0);
    }
    let mut world = World::begin(config(vec![job], vec![]));
    let id = world.ask(start(Target::Namespec("job".to_string())));
    assert!(!world.replies.contains_key(&id));
    world.exit("job", 0);
    assert_eq!(world.replies.get(&id), Some(&Ok(Reply::True)));
}
