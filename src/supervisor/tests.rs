//! Stories about the whole supervisor, in virtual time.

use std::sync::Arc;

mod listeners;
mod measures;
mod output;
mod starts;
mod views;

use super::parked::{Parked, Shape, Verb};
use super::testing::{World, collection, config, group};
use super::{Input, PARKED_MAX};
use crate::api::{
    Channel, Fault, FaultCode, LogName, LogRead, ProcessState, Reply, Request, RequestId, Target,
};
use crate::config::{Error, LogLevel, Message};
use crate::names::{Selector, Signal};

fn start(target: Target) -> Request {
    Request::Start { target, wait: true }
}

fn stop(target: Target) -> Request {
    Request::Stop { target, wait: true }
}

fn namespec(name: &str) -> Target {
    Target::Namespec(name.to_string())
}

fn named(name: &str) -> Target {
    Target::Group(name.to_string())
}

/// `name status` of every outcome.
fn outcomes(reply: Option<&Result<Reply, Fault>>) -> Vec<String> {
    match reply {
        Some(Ok(Reply::Outcomes(list))) => {
            list.iter().map(|o| format!("{} {}", o.name, o.description)).collect()
        }
        other => panic!("expected outcomes, got {other:?}"),
    }
}

fn state(world: &mut World, name: &str) -> ProcessState {
    match world.answer(Request::ProcessInfo { name: name.to_string() }) {
        Ok(Reply::Process(info)) => info.state,
        other => panic!("expected a process, got {other:?}"),
    }
}

#[test]
fn groups_start_by_priority_and_inside_a_group_in_the_order_written_proc_018() {
    let mut inner = group("inner", 5, &["b", "a"]);
    Arc::make_mut(&mut inner.processes[0]).priority = 900;
    let mut world = World::begin(config(vec![inner, group("late", 9, &["late"])], vec![]));
    world.until(0);
    let spawns: Vec<String> = world.heard().into_iter().filter(|line| line.starts_with("spawn")).collect();
    assert_eq!(spawns, ["spawn inner:b", "spawn inner:a", "spawn late"]);
}

#[test]
fn a_start_by_hand_is_answered_when_the_process_runs_rpc_030() {
    let mut one = group("a", 1, &["a"]);
    Arc::make_mut(&mut one.processes[0]).autostart = false;
    let mut world = World::begin(config(vec![one], vec![]));
    let id = world.ask(start(namespec("a")));
    world.until(1);
    assert!(!world.replies.contains_key(&id), "it is answered before it runs");
    world.until(2);
    assert_eq!(world.replies.get(&id), Some(&Ok(Reply::True)));
}

#[test]
fn past_the_bound_of_requests_that_wait_one_more_is_refused() {
    let mut both = group("g", 1, &["late", "a"]);
    Arc::make_mut(&mut both.processes[0]).startsecs = 1_000;
    Arc::make_mut(&mut both.processes[1]).autostart = false;
    let mut world = World::begin(config(vec![both], vec![]));
    world.until(0);
    let (late, _) = world.children["g:late"];
    for number in 0..PARKED_MAX as u64 {
        let id = RequestId(10_000 + number);
        let mut parked = Parked::new(id, Verb::Start, Shape::Many, true, Vec::new());
        parked.wait_for(late);
        world.supervisor.parked.insert(id, parked);
    }
    let refused = Fault::new(FaultCode::Failed, "4096 requests are under way already");
    assert_eq!(world.answer(start(namespec("g:a"))), Err(refused));
    assert_eq!(state(&mut world, "g:a"), ProcessState::Stopped);
    world.supervisor.parked.remove(&RequestId(10_000));
    let id = world.ask(start(namespec("g:a")));
    world.until(2);
    assert_eq!(world.replies.remove(&id), Some(Ok(Reply::True)));
}

#[test]
fn a_failed_fork_faults_even_without_waiting() {
    let mut one = group("a", 1, &["a"]);
    Arc::make_mut(&mut one.processes[0]).autostart = false;
    let mut world = World::begin(config(vec![one], vec![]));
    world.no_fork.insert("a".to_string());
    let reply = world.answer(Request::Start { target: namespec("a"), wait: false });
    assert_eq!(reply, Err(Fault::new(FaultCode::SpawnError, "a")));
}

