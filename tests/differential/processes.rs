//! How processes begin, end and come back, under both daemons.

use std::process::Command;

use serde_json::Value;

use crate::beside::{side_by_side, story};
use crate::world::procfs::{children, kill, runs, until};
use crate::world::{Boot, World};

/// A `sh` program that says what it was sent and ends with 3; `$1` is its name.
const TELLER: &str =
    "for signal in TERM HUP INT QUIT USR1 USR2; do trap \"echo $signal > {dir}/$1.got; exit 3\" $signal; done
echo up > {dir}/$1.up
while :; do sleep 0.02; done";

/// A `sh` program with a child in its process group; both ignore TERM if `$2` says so.
const FAMILY: &str = "[ \"$2\" = deaf ] && trap '' TERM
sh -c 'echo $$ > {dir}/'$1'.child; while :; do sleep 0.02; done' &
echo up > {dir}/$1.up
wait
while :; do sleep 0.02; done";

fn await_file(world: &World, name: &str) -> String {
    until(&format!("{name} is written"), || Some(world.read(name)).filter(|text| text.ends_with('\n')))
}

/// The states of all processes, by name, with exit status and `spawnerr`.
fn states(world: &World) -> Vec<(String, String, i64, String)> {
    let all = world.rpc_ok("supervisor.getAllProcessInfo", &[]);
    let text = |info: &Value, key: &str| info[key].as_str().unwrap().to_string();
    let state = |info: &Value| {
        let status = info["exitstatus"].as_i64().unwrap();
        (text(info, "name"), text(info, "statename"), status, text(info, "spawnerr"))
    };
    all.as_array().unwrap().iter().map(state).collect()
}

#[test]
fn each_stopsignal_reaches_the_program() {
    const SIGNALS: [&str; 7] = ["TERM", "HUP", "INT", "QUIT", "KILL", "USR1", "USR2"];
    side_by_side(|world| {
        world.script("teller", TELLER);
        let program = |signal: &str| {
            format!("[program:{signal}]\ncommand={{dir}}/teller {signal}\nstopsignal={signal}\nstartsecs=0\n")
        };
        world.configure(&SIGNALS.map(program).concat());
        world.boot();
        for signal in SIGNALS {
            await_file(world, &format!("{signal}.up"));
        }
        let answer = world.rpc_ok("supervisor.stopAllProcesses", &[]);
        let mut said = story(world, &["stopped:", "killing"]);
        said.sort();
        let got = SIGNALS.map(|signal| world.read(&format!("{signal}.got")));
        (answer.as_array().unwrap().len(), states(world), said, got)
    });
}

#[test]
fn a_program_that_ignores_its_signal_is_killed_after_stopwaitsecs() {
    side_by_side(|world| {
        world.script("deaf", "trap '' TERM\necho up > {dir}/deaf.up\nwhile :; do sleep 0.02; done");
        // Two seconds: the reference may see the end a second late, and would kill again.
        world.configure("[program:deaf]\ncommand={dir}/deaf\nstopwaitsecs=2\nstartsecs=0\n");
        world.boot();
        await_file(world, "deaf.up");
        let answer = world.rpc_ok("supervisor.stopProcess", &["deaf".into()]);
        // Said again every two seconds, the last time before the end or after it.
        let waiting = story(world, &["waiting for deaf to stop"]).swap_remove(0);
        (answer, states(world), waiting, story(world, &["killing", "stopped:"]))
    });
}

