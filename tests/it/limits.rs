//! The machine says no: descriptors, processes, directories. And the places where a supervisor is lonely.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use nix::unistd::Uid;

use crate::world::procfs::{children, descendants, kill, runs, threads, until};
use crate::world::stock::python;
use crate::world::{Boot, World};

/// Programs that each hold three pipes of the daemon.
fn sleepers(count: usize) -> String {
    format!(
        "[program:s]\ncommand=sleep 1000\nprocess_name=s%(process_num)02d\nnumprocs={count}\nautostart=false\n\
        stdout_logfile=NONE\nstderr_logfile=NONE\n"
    )
}

#[test]
fn running_out_of_descriptors_fails_the_spawn_alone_and_passes() {
    let mut world = World::ours();
    world.configure(&format!("[supervisord]\nminfds=60\n{}", sleepers(30)));
    world.boot_as(&Boot { wrapper: &["sh", "-c", "ulimit -n 60; exec \"$@\"", "sh"], ..Boot::default() });
    world.await_up();
    let wait = false;
    let mut refused = None;
    for number in 0..30 {
        let name = format!("s:s{number:02}");
        if world.rpc("supervisor.startProcess", &[name.clone().into(), wait.into()]).is_err() {
            refused = Some(name);
            break;
        }
    }
    let refused = refused.expect("a spawn that found no descriptors");
    let told = format!("too many open files to spawn '{}'", refused.trim_start_matches("s:"));
    assert_eq!(world.info(&refused)["spawnerr"], told.as_str());
    world.await_state("s:s00", "RUNNING");
    assert!(world.log().contains(&format!("INFO spawnerr: {told}")), "{}", world.log());
    world.rpc_ok("supervisor.stopProcess", &["s:s00".into()]);
    world.rpc_ok("supervisor.stopProcess", &["s:s01".into()]);
    world.await_state(&refused, "RUNNING");
}

#[test]
fn without_close_range_a_child_does_not_close_all_that_it_might_have_proc_041() {
    let Some(python) = python() else { return };
    let mut world = World::ours();
    world.configure("[program:list]\ncommand=ls /proc/self/fd\nstartsecs=0\nautorestart=false\nstdout_logfile={dir}/list\n");
    let script = world.write("old_kernel.py", include_str!("old_kernel.py"));
    let wrapper = [&*python.to_string_lossy(), &*script.to_string_lossy(), "4096"];
    world.boot_as(&Boot { wrapper: &wrapper, ..Boot::default() });
    world.await_up();
    world.await_state("list", "EXITED");
    assert!(world.log().contains("exited: list (exit status 0; expected)"), "{}", world.log());
    // The fourth is that of the directory, as it is listed.
    assert_eq!(world.read("list"), "0\n1\n2\n3\n", "700 was handed to the daemon, and goes no further");
}

#[test]
fn a_full_process_table_fails_the_spawn_alone_and_passes() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: only root can become a user whose processes nobody else counts");
        return;
    }
    // A user of our own, since the limit counts all processes of the user.
    let uid = 1_900_000_000 + std::process::id() % 100_000;
    let mut world = World::ours();
    world.configure(&sleepers(8));
    let program = world.path("supervisord");
    if fs::copy(env!("CARGO_BIN_EXE_supervisord"), &program).is_err() {
        eprintln!("skipped: the daemon's program could not be copied to where another user can run it");
        return;
    }
    for path in [world.dir().to_path_buf(), world.path("childlogs"), world.path("supervisord.conf")] {
        chown(&path, Some(uid), Some(uid)).unwrap();
    }
    let user = uid.to_string();
    let become_user = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"];
    let limit = ["prlimit", "--nproc=4:4"];
    let wrapper = [&become_user[..], &limit[..]].concat();
    world.boot_as(&Boot { wrapper: &wrapper, program: Some(&program), ..Boot::default() });
    world.await_up();
    let start =
        |number: i32| world.rpc("supervisor.startProcess", &[format!("s:s0{number}").into(), false.into()]);
    let refused = (0..8).find(|&number| start(number).is_err()).expect("a fork that failed");
    let name = format!("s:s0{refused}");
    let told = format!("Too many processes in process table to spawn 's0{refused}'");
    assert_eq!(world.info(&name)["spawnerr"], told.as_str());
    world.rpc_ok("supervisor.stopProcess", &["s:s00".into()]);
    world.await_state(&name, "RUNNING");
}