#[test]
fn a_second_start_is_refused_by_name_as_given_rpc_012() {
    let mut world = World::begin(config(vec![group("g", 1, &["a"])], vec![]));
    world.until(3);
    let reply = world.answer(start(namespec("g:a")));
    assert_eq!(reply, Err(Fault::new(FaultCode::AlreadyStarted, "g:a")));
    assert_eq!(world.answer(start(namespec("a"))), Err(Fault::new(FaultCode::BadName, "a")));
}

#[test]
fn start_while_stopping_is_refused_at_once_bug_021() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![]));
    world.until(3);
    world.ask(stop(namespec("a")));
    for wait in [true, false] {
        let reply = world.answer(Request::Start { target: namespec("a"), wait });
        assert_eq!(reply, Err(Fault::new(FaultCode::AbnormalTermination, "a")));
    }
}

#[test]
fn stop_of_a_group_is_answered_when_all_have_stopped() {
    let mut world = World::begin(config(vec![group("g", 1, &["a", "b"])], vec![]));
    world.until(3);
    let id = world.ask(stop(namespec("g:*")));
    world.exit("g:b", 0);
    assert!(!world.replies.contains_key(&id));
    world.exit("g:a", 0);
    assert_eq!(outcomes(world.replies.get(&id)), ["b OK", "a OK"], "in the order of arrival (RPC-035)");
}

#[test]
fn a_stop_that_is_waited_for_is_reported_now_and_every_two_seconds_proc_026() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![]));
    world.until(3);
    world.heard();
    world.ask(stop(namespec("a")));
    world.until(8);
    let lines = world.heard().into_iter().filter(|line| line.starts_with("WaitingToStop")).count();
    assert_eq!(lines, 3);
}

#[test]
fn stopped_by_hand_during_the_restart_floor_stays_stopped() {
    let mut one = group("a", 1, &["a"]);
    let settings = Arc::make_mut(&mut one.processes[0]);
    settings.startsecs = 0;
    settings.autorestart = crate::config::AutoRestart::Always;
    let mut world = World::begin(config(vec![one], vec![]));
    world.until(0);
    world.exit("a", 1);
    assert_eq!(world.answer(stop(namespec("a"))), Err(Fault::new(FaultCode::NotRunning, "a")));
    world.until(10);
    assert_eq!(state(&mut world, "a"), ProcessState::Exited);
}

#[test]
fn signals_that_are_none_are_told_of_for_each_process_rpc_040() {
    let mut world = World::begin(config(vec![group("g", 1, &["a", "b"])], vec![]));
    world.until(3);
    let id = world.ask(Request::Signal { target: named("g"), signal: "NOPE".to_string() });
    assert_eq!(outcomes(world.replies.get(&id)), ["a BAD_SIGNAL: NOPE", "b BAD_SIGNAL: NOPE"]);
    let reply = world.answer(Request::Signal { target: namespec("g:a"), signal: "HUP".to_string() });
    assert_eq!(reply, Ok(Reply::True));
    assert!(world.heard().contains(&"kill g:a SIGHUP".to_string()));
}

#[test]
fn a_signal_that_cannot_be_sent_makes_one_process_unknown_proc_031() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"]), group("b", 1, &["b"])], vec![]));
    world.until(3);
    world.no_kill.insert("a".to_string());
    let fault = world.answer(stop(namespec("a"))).expect_err("a fault");
    assert_eq!(fault.to_string(), "FAILED: unknown problem killing a (101):EPERM");
    assert_eq!(state(&mut world, "a"), ProcessState::Unknown);
    let fault = world.answer(start(namespec("a"))).expect_err("a fault");
    assert_eq!(fault.to_string(), "FAILED: a is in an unknown process state");
    assert_eq!(state(&mut world, "b"), ProcessState::Running);
}

#[test]
fn shutdown_stops_one_group_at_a_time_last_first_proc_021() {
    let groups = vec![group("first", 1, &["a"]), group("second", 2, &["b", "c"])];
    let mut world = World::begin(config(groups, vec![]));
    world.until(3);
    world.heard();
    world.turn(Input::Signal(Signal::TERM));
    world.until(3);
    let kills = |world: &mut World| -> Vec<String> {
        world.heard().into_iter().filter(|line| line.starts_with("kill")).collect()
    };
    assert_eq!(kills(&mut world), ["kill second:c SIGTERM", "kill second:b SIGTERM"]);
    world.exit("second:b", 0);
    assert!(kills(&mut world).is_empty(), "the first group is touched too early");
    world.exit("second:c", 0);
    assert_eq!(kills(&mut world), ["kill first:a SIGTERM"]);
    assert!(!world.exited);
    world.exit("first:a", 0);
    assert!(world.exited);
}

