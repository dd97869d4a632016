//! The stock client's commands.

use crate::world::World;
use crate::world::procfs::{kill, until};
use crate::world::stock::python;

/// Two programs that run, one that is not started by itself.
const THREE: &str = "\
[program:web]
command=sleep 1000
[program:worker]
command=sleep 1000
numprocs=2
process_name=%(program_name)s_%(process_num)02d
[program:manual]
command=sleep 1000
autostart=false
";

/// A world with these programs where the stock client can be run, all that start by themselves RUNNING.
fn world(body: &str, processes: &[&str]) -> Option<World> {
    python()?;
    let world = World::running(body);
    processes.iter().for_each(|name| world.await_state(name, "RUNNING"));
    Some(world)
}

fn three() -> Option<World> {
    world(THREE, &["web", "worker:worker_00", "worker:worker_01"])
}

#[test]
fn status_shows_every_process_and_exits_3_while_one_is_stopped() {
    let Some(world) = three() else { return };
    let answer = world.ctl("status");
    let lines: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("manual                           STOPPED   Not started"), "{lines:?}");
    assert!(lines[1].starts_with("web                              RUNNING   pid "), "{lines:?}");
    assert!(lines[2].starts_with("worker:worker_00                 RUNNING   pid "), "{lines:?}");
    assert_eq!(answer.status, 3);
    assert_eq!(world.ctl("status web worker:*").status, 0);
    assert_eq!(world.ctl("status nobody").status, 4);
}

#[test]
fn start_stop_and_restart_act_on_what_they_name() {
    let Some(world) = three() else { return };
    assert_eq!(world.ctl_ok("start manual"), "manual: started\n");
    assert_eq!(world.ctl_ok("start manual"), "manual: ERROR (already started)\n");
    let (web, manual) = (world.pid_of("web"), world.pid_of("manual"));
    assert_eq!(world.ctl_ok("restart web"), "web: stopped\nweb: started\n");
    assert_ne!(world.pid_of("web"), web);
    assert_eq!(world.pid_of("manual"), manual);
    assert_eq!(world.ctl_ok("stop worker:*").lines().count(), 2);
    assert_eq!(world.state("worker:worker_01"), "STOPPED");
    assert_eq!(world.ctl_ok("stop web"), "web: stopped\n");
    assert_eq!(world.ctl_ok("stop web"), "web: ERROR (not running)\n");
    assert_eq!(world.ctl_ok("start all").lines().count(), 3);
    assert_eq!(world.ctl_ok("stop all").lines().count(), 4);
}

#[test]
fn names_that_nobody_has_get_the_stock_answers() {
    let Some(world) = three() else { return };
    let start = world.ctl("start nobody");
    assert_eq!((start.stdout.as_str(), start.status), ("nobody: ERROR (no such process)\n", 1));
    let group = world.ctl("start nobody:*");
    assert_eq!((group.stdout.as_str(), group.status), ("nobody: ERROR (no such group)\n", 2));
    let stop = world.ctl("stop nobody:*");
    assert_eq!((stop.stdout.as_str(), stop.status), ("nobody: ERROR (no such group)\n", 1));
}

#[test]
fn signal_reaches_the_process_and_refuses_what_is_no_signal() {
    if python().is_none() {
        return;
    }
    let mut world = World::ours();
    world.script("trap", "trap 'echo hupped' HUP\necho ready\nwhile :; do sleep 0.1; done");
    world.configure("[program:trap]\ncommand={dir}/trap\nstdout_logfile={dir}/trap.log\nstopsignal=KILL\n");
    world.boot();
    until("the trap is set", || world.read("trap.log").contains("ready").then_some(()));
    assert_eq!(world.ctl_ok("signal HUP trap"), "trap: signalled\n");
    until("the signal has come", || world.read("trap.log").contains("hupped").then_some(()));
    let bad = world.ctl("signal NONSENSE trap");
    assert_eq!((bad.stdout.as_str(), bad.status), ("trap: ERROR (bad signal name)\n", 1));
    world.ctl_ok("stop trap");
    let stopped = world.ctl("signal HUP trap");
    assert_eq!((stopped.stdout.as_str(), stopped.status), ("trap: ERROR (not running)\n", 7));
}

#[test]
fn names_beyond_ascii_arrive_whole() {
    // The reference counts characters where bytes are meant, so that the client gets half an answer.
    let Some(world) =
        world("[program:Zähler]\ncommand=sleep 1000\n[program:größe]\ncommand=sleep 1000\n", &[])
    else {
        return;
    };
    world.await_state("Zähler", "RUNNING");
    let mut stopped: Vec<_> = world.ctl_ok("stop all").lines().map(String::from).collect();
    stopped.sort();
    assert_eq!(stopped, ["Zähler: stopped", "größe: stopped"]);
    assert_eq!(world.ctl_ok("start Zähler"), "Zähler: started\n");
}

#[test]
fn pid_names_the_daemon_and_its_processes() {
    let Some(world) = three() else { return };
    assert_eq!(world.ctl_ok("pid"), format!("{}\n", world.pid()));
    assert_eq!(world.ctl_ok("pid web"), format!("{}\n", world.pid_of("web")));
    let stopped = world.ctl("pid manual");
    assert_eq!((stopped.stdout.as_str(), stopped.status), ("0\n", 7));
}

#[test]
fn a_killed_process_is_back_under_a_new_pid() {
    let Some(world) = three() else { return };
    let before = world.pid_of("web");
    kill("KILL", before);
    until("web is back", || {
        let pid = world.pid_of("web");
        (pid != 0 && pid != before).then_some(())
    });
}
