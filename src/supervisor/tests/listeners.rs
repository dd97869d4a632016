//! Pools and their listeners, in virtual time.

use crate::api::arguments::Argument;
use crate::api::plugin::Twiddle;
use crate::api::{Reply, Request, Target};
use crate::config::{EventType, GroupConfig, GroupKind, ResultHandler};
use crate::names::Pid;
use crate::supervisor::listener::{RETRY_PAUSE, server_token};
use crate::supervisor::testing::{World, at, collection, config, group, pool};
use crate::supervisor::{Instant, Supervisor, WriteError};

/// Tells the listeners something, and forgets what was said before.
fn tell(world: &mut World, what: &str) {
    world.heard();
    let remote = Request::RemoteCommunication { kind: what.to_string(), data: String::new() };
    assert_eq!(world.answer(remote), Ok(Reply::True));
}

/// What was written to listeners: `pool:process`, serial, pool serial and what it is about.
fn told(world: &mut World) -> Vec<String> {
    let heard = world.heard();
    let written = heard.iter().filter_map(|line| line.strip_prefix("write "));
    let shortened = written.map(|line| {
        let (name, rest) = line.split_once(' ').unwrap_or_default();
        let token = |token: &str| rest.split([' ', '\n']).find_map(|word| word.strip_prefix(token));
        let about = token("type:").or(token("when:")).or(token("eventname:"));
        format!(
            "{name} {} {} {}",
            token("serial:").unwrap_or_default(),
            token("poolserial:").unwrap_or_default(),
            about.unwrap_or_default()
        )
    });
    shortened.collect()
}

fn log(world: &mut World) -> Vec<String> {
    let notes = world.heard();
    notes.into_iter().filter(|line| line.starts_with("Listener(")).collect()
}

fn world_of(pools: Vec<GroupConfig>) -> World {
    let mut world = World::begin(config(pools, Vec::new()));
    world.until(3);
    world
}

const REMOTE: &[EventType] = &[EventType::RemoteCommunication];

#[test]
fn an_envelope_is_what_listeners_expect_evt_004() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["l"])]);
    world.say("l", "READY\n");
    tell(&mut world, "t");
    let written = "write l ver:3.0 server:supervisor serial:0 pool:l poolserial:0 eventname:REMOTE_COMMUNICATION \
                   len:7\ntype:t\n";
    assert!(world.heard().contains(&written.to_string()));
}

#[test]
fn the_length_counts_characters_and_whoever_asks_gets_more_bug_048() {
    let with = |extended| {
        let mut listens = pool("l", &[EventType::Event], 100, &["l"]);
        if let GroupKind::EventListeners(listener) = &mut listens.kind {
            listener.extended = extended;
        }
        let groups = vec![listens, group("g", 999, &["é"])];
        let mut world = World::begin(config(groups, vec![collection("c", &["é"]), collection("d", &["x"])]));
        world.until(3);
        world.exit("g:é", 3);
        let mut heads = Vec::new();
        world.say("l", "READY\n");
        for _ in 0..40 {
            heads.extend(world.heard().iter().filter_map(|line| {
                let (_, rest) = line.strip_prefix("write l ")?.split_once("eventname:")?;
                let (head, payload) = rest.split_once('\n')?;
                let named = if payload.contains("processname:é") { "é" } else { "" };
                Some(format!("{head} {named}"))
            }));
            world.say("l", "RESULT 2\nOKREADY\n");
        }
        heads
    };
    // The payload has two bytes for one character once in its name of a process.
    let stock = with(false);
    let more = with(true);
    assert!(stock.contains(&"PROCESS_STATE_EXITED len:63 é".to_string()), "{stock:?}");
    let exited = "PROCESS_STATE_EXITED len:63 bytes:64 exitstatus:3 collections:c é".to_string();
    assert!(more.contains(&exited), "{more:?}");
    assert!(more.contains(&"SUPERVISOR_STATE_CHANGE_RUNNING len:0 bytes:0 ".to_string()));
    assert!(more.contains(&"PROCESS_STATE_RUNNING len:53 bytes:53 collections: ".to_string()), "{more:?}");
}