#[test]
fn the_reply_to_shutdown_leaves_before_anything_is_stopped_rpc_024() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![]));
    world.until(3);
    world.heard();
    world.ask(Request::Shutdown);
    world.until(3);
    let heard = world.heard();
    let index = |text: &str| heard.iter().position(|line| line == text);
    assert!(index("reply 1") < index("kill a SIGTERM"), "{heard:?}");
    assert_eq!(world.answer(Request::State), Err(FaultCode::ShutdownState.into()));
}

#[test]
fn shutdown_of_many_stopped_groups_takes_no_time_bug_022() {
    let groups = (0..50).map(|i| group(&format!("g{i}"), 1, &["p"])).collect();
    let mut world = World::begin(config(groups, vec![]));
    world.until(3);
    world.turn(Input::Signal(Signal::TERM));
    for i in (0..50).rev() {
        world.until(3);
        world.exit(&format!("g{i}:p"), 0);
    }
    assert!(world.exited);
}

#[test]
fn a_broken_file_stops_nothing_bug_002() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![]));
    world.until(3);
    world.files = Err(vec![Error { sentence: "it is broken".to_string(), place: None, help: None }]);
    let broken = Err(Fault::new(FaultCode::CantReread, "it is broken"));
    assert_eq!(world.answer(Request::RestartDaemon), broken);
    assert_eq!(world.answer(Request::ReloadConfig), broken);
    world.turn(Input::Signal(Signal::HUP));
    world.until(60);
    assert!(!world.exited);
    assert_eq!(state(&mut world, "a"), ProcessState::Running);
}

#[test]
fn sigterm_during_a_restart_makes_it_a_shutdown_sig_003() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![]));
    world.until(3);
    world.turn(Input::Signal(Signal::HUP));
    world.until(4);
    world.turn(Input::Signal(Signal::TERM));
    world.exit("a", 0);
    assert_eq!(world.heard().last().map(String::as_str), Some("exit 0"));
}

#[test]
fn a_reread_changes_collections_at_once_and_groups_not() {
    let old = config(vec![group("a", 1, &["a"])], vec![collection("c", &["a"])]);
    let mut world = World::begin(old);
    world.until(3);
    world.files =
        Ok(config(vec![group("b", 1, &["b"])], vec![collection("c", &["a", "b"]), collection("d", &["*"])]));
    let reply = world.answer(Request::ReloadConfig);
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = Reply::Reread { added: names(&["b"]), changed: Vec::new(), removed: names(&["a"]) };
    assert_eq!(reply, Ok(expected));
    let Ok(Reply::Collections(list)) = world.answer(Request::ListCollections) else { panic!("no list") };
    assert_eq!(list[0].unresolved, ["b"]);
    assert_eq!(list[1].processes, ["a"]);
    assert!(world.answer(Request::AddGroup { name: "b".to_string() }).is_ok());
    let Ok(Reply::Collections(list)) = world.answer(Request::ListCollections) else { panic!("no list") };
    assert!(list[0].unresolved.is_empty());
    assert_eq!(list[1].processes, ["a", "b"]);
}

#[test]
fn a_reread_says_what_of_a_collection_matches_nothing() {
    let mut world = World::begin(config(vec![], vec![]));
    let mut files = config(vec![], vec![collection("c", &["absent"])]);
    let warning = Message { level: LogLevel::Warn, text: "absent matches nothing".to_string() };
    files.collection_messages.push(warning);
    world.files = Ok(files);
    world.heard();
    assert!(world.answer(Request::ReloadConfig).is_ok());
    assert!(world.heard().iter().any(|line| line.contains("absent matches nothing")));
}

#[test]
fn a_group_leaves_only_when_all_of_it_has_stopped_rpc_027() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![collection("c", &["a"])]));
    world.until(3);
    let remove = || Request::RemoveGroup { name: "a".to_string() };
    assert_eq!(world.answer(remove()), Err(Fault::new(FaultCode::StillRunning, "a")));
    world.ask(stop(namespec("a")));
    world.exit("a", 0);
    assert_eq!(world.answer(remove()), Ok(Reply::True));
    assert_eq!(world.answer(remove()), Err(Fault::new(FaultCode::BadName, "a")));
    let info = world.answer(Request::CollectionProcessInfo { name: "c".to_string() });
    assert_eq!(info, Ok(Reply::Processes(Vec::new())), "a view holds nobody who has left");
}

