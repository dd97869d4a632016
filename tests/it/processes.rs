//! What becomes of processes: restarts, retries, environments, the order of their end.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::world::procfs::{children, environment, kill, runs, until, within};
use crate::world::rpc::Refusal;
use crate::world::{Boot, World};

#[test]
fn a_killed_process_is_back_under_a_new_pid() {
    let world = World::running("[program:web]\ncommand=sleep 1000\nstartsecs=0\n");
    world.await_state("web", "RUNNING");
    let before = world.pid_of("web");
    kill("KILL", before);
    let after = until("web is back", || Some(world.pid_of("web")).filter(|&pid| pid != 0 && pid != before));
    assert!(runs(after));
    world.await_log("WARN exited: web (terminated by SIGKILL; not expected)");
}

#[test]
fn a_process_that_ends_as_expected_stays_ended() {
    let world = World::running(
        "[program:job]\ncommand=true\nstartsecs=0\n[program:odd]\ncommand=false\n\
        startsecs=0\nexitcodes=0,1\n",
    );
    world.await_state("job", "EXITED");
    world.await_state("odd", "EXITED");
    assert_eq!(world.info("odd")["exitstatus"], 1);
    assert_eq!(world.log().matches("spawned: 'job'").count(), 1);
    world.await_log("INFO exited: job (exit status 0; expected)");
}

#[test]
fn a_crash_loop_backs_off_and_ends_fatal_after_its_retries() {
    // Time enough for a machine that is busy to end it.
    let world = World::running("[program:crash]\ncommand=sh -c 'exit 7'\nstartretries=2\nstartsecs=10\n");
    until("crash is backing off", || (world.state("crash") == "BACKOFF").then_some(()));
    world.await_state("crash", "FATAL");
    let log = world.log();
    assert_eq!(log.matches("spawned: 'crash'").count(), 3, "{log}");
    assert_eq!(log.matches("WARN exited: crash (exit status 7; not expected)").count(), 3, "{log}");
    world.await_log("gave up: crash entered FATAL state, too many start retries too quickly");
    let answer = world.rpc("supervisor.startProcess", &["crash".into()]);
    assert_eq!(answer, Err(Refusal::Fault(50, "SPAWN_ERROR: crash".to_string())));
}

#[test]
fn a_program_that_dies_at_once_is_never_taken_for_running_bug_007() {
    let world = World::running("[program:crash]\ncommand=false\nstartretries=1\n");
    world.await_state("crash", "FATAL");
    let log = world.log();
    assert!(!log.contains("entered RUNNING"), "{log}");
    assert_eq!(log.matches("WARN exited: crash (exit status 1; not expected)").count(), 2, "{log}");
}

#[test]
fn a_normal_stop_is_still_a_warning_bug_034() {
    let world = World::running("[program:web]\ncommand=sleep 1000\n");
    world.await_state("web", "RUNNING");
    world.rpc_ok("supervisor.stopProcess", &["web".into()]);
    world.await_log("WARN stopped: web (terminated by SIGTERM)");
}

#[test]
fn a_missing_command_ends_fatal_and_says_so() {
    let world = World::running("[program:ghost]\ncommand=/nonexistent/ghost --now\nstartretries=0\n");
    world.await_state("ghost", "FATAL");
    assert_eq!(world.info("ghost")["description"], "can't find command '/nonexistent/ghost'");
    let answer = world.rpc("supervisor.startProcess", &["ghost".into()]);
    let told = "NO_FILE: can't find command '/nonexistent/ghost'".to_string();
    assert_eq!(answer, Err(Refusal::Fault(20, told)));
}

#[test]
fn numprocs_makes_that_many_each_with_its_number() {
    let world = World::running(
        "[program:w]\ncommand=sh -c 'echo i am %(process_num)02d; exec sleep 1000'\n\
        process_name=%(program_name)s-%(process_num)d\nnumprocs=3\nnumprocs_start=8\n\
        stdout_logfile={dir}/w-%(process_num)d.log\n",
    );
    for (number, name) in [(8, "w:w-8"), (9, "w:w-9"), (10, "w:w-10")] {
        world.await_state(name, "RUNNING");
        let log = format!("w-{number}.log");
        until("it has spoken", || (world.read(&log) == format!("i am {number:02}\n")).then_some(()));
    }
    assert_eq!(children(world.pid()).len(), 3);
}