#[test]
fn only_subscribed_events_use_serials_up_and_a_wide_and_a_narrow_subscription_bring_two_evt_002_evt_006() {
    let both = [EventType::Event, EventType::RemoteCommunication];
    let mut world = world_of(vec![
        pool("a", REMOTE, 10, &["a"]),
        pool("b", &both[..1], 100, &["b"]),
        pool("c", &both, 100, &["c"]),
    ]);
    world.say("a", "READY\n");
    tell(&mut world, "t");
    let first = told(&mut world);
    assert!(first[0].starts_with("a ") && first[0].ends_with(" 0 t"), "{first:?}");
    let mut seen = Vec::new();
    for name in ["b", "c"] {
        world.say(name, "READY\n");
        for _ in 0..60 {
            seen.extend(told(&mut world).into_iter().filter(|line| line.ends_with(" t")));
            world.say(name, "RESULT 2\nOKREADY\n");
        }
    }
    let serials: Vec<_> = seen.iter().map(|line| line.split(' ').nth(1).unwrap_or_default()).collect();
    let serial = first[0].split(' ').nth(1).unwrap_or_default();
    assert_eq!(serials, [serial, serial, serial], "{seen:?}");
    assert_eq!(seen[1], seen[2], "twice, with one pool serial");
}

#[test]
fn events_are_kept_for_a_listener_to_come_and_the_oldest_goes_when_there_is_no_room_evt_026_evt_027() {
    let mut world = world_of(vec![pool("l", REMOTE, 3, &["l"])]);
    for what in ["a", "b", "c"] {
        tell(&mut world, what);
        assert_eq!(log(&mut world), [""; 0]);
    }
    tell(&mut world, "d");
    assert_eq!(log(&mut world), ["Listener(Overflowed { pool: \"l\", serial: 0 })"]);
    world.say("l", "READY\n");
    assert_eq!(told(&mut world), ["l 1 1 b"]);
    world.say("l", "RESULT 2\nOKREADY\n");
    assert_eq!(told(&mut world), ["l 2 2 c"]);
    world.say("l", "RESULT 2\nOK");
    assert_eq!(told(&mut world), [""; 0]);
    world.say("l", "READY\n");
    assert_eq!(told(&mut world), ["l 3 3 d"]);
}

#[test]
fn an_event_goes_to_the_first_that_is_ready_evt_024() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["a", "b"])]);
    world.say("l:b", "READY\n");
    tell(&mut world, "1");
    assert_eq!(told(&mut world), ["l:b 0 0 1"]);
    world.say("l:a", "READY\n");
    world.say("l:b", "RESULT 2\nOKREADY\n");
    for (what, whom) in [("2", ["l:a 1 1 2"]), ("3", ["l:b 2 2 3"])] {
        tell(&mut world, what);
        assert_eq!(told(&mut world), whom);
    }
}

#[test]
fn a_rejected_event_is_told_again_to_its_own_pool_with_its_serials_evt_007_bug_014() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["a", "b"]), pool("m", REMOTE, 10, &["m"])]);
    for name in ["l:a", "l:b", "m"] {
        world.say(name, "READY\n");
    }
    tell(&mut world, "t");
    assert_eq!(told(&mut world), ["l:a 0 0 t", "m 0 0 t"]);
    world.say("m", "RESULT 2\nOKREADY\n");
    world.say("l:a", "RESULT 4\nFAILREADY\n");
    assert_eq!(told(&mut world), ["l:a 0 0 t"]);
    world.exit("l:a", 0);
    assert_eq!(told(&mut world), [""; 0], "the second failure in a row brings a pause");
    world.now.at = Instant(at(3).at.0 + RETRY_PAUSE * 1_000_000);
    assert_eq!(world.supervisor.deadline(), Some(world.now.at));
    world.turn(crate::supervisor::Input::Wake);
    assert_eq!(told(&mut world), ["l:b 0 0 t"]);
    world.say("l:b", "RESULT 2\nOKREADY\n");
    tell(&mut world, "u");
    assert_eq!(told(&mut world), ["l:b 1 1 u", "m 1 1 u"]);
}

#[test]
fn a_listener_that_rejects_again_and_again_waits_longer_and_longer_bug_037() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["l"])]);
    world.say("l", "READY\n");
    tell(&mut world, "t");
    let mut pauses = Vec::new();
    for _ in 0..12 {
        world.heard();
        let before = world.now.at;
        world.say("l", "RESULT 4\nFAILREADY\n");
        if let Some(deadline) = world.supervisor.deadline() {
            assert_eq!(told(&mut world), [""; 0]);
            world.now.at = deadline;
            world.turn(crate::supervisor::Input::Wake);
            assert_eq!(told(&mut world), ["l 0 0 t"]);
            pauses.push((deadline - before).as_millis());
        }
    }
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    world.say("l", "RESULT 2\nOKREADY\n");
    tell(&mut world, "u");
    world.say("l", "RESULT 4\nFAILREADY\n");
    assert_eq!(world.supervisor.deadline(), None, "an accepted event ends it");
}