#[test]
fn a_collection_takes_all_processes_of_a_program_and_leaves_out_the_excluded() {
    let mut workers = group("jobs", 2, &["worker_00", "worker_01"]);
    for process in &mut workers.processes {
        Arc::make_mut(process).program = "worker".into();
    }
    let mut everything = collection("everything", &[]);
    everything.collections = vec!["work".into()];
    everything.groups = vec!["we*".to_string()];
    everything.exclude = vec![Selector::new("worker_01")];
    let collections = vec![everything, collection("work", &["worker", "absent"])];
    let mut world = World::begin(config(vec![group("web", 1, &["web"]), workers], collections));
    let Ok(Reply::Collections(list)) = world.answer(Request::ListCollections) else { panic!("no list") };
    assert_eq!(list[0].processes, ["web", "jobs:worker_00"]);
    assert_eq!(list[1].processes, ["jobs:worker_00", "jobs:worker_01"]);
    assert_eq!(list[1].unresolved, ["absent"]);
}

#[test]
fn a_collection_starts_in_order_and_stops_in_the_reverse() {
    let groups = vec![group("a", 1, &["a"]), group("b", 2, &["b"]), group("c", 3, &["c"])];
    let mut world = World::begin(config(groups, vec![collection("all", &["c", "a"])]));
    world.until(3);
    world.heard();
    let only = |lines: Vec<String>, word: &str| -> Vec<String> {
        lines.into_iter().filter(|line| line.starts_with(word)).collect()
    };
    let id = world.ask(stop(named("@all")));
    assert_eq!(only(world.heard(), "kill"), ["kill c SIGTERM", "kill a SIGTERM"]);
    world.exit("a", 0);
    world.exit("c", 0);
    assert_eq!(outcomes(world.replies.get(&id)), ["a OK", "c OK"]);
    world.heard();
    let id = world.ask(start(namespec("@all:*")));
    world.until(5);
    assert_eq!(only(world.heard(), "spawn"), ["spawn a", "spawn c"]);
    assert_eq!(outcomes(world.replies.get(&id)), ["a OK", "c OK"]);
}

#[test]
fn overlapping_collections_started_at_once_start_each_process_once() {
    let mut groups = vec![group("a", 1, &["a"]), group("b", 1, &["b"]), group("c", 1, &["c"])];
    for group in &mut groups {
        Arc::make_mut(&mut group.processes[0]).autostart = false;
    }
    let views = vec![collection("ab", &["a", "b"]), collection("bc", &["b", "c"])];
    let mut world = World::begin(config(groups, views));
    let ab = world.ask(start(Target::Collection("ab".to_string())));
    let bc = world.ask(start(Target::Collection("bc".to_string())));
    world.until(3);
    let spawns: Vec<String> = world.heard().into_iter().filter(|line| line.starts_with("spawn")).collect();
    assert_eq!(spawns, ["spawn a", "spawn b", "spawn c"]);
    assert_eq!(outcomes(world.replies.get(&ab)), ["a OK", "b OK"]);
    assert_eq!(outcomes(world.replies.get(&bc)), ["c OK"]);
}

#[test]
fn restarting_a_collection_starts_only_what_did_stop() {
    let groups = vec![group("a", 1, &["a"]), group("b", 2, &["b"]), group("c", 3, &["c"])];
    let mut world = World::begin(config(groups, vec![collection("all", &["*"])]));
    world.until(3);
    world.ask(stop(namespec("c")));
    world.exit("c", 0);
    world.no_kill.insert("b".to_string());
    world.heard();
    let id = world.ask(Request::Restart { collection: "all".to_string(), wait: true });
    assert!(!world.heard().iter().any(|line| line.starts_with("spawn")), "it starts before all have stopped");
    world.exit("a", 0);
    world.until(6);
    let lines = outcomes(world.replies.get(&id));
    assert_eq!(lines, ["b FAILED: unknown problem killing b (102):EPERM", "a OK", "c OK"]);
}

