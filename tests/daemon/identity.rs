//! No signal goes to a pid that has been given up. The test makes the kernel give the pid of a dead child to somebody
//! else at once, and then wants the child signalled, in each of the moments at which the supervisor may still know the
//! pid.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::Arc;

use convoke::config::ProcessConfig;
use convoke::daemon::handle::News;
use convoke::daemon::machine::{Machine, Performed};
use convoke::names::{Errno, Pid, Signal};
use convoke::supervisor::{Effect, Input, ProcessKey};
use nix::sys::signal;
use tokio::sync::mpsc;

use crate::common;
use crate::machine::machine;
use crate::world::until;

/// Says to the test that it is in a namespace of its own, where it is alone with its children and chooses pids.
const ALONE: &str = "CONVOKE_TEST_IS_ALONE";

/// Forks until one has the wanted pid. They are many only if the kernel does not do what it was told.
const FORKS_MAX: u32 = 100;

#[test]
fn no_recycled_pid_is_ever_signalled() {
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for whole_group in [false, true] {
            runtime.block_on(strangers_live(whole_group));
        }
        return;
    }
    let unshare = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    let possible = "echo 100 > /proc/sys/kernel/ns_last_pid";
    let allowed = Command::new("unshare").args(unshare).args(["sh", "-c", possible]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no pid namespace may be made here");
        return;
    }
    let mut alone = Command::new("unshare");
    alone.args(unshare).arg(std::env::current_exe().unwrap());
    alone.args(["--exact", "identity::no_recycled_pid_is_ever_signalled", "--nocapture"]).env(ALONE, "yes");
    let output = alone.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn strangers_live(whole_group: bool) {
    let (inbox, mut exits) = mpsc::channel(16);
    let mut machine = machine(inbox, News::default());
    let config = ProcessConfig { command: "/bin/sleep 1000".to_string(), ..common::process("g", "p") };
    let (key, config) = (ProcessKey(1), Arc::new(config));
    machine.perform(Effect::Join(key, config.clone()));
    let Performed::Gave(Input::Spawned(_, pid)) = machine.perform(Effect::Spawn(key, config)) else {
        panic!("the child was not spawned")
    };
    let kill = |machine: &mut Machine| {
        let effect = Effect::Kill { process: key, signal: Signal::KILL, whole_group };
        match machine.perform(effect) {
            Performed::Done => Ok(()),
            Performed::Gave(Input::KillFailed(_, errno)) => Err(errno),
            Performed::Gave(_) | Performed::Exit(_) => panic!("no answer to Kill"),
        }
    };

    signal::kill(nix::unistd::Pid::from_raw(pid.0), signal::Signal::SIGKILL).unwrap();
    until("the child is dead", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.contains(") Z ").then_some(())
    });
    // Dead and not reaped: the pid is still the child's, and nobody can get it.
    assert!(recycle(pid).is_none());
    assert_eq!(kill(&mut machine), Ok(()));

    // Reaped, but its exit has not been told yet: the supervisor takes it for running.
    machine.reap();
    let mut stranger = recycle(pid).expect("a stranger with the child's pid");
    assert_eq!(kill(&mut machine), Err(Errno::ESRCH));
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed before the exit was told");

    // Told.
    assert!(matches!(exits.recv().await, Some(Input::Exited(told, _)) if told == key));
    machine.bury(key);
    assert_eq!(kill(&mut machine), Err(Errno::ESRCH));
    machine.perform(Effect::Leave(key));
    assert_eq!(kill(&mut machine), Err(Errno::ESRCH));
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed after the exit was told");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

/// A process that has this pid and leads a group of this number, if the kernel has it to give.
fn recycle(pid: Pid) -> Option<Child> {
    for _ in 0..FORKS_MAX {
        std::fs::write("/proc/sys/kernel/ns_last_pid", (pid.0 - 1).to_string()).unwrap();
        let mut child = Command::new("/bin/sleep").arg("1000").process_group(0).spawn().unwrap();
        if child.id() == pid.0.cast_unsigned() {
            return Some(child);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    None
}
