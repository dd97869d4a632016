//! `pidproxy`, with real children.

use std::fs;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::world::procfs::{kill, runs, until};

fn dir() -> TempDir {
    tempfile::Builder::new().prefix("convoke-proxy-").tempdir().unwrap()
}

/// `sh -c script` under pidproxy, with the directory as `$0`.
fn proxied(dir: &TempDir, script: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_pidproxy"))
        .arg(dir.path().join("pid"))
        .args(["/bin/sh", "-c", script])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap()
}

fn said(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join("said")).unwrap_or_default()
}

fn status(child: &mut Child) -> Option<i32> {
    until("pidproxy has ended", || child.try_wait().unwrap()).code()
}

/// The real process is a child of the command, and writes down what reaches it.
const DAEMON: &str = "sh -c 'trap \"echo HUP >>$0/said\" HUP; trap \"echo USR1 >>$0/said\" USR1; \
                      trap \"echo TERM >>$0/said; exit\" TERM; echo $$ >$0/pid; echo ready >>$0/said; \
                      while :; do sleep 0.1; done' $0 & trap '' HUP USR1 TERM INT; wait; wait; wait; exec sleep 1000";

#[test]
fn signals_reach_the_process_that_the_file_names() {
    let dir = dir();
    let mut proxy = proxied(&dir, DAEMON);
    until("the real process is ready", || said(&dir).contains("ready").then_some(()));
    for signal in ["HUP", "USR1"] {
        kill(signal, pid(&proxy));
        until(&format!("{signal} has come"), || said(&dir).contains(signal).then_some(()));
    }
    let command = crate::world::procfs::children(pid(&proxy));
    kill("TERM", pid(&proxy));
    until("TERM has come", || said(&dir).contains("TERM").then_some(()));
    assert_eq!(status(&mut proxy), Some(0), "after TERM all is well");
    command.into_iter().filter(|&pid| runs(pid)).for_each(|pid| kill("KILL", pid));
}

#[test]
fn the_status_of_the_command_is_passed_on_at_once_bug_040() {
    for (script, expected) in [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", 137)] {
        let dir = dir();
        assert_eq!(status(&mut proxied(&dir, script)), Some(expected), "{script}");
    }
}

#[test]
fn a_pid_file_that_is_missing_or_broken_drops_the_signal() {
    for content in [None, Some(""), Some("garbage"), Some("-1"), Some("0"), Some("1")] {
        let dir = dir();
        if let Some(content) = content {
            fs::write(dir.path().join("pid"), content).unwrap();
        }
        let mut proxy = proxied(&dir, "echo ready >$0/said; exec sleep 1000");
        until("the command runs", || said(&dir).contains("ready").then_some(()));
        let command = crate::world::procfs::children(pid(&proxy));
        kill("TERM", pid(&proxy));
        kill("HUP", pid(&proxy));
        // It lives on, and ends as its command does.
        command.into_iter().for_each(|pid| kill("KILL", pid));
        assert_eq!(status(&mut proxy), Some(137), "{content:?}");
        let mut output = String::new();
        std::io::Read::read_to_string(&mut proxy.stdout.take().unwrap(), &mut output).unwrap();
        let line = format!("Can't read child pidfile {}!", dir.path().join("pid").display());
        assert!(output.lines().any(|said| said == line), "{output}");
    }
}

#[test]
fn it_lives_on_when_nobody_reads_what_it_says() {
    let dir = dir();
    let script =
        "trap '' HUP; trap 'echo USR1 >>$0/said' USR1; echo ready >>$0/said; while :; do sleep 0.1; done";
    let mut proxy = proxied(&dir, script);
    until("the command runs", || said(&dir).contains("ready").then_some(()));
    drop(proxy.stdout.take());
    // It says that there is no pid file.
    kill("HUP", pid(&proxy));
    let command = crate::world::procfs::children(pid(&proxy));
    fs::write(dir.path().join("pid"), command[0].to_string()).unwrap();
    kill("USR1", pid(&proxy));
    until("USR1 has come", || said(&dir).contains("USR1").then_some(()));
    command.into_iter().for_each(|pid| kill("KILL", pid));
    assert_eq!(status(&mut proxy), Some(137));
}

#[test]
fn what_is_not_given_is_asked_for_on_standard_output_cli_041() {
    for args in [&[][..], &["/tmp/pid"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_pidproxy")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains("Usage: "));
        assert!(output.stderr.is_empty());
    }
    let output =
        Command::new(env!("CARGO_BIN_EXE_pidproxy")).args(["/tmp/pid", "nonexistent"]).output().unwrap();
    assert_eq!(output.status.code(), Some(127));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.ends_with("could not run nonexistent: No such file or directory\n"), "{said}");
}