#[test]
fn a_restart_that_a_shutdown_overtakes_starts_nothing_proc_015() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![collection("all", &["*"])]));
    world.until(3);
    let id = world.ask(Request::Restart { collection: "all".to_string(), wait: true });
    world.turn(Input::Signal(Signal::TERM));
    world.heard();
    world.exit("a", 0);
    assert!(!world.heard().iter().any(|line| line.starts_with("spawn")));
    assert_eq!(world.replies.get(&id), Some(&Err(FaultCode::ShutdownState.into())));
    world.until(4);
    assert!(world.exited);
}

#[test]
fn a_restart_of_which_nobody_stops_is_answered_at_once() {
    let mut world = World::begin(config(vec![group("a", 1, &["a"])], vec![collection("all", &["*"])]));
    world.until(3);
    world.no_kill.insert("a".to_string());
    let id = world.ask(Request::Restart { collection: "all".to_string(), wait: true });
    assert_eq!(outcomes(world.replies.get(&id)), ["a FAILED: unknown problem killing a (101):EPERM"]);
}

#[test]
fn a_real_group_wins_over_a_collection_of_that_very_name() {
    let groups = vec![group("@x", 1, &["a"]), group("b", 2, &["b"])];
    let mut world = World::begin(config(groups, vec![collection("x", &["b"])]));
    world.until(3);
    world.heard();
    world.ask(Request::Signal { target: named("@x"), signal: "HUP".to_string() });
    assert!(world.heard().contains(&"kill @x:a SIGHUP".to_string()));
    let unknown = world.answer(start(named("@nope")));
    assert_eq!(unknown, Err(Fault::new(FaultCode::BadName, "@nope")));
}

#[test]
fn logs_are_read_and_cleared_of_one_process_only_rpc_050_rpc_053() {
    let mut world = World::begin(config(vec![group("g", 1, &["a", "b"]), group("c", 2, &["c"])], Vec::new()));
    world.heard();
    let slice = LogRead::Slice { offset: 0, length: 0 };
    let of = |name: &str, channel| LogName::Process { name: name.to_string(), channel };
    let bad_name = |name: &str| Err(Fault::new(FaultCode::BadName, name));
    for name in ["g", "g:*", "g:", "x", "g:x", "a", "*"] {
        let log = of(name, Channel::Stdout);
        assert_eq!(world.answer(Request::ReadLog { log, read: slice }), bad_name(name));
        let target = Target::Namespec(name.to_string());
        assert_eq!(world.answer(Request::ClearProcessLogs { target }), bad_name(name));
    }
    assert_eq!(world.heard().iter().filter(|said| !said.starts_with("reply")).count(), 0);
    world.answer(Request::ReadLog { log: of("g:a", Channel::Stderr), read: slice }).unwrap();
    world.answer(Request::ReadLog { log: LogName::Main, read: slice }).unwrap();
    let said = world.heard();
    assert!(said[0].ends_with("Some(\"err\") Slice { offset: 0, length: 0 }"), "{said:?}");
    assert!(said[1].ends_with("None Slice { offset: 0, length: 0 }"), "{said:?}");
}

#[test]
fn all_logs_are_cleared_and_each_outcome_told_rpc_053() {
    let mut world = World::begin(config(vec![group("g", 1, &["a", "b"]), group("c", 2, &["c"])], Vec::new()));
    world.no_clear.insert("g:b".to_string());
    let target = Target::Namespec("g:b".to_string());
    assert_eq!(world.answer(Request::ClearProcessLogs { target }), Err(Fault::new(FaultCode::Failed, "g:b")));
    world.heard();
    let Ok(Reply::Outcomes(outcomes)) = world.answer(Request::ClearProcessLogs { target: Target::All })
    else {
        panic!("no outcomes")
    };
    assert_eq!(world.heard()[..3], ["clear g:a", "clear g:b", "clear c"]);
    let told: Vec<String> = outcomes
        .iter()
        .map(|one| format!("{} {} {}", one.name, one.status as i32, one.description))
        .collect();
    assert_eq!(told, ["a 80 OK", "b 30 FAILED: g:b", "c 80 OK"]);
}

#[test]
fn a_log_can_be_followed_through_the_shutdown_and_not_read_rpc_015() {
    let mut world = World::begin(config(vec![group("c", 1, &["c"])], Vec::new()));
    world.answer(Request::Shutdown).unwrap();
    let read = |read| Request::ReadLog { log: LogName::Main, read };
    let tail = LogRead::Tail { offset: 0, length: 0 };
    assert_eq!(world.answer(read(tail)), Err(FaultCode::ShutdownState.into()));
    assert!(world.answer(read(LogRead::Path)).is_ok());
}
