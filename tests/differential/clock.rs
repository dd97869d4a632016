//! The wall clock set back and forward while processes start, wait and end (PROC-059).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::beside::{side_by_side, story};
use crate::world::World;
use crate::world::procfs::until;
use crate::world::tools;

/// `WAIT` is how many seconds a start and a stop take.
const BODY: &str = "\
[program:starting]
command=sleep 1000
startsecs=WAIT
[program:retrying]
command=false
startretries=2
autostart=false
[program:stubborn]
command={dir}/stubborn
autostart=false
startsecs=0
stopwaitsecs=WAIT
";

/// The library that gives a program another clock; where it is depends on the processor.
fn library() -> Option<PathBuf> {
    tools::tool("faketime")?;
    let folders = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    Some(paths.find(|path| path.exists()).expect("the library of faketime"))
}

/// A daemon whose wall clock is the machine's and so many seconds more as [`set`] says; the one that only goes forward
/// is left alone.
fn boot(world: &mut World, library: &Path, wait: u32) {
    set(world, 0);
    world.set_env("LD_PRELOAD", library.to_str().unwrap());
    let clock = world.path("clock");
    world.set_env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap());
    world.set_env("FAKETIME_NO_CACHE", "1");
    world.set_env("DONT_FAKE_MONOTONIC", "1");
    world.script("stubborn", "trap '' TERM\necho up > {dir}/stubborn.up\nwhile :; do sleep 0.02; done");
    world.configure(&BODY.replace("WAIT", &wait.to_string()));
    world.boot();
}

fn set(world: &World, seconds: i64) {
    // In one go: the file is read at every look at the clock.
    let new = world.write("clock.new", &format!("{seconds:+}\n"));
    fs::rename(new, world.path("clock")).unwrap();
}

fn call(world: &World, method: &str, name: &str) {
    world.rpc_ok(&format!("supervisor.{method}"), &[name.into(), json!(false)]);
}

/// Starts the program that takes no notice of TERM, and tells it to stop.
fn stop_the_stubborn(world: &World) {
    call(world, "startProcess", "stubborn");
    until("it takes no notice of TERM", || (world.read("stubborn.up") == "up\n").then_some(()));
    call(world, "stopProcess", "stubborn");
    world.await_state("stubborn", "STOPPING");
}

#[test]
fn a_clock_set_back_holds_nothing_up() {
    let Some(library) = library() else { return };
    side_by_side(|world| {
        boot(world, &library, 2);
        world.await_log("spawned: 'starting'");
        set(world, -3_600);
        world.await_state("starting", "RUNNING");
        // A fault if its end is seen before the answer is given.
        let _ = world.rpc("supervisor.startProcess", &["retrying".into(), json!(false)]);
        world.await_state("retrying", "BACKOFF");
        set(world, -7_200);
        world.await_state("retrying", "FATAL");
        stop_the_stubborn(world);
        set(world, -10_800);
        world.await_state("stubborn", "STOPPED");
        story(world, &["success: starting", "gave up", "killing 'stubborn'", "stopped: stubborn"])
    });
}

#[test]
fn a_clock_set_forward_hurries_nothing() {
    let Some(library) = library() else { return };
    let mut world = World::ours();
    // Nobody waits for the end of it: it is only longer than a busy machine takes for an answer.
    boot(&mut world, &library, 3_600);
    world.await_log("spawned: 'starting'");
    set(&world, 36_000);
    // Answered after a turn in which a hurried daemon would have seen the time pass.
    assert_eq!(world.state("starting"), "STARTING");
    stop_the_stubborn(&world);
    set(&world, 72_000);
    assert_eq!(world.state("stubborn"), "STOPPING");
    world.kill();
}
