//! Both daemons under both clients.

use std::fs;
use std::thread;

use serde_json::Value;

use crate::both::{Compare, difference, none, stock, text};
use crate::rows::{BODY, ROWS};
use crate::world::World;
use crate::world::procfs::until;
use crate::world::stock::Answer;

const EXTRA: &str = "[program:extra]\ncommand=sleep 1000\nautostart=false\n";

/// What a configuration is called in the rows.
fn configuration(name: &str) -> Option<String> {
    let (rest, spare) = BODY.split_at(BODY.find("[program:spare]").unwrap());
    Some(match name {
        "base" => BODY.to_string(),
        "more" => format!("{BODY}{EXTRA}"),
        "less" => rest.to_string(),
        "other" => format!("{rest}{spare}priority=7\n"),
        "mixed" => format!("{rest}{spare}priority=7\n{EXTRA}")
            .replace("[program:missing]\ncommand=/nonexistent/program\nautostart=false\n", ""),
        "broken" => format!("{BODY}startsecs=never\n"),
        _ => return None,
    })
}

/// Makes things as the row wants them.
fn prepare(world: &World, given: &str) {
    let rpc = |method: &str, name: &str| drop(world.rpc(&format!("supervisor.{method}"), &[name.into()]));
    for word in given.split_whitespace() {
        if let Some(body) = configuration(word) {
            // First back to where all rows begin.
            world.configure(BODY);
            world.rpc_ok("supervisor.reloadConfig", &[]);
            rpc("removeProcessGroup", "extra");
            rpc("removeProcessGroup", "spare");
            rpc("addProcessGroup", "spare");
            rpc("addProcessGroup", "missing");
            world.configure(&body);
        } else if word == "reread" {
            drop(world.rpc("supervisor.reloadConfig", &[]));
        } else if let Some(name) = word.strip_prefix('+') {
            rpc("startProcess", name);
            until(&format!("{name} runs"), || (world.state(name) == "RUNNING").then_some(()));
        } else if let Some(name) = word.strip_prefix('-') {
            rpc("stopProcess", name);
            let stopped = |state: &str| matches!(state, "STOPPED" | "EXITED" | "FATAL");
            until(&format!("{name} is stopped"), || stopped(&world.state(name)).then_some(()));
        }
    }
}

fn daemon(mut world: World) -> World {
    world.write("plain", "no program");
    fs::write(world.path("web.log"), "first line\nsecond line\nthird line\n").unwrap();
    world.configure(BODY);
    world.boot();
    world.await_state("web", "RUNNING");
    world
}

fn every_row(world: &World) {
    let conf = world.path("supervisorctl.conf");
    let mut differences = Vec::new();
    let mut used_configuration = false;
    for (given, words, compare) in ROWS {
        let changes = given.split_whitespace().any(|word| configuration(word).is_some());
        if used_configuration && !changes {
            prepare(world, "base");
        }
        used_configuration = changes;
        let args: Vec<&str> = ["-c", text(&conf)].into_iter().chain(words.split_whitespace()).collect();
        differences.extend(difference(&args, *compare, || prepare(world, given)));
    }
    none(&differences, ROWS.len());
}

#[test]
fn our_daemon_says_the_same_to_both_clients() {
    if crate::world::stock::python().is_some() {
        every_row(&daemon(World::ours()));
    }
}

#[test]
fn the_reference_says_the_same_to_both_clients() {
    if let Some(world) = World::reference() {
        every_row(&daemon(world));
    }
}

#[test]
fn the_name_of_a_collection_is_one_like_any_to_the_reference() {
    let Some(world) = World::reference() else { return };
    let world = daemon(world);
    let conf = world.path("supervisorctl.conf");
    let lines =
        ["status @site", "pid @site", "start @site", "stop @site idle", "signal HUP @site", "clear @site"];
    let differences: Vec<String> = lines
        .iter()
        .filter_map(|words| {
            let args: Vec<&str> = ["-c", text(&conf)].into_iter().chain(words.split_whitespace()).collect();
            difference(&args, Compare::Everything, || ())
        })
        .collect();
    none(&differences, lines.len());
}