#[test]
fn whoever_breaks_the_protocol_is_told_nothing_any_more_evt_037_evt_039() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["l"])]);
    world.say("l", "READY\n");
    tell(&mut world, "t");
    world.heard();
    world.say("l", "nonsense\n");
    assert_eq!(
        log(&mut world),
        [
            "Listener(BadResultLine { process: \"l\", line: \"nonsense\" })",
            "Listener(Became { process: \"l\", from: Busy, to: Unknown })",
            "Listener(Unknown { process: \"l\" })",
            "Listener(Rebuffered { pool: \"l\", serial: 0, size: 0, max: 10 })",
        ]
    );
    world.say("l", "READY\n");
    tell(&mut world, "u");
    assert_eq!(told(&mut world), [""; 0]);
    // Its next life begins anew, and with what the last did not accept (EVT-031).
    world.exit("l", 1);
    world.until(10);
    world.say("l", "READY\n");
    assert_eq!(told(&mut world), ["l 0 0 t"]);
}

#[test]
fn a_listener_that_does_not_read_costs_that_listener_bug_001() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["a", "b"])]);
    world.say("l:a", "READY\n");
    world.say("l:b", "READY\n");
    world.no_write.insert("l:a".to_string(), WriteError::Full);
    tell(&mut world, "t");
    assert_eq!(told(&mut world), ["l:a 0 0 t", "l:b 0 0 t"]);
    world.say("l:b", "RESULT 2\nOKREADY\n");
    tell(&mut world, "u");
    assert_eq!(told(&mut world), ["l:b 1 1 u"]);
}

#[test]
fn a_listener_that_has_closed_its_input_is_passed_over_evt_032() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["a", "b"])]);
    world.say("l:a", "READY\n");
    world.no_write.insert("l:a".to_string(), WriteError::Closed);
    tell(&mut world, "t");
    assert_eq!(told(&mut world), ["l:a 0 0 t"]);
    world.say("l:b", "READY\n");
    assert_eq!(told(&mut world), ["l:b 0 0 t"]);
}

#[test]
fn a_listener_that_is_ready_too_soon_waits_until_it_is_running_evt_043() {
    let mut early = pool("l", REMOTE, 10, &["l"]);
    let process = std::sync::Arc::make_mut(&mut early.processes[0]);
    process.startsecs = 5;
    let mut world = world_of(vec![early]);
    world.say("l", "READY\n");
    tell(&mut world, "t");
    assert_eq!(told(&mut world), [""; 0]);
    world.until(7);
    assert_eq!(told(&mut world), ["l 0 0 t"]);
}

#[test]
fn a_pool_hears_of_itself_and_of_later_groups_and_goes_last_evt_020_proc_023() {
    let mut world = World::begin(config(
        vec![
            pool("l", &[EventType::ProcessGroup, EventType::SupervisorStateChange], 10, &["l"]),
            group("g", 999, &["p"]),
        ],
        Vec::new(),
    ));
    world.until(3);
    world.heard();
    world.say("l", "READY\n");
    let mut seen = told(&mut world);
    for _ in 0..3 {
        world.say("l", "RESULT 2\nOKREADY\n");
        seen.extend(told(&mut world));
    }
    let names = ["PROCESS_GROUP_ADDED", "PROCESS_GROUP_ADDED", "SUPERVISOR_STATE_CHANGE_RUNNING"];
    let expected: Vec<String> = (0..).zip(names).map(|(n, name)| format!("l {n} {n} {name}")).collect();
    assert_eq!(seen, expected);
    assert_eq!(world.answer(Request::Shutdown), Ok(Reply::True));
    world.turn(crate::supervisor::Input::Wake);
    let heard = world.heard();
    assert!(
        heard.contains(&"kill g:p SIGTERM".to_string()) && !heard.contains(&"kill l SIGTERM".to_string())
    );
    world.exit("g:p", 0);
    world.say("l", "RESULT 2\nOKREADY\n");
    assert!(world.heard().contains(&"kill l SIGTERM".to_string()));
}

