//! Configuration changes while the daemon runs: reread, update, add, remove, avail.

use crate::world::World;
use crate::world::procfs::{runs, until};
use crate::world::stock::python;

const BEFORE: &str = "\
[program:kept]
command=sleep 1000
[program:changed]
command=sleep 1000
[program:dropped]
command=sleep 1000
";

const AFTER: &str = "\
[program:kept]
command=sleep 1000
[program:changed]
command=sleep 2000
[program:fresh]
command=sleep 1000
";

fn before() -> Option<World> {
    python()?;
    let world = World::running(BEFORE);
    ["kept", "changed", "dropped"].iter().for_each(|name| world.await_state(name, "RUNNING"));
    Some(world)
}

#[test]
fn reread_tells_what_changed_and_touches_nothing() {
    let Some(world) = before() else { return };
    assert_eq!(world.ctl_ok("reread"), "No config updates to processes\n");
    let dropped = world.pid_of("dropped");
    world.configure(AFTER);
    assert_eq!(world.ctl_ok("reread"), "changed: changed\ndropped: disappeared\nfresh: available\n");
    assert_eq!(world.pid_of("dropped"), dropped);
    assert!(runs(dropped));
    let avail = world.ctl_ok("avail");
    let lines: Vec<Vec<&str>> = avail.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["changed", "in", "use", "auto", "999:999"]);
    assert_eq!(lines[1], ["fresh", "avail", "auto", "999:999"]);
    assert_eq!(lines[2], ["kept", "in", "use", "auto", "999:999"]);
}

#[test]
fn update_leaves_unchanged_programs_alone() {
    let Some(world) = before() else { return };
    let pids = ["kept", "changed", "dropped"].map(|name| world.pid_of(name));
    world.configure(AFTER);
    let said = world.ctl_ok("update");
    let expected = "dropped: stopped\ndropped: removed process group\nchanged: stopped\n\
                    changed: updated process group\nfresh: added process group\n";
    assert_eq!(said, expected);
    world.await_state("fresh", "RUNNING");
    world.await_state("changed", "RUNNING");
    assert_eq!(world.pid_of("kept"), pids[0]);
    assert!(runs(pids[0]));
    assert!(!runs(pids[1]) && !runs(pids[2]));
    assert_eq!(world.ctl_ok("update"), "");
}

#[test]
fn groups_are_added_and_removed_by_name() {
    let Some(world) = before() else { return };
    world.configure(AFTER);
    world.ctl_ok("reread");
    assert_eq!(world.ctl_ok("add fresh"), "fresh: added process group\n");
    assert_eq!(world.ctl_ok("add fresh"), "ERROR: process group already active\n");
    world.await_state("fresh", "RUNNING");
    let running = world.ctl("remove dropped");
    assert_eq!(
        (running.stdout.as_str(), running.status),
        ("ERROR: process/group still running: dropped\n", 1)
    );
    world.ctl_ok("stop dropped");
    assert_eq!(world.ctl_ok("remove dropped"), "dropped: removed process group\n");
    let gone = world.ctl("remove dropped");
    assert_eq!((gone.stdout.as_str(), gone.status), ("ERROR: no such process/group: dropped\n", 1));
    assert_eq!(world.ctl("status dropped").status, 4);
}

#[test]
fn a_broken_file_fails_reread_with_its_sentence_and_changes_nothing() {
    let Some(world) = before() else { return };
    let kept = world.pid_of("kept");
    world.configure("[program:kept]\ncommand=sleep 1000\nstartsecs=ten\n");
    let answer = world.ctl("reread");
    assert_eq!(answer.status, 1);
    let expected = "ERROR: CANT_REREAD: invalid literal for int() with base 10: 'ten' in section 'program:kept' (file: '";
    assert!(answer.stdout.starts_with(expected), "{answer:?}");
    assert_eq!(world.pid_of("kept"), kept);
    assert_eq!(world.ctl_ok("status dropped").lines().count(), 1);
}

#[test]
fn shutdown_and_version_do_what_they_say() {
    let Some(mut world) = before() else { return };
    assert_eq!(world.ctl_ok("version"), "4.3.0\n");
    let pid = world.pid_of("kept");
    assert_eq!(world.ctl_ok("shutdown"), "Shut down\n");
    assert_eq!(world.await_end().code(), Some(0));
    assert!(!runs(pid));
    let gone = world.ctl("shutdown");
    assert_eq!(gone.status, 1);
    assert!(gone.stdout.contains("no such file (already shut down?)"), "{gone:?}");
}

#[test]
fn reload_begins_again_in_the_same_process() {
    let Some(world) = before() else { return };
    let (daemon, kept) = (world.pid(), world.pid_of("kept"));
    world.configure(AFTER);
    assert_eq!(world.ctl_ok("reload"), "Restarted supervisord\n");
    until("the reloaded daemon answers with the new program", || {
        world.rpc("supervisor.getProcessInfo", &["fresh".into()]).ok()
    });
    world.await_state("kept", "RUNNING");
    assert_eq!(world.rpc_ok("supervisor.getPID", &[]), daemon);
    assert_ne!(world.pid_of("kept"), kept);
    assert!(!runs(kept));
    assert!(world.rpc("supervisor.getProcessInfo", &["dropped".into()]).is_err());
}
