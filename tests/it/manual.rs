//! The listener of docs/events.md, as it stands there.

use std::path::Path;

use crate::world::World;
use crate::world::procfs::until;

#[test]
fn the_listener_of_the_manual_tells_of_every_event_in_its_log() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let listener =
        manual.split("```sh\n#!/bin/sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut world = World::ours();
    world.script("watch", listener.trim_end());
    world.configure(
        "[eventlistener:watch]\ncommand={dir}/watch\nevents=PROCESS_STATE_EXITED,REMOTE_COMMUNICATION\n\
         stderr_logfile={dir}/told\n[program:job]\ncommand=true\nstartsecs=0\nautostart=false\n",
    );
    world.boot();
    world.await_state("watch", "RUNNING");
    world.rpc_ok("supervisor.startProcess", &["job".into()]);
    until("the end is told", || world.read("told").contains("EXITED").then_some(()));
    for data in ["two\nlines", ""] {
        world.rpc_ok("supervisor.sendRemoteCommEvent", &["deployed".into(), data.into()]);
    }
    let told = until("all is told", || {
        Some(world.read("told")).filter(|told| told.matches("REMOTE_COMMUNICATION").count() == 2)
    });
    let told = told.split_once(" pid:").unwrap();
    assert_eq!(told.0, "PROCESS_STATE_EXITED: processname:job groupname:job from_state:RUNNING expected:1");
    let (_, rest) = told.1.split_once('\n').unwrap();
    let expected = "REMOTE_COMMUNICATION: type:deployed\ntwo\nlines\nREMOTE_COMMUNICATION: type:deployed\n";
    assert_eq!(rest, expected);
}
