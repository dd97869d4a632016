//! Logs that take nothing for a while, made so on purpose. What children wrote is on file or reported dropped, to the
//! byte, and nobody else waits.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, fcntl};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Uid, mkfifo};

use crate::world::{Daemon, World, until};

/// What `yes 0123456789abcde | head -c COUNT` writes.
fn yes(count: usize) -> Vec<u8> {
    b"0123456789abcde\n".iter().copied().cycle().take(count).collect()
}

/// A program that writes so many bytes and ends.
fn writer(name: &str, count: usize, log: &str) -> String {
    format!(
        "[program:{name}]\ncommand=/bin/sh -c 'yes 0123456789abcde 2>/dev/null | head -c {count}'\nstartsecs=0\n\
         autorestart=false\nstdout_logfile={log}\nredirect_stderr=true\n"
    )
}

/// A program that lives for a moment, again and again: it would stand still if the daemon did.
const OTHER: &str = "[program:other]\ncommand=/bin/sleep 0.3\nstartsecs=0\nautorestart=true\n";

fn starts(world: &World) -> usize {
    world.read("d.log").matches("spawned: 'other'").count()
}

/// Waits until the other program has been started twice more.
fn others_go_on(world: &World) {
    let before = starts(world);
    until("a restart of the other program", || (starts(world) >= before + 2).then_some(()));
}

/// The number in the line that tells of the end of the trouble, and that there was one complaint.
fn dropped(world: &World, log: &str) -> usize {
    let line = world.logged(&format!("{log} takes output again; "));
    let number = line.split("again; ").nth(1).unwrap().split(' ').next().unwrap();
    number.parse().unwrap()
}

fn complaints(world: &World, text: &str) -> usize {
    world.read("d.log").matches(text).count()
}

/// Runs the daemon in a mount namespace of its own, once a command has been run there; none without the right.
fn in_namespace<'a>(world: &'a World, rest: &str, first: &str) -> Option<Daemon<'a>> {
    let allowed = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a mount namespace needs root");
        return None;
    }
    world.configure(rest);
    let daemon = world.command();
    let words: Vec<String> = std::iter::once(daemon.get_program())
        .chain(daemon.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let mut command = Command::new("unshare");
    let script = format!("{first} && exec \"$@\"");
    command.args(["-m", "sh", "-c", &script, "sh"]).args(words).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    Some(world.run(&mut command))
}

#[test]
fn a_disk_that_is_full_and_emptied_again_costs_what_is_reported_and_no_more() {
    let world = World::new();
    fs::create_dir(world.path("small")).unwrap();
    let small = world.name("small");
    let first =
        format!("mount -t tmpfs -o size=4m tmpfs {small} && head -c 3000000 /dev/zero > {small}/filler");
    let count = 5_000_000;
    let Some(daemon) = in_namespace(&world, &(writer("x", count, "DIR/small/out") + OTHER), &first) else {
        return;
    };
    world.logged("exited: x (exit status 0; expected)");
    others_go_on(&world);
    let inside = |name: &str| PathBuf::from(format!("/proc/{}/root{small}/{name}", daemon.pid()));
    fs::remove_file(inside("filler")).unwrap();
    let dropped = dropped(&world, "small/out");
    let out = fs::read(inside("out")).unwrap();
    assert!(dropped > 0 && out == yes(out.len()), "{dropped} {}", out.len());
    assert_eq!(out.len() + dropped, count);
    assert_eq!(complaints(&world, "could not write to log"), 1, "{}", world.read("d.log"));
    world.logged("small/out: No space left on device");
}

#[test]
fn a_rotation_that_fails_half_way_moves_no_backup_twice() {
    let world = World::new();
    fs::create_dir(world.path("small")).unwrap();
    let small = world.name("small");
    // Room for the directory, the log, its backups, and one file that will go.
    let first = format!(
        "mount -t tmpfs -o nr_inodes=5 tmpfs {small} && cd {small} && touch filler && echo one > out.1 && echo two > out.2"
    );
    let talk = "[program:x]\ncommand=/bin/sh -c 'while echo line; do sleep 0.05; done'\nstderr_logfile=NONE\n\
                stdout_logfile=DIR/small/out\nstdout_logfile_maxbytes=100\nstdout_logfile_backups=3\n";
    let Some(daemon) = in_namespace(&world, &(talk.to_string() + OTHER), &first) else { return };
    let inside = |name: &str| PathBuf::from(format!("/proc/{}/root{small}/{name}", daemon.pid()));
    world.logged("small/out: No space left on device; it grows meanwhile");
    // It is tried again after a second.
    others_go_on(&world);
    others_go_on(&world);
    let backups = ["out.2", "out.3"].map(|name| fs::read_to_string(inside(name)).unwrap());
    assert_eq!(backups, ["one\n", "two\n"]);
    fs::remove_file(inside("filler")).unwrap();
    world.logged("small/out is rotated again");
    assert_eq!(complaints(&world, "could not rotate log"), 1);
}

