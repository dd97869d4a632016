//! The logs of children, as files.

use nix::sys::signal::Signal;
use std::os::unix::fs::PermissionsExt;

use crate::world::{World, until};

#[test]
fn a_childs_log_is_rotated_and_no_byte_is_lost_log_018() {
    let world = World::new();
    let script = "i=10000; while [ $i -lt 10400 ]; do echo $i; i=$((i+1)); done; exec sleep 1000";
    std::fs::write(world.path("script"), script).unwrap();
    let _daemon = world.start(
        "[program:x]\ncommand=/bin/sh DIR/script\nstdout_logfile=DIR/out\nstdout_logfile_maxbytes=600\n\
         stdout_logfile_backups=20\n",
    );
    let all = until("all lines", || {
        let parts: Vec<String> = (1..=20)
            .rev()
            .map(|number| world.read(&format!("out.{number}")))
            .chain([world.read("out")])
            .collect();
        let all = parts.concat();
        all.contains("10399\n").then_some(all)
    });
    let expected: String = (10_000..10_400).map(|number| format!("{number}\n")).collect();
    assert_eq!(all, expected);
    assert!(world.files().contains(&"out.1".to_string()));
}

#[test]
fn auto_logs_are_private_and_stale_ones_go_log_030_proc_067() {
    let world = World::new();
    let stale = "old-stdout---supervisor-abcdefgh.log";
    let other = "old-stdout---another-abcdefgh.log";
    for name in [stale, other] {
        std::fs::write(world.path(name), "").unwrap();
    }
    let _daemon = world.start(
        "[program:never]\ncommand=/bin/true\nautostart=false\n\
         [program:one]\ncommand=/bin/sleep 1000\nredirect_stderr=true\n",
    );
    world.logged("spawned: 'one'");
    let files = world.files();
    assert!(!files.contains(&stale.to_string()), "{files:?}");
    assert!(files.contains(&other.to_string()), "{files:?}");
    for (prefix, count) in [
        ("never-stdout---supervisor-", 1),
        ("never-stderr---supervisor-", 1),
        ("one-stdout---supervisor-", 1),
        // LOG-032
        ("one-stderr---supervisor-", 0),
    ] {
        let found: Vec<&String> = files.iter().filter(|name| name.starts_with(prefix)).collect();
        assert_eq!(found.len(), count, "{prefix} in {files:?}");
        for name in found {
            let mode = std::fs::metadata(world.path(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn with_nocleanup_stale_auto_logs_stay() {
    let world = World::new();
    let stale = "old-stdout---supervisor-abcdefgh.log";
    std::fs::write(world.path(stale), "").unwrap();
    let mut daemon = world.start("nocleanup=true\n");
    assert_eq!(daemon.stop(), Some(0));
    assert!(world.path(stale).exists());
}

#[test]
fn usr2_reopens_all_logs_sig_004() {
    let world = World::new();
    let script = "while :; do echo tick; sleep 0.02; done";
    std::fs::write(world.path("script"), script).unwrap();
    let daemon = world.start("[program:x]\ncommand=/bin/sh DIR/script\nstdout_logfile=DIR/out\n");
    world.written("out", "tick");
    for name in ["out", "d.log"] {
        std::fs::rename(world.path(name), world.path(&format!("{name}.moved"))).unwrap();
    }
    daemon.signal(Signal::SIGUSR2);
    world.written("d.log.moved", "received SIGUSR2 indicating log reopen request");
    world.written("out", "tick");
    until("the log", || world.path("d.log").exists().then_some(()));
}

#[test]
fn dev_stdout_is_the_daemons_own_even_if_it_is_a_socket_bug_012() {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    let world = World::new();
    world.configure(
        "[program:x]\ncommand=/bin/sh -c \"echo through; exec sleep 1000\"\nstdout_logfile=/dev/stdout\n\
         stdout_logfile_maxbytes=5\n",
    );
    let (mut ours, its) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(crate::world::PATIENCE)).unwrap();
    let mut command = world.command();
    command.stdout(OwnedFd::from(its));
    let _daemon = world.run(&mut command);
    let mut line = [0; 8];
    ours.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"through\n");
    drop(command);
}

#[test]
fn colours_are_taken_out_when_asked_log_035() {
    let world = World::new();
    let _daemon = world.start(
        "strip_ansi=true\n[program:x]\ncommand=/usr/bin/printf '\\033[1;31mred\\033[0m end'\nstartsecs=0\n\
         autorestart=false\nstdout_logfile=DIR/out\n",
    );
    world.logged("exited: x (exit status 0; expected)");
    assert_eq!(world.read("out"), "red end");
}

#[test]
fn a_missing_log_directory_stops_the_program_and_nothing_else() {
    let world = World::new();
    std::fs::create_dir(world.path("logs")).unwrap();
    let mut daemon = world.start(
        "[program:x]\ncommand=/bin/sh -c \"rmdir DIR/logs; exit 1\"\nstdout_logfile=DIR/logs/../out\nstartretries=1\n\
         [program:y]\ncommand=/bin/sleep 1000\n",
    );
    world.logged("spawnerr: unknown error making dispatchers for 'x': ENOENT");
    world.logged("gave up: x entered FATAL state");
    assert!(daemon.alive());
    world.logged("success: y entered RUNNING state");
}
