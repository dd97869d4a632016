//! The daemon's own life: signals, restart, background, process 1.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::{World, until};

#[test]
fn there_is_one_thread_and_nothing_wakes_it_at_idle() {
    let world = World::new();
    let daemon = world.start("[program:x]\ncommand=/bin/sleep 1000\n");
    world.logged("success: x entered RUNNING state");
    assert!(daemon.proc("status").contains("Threads:\t1\n"));
    let switches = || {
        let status = daemon.proc("status");
        status.lines().filter(|line| line.contains("ctxt_switches")).collect::<Vec<_>>().join(" ")
    };
    // It may have to finish its turn; then nothing may happen for twice the shortest timer there could be.
    let (mut since, mut before) = (Instant::now(), switches());
    until("a quiet second", || {
        let now = switches();
        if now != before {
            (since, before) = (Instant::now(), now);
        }
        (since.elapsed() > Duration::from_secs(1)).then_some(())
    });
    assert!(before.contains("voluntary"));
}

#[test]
fn once_the_start_is_over_its_memory_is_given_back() {
    let world = World::new();
    let daemon = world.start("[program:x]\ncommand=/bin/sleep 1000\n");
    let kilobytes = |name: &str| {
        let status = daemon.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    until("most of it is gone", || (kilobytes("VmRSS:") * 2 < kilobytes("VmHWM:")).then_some(()));
}

#[test]
fn term_stops_everything_in_order_and_cleans_up_sig_001() {
    let world = World::new();
    let mut daemon = world.start(
        "[program:first]\ncommand=/bin/sleep 1000\npriority=1\n[program:last]\ncommand=/bin/sleep 1000\npriority=2\n",
    );
    world.logged("success: last entered RUNNING state");
    assert_eq!(world.read("d.pid"), format!("{}\n", daemon.pid()));
    assert_eq!(daemon.stop(), Some(0));
    let log = world.read("d.log");
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{log}"));
    assert!(at("received SIGTERM indicating exit request") < at("stopped: last (terminated by SIGTERM)"));
    assert!(at("stopped: last") < at("stopped: first"));
    assert!(!world.path("d.pid").exists());
}

#[test]
fn signals_without_a_meaning_kill_nobody_bug_036() {
    let world = World::new();
    let mut daemon = world.start("loglevel=blather\n");
    for signal in [Signal::SIGUSR1, Signal::SIGALRM, Signal::SIGVTALRM, Signal::SIGPROF, Signal::SIGIO] {
        daemon.signal(signal);
        world.logged("indicating nothing");
    }
    world.logged("BLAT received SIGUSR1 indicating nothing");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn hup_begins_again_in_the_same_process_with_the_new_configuration_sig_002() {
    let world = World::new();
    let mut daemon = world.start("[program:old]\ncommand=/bin/sleep 1000\n");
    world.logged("spawned: 'old'");
    // The pid file is there all the time: whoever looks must not take the daemon for dead.
    std::fs::hard_link(world.path("d.pid"), world.path("seen.pid")).unwrap();
    world.configure("[program:new]\ncommand=/bin/sleep 1000\n");
    daemon.signal(Signal::SIGHUP);
    world.logged("received SIGHUP indicating restart request");
    world.logged("stopped: old (terminated by SIGTERM)");
    world.logged("spawned: 'new'");
    let started = format!("supervisord started with pid {}", daemon.pid());
    assert_eq!(world.read("d.log").matches(&started).count(), 2);
    assert_eq!(world.read("d.pid"), format!("{}\n", daemon.pid()));
    let inode = |name: &str| std::fs::metadata(world.path(name)).unwrap().ino();
    assert_eq!(inode("d.pid"), inode("seen.pid"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn hup_with_a_broken_configuration_changes_nothing_bug_002() {
    let world = World::new();
    let mut daemon = world.start("[program:x]\ncommand=/bin/sleep 1000\n");
    world.logged("success: x entered RUNNING state");
    std::fs::write(world.path("s.conf"), "[program:x]\n").unwrap();
    daemon.signal(Signal::SIGHUP);
    world.logged("CRIT");
    assert!(daemon.alive());
    assert!(!world.read("d.log").contains("stopped: x"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn in_the_foreground_umask_and_directory_have_no_effect_bug_029() {
    let world = World::new();
    world.configure(
        "umask=077\ndirectory=/\n[program:x]\ncommand=/bin/sh -c \"umask; pwd; exec sleep 1000\"\nstdout_logfile=DIR/out\n",
    );
    let own = world.command();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "umask 026; exec \"$0\" \"$@\""]).arg(own.get_program()).args(own.get_args());
    shell.current_dir(world.path(""));
    let _daemon = world.run(&mut shell);
    let here = world.path("").canonicalize().unwrap();
    assert_eq!(world.written("out", &format!("{}\n", here.display())), format!("0026\n{}\n", here.display()));
}

#[test]
fn in_the_background_it_has_a_session_and_no_terminal_proc_065() {
    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = directory.path().canonicalize().unwrap();
    world.configure(&format!(
        "umask=027\ndirectory={}\n[program:x]\ncommand=/bin/sh -c \"umask; exec sleep 1000\"\n\
         stdout_logfile=DIR/out\n",
        elsewhere.to_string_lossy()
    ));
    let mut command = Command::new(env!("CARGO_BIN_EXE_supervisord"));
    // BUG-003: the relative name must be found again from another directory.
    command.args(["-c", "s.conf"]).current_dir(world.path(""));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    world.logged("supervisord started with pid");
    let pid: i32 = world.read("d.pid").trim().parse().unwrap();
    let _end = EndAtLast(Pid::from_raw(pid));
    let proc = |name: &str| format!("/proc/{pid}/{name}");
    let stat = std::fs::read_to_string(proc("stat")).unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_string();
    assert_eq!(session, pid.to_string());
    for number in 0..3 {
        assert_eq!(std::fs::read_link(proc(&format!("fd/{number}"))).unwrap().to_string_lossy(), "/dev/null");
    }
    assert_eq!(std::fs::read_link(proc("cwd")).unwrap(), elsewhere);
    world.logged(&format!("set current directory: '{}'", elsewhere.to_string_lossy()));
    assert_eq!(world.written("out", "\n"), "0027\n");

    kill(Pid::from_raw(pid), Signal::SIGHUP).unwrap();
    until("the second start", || {
        (world.read("d.log").matches("supervisord started with pid").count() == 2).then_some(())
    });
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    until("the end", || (!world.path("d.pid").exists()).then_some(()));
    // Not a child of this test, so its end shows in /proc only.
    until("the end", || (!std::path::Path::new(&proc("stat")).exists()).then_some(()));
}

/// A daemon that is nobody's child does not outlive a test that fails.
struct EndAtLast(Pid);

impl Drop for EndAtLast {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Gone already, if the test got that far.
            let _ = kill(self.0, Signal::SIGTERM);
        }
    }
}

#[test]
fn as_process_1_it_reaps_orphans_proc_057() {
    let unshare = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-pf", "--mount-proc"]).args(args);
        command
    };
    if !unshare(&["/bin/true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user may not create pid namespaces");
        return;
    }
    let world = World::new();
    // The inner shell's child outlives it.
    world.configure(
        "[program:x]\ncommand=/bin/sh -c \"(sh -c 'sleep 0.2; exit 5' &); exit 0\"\nstartsecs=0\nautorestart=false\n",
    );
    let own = world.command();
    let binary = own.get_program().to_string_lossy().into_owned();
    let args: Vec<String> = own.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let mut words = vec!["--kill-child", binary.as_str()];
    words.extend(args.iter().map(String::as_str));
    let mut daemon = world.run(&mut unshare(&words));
    assert!(world.logged("supervisord started").ends_with("with pid 1"));
    let line = world.logged("reaped unknown pid");
    assert!(line.contains("INFO reaped unknown pid ") && line.ends_with(" (exit status 5)"), "{line}");
    // The signal goes to process 1 of the namespace, which is the only child of unshare.
    let children = daemon.proc(&format!("task/{}/children", daemon.pid()));
    kill(Pid::from_raw(children.trim().parse().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(daemon.ended(), Some(0));
}