#[test]
fn a_log_directory_that_was_removed_and_put_back_costs_nothing() {
    let world = World::new();
    fs::create_dir(world.path("logs")).unwrap();
    let script = "i=100000; while [ ! -e stop ]; do echo $i; i=$((i+1)); sleep 0.005; done; echo end $i; exec sleep 1000";
    fs::write(world.path("script"), script).unwrap();
    let _daemon = world.start(&format!(
        "[program:x]\ncommand=/bin/sh DIR/script\ndirectory=DIR\nstdout_logfile=DIR/logs/out\n\
         stdout_logfile_maxbytes=100000\n{OTHER}"
    ));
    world.written("logs/out", "100010\n");
    let mut old = File::open(world.path("logs/out")).unwrap();
    fs::remove_dir_all(world.path("logs")).unwrap();
    world.logged("logs/out: No such file or directory");
    others_go_on(&world);
    fs::create_dir(world.path("logs")).unwrap();
    assert_eq!(dropped(&world, "logs/out"), 0);
    fs::write(world.path("stop"), "").unwrap();
    let new = world.written("logs/out", "end ");
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    let last_old: u32 = text.lines().last().unwrap().parse().unwrap();
    let numbers: Vec<u32> = new.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(numbers[0] <= last_old + 1, "{} follows {last_old}", numbers[0]);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{new}");
    assert!(new.ends_with(&format!("end {}\n", numbers.last().unwrap() + 1)));
    assert_eq!(complaints(&world, "could not write to log"), 1);
}

#[test]
fn a_fifo_that_nobody_reads_holds_up_its_program_for_a_while_and_nobody_else() {
    let world = World::new();
    mkfifo(&world.path("fifo"), Mode::S_IRWXU).unwrap();
    let count = 5_000_000;
    let _daemon = world.start(&(writer("x", count, "DIR/fifo") + OTHER));
    others_go_on(&world);
    assert!(!world.read("d.log").contains("exited: x"), "it should be held up");
    world.logged("fifo takes no more output, which is dropped");
    world.logged("exited: x (exit status 0; expected)");
    let mut reader = File::open(world.path("fifo")).unwrap();
    let mut read = vec![0; 2 * 1024 * 1024];
    reader.read_exact(&mut read).unwrap();
    let dropped = dropped(&world, "fifo");
    read.resize(count - dropped, 0);
    reader.read_exact(&mut read[2 * 1024 * 1024..]).unwrap();
    assert!(read == yes(count - dropped));
    assert_eq!(complaints(&world, "takes no more output"), 1);
}

#[test]
fn a_slow_reader_of_standard_output_gets_every_byte_in_order_bug_006() {
    let world = World::new();
    let count = 5_000_000;
    world.configure(&(writer("x", count, "/dev/stdout") + OTHER));
    let mut command = world.command();
    command.stdout(Stdio::piped());
    let mut daemon = world.run(&mut command);
    others_go_on(&world);
    let mut pipe = daemon.stdout().unwrap();
    assert_eq!(flags(&pipe) & libc::O_NONBLOCK, 0, "others share it");
    let mut read = vec![0; count];
    for piece in read.chunks_mut(200_000) {
        pipe.read_exact(piece).unwrap();
    }
    assert!(read == yes(count));
    world.logged("exited: x (exit status 0; expected)");
    assert_eq!(complaints(&world, "output"), 0, "{}", world.read("d.log"));
}

#[test]
fn the_end_of_the_daemon_waits_for_a_stream_that_is_read_late() {
    let world = World::new();
    // More than the pipe takes, and too little to hold the program up.
    let count = 300_000;
    world.configure(&writer("x", count, "/dev/stdout"));
    let mut command = world.command();
    command.stdout(Stdio::piped());
    let mut daemon = world.run(&mut command);
    world.logged("exited: x (exit status 0; expected)");
    daemon.signal(Signal::SIGTERM);
    until("all but its last words is said", || (!world.path("d.pid").exists()).then_some(()));
    let mut read = Vec::new();
    daemon.stdout().unwrap().read_to_end(&mut read).unwrap();
    assert!(read == yes(count), "{} bytes", read.len());
    assert_eq!(daemon.ended(), Some(0));
    assert_eq!(complaints(&world, "did not take"), 0);
}

