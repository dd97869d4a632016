//! Collections as event listeners see them under the real daemon: what is told of collections, and in which order the
//! processes of one start and stop.

use serde_json::json;

use crate::listeners::{RECORDER, pool, record};
use crate::world::World;
use crate::world::procfs::until;

/// Groups whose priorities, and those of their processes, go against the order of their names and of the file.
const PROGRAMS: &str = "\
[program:a]
command=sleep 1000
startsecs=0
autostart=false
priority=30
[program:b]
command=sleep 1000
startsecs=0
autostart=false
priority=10
numprocs=2
process_name=%(program_name)s%(process_num)d
[program:c]
command=sleep 1000
startsecs=0
autostart=false
priority=5
[program:d]
command=sleep 1000
startsecs=0
autostart=false
priority=40
[group:late]
programs=d,c
priority=100
";

/// Name and payload of every event that the recorder has, without pids.
fn told(world: &World) -> Vec<String> {
    let brief = |line: &String| {
        let (_, rest) = line.split_once("eventname:")?;
        let (name, rest) = rest.split_once(' ')?;
        let payload = rest.split_once(' ').map_or("", |(_, payload)| payload);
        Some(format!("{name} {}", payload.split(" pid:").next().unwrap_or_default()))
    };
    record(world, "record").iter().filter_map(brief).collect()
}

fn await_told(world: &World, what: &str) -> Vec<String> {
    until(what, || {
        let told = told(world);
        told.iter().any(|line| line.starts_with(what)).then_some(told)
    })
}

fn listening(events: &str, views: &str) -> World {
    let mut world = World::ours();
    world.script("recorder", RECORDER);
    world.configure(&format!(
        "{}{PROGRAMS}{views}",
        pool("ear", "recorder record", events, "buffer_size=100")
    ));
    world.boot();
    world
}

#[test]
fn collections_are_told_of_after_all_groups_and_before_anything_starts() {
    let views = "[collection:last]\nprograms=a\n[collection:first]\ngroups=late\npriority=1\n\
                 [collection:empty]\nprograms=nobody\n";
    let world = listening("EVENT", views);
    let told = await_told(&world, "PROCESS_STATE_STARTING");
    let expected = [
        "PROCESS_GROUP_ADDED groupname:ear|.",
        "PROCESS_GROUP_ADDED groupname:b|.",
        "PROCESS_GROUP_ADDED groupname:a|.",
        "PROCESS_GROUP_ADDED groupname:late|.",
        "COLLECTION_ADDED collectionname:first|.",
        "COLLECTION_ADDED collectionname:empty|.",
        "COLLECTION_ADDED collectionname:last|.",
        "SUPERVISOR_STATE_CHANGE_RUNNING .",
        "PROCESS_STATE_STARTING processname:ear groupname:ear from_state:STOPPED tries:0.",
    ];
    assert_eq!(told[..expected.len()], expected);
}

#[test]
fn a_reread_tells_of_collections_that_came_changed_and_went_and_of_nothing_else() {
    let before =
        "[collection:stays]\nprograms=a\n[collection:changes]\nprograms=a\n[collection:goes]\nprograms=b\n";
    let world = listening("COLLECTION", before);
    await_told(&world, "COLLECTION_ADDED collectionname:stays");
    let after = "[collection:stays]\nprograms=a\n[collection:changes]\nprograms=a,b\n[collection:comes]\ngroups=late\n";
    let ear = pool("ear", "recorder record", "COLLECTION", "buffer_size=100");
    world.configure(&format!("{ear}{PROGRAMS}{after}"));
    assert_eq!(world.rpc_ok("supervisor.reloadConfig", &[]), json!([[[], [], []]]));
    assert_eq!(world.rpc_ok("supervisor.reloadConfig", &[]), json!([[[], [], []]]));
    let told = await_told(&world, "COLLECTION_REMOVED");
    let expected = [
        "COLLECTION_ADDED collectionname:changes|.",
        "COLLECTION_ADDED collectionname:goes|.",
        "COLLECTION_ADDED collectionname:stays|.",
        "COLLECTION_CHANGED collectionname:changes|.",
        "COLLECTION_ADDED collectionname:comes|.",
        "COLLECTION_REMOVED collectionname:goes|.",
    ];
    assert_eq!(told, expected);
    let head = record(&world, "record").pop().unwrap();
    assert!(
        head.contains(" poolserial:5 eventname:COLLECTION_REMOVED len:20 collectionname:goes|"),
        "{head}"
    );
}

#[test]
fn a_collection_starts_by_priority_across_groups_and_stops_the_other_way_round() {
    let view = "[collection:all]\nprograms=d,c,b,a\n[collection:pair]\nprograms=a,d\n";
    let world = listening("PROCESS_STATE_STARTING,PROCESS_STATE_STOPPING", view);
    await_told(&world, "PROCESS_STATE_STARTING processname:ear");
    // The group's priority first, then the process's own, then the order of the configuration.
    let up = ["b:b0", "b:b1", "a:a", "late:c", "late:d"];
    let spoken = |told: &[String], state: &str| -> Vec<String> {
        let word = |line: &str, name: &str| {
            line.split(' ').find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_string()
        };
        let of_state = told.iter().filter(|line| line.starts_with(&format!("PROCESS_STATE_{state} ")));
        let named =
            of_state.map(|line| format!("{}:{}", word(line, "groupname:"), word(line, "processname:")));
        named.filter(|name| name != "ear:ear").collect()
    };
    let after = |state: &str, count: usize| {
        until("all of them have been told of", || {
            Some(spoken(&told(&world), state)).filter(|names| names.len() >= count)
        })
    };
    world.rpc_ok("supervisor.startCollection", &["all".into()]);
    assert_eq!(after("STARTING", 5), up);
    world.rpc_ok("supervisor.stopCollection", &["all".into()]);
    let down: Vec<&str> = up.iter().rev().copied().collect();
    assert_eq!(after("STOPPING", 5), down);
    // A restart stops all in reverse before it starts any.
    world.rpc_ok("supervisor.startCollection", &["pair".into()]);
    world.rpc_ok("supervisor.restartCollection", &["pair".into()]);
    assert_eq!(after("STARTING", 9)[5..], ["a:a", "late:d", "a:a", "late:d"]);
    assert_eq!(after("STOPPING", 7)[5..], ["late:d", "a:a"]);
    let order: Vec<bool> =
        told(&world)[told(&world).len() - 4..].iter().map(|l| l.contains("STARTING")).collect();
    assert_eq!(order, [false, false, true, true]);
}