#[test]
fn a_missing_log_directory_is_refused_at_start_with_its_path() {
    let world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\nstdout_logfile=/nonexistent/web.log\n");
    let (status, said) = world.run_to_end(&Boot::default());
    assert_eq!(status.code(), Some(2), "{said}");
    let told = "Error: The directory named as part of the path /nonexistent/web.log does not exist";
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_log_directory_that_vanishes_fails_the_spawn_until_it_is_back() {
    let mut world = World::ours();
    world.write("logs/keep", "");
    world.configure(
        "[program:web]\ncommand=sleep 1000\nstdout_logfile={dir}/logs/web.log\nautostart=false\n\
        startretries=100\n[program:other]\ncommand=sleep 1000\n",
    );
    world.boot();
    fs::remove_dir_all(world.path("logs")).unwrap();
    assert!(world.rpc("supervisor.startProcess", &["web".into()]).is_err());
    assert_eq!(world.info("web")["spawnerr"], "unknown error making dispatchers for 'web': ENOENT");
    world.await_state("other", "RUNNING");
    fs::create_dir(world.path("logs")).unwrap();
    world.await_state("web", "RUNNING");
}

#[test]
fn the_daemon_has_one_thread() {
    let world = World::running(&sleepers(5));
    world.rpc_ok("supervisor.startAllProcesses", &[]);
    assert_eq!(threads(world.pid()), 1);
}

#[test]
fn as_pid_1_it_reaps_orphans_and_ends_in_order() {
    let unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let allowed = Command::new(unshare[0]).args(&unshare[1..]).arg("true").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no pid namespace may be made here");
        return;
    }
    let mut world = World::ours();
    world.configure(
        "[program:parent]\ncommand=sh -c '(sleep 0.5; exit 5) & echo left'\nstartsecs=0\n\
        autorestart=false\n[program:web]\ncommand=sleep 1000\n",
    );
    world.boot_as(&Boot { wrapper: &unshare, forks: true, ..Boot::default() });
    world.await_up();
    assert_eq!(world.rpc_ok("supervisor.getPID", &[]), 1);
    world.await_log("reaped unknown pid ");
    assert!(world.log().contains("(exit status 5)"), "{}", world.log());
    world.await_state("web", "RUNNING");
    let family = descendants(world.pid());
    assert_eq!(children(world.pid()).len(), 1, "no zombie is left");
    world.signal("TERM");
    assert_eq!(world.await_end().code(), Some(0));
    assert!(!family.iter().any(|&pid| runs(pid)));
    assert!(world.log().contains("WARN received SIGTERM indicating exit request"), "{}", world.log());
    assert!(!Path::new(&world.socket()).exists());
}

#[test]
fn an_unreadable_include_is_passed_over_and_the_rest_runs() {
    if Uid::effective().is_root() {
        // Root reads everything; a directory is as unreadable as a file of another user (CFG-029).
        let mut world = World::ours();
        fs::create_dir_all(world.path("conf.d/directory.conf")).unwrap();
        included(&mut world);
    } else {
        let mut world = World::ours();
        let hidden = world.write("conf.d/hidden.conf", "[program:hidden]\ncommand=sleep 1000\n");
        fs::set_permissions(hidden, fs::Permissions::from_mode(0o000)).unwrap();
        included(&mut world);
    }
}