#[test]
fn a_crowd_that_ends_together_waits_for_a_slow_reader_and_loses_nothing() {
    const CROWD: usize = 80;
    /// What each has left in its pipe, which takes it whole; together it is more than is held for a log.
    const LEFT: usize = 60_000;
    let world = World::new();
    mkfifo(&world.path("fifo"), Mode::S_IRWXU).unwrap();
    let writers = (0..CROWD).map(|number| writer(&format!("x{number}"), LEFT, "DIR/fifo"));
    let daemon = world.start(&(writers.collect::<String>() + OTHER));
    until("all are dead", || {
        let children = daemon.proc(&format!("task/{}/children", daemon.pid()));
        (complaints(&world, "spawned: 'x") == CROWD && children.split_whitespace().count() <= 1).then_some(())
    });
    let told = || complaints(&world, "exited: x");
    let mut reader = File::open(world.path("fifo")).unwrap();
    let mut read = vec![0; CROWD * LEFT];
    let mut pieces = read.chunks_mut(10_000);
    let before = told();
    // Now there is room again, for one or two.
    while told() == before {
        reader.read_exact(pieces.next().expect("somebody is held up")).unwrap();
    }
    others_go_on(&world);
    assert!(told() < CROWD, "the others should be held up");
    for piece in pieces {
        reader.read_exact(piece).unwrap();
    }
    until("every exit is told", || (told() == CROWD).then_some(()));
    assert_eq!(complaints(&world, "output"), 0, "{}", world.read("d.log"));
}

fn flags(file: &impl std::os::fd::AsFd) -> i32 {
    fcntl(file, FcntlArg::F_GETFL).unwrap()
}

#[test]
fn a_stopped_terminal_stops_its_program_only() {
    let world = World::new();
    let pty = openpty(None, None).unwrap();
    let count = 400_000;
    world.configure(&(writer("x", count, "/dev/stdout") + OTHER));
    nix::unistd::write(&pty.master, b"\x13").unwrap();
    let mut command = world.command();
    command.stdout(pty.slave.try_clone().unwrap());
    let _daemon = world.run(&mut command);
    others_go_on(&world);
    assert_eq!(flags(&pty.slave) & libc::O_NONBLOCK, 0, "others share it");
    nix::unistd::write(&pty.master, b"\x11").unwrap();
    let mut master = File::from(pty.master);
    let mut text = Vec::new();
    // The terminal makes each line end CR LF; the other characters are ours, and none is missing.
    while text.iter().filter(|byte| **byte != b'\r').count() < count {
        let mut piece = vec![0; 65_536];
        let length = master.read(&mut piece).unwrap();
        text.extend_from_slice(&piece[..length]);
    }
    text.retain(|byte| *byte != b'\r');
    // What was typed is echoed.
    let text: Vec<u8> = String::from_utf8_lossy(&text).replace("^S", "").replace("^Q", "").into_bytes();
    assert!(text.starts_with(&yes(count)[..text.len().min(count)]));
    drop(command);
}

#[test]
fn a_rotation_without_a_descriptor_to_spare_changes_no_names_and_loses_nothing() {
    let world = World::new();
    for number in 1..=3 {
        fs::write(world.path(&format!("out.{number}")), format!("old {number}\n")).unwrap();
    }
    let script = "i=1000; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); [ -e go ] || sleep 0.01; done; \
                  exec sleep 1000";
    fs::write(world.path("script"), script).unwrap();
    let daemon = world.start(
        "[program:x]\ncommand=/bin/sh DIR/script\ndirectory=DIR\nstdout_logfile=DIR/out\nredirect_stderr=true\n\
         stdout_logfile_maxbytes=300\nstdout_logfile_backups=30\n",
    );
    until("the first lines", || (world.read("out").len() > 20).then_some(()));
    let open: Vec<usize> = fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .collect();
    let lowest_free = (0..).find(|number| !open.contains(number)).unwrap();
    let limit = |soft: String| {
        let pid = format!("--pid={}", daemon.pid());
        let status = Command::new("prlimit").args([&pid, &format!("--nofile={soft}:")]).status();
        assert!(status.unwrap().success());
    };
    limit(lowest_free.to_string());
    world.logged("could not rotate log");
    world.logged("out: Too many open files; it grows meanwhile");
    until("growth", || (world.read("out").len() > 900).then_some(()));
    assert_eq!(world.read("out.1"), "old 1\n", "no name was changed");
    assert!(!world.path("out.4").exists());
    limit("1024".to_string());
    world.logged("out is rotated again");
    fs::write(world.path("go"), "").unwrap();
    let expected: String = (1000..2000).map(|number| format!("{number}\n")).collect();
    until("all lines, once each, behind the old ones", || {
        let all: Vec<String> = (1..=30).rev().map(|number| world.read(&format!("out.{number}"))).collect();
        let all = all.concat() + &world.read("out");
        (all == format!("old 3\nold 2\nold 1\n{expected}")).then_some(())
    });
    assert_eq!(complaints(&world, "could not rotate log"), 1);
}