#[test]
fn at_the_end_a_listener_may_answer_what_it_was_told_but_not_for_ever() {
    let kills = |world: &mut World| {
        let heard = world.heard();
        heard.into_iter().filter(|line| line.starts_with("kill ")).collect::<Vec<_>>()
    };
    let ending = |events: &[EventType]| {
        let mut world = world_of(vec![pool("l", events, 10, &["l"])]);
        world.say("l", "READY\n");
        world.heard();
        assert_eq!(world.answer(Request::Shutdown), Ok(Reply::True));
        world.turn(crate::supervisor::Input::Wake);
        world
    };
    let all = &[EventType::SupervisorStateChange];
    // It knows of the start, and there is the end to be told.
    let mut world = ending(all);
    world.say("l", "RESULT 2\nOK");
    assert_eq!(kills(&mut world), [""; 0], "it has more to be told");
    world.say("l", "READY\n");
    assert_eq!(told(&mut world), ["l 1 1 SUPERVISOR_STATE_CHANGE_STOPPING"]);
    world.say("l", "RESULT 2\nOK");
    assert_eq!(kills(&mut world), ["kill l SIGTERM"], "it has answered everything");

    let mut silent = ending(all);
    silent.until(4);
    assert_eq!(kills(&mut silent), [""; 0]);
    silent.until(6);
    assert_eq!(kills(&mut silent), ["kill l SIGTERM"]);

    let mut idle = ending(REMOTE);
    assert_eq!(kills(&mut idle), ["kill l SIGTERM"]);
    let mut dead = ending(all);
    dead.exit("l", 0);
    assert_eq!(dead.heard().last().map(String::as_str), Some("exit 0"), "nobody waits for the dead");
}

#[test]
fn a_pool_that_leaves_does_not_hear_of_it_and_a_new_one_counts_anew_evt_006() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["l"]), pool("m", &[EventType::Event], 99, &["m"])]);
    let stop = Request::Stop { target: Target::All, wait: false };
    world.ask(stop);
    world.exit("l", 0);
    world.exit("m", 0);
    tell(&mut world, "t");
    for name in ["l", "m"] {
        assert_eq!(world.answer(Request::RemoveGroup { name: name.to_string() }), Ok(Reply::True));
    }
    assert_eq!(world.answer(Request::AddGroup { name: "l".to_string() }), Ok(Reply::True));
    world.until(10);
    world.say("l", "READY\n");
    tell(&mut world, "u");
    let seen = told(&mut world);
    assert!(seen.len() == 1 && seen[0].ends_with(" 0 u"), "{seen:?}");
}

#[test]
fn the_clock_ticks_where_the_wall_clock_does_and_only_for_those_who_listen_evt_016() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["l"])]);
    assert_eq!(world.supervisor.deadline(), None);
    let tick = [EventType::Tick];
    let mut world = {
        world.heard();
        world_of(vec![pool("l", &tick, 10, &["l"])])
    };
    world.say("l", "READY\n");
    assert_eq!(told(&mut world), [""; 0]);
    world.until(5);
    assert_eq!(told(&mut world), ["l 0 0 1000005"]);
    world.say("l", "RESULT 2\nOKREADY\n");
    // Both clocks start at a million, which is 40 past the minute.
    world.until(19);
    world.say("l", "RESULT 2\nOKREADY\n");
    world.say("l", "RESULT 2\nOKREADY\n");
    assert_eq!(told(&mut world), ["l 1 1 1000010", "l 2 2 1000015"]);
    world.until(20);
    world.say("l", "RESULT 2\nOKREADY\n");
    assert_eq!(told(&mut world), ["l 3 3 1000020", "l 4 4 1000020"], "five seconds, then the minute");
}

#[test]
fn what_was_not_told_outlives_a_restart_bug_037() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["l"])]);
    world.say("l", "READY\n");
    for what in ["a", "b"] {
        tell(&mut world, what);
    }
    assert_eq!(world.answer(Request::RestartDaemon), Ok(Reply::True));
    world.turn(crate::supervisor::Input::Wake);
    world.exit("l", 0);
    assert!(world.exited);
    let Ok(files) = world.files.clone() else { panic!("nothing is broken") };
    let carried = world.supervisor.clone().into_carried();
    let mut next = World::begin_with(Supervisor::new(files.clone(), Pid(1)).carrying(carried), files);
    next.until(3);
    next.heard();
    next.say("l", "READY\n");
    assert_eq!(told(&mut next), ["l 0 0 a"], "the serial goes on, the pool's begins anew");
    next.say("l", "RESULT 2\nOKREADY\n");
    assert_eq!(told(&mut next), ["l 1 1 b"]);
    tell(&mut next, "c");
    next.say("l", "RESULT 2\nOKREADY\n");
    assert_eq!(told(&mut next), ["l 2 2 c"]);
}