fn included(world: &mut World) {
    world.write("conf.d/web.conf", "[program:web]\ncommand=sleep 1000\n");
    world.configure("[include]\nfiles=conf.d/*.conf nowhere/*.conf\n");
    world.boot();
    world.await_state("web", "RUNNING");
    let all = world.rpc_ok("supervisor.getAllProcessInfo", &[]);
    assert_eq!(all.as_array().unwrap().len(), 1);
    let included =
        format!("INFO Included extra file \"{}\" during parsing", world.path("conf.d/web.conf").display());
    let nowhere = format!("WARN No file matches via include \"{}\"", world.path("nowhere/*.conf").display());
    let log = world.log();
    assert!(log.contains(&included) && log.contains(&nowhere), "{log}");
}

#[test]
fn a_thousand_programs_run_under_a_soft_limit_of_1024_descriptors_and_return_if_all_are_killed() {
    let raised = "ulimit -Hn 2>/dev/null | grep -q unlimited || [ $(ulimit -Hn) -ge 8192 ]";
    if !Command::new("sh").args(["-c", raised]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: the hard limit of descriptors is below 8192 here");
        return;
    }
    let mut world = World::ours();
    // Every one with all its pipes.
    world.configure(
        "[program:s]\ncommand=sleep 1000\nprocess_name=s%(process_num)03d\nnumprocs=1000\nstartsecs=0\n\
        stdout_logfile=NONE\nstderr_logfile=NONE\n",
    );
    world.boot_as(&Boot { wrapper: &["sh", "-c", "ulimit -Sn 1024; exec \"$@\"", "sh"], ..Boot::default() });
    world.await_up();
    let pids = || {
        let all = world.rpc_ok("supervisor.getAllProcessInfo", &[]);
        let running = all.as_array().unwrap().iter().filter(|info| info["statename"] == "RUNNING");
        running.map(|info| i32::try_from(info["pid"].as_i64().unwrap()).unwrap()).collect::<Vec<_>>()
    };
    let first = until("all run", || Some(pids()).filter(|pids| pids.len() == 1_000));
    first.iter().for_each(|pid| kill("KILL", *pid));
    until("all have returned", || {
        let now = pids();
        (now.len() == 1_000 && !now.iter().any(|pid| first.contains(pid))).then_some(())
    });
    assert!(fs::read_dir(format!("/proc/{}/fd", world.pid())).unwrap().count() > 3_000);
    // Programs take a high limit for an invitation: theirs is what the daemon was given.
    let limits = fs::read_to_string(format!("/proc/{}/limits", world.pid_of("s:s999"))).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().nth(3), Some("1024"), "{line}");
    assert!(!world.log().contains("spawnerr"));
}

#[test]
fn a_disk_that_is_full_stops_no_program_and_logs_go_on_when_there_is_room() {
    let allowed = Command::new("unshare").args(["--mount", "true"]).output();
    if !Uid::effective().is_root() || !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no mount namespace may be made here");
        return;
    }
    let mut world = World::ours();
    world.script("talk", "while :; do echo a line of thirty-two characters; sleep 0.01; done");
    fs::create_dir(world.path("disk")).unwrap();
    world.configure(
        "[program:talk]\ncommand={dir}/talk\nstdout_logfile={dir}/disk/talk.log\nstdout_logfile_maxbytes=0\n",
    );
    let mount = "mount -t tmpfs -o size=64k tmpfs disk && exec \"$@\"";
    world.boot_as(&Boot { wrapper: &["unshare", "--mount", "sh", "-c", mount, "sh"], ..Boot::default() });
    world.await_up();
    let disk = format!("/proc/{}/root{}", world.pid(), world.path("disk").display());
    let size = || fs::metadata(format!("{disk}/talk.log")).map_or(0, |meta| meta.len());
    until("it talks", || (size() > 0).then_some(()));
    // Takes what is left, and fails.
    let _ = fs::write(format!("{disk}/ballast"), vec![0; 65_536]);
    world.await_log("could not write to log");
    let (pid, full) = (world.pid_of("talk"), size());
    fs::remove_file(format!("{disk}/ballast")).unwrap();
    until("the log goes on", || (size() > full).then_some(()));
    assert_eq!((world.state("talk"), world.pid_of("talk")), ("RUNNING".to_string(), pid));
    assert_eq!(world.log().matches("could not write to log").count(), 1, "{}", world.log());
}