#[test]
fn standard_output_is_the_logs_after_privileges_were_dropped_bug_012() {
    if !Uid::current().is_root() {
        eprintln!("skipped: only root can drop privileges");
        return;
    }
    let world = World::new();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(world.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    world.configure(&writer("x", 200_000, "/dev/stdout"));
    let text = fs::read_to_string(world.path("s.conf")).unwrap();
    fs::write(world.path("s.conf"), text.replace("user=0", "user=nobody")).unwrap();
    let mut command = world.command();
    command.stdout(Stdio::piped());
    let mut daemon = world.run(&mut command);
    let mut read = vec![0; 200_000];
    daemon.stdout().unwrap().read_exact(&mut read).unwrap();
    assert!(read == yes(200_000));
    world.logged("Set uid to user");
}

#[test]
fn a_thousand_children_at_once_lose_nothing() {
    let world = World::new();
    let script = "i=0; while [ $i -lt 40 ]; do echo $1 $i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; \
                  i=$((i+1)); done; printf end";
    fs::write(world.path("script"), script).unwrap();
    let _daemon = world.start(
        "[program:x]\ncommand=/bin/sh DIR/script %(process_num)d\nnumprocs=1000\nprocess_name=%(process_num)d\n\
         startsecs=0\nautorestart=false\nstdout_logfile=DIR/out%(process_num)d\nredirect_stderr=true\n",
    );
    until("a thousand ends", || (world.read("d.log").matches("exited: ").count() >= 1000).then_some(()));
    for number in 0..1000 {
        let expected: String =
            (0..40).map(|i| format!("{number} {i} {}\n", "x".repeat(52))).collect::<String>() + "end";
        assert!(world.read(&format!("out{number}")) == expected, "{number}");
    }
}

#[test]
fn what_a_child_says_at_its_end_is_on_file_before_the_daemon_goes() {
    let world = World::new();
    let script = "trap 'yes 0123456789abcde 2>/dev/null | head -c 2000000; exit' TERM; echo ready; while :; do sleep 0.05; done";
    fs::write(world.path("script"), script).unwrap();
    let mut daemon = world.start(
        "[program:x]\ncommand=/bin/sh DIR/script\nstdout_logfile=DIR/out\nstdout_logfile_maxbytes=0\n\
         redirect_stderr=true\n",
    );
    world.written("out", "ready\n");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(fs::read(world.path("out")).unwrap().len(), 2_000_000 + 6);
}

#[test]
fn a_grandchild_that_keeps_the_pipe_open_delays_nothing() {
    let world = World::new();
    fs::write(world.path("script"), "(sleep 1000 & echo $! > grandchild); printf 'no newline'; exit 3")
        .unwrap();
    let _daemon = world.start(
        "[program:x]\ncommand=/bin/sh DIR/script\ndirectory=DIR\nstartsecs=0\nautorestart=false\n\
         stdout_logfile=DIR/out\n",
    );
    world.logged("exited: x (exit status 3; not expected)");
    assert_eq!(world.read("out"), "no newline");
    let grandchild: i32 = world.read("grandchild").trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(grandchild), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
}

#[test]
fn a_descriptor_by_number_is_the_one_that_was_handed_over_bug_012() {
    let world = World::new();
    let path = world.name("seven");
    world.configure(&writer("x", 1000, "/dev/fd/7"));
    let daemon = world.command();
    let words: Vec<_> = std::iter::once(daemon.get_program()).chain(daemon.get_args()).collect();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec \"$@\" 7>{path}"), "sh"]).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let _daemon = world.run(&mut command);
    world.logged("exited: x (exit status 0; expected)");
    assert!(fs::read(path).unwrap() == yes(1000));
}
