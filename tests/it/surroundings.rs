//! Places that are not as a daemon would like them: containers, chroots, and starters that give it little.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use nix::unistd::Uid;

use crate::world::procfs::until;
use crate::world::{Boot, World};

/// Whether a mount namespace may be made here; else the reason is told.
fn may_mount() -> bool {
    let allowed = Command::new("unshare").args(["--mount", "true"]).output();
    let may = Uid::effective().is_root() && allowed.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped: no mount namespace may be made here");
    }
    may
}

#[test]
fn without_dev_null_a_start_in_the_background_is_refused_while_somebody_listens() {
    if !may_mount() {
        return;
    }
    let world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\n");
    let mount = "mount -t tmpfs tmpfs /dev && exec \"$@\"";
    let wrapper = ["unshare", "--mount", "sh", "-c", mount, "sh"];
    let (status, said) = world.run_to_end(&Boot { wrapper: &wrapper, background: true, ..Boot::default() });
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("for want of /dev/null; nodaemon=true stays in the foreground: "), "{said}");
    assert!(world.log().contains("CRIT Error: could not go to the background"), "{}", world.log());
    assert!(!world.socket().exists());
}

#[test]
fn a_link_to_standard_output_in_the_place_of_a_log_is_never_renamed_bug_012() {
    let mut world = World::ours();
    symlink("/dev/stdout", world.path("web.log")).unwrap();
    world.script("talk", "i=1000; while [ $i -lt 1500 ]; do echo $i; i=$((i+1)); done; exec sleep 1000");
    world.configure(
        "[supervisord]\nsilent=true\n[program:talk]\ncommand={dir}/talk\nstdout_logfile={dir}/web.log\n\
         stdout_logfile_maxbytes=100\n",
    );
    world.boot();
    // Standard output is a regular file here, and all of it belongs there.
    let all: String = (1000..1500).map(|number| format!("{number}\n")).collect();
    until("every line is in the daemon's own output", || {
        world.read("daemon.out").contains(&all).then_some(())
    });
    assert!(fs::symlink_metadata(world.path("web.log")).unwrap().is_symlink());
    assert!(!world.path("web.log.1").exists());
}