#[test]
fn the_handler_of_supervisor_stdout_prints_output_cfg_133() {
    let mut prints = pool("l", &[EventType::RemoteCommunication], 10, &["l"]);
    if let GroupKind::EventListeners(listener) = &mut prints.kind {
        listener.result_handler = ResultHandler::Stdout;
    }
    let mut world = world_of(vec![prints]);
    let result = |text: &str| format!("RESULT {}\n{text}READY\n", text.len());
    world.say("l", "READY\n");
    tell(&mut world, "t");
    world.heard();
    world.say("l", &result("processname:cat groupname:g pid:1 channel:stdout\nmeow\n"));
    assert!(world.heard().contains(&"print cat stdout | meow\n".to_string()));
    tell(&mut world, "u");
    world.heard();
    world.say("l", &result("OK"));
    let heard = log(&mut world);
    assert!(heard[0].contains("Failed") && heard[1].contains("to: Unknown"), "{heard:?}");
}

#[test]
fn an_identifier_is_one_token_bug_031() {
    assert_eq!(server_token("supervisor-1.x%y"), "supervisor-1.x%y");
    assert_eq!(server_token("my host:1\n"), "my%20host%3A1%0A");
}

fn twiddle(world: &mut World, twiddle: Twiddle) {
    assert_eq!(world.answer(Request::Twiddle(twiddle)), Ok(Reply::True));
}

#[test]
fn a_process_added_to_a_pool_is_told_of_events_and_one_that_left_is_not() {
    let mut world = world_of(vec![pool("l", REMOTE, 10, &["a"])]);
    let options = [("names".to_string(), Argument::Text("b".to_string()))].into();
    let (group, program) = ("l".to_string(), "b".to_string());
    twiddle(&mut world, Twiddle::AddProgram { group: group.clone(), program, options });
    world.until(6);
    world.say("l:b", "READY\n");
    tell(&mut world, "t");
    assert_eq!(told(&mut world), ["l:b 0 0 t"]);
    world.say("l:a", "READY\n");
    world.say("l:b", "RESULT 2\nOKREADY\n");
    tell(&mut world, "u");
    assert_eq!(told(&mut world), ["l:a 1 1 u"], "whoever was there first is first");
    // It dies over its event, and leaves; the event is the other's.
    tell(&mut world, "v");
    assert_eq!(told(&mut world), ["l:b 2 2 v"]);
    world.ask(Request::Stop { target: Target::Namespec("l:b".to_string()), wait: false });
    world.exit("l:b", 0);
    twiddle(&mut world, Twiddle::RemoveProcess { group, process: "b".to_string() });
    world.heard();
    world.say("l:a", "RESULT 2\nOKREADY\n");
    assert_eq!(told(&mut world), ["l:a 2 2 v"]);
}

#[test]
fn an_event_that_is_twice_in_a_buffer_is_there_twice_after_a_restart_and_a_lost_pool_is_named() {
    let both = [EventType::Event, EventType::RemoteCommunication];
    let mut world = world_of(vec![pool("l", &both, 99, &["l"]), pool("m", REMOTE, 10, &["m"])]);
    tell(&mut world, "t");
    assert_eq!(world.answer(Request::RestartDaemon), Ok(Reply::True));
    world.turn(crate::supervisor::Input::Wake);
    world.exit("m", 0);
    world.exit("l", 0);
    assert!(world.exited);
    let files = config(vec![pool("l", &both, 99, &["l"])], Vec::new());
    let carried = world.supervisor.clone().into_carried();
    let mut next = World::begin_with(Supervisor::new(files.clone(), Pid(1)).carrying(carried), files);
    assert!(log(&mut next).contains(&"Listener(Dropped { pool: \"m\", events: 1 })".to_string()));
    next.until(3);
    let mut seen = Vec::new();
    next.say("l", "READY\n");
    for _ in 0..60 {
        seen.extend(told(&mut next).into_iter().filter(|line| line.ends_with(" t")));
        next.say("l", "RESULT 2\nOKREADY\n");
    }
    assert!(seen.len() == 2 && seen[0] == seen[1], "{seen:?}");
}