#[test]
fn a_child_gets_its_environment_and_nothing_of_the_test() {
    let mut world = World::ours();
    world.set_env("INHERITED", "yes");
    world.configure(
        "[supervisord]\nenvironment=SHARED=\"all\",OVER=\"daemon\"\n[program:web]\ncommand=sleep 1000\n\
        environment=OVER=\"program\",QUOTED='say \"hi\", please',FROM=\"%(ENV_INHERITED)s\"\n",
    );
    world.boot();
    world.await_state("web", "RUNNING");
    let variables = environment(world.pid_of("web"));
    let socket = format!("SUPERVISOR_SERVER_URL=unix://{}", world.socket().display());
    for variable in [
        "INHERITED=yes",
        "SHARED=all",
        "OVER=program",
        "QUOTED=say \"hi\", please",
        "FROM=yes",
        "SUPERVISOR_ENABLED=1",
        "SUPERVISOR_PROCESS_NAME=web",
        "SUPERVISOR_GROUP_NAME=web",
        &socket,
    ] {
        assert!(variables.iter().any(|found| found == variable), "{variable} in {variables:?}");
    }
    assert!(!variables.iter().any(|variable| variable.starts_with("CARGO")), "{variables:?}");
}

#[test]
fn a_shutdown_ends_groups_one_after_another_last_first() {
    let mut world = World::ours();
    world.script(
        "slow",
        "trap 'sleep 0.3; echo $1 >> {dir}/ends; exit 0' TERM\necho up\nwhile :; do sleep 0.1; done",
    );
    let program = |name: &str, priority: i32| {
        format!(
            "[program:{name}]\ncommand={{dir}}/slow {name}\npriority={priority}\nstdout_logfile={{dir}}/{name}.log\n"
        )
    };
    world.configure(&[program("first", 1), program("last", 30), program("middle", 20)].concat());
    world.boot();
    until("all traps are set", || {
        ["first", "middle", "last"]
            .iter()
            .all(|name| world.read(&format!("{name}.log")) == "up\n")
            .then_some(())
    });
    world.signal("TERM");
    assert_eq!(world.await_end().code(), Some(0));
    assert_eq!(world.read("ends"), "last\nmiddle\nfirst\n");
}

#[test]
fn a_process_that_ignores_its_stop_signal_is_killed_in_the_end() {
    let mut world = World::ours();
    world.script("deaf", "trap '' TERM\necho up\nwhile :; do sleep 0.1; done");
    world.configure("[program:deaf]\ncommand={dir}/deaf\nstopwaitsecs=1\nstdout_logfile={dir}/deaf.log\n");
    world.boot();
    until("it is deaf", || (world.read("deaf.log") == "up\n").then_some(()));
    let pid = world.pid_of("deaf");
    assert_eq!(world.rpc_ok("supervisor.stopProcess", &["deaf".into()]), true);
    assert!(!runs(pid));
    assert!(world.log().contains(&format!("WARN killing 'deaf' ({pid}) with SIGKILL")), "{}", world.log());
}

#[test]
fn stopasgroup_reaches_the_grandchildren() {
    let world =
        World::running("[program:tree]\ncommand=sh -c 'sleep 1000 & sleep 1000 & wait'\nstopasgroup=true\n");
    world.await_state("tree", "RUNNING");
    let shell = world.pid_of("tree");
    let family = until("both are there", || Some(children(shell)).filter(|family| family.len() == 2));
    world.rpc_ok("supervisor.stopProcess", &["tree".into()]);
    until("the grandchildren are gone", || (!family.iter().any(|&pid| runs(pid))).then_some(()));
}

#[test]
fn output_goes_to_its_files_to_the_last_byte() {
    let world = World::running(
        "[program:two]\ncommand=sh -c 'echo out; echo err >&2; printf tail'\nstartsecs=0\n\
        autorestart=false\nstdout_logfile={dir}/out\nstderr_logfile={dir}/err\n\
        [program:one]\ncommand=sh -c 'echo out; echo err >&2'\nstartsecs=0\nautorestart=false\n\
        redirect_stderr=true\nstdout_logfile={dir}/both\n",
    );
    world.await_state("two", "EXITED");
    world.await_state("one", "EXITED");
    assert_eq!((world.read("out").as_str(), world.read("err").as_str()), ("out\ntail", "err\n"));
    assert_eq!(world.read("both"), "out\nerr\n");
}

#[test]
fn a_directory_that_may_not_answer_has_its_child_told_apart() {
    // /proc stands in for a file system that is none of a disk's.
    let world = World::running(
        "[program:there]\ncommand=sh -c 'pwd; grep -E \"Sig(Blk|Ign)\" self/status'\ndirectory=/proc\nstartsecs=0\n\
        autorestart=false\nstdout_logfile={dir}/there\n\
        [program:gone]\ncommand=sleep 1000\ndirectory=/proc/gone\nstartretries=0\nstderr_logfile={dir}/gone\n",
    );
    world.await_state("there", "EXITED");
    let there = world.read("there");
    assert!(there.starts_with("/proc\nSigBlk:\t0000000000000000\nSigIgn:\t"), "{there}");
    world.await_state("gone", "FATAL");
    let words =
        "supervisor: couldn't chdir to /proc/gone: ENOENT\nsupervisor: child process was not spawned\n";
    assert_eq!(world.read("gone"), words);
    assert_eq!(world.info("gone")["spawnerr"], "Exited too quickly (process log may have details)");
}

