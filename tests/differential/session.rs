//! One configuration under both daemons, and what the stock client saw of each.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use crate::adapt::{self, STAND_IN};
use crate::cases::Case;
use crate::world::World;
use crate::world::procfs::until;

/// A command, what it printed, and how it ended.
type Said = (String, String);

/// The commands that were answered differently, with both answers; none if there are none.
pub fn difference(case: &Case) -> Option<String> {
    let reference = World::reference().expect("the reference");
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| transcript(reference, case));
        (transcript(World::ours(), case), theirs.join().expect("the reference runs the case"))
    });
    assert_eq!(ours.len(), theirs.len());
    let mut told = String::new();
    for ((command, ours), (_, theirs)) in ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs) {
        let _ = write!(told, "$ supervisorctl {command}\n-- the reference\n{theirs}-- ours\n{ours}");
    }
    (!told.is_empty()).then(|| format!("== {}\n{told}", case.name))
}

/// All that the client said.
fn transcript(mut world: World, case: &Case) -> Vec<Said> {
    world.write("stand-in", STAND_IN);
    fs::set_permissions(world.path("stand-in"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(world.path("logs")).unwrap();
    case.env.iter().for_each(|(name, value)| world.set_env(name, value));
    let mut files = case.files.clone();
    lay_down(&world, &files);
    world.boot();

    let mut said = Vec::new();
    settle(&world);
    say(&world, &mut said, &["status", "avail", "version"]);
    let first = first_process(&world);
    say(&world, &mut said, &["stop all", "status", "stop all", "start all"]);
    settle(&world);
    say(&world, &mut said, &["status", &format!("restart {first}"), &format!("status {first}")]);
    say(&world, &mut said, &["reread", "update"]);
    adapt::edit(&mut files);
    lay_down(&world, &files);
    say(&world, &mut said, &["reread", "update"]);
    settle(&world);
    say(&world, &mut said, &["status", "avail", "reread", "pid nobody", "start nobody", "stop nobody:*"]);
    // The reference takes a second a group for an orderly end, and that is not what is compared here.
    world.kill();
    said
}

fn lay_down(world: &World, files: &[(String, String)]) {
    files.iter().for_each(|(path, text)| drop(world.write(path, text)));
}

/// How long nothing may happen before a world counts as settled: longer than a job of the stand-in.
const QUIET: Duration = Duration::from_millis(1_200);

/// Waits until nothing is on its way to another state, and nothing has changed for a while.
fn settle(world: &World) {
    let (mut last, mut since) = (Vec::new(), Instant::now());
    until("all processes have settled", || {
        let all = world.rpc_ok("supervisor.getAllProcessInfo", &[]);
        let states: Vec<_> = all.as_array().unwrap().iter().map(|info| info["statename"].clone()).collect();
        if states != last || states.iter().any(|state| on_its_way(state.as_str().unwrap())) {
            (last, since) = (states, Instant::now());
        }
        (since.elapsed() >= QUIET).then_some(())
    });
}

fn on_its_way(state: &str) -> bool {
    matches!(state, "STARTING" | "STOPPING" | "BACKOFF")
}

/// The process whose name sorts first among those that can run.
fn first_process(world: &World) -> String {
    let all = world.rpc_ok("supervisor.getAllProcessInfo", &[]);
    let running = all.as_array().unwrap().iter().find(|info| info["statename"] == "RUNNING");
    let first = running.expect("a running process");
    format!("{}:{}", first["group"].as_str().unwrap(), first["name"].as_str().unwrap())
}

fn say(world: &World, said: &mut Vec<Said>, commands: &[&str]) {
    for command in commands {
        let answer = world.ctl(command);
        assert_eq!(answer.stderr, "", "supervisorctl {command}");
        let mut lines: Vec<String> = answer.stdout.lines().map(|line| normal(world, line) + "\n").collect();
        // These answer in the order in which processes ended or came up, which chance decides (RPC-035).
        if matches!(*command, "start all" | "stop all") {
            lines.sort();
        }
        said.push(((*command).to_string(), format!("{}exit status {}\n", lines.concat(), answer.status)));
    }
}

/// A line without pids, times and places.
fn normal(world: &World, line: &str) -> String {
    let mut line = line.replace(world.dir().to_str().unwrap(), "{dir}");
    if let Some(at) = line.find("pid ").filter(|_| line.contains(", uptime ")) {
        line.truncate(at);
        line.push_str("pid N, uptime T");
    }
    if let [.., month, day, clock, half] = line.split_whitespace().collect::<Vec<_>>()[..]
        && matches!(half, "AM" | "PM")
        && clock.contains(':')
    {
        line = line.replace(&format!("{month} {day} {clock} {half}"), "TIME");
    }
    line
}