#[test]
fn grandchildren_are_left_alone_or_killed_as_configured() {
    // Name, how it takes TERM, options: stop and kill alone, both in the group, and the group for the kill only. The
    // reference sees an end up to a second late: whoever hears must not be killed for that, and whoever is killed not
    // twice.
    const FAMILIES: [(&str, &str, &str); 5] = [
        ("alone", "hears", "stopwaitsecs=60\nstopasgroup=false"),
        ("stopped", "hears", "stopwaitsecs=60\nstopasgroup=true"),
        ("deafalone", "deaf", "stopwaitsecs=2\nkillasgroup=false"),
        ("killed", "deaf", "stopwaitsecs=2\nkillasgroup=true"),
        ("both", "deaf", "stopwaitsecs=2\nstopasgroup=true"),
    ];
    side_by_side(|world| {
        world.script("family", FAMILY);
        let program = |(name, ears, options): (&str, &str, &str)| {
            format!("[program:{name}]\ncommand={{dir}}/family {name} {ears}\n{options}\nstartsecs=0\n")
        };
        world.configure(&FAMILIES.map(program).concat());
        world.boot();
        let grandchildren = FAMILIES.map(|(name, ..)| {
            await_file(world, &format!("{name}.up"));
            await_file(world, &format!("{name}.child")).trim().parse::<i32>().unwrap()
        });
        world.rpc_ok("supervisor.stopAllProcesses", &[]);
        let killed = ["stopped", "killed", "both"];
        for ((name, ..), pid) in FAMILIES.iter().zip(grandchildren) {
            if killed.contains(name) {
                until(&format!("the grandchild of {name} is gone"), || (!runs(pid)).then_some(()));
            }
        }
        let alive = grandchildren.map(runs);
        grandchildren.into_iter().filter(|pid| runs(*pid)).for_each(|pid| kill("KILL", pid));
        let mut said = story(world, &["stopped:", "killing"]);
        said.sort();
        (alive, states(world), said)
    });
}

#[test]
fn startsecs_decides_between_an_exit_and_a_failed_start() {
    side_by_side(|world| {
        world.configure(
            "[program:early]\ncommand=sleep 3\nstartsecs=5\nstartretries=0\nautorestart=false\n\
             [program:late]\ncommand=sleep 7\nstartsecs=5\nstartretries=0\nautorestart=false\n",
        );
        world.boot();
        world.await_state("late", "EXITED");
        world.await_state("early", "FATAL");
        (states(world), story(world, &["early"]), story(world, &["late"]))
    });
}

#[test]
fn startretries_are_used_up_and_the_program_is_given_up() {
    side_by_side(|world| {
        world.configure(
            "[program:crash]\ncommand=sh -c 'sleep 0.2; exit 7'\nstartsecs=3\nstartretries=2\n\
             [program:ghost]\ncommand=/nonexistent/ghost\nstartretries=1\n",
        );
        world.boot();
        world.await_state("crash", "FATAL");
        world.await_state("ghost", "FATAL");
        let refused = ["crash", "ghost"].map(|name| world.rpc("supervisor.stopProcess", &[name.into()]));
        (states(world), refused, story(world, &["crash"]), story(world, &["ghost"]))
    });
}

#[test]
fn hundreds_of_children_killed_in_the_same_instant_all_return() {
    // As many as the reference starts in a few seconds; a thousand return in tests/it.
    const COUNT: usize = 300;
    side_by_side(|world| {
        world.configure(&format!(
            "[supervisord]\nminfds=1024\n[program:s]\ncommand=sleep 1000\nnumprocs={COUNT}\nstartsecs=0\n\
             process_name=s%(process_num)04d\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
        ));
        world.boot();
        let pids = || {
            let all = world.rpc_ok("supervisor.getAllProcessInfo", &[]);
            let running = all.as_array().unwrap().iter().filter(|info| info["statename"] == "RUNNING");
            running.map(|info| i32::try_from(info["pid"].as_i64().unwrap()).unwrap()).collect::<Vec<_>>()
        };
        let before = until("all run", || Some(pids()).filter(|pids| pids.len() == COUNT));
        before.iter().for_each(|pid| kill("KILL", *pid));
        let after = until("all run anew", || {
            Some(pids()).filter(|pids| pids.len() == COUNT && !pids.iter().any(|pid| before.contains(pid)))
        });
        let exits = story(world, &["exited:"]);
        let expected = |line: &String| line.ends_with("(terminated by SIGKILL; not expected)");
        assert!(exits.iter().all(expected), "{:?}", exits.iter().find(|line| !expected(line)));
        (after.len(), children(world.pid()).len(), exits.len(), story(world, &["spawned:"]).len())
    });
}