/// What one daemon makes the stock client say: each row, then a restart and the end.
fn transcript(mut world: World) -> Vec<(String, Answer)> {
    world = daemon(world);
    let conf = world.path("supervisorctl.conf");
    let dir = text(world.dir()).to_string();
    let say = |words: &str, compare: Compare| {
        let args: Vec<&str> = ["-c", text(&conf)].into_iter().chain(words.split_whitespace()).collect();
        let Answer { stdout, stderr, status } = stock(&args, compare);
        let is_pid = |line: &str| words.starts_with("pid") && line != "0" && line.parse::<i32>().is_ok();
        let lines = stdout.lines().map(|line| if is_pid(line) { "PID" } else { line });
        let stdout = lines.map(|line| line.replace(&dir, "{dir}") + "\n").collect();
        (words.to_string(), Answer { stdout, stderr: stderr.replace(&dir, "{dir}"), status })
    };
    let mut said = Vec::new();
    let mut used_configuration = false;
    for (given, words, compare) in ROWS {
        let changes = given.split_whitespace().any(|word| configuration(word).is_some());
        if used_configuration && !changes {
            prepare(&world, "base");
        }
        used_configuration = changes;
        prepare(&world, given);
        said.push(say(words, *compare));
    }
    said.push(say("reload", Compare::Everything));
    world.await_up();
    world.await_state("web", "RUNNING");
    said.push(say("status web idle", Compare::Everything));
    said.push(say("shutdown", Compare::Everything));
    assert!(world.await_end().success());
    said.push(say("status", Compare::Everything));
    said
}

#[test]
fn the_stock_client_hears_the_same_from_both_daemons() {
    let Some(reference) = World::reference() else { return };
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| transcript(reference));
        (transcript(World::ours()), theirs.join().unwrap())
    });
    let differ = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs);
    let shown: Vec<String> = differ
        .map(|((words, ours), (_, theirs))| {
            format!("{words}\n  reference: {theirs:?}\n  ours:      {ours:?}")
        })
        .collect();
    none(&shown, ours.len());
}

/// Everything a client can ask, of a daemon that is on its way out.
const LEAVING: [&str; 24] = [
    "status",
    "start web",
    "start all",
    "stop web",
    "stop web:*",
    "stop all",
    "restart web",
    "signal HUP web",
    "signal HUP web:*",
    "clear web",
    "clear all",
    "pid",
    "pid web",
    "avail",
    "version",
    "tail web",
    "maintail",
    "fg web",
    "reread",
    "update",
    "add web",
    "remove web",
    "reload",
    "shutdown",
];

fn leaving(mut world: World) {
    world.script("stubborn", "trap '' TERM\necho ready\nwhile :; do sleep 0.2; done");
    let body =
        "[program:stubborn]\ncommand={dir}/stubborn\nstdout_logfile={dir}/stubborn.log\nstopwaitsecs=600\n";
    world.configure(body);
    world.boot();
    until("it is stubborn", || world.read("stubborn.log").contains("ready").then_some(()));
    world.rpc_ok("supervisor.shutdown", &[]);
    until("the daemon shuts down", || world.rpc("supervisor.getState", &[] as &[Value]).err());
    let conf = world.path("supervisorctl.conf");
    let mut differences = Vec::new();
    for words in LEAVING {
        let args: Vec<&str> = ["-c", text(&conf)].into_iter().chain(words.split_whitespace()).collect();
        differences.extend(difference(&args, crate::both::Compare::Everything, || ()));
    }
    world.kill();
    none(&differences, LEAVING.len());
}

#[test]
fn our_daemon_on_its_way_out_says_the_same_to_both_clients() {
    if crate::world::stock::python().is_some() {
        leaving(World::ours());
    }
}

#[test]
fn the_reference_on_its_way_out_says_the_same_to_both_clients() {
    if let Some(world) = World::reference() {
        leaving(world);
    }
}