#[test]
fn a_directory_that_does_not_answer_holds_up_its_program_alone() {
    let strace = [
        "strace",
        "-D",
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=chdir",
        "-e",
        "inject=chdir:delay_enter=3000000",
    ];
    let allowed = Command::new(strace[0]).args(&strace[1..]).arg("true").output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: nothing may be traced here");
        return;
    }
    let mut world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\ndirectory=/proc\nautostart=false\n");
    world.boot_as(&Boot { wrapper: &strace, ..Boot::default() });
    world.await_up();
    world.rpc_ok("supervisor.startProcess", &["web".into(), false.into()]);
    let name = || fs::read_to_string(format!("/proc/{}/comm", world.pid_of("web"))).unwrap();
    assert_eq!(name(), "supervisord\n", "the child is still on its way, and the daemon has answered");
    until("the child is there", || (name() == "sleep\n").then_some(()));
    world.signal("TERM");
    assert!(world.await_end().success());
}

#[test]
fn a_directory_that_is_not_there_is_told_in_the_programs_own_log() {
    let world = World::running(
        "[program:lost]\ncommand=sleep 1000\ndirectory=/nonexistent\nstartretries=0\n\
        stderr_logfile={dir}/lost.err\n",
    );
    world.await_state("lost", "FATAL");
    let told =
        "supervisor: couldn't chdir to /nonexistent: ENOENT\nsupervisor: child process was not spawned\n";
    assert_eq!(world.read("lost.err"), told);
    world.await_log("exited: lost (exit status 127; not expected)");
    let info = world.rpc_ok("supervisor.getProcessInfo", &["lost".into()]);
    let why = "Exited too quickly (process log may have details): couldn't chdir to /nonexistent: ENOENT";
    assert_eq!((&info["spawnerr"], &info["description"]), (&why.into(), &why.into()));
}

#[test]
fn a_program_may_log_to_the_daemons_own_output_even_a_pipe_with_the_default_size() {
    let mut world = World::ours();
    world.configure("[supervisord]\nsilent=true\n[program:talk]\ncommand=sh -c 'echo hello; echo again; exec sleep 1000'\n\
        stdout_logfile=/dev/stdout\n[program:web]\ncommand=sh -c 'echo oops >&2; exec sleep 1000'\nstderr_logfile=/dev/fd/2\n");
    let piped = "mkfifo pipe; cat pipe > piped & exec \"$@\" > pipe 2>&1";
    world.boot_as(&Boot { wrapper: &["sh", "-c", piped, "sh"], ..Boot::default() });
    world.await_up();
    until("all three lines have come", || {
        let said = world.read("piped");
        // The two programs write when they like, between each other's lines too.
        ["hello\n", "again\n", "oops\n"].iter().all(|line| said.contains(line)).then_some(())
    });
    world.await_state("talk", "RUNNING");
    assert!(!world.log().contains("uncaptured"), "{}", world.log());
}

#[test]
fn a_start_while_stopping_is_refused_whether_or_not_the_caller_waits() {
    let mut world = World::ours();
    world.script("deaf", "trap '' TERM\necho up\nwhile :; do sleep 0.1; done");
    world.configure("[program:deaf]\ncommand={dir}/deaf\nstopwaitsecs=60\nstdout_logfile={dir}/deaf.log\n");
    world.boot();
    until("it is deaf", || (world.read("deaf.log") == "up\n").then_some(()));
    let pid = world.pid_of("deaf");
    world.rpc_ok("supervisor.stopProcess", &["deaf".into(), false.into()]);
    let refused = Err(Refusal::Fault(40, "ABNORMAL_TERMINATION: deaf".to_string()));
    for wait in [true, false] {
        assert_eq!(world.rpc("supervisor.startProcess", &["deaf".into(), wait.into()]), refused);
    }
    assert_eq!(world.state("deaf"), "STOPPING");
    kill("KILL", pid);
    world.await_state("deaf", "STOPPED");
}

#[test]
fn a_stop_between_an_end_and_its_restart_calls_the_restart_off() {
    let world = World::running("[program:job]\ncommand=sh -c 'exit 0'\nautorestart=true\nstartsecs=0\n");
    // It ends at once and is started again a second after its last start: most of the time it is EXITED.
    until("it has been stopped between two runs", || {
        (world.state("job") == "EXITED").then_some(())?;
        let answer = world.rpc("supervisor.stopProcess", &["job".into()]);
        (answer == Err(Refusal::Fault(70, "NOT_RUNNING: job".to_string()))).then_some(())
    });
    let spawned = world.log().matches("spawned: 'job'").count();
    assert_eq!(within(Duration::from_secs(3), || (world.state("job") != "EXITED").then_some(())), None);
    assert_eq!(world.log().matches("spawned: 'job'").count(), spawned);
}