#[test]
fn term_in_the_middle_of_a_reload_ends_the_daemon() {
    side_by_side(|world| {
        world.script(
            "slow",
            "trap 'echo asked > {dir}/asked; while [ ! -e {dir}/go ]; do sleep 0.02; done; exit 0' TERM\n\
             echo up > {dir}/up\nwhile :; do sleep 0.02; done",
        );
        world.configure("[program:slow]\ncommand={dir}/slow\nstopwaitsecs=60\nstartsecs=0\n");
        world.boot();
        await_file(world, "up");
        world.signal("HUP");
        await_file(world, "asked");
        world.signal("TERM");
        world.await_log("received SIGTERM indicating exit request");
        // Too late to change anything.
        world.signal("HUP");
        world.await_log("ignored SIGHUP");
        world.write("go", "");
        let status = world.await_end().code();
        let left = [world.socket().exists(), world.path("supervisord.pid").exists()];
        (status, left, story(world, &["received", "ignored", "stopped", "supervisord started"]))
    });
}

#[test]
fn a_daemon_in_the_background_takes_the_same_steps() {
    side_by_side(|world| {
        std::fs::create_dir(world.path("elsewhere")).unwrap();
        world.configure(
            "[supervisord]\nloglevel=blather\ndirectory={dir}/elsewhere\numask=027\n\
             [program:web]\ncommand=sh -c 'umask; pwd; exec sleep 1000'\nstdout_logfile={dir}/web.log\n",
        );
        world.boot_background();
        world.await_state("web", "RUNNING");
        let pid = world.pid();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3) == Some(&*pid.to_string());
        let mode = |name: &str| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::metadata(world.path(name)).unwrap().permissions().mode()
        };
        let modes = [mode("supervisord.pid"), mode("web.log"), mode("supervisord.log")];
        let links = ["cwd", "fd/0", "fd/1", "fd/2"]
            .map(|name| std::fs::read_link(format!("/proc/{pid}/{name}")).unwrap())
            .map(|path| path.to_string_lossy().replace(world.dir().to_str().unwrap(), "{dir}"));
        let written = world.read("supervisord.pid") == format!("{pid}\n");
        let child = world.read("web.log").replace(world.dir().to_str().unwrap(), "{dir}");
        world.signal("TERM");
        until("it has ended", || (!runs(pid)).then_some(()));
        let left = [world.socket().exists(), world.path("supervisord.pid").exists()];
        // The two processes of a fork write when they come to it.
        let forked = story(world, &["forked"]);
        let words = [
            "daemonizing",
            "set current directory",
            "supervisord started",
            "received SIGTERM",
            "stopped: web",
        ];
        (session, modes, links, written, child, left, forked, story(world, &words))
    });
}

#[test]
fn as_process_1_it_reaps_a_thousand_orphans_and_leaves_no_zombie() {
    const ORPHANS: usize = 1_000;
    let unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let allowed = Command::new(unshare[0]).args(&unshare[1..]).arg("true").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no pid namespace may be made here");
        return;
    }
    side_by_side(|world| {
        world.script(
            "orphanage",
            &format!("i=0; while [ $i -lt {ORPHANS} ]; do (sh -c 'exit 3' &); i=$((i+1)); done"),
        );
        world.configure(
            "[program:orphanage]\ncommand={dir}/orphanage\nstartsecs=0\nautorestart=false\n\
             [program:web]\ncommand=sleep 1000\n",
        );
        world.boot_as(&Boot { wrapper: &unshare, forks: true, ..Boot::default() });
        world.await_up();
        let line = "INFO reaped unknown pid N (exit status 3)";
        until("all orphans are reaped", || {
            let told = story(world, &["supervisord started", "reaped unknown pid"]);
            (told.iter().filter(|told| *told == line).count() == ORPHANS).then_some(())
        });
        world.await_state("orphanage", "EXITED");
        world.await_state("web", "RUNNING");
        let left = children(world.pid());
        let alive = left.iter().filter(|pid| runs(**pid)).count();
        // What means nothing does not end it, and is not passed on.
        world.signal("ALRM");
        let web = world.pid_of("web");
        world.signal("TERM");
        let status = world.await_end().code();
        let ends = story(world, &["received SIGTERM", "stopped: web"]);
        (left.len(), alive, web > 1, status, ends)
    });
}
