//! What a child finds when it begins, and what becomes of it when it ends.

use std::os::unix::fs::PermissionsExt;

use crate::world::{World, until};

/// Runs one shell script to its end and gives what it wrote.
fn output_of(options: &str, script: &str) -> String {
    let world = World::new();
    std::fs::write(world.path("script"), format!("{script}\necho end-of-script\n")).unwrap();
    let rest = format!(
        "environment=A=\"daemon\",B=\"daemon\"\n[program:x]\ncommand=/bin/sh DIR/script\nautorestart=false\n\
         startsecs=0\nstdout_logfile=DIR/out\nstderr_logfile=DIR/err\n{options}\n"
    );
    let mut daemon = world.start(&rest);
    let output = world.written("out", "end-of-script\n");
    daemon.stop();
    output.replace("end-of-script\n", "")
}

#[test]
fn every_byte_is_in_the_log_before_the_exit_is_reported() {
    let world = World::new();
    let script = "i=0; while [ $i -lt 20 ]; do head -c 100000 /dev/zero; i=$((i+1)); done; echo last";
    std::fs::write(world.path("script"), script).unwrap();
    let mut daemon = world.start(
        "loglevel=debug\n[program:x]\ncommand=/bin/sh DIR/script\nautorestart=false\nstartsecs=0\n\
         stdout_logfile=DIR/out\nstdout_logfile_maxbytes=0\n",
    );
    world.logged("exited: x (exit status 0; expected)");
    let bytes = std::fs::read(world.path("out")).unwrap();
    assert_eq!(bytes.len(), 2_000_005);
    assert!(bytes.ends_with(b"last\n"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_grandchild_that_keeps_the_pipe_does_not_delay_the_exit_proc_055() {
    let world = World::new();
    // The second shell holds the pipe for longer than the test has patience, unless writing fails.
    let script = "sh -c 'while echo more; do sleep 0.05; done; echo gone > DIR/gone' & echo first";
    std::fs::write(world.path("script"), script.replace("DIR", world.name("").trim_end_matches('/')))
        .unwrap();
    let _daemon = world.start(
        "[program:x]\ncommand=/bin/sh DIR/script\nautorestart=false\nstartsecs=0\nstdout_logfile=DIR/out\n",
    );
    world.logged("exited: x (exit status 0; expected)");
    assert!(world.read("out").contains("first\n"));
    // PROC-043: it is told by an error, not killed by SIGPIPE.
    world.written("gone", "gone");
}

#[test]
fn a_child_has_three_descriptors_proc_041() {
    // The shell itself opens the script; ls opens the directory.
    let listed = output_of("", "ls -l /proc/self/fd | sed 's/.* \\([0-9]* ->\\)/\\1/'");
    let numbers: Vec<&str> = listed.lines().filter(|line| line.contains("->")).collect();
    let [stdin, stdout, stderr, directory] = numbers[..] else { panic!("{listed}") };
    assert!(stdin.starts_with("0 -> pipe:"), "{listed}");
    assert!(stdout.starts_with("1 -> pipe:"), "{listed}");
    assert!(stderr.starts_with("2 -> pipe:"), "{listed}");
    assert!(directory.contains("/proc/"), "{listed}");
    let pipes: std::collections::BTreeSet<&str> = numbers[..3].iter().map(|line| &line[2..]).collect();
    assert_eq!(pipes.len(), 3, "{listed}");
}

#[test]
fn what_the_daemon_inherited_is_not_passed_on_proc_041() {
    let world = World::new();
    world.configure(
        "[program:x]\ncommand=/bin/sh -c \"ls /proc/self/fd; echo done; exec sleep 1000\"\nstdout_logfile=DIR/out\n",
    );
    let own = world.command();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "exec 9</dev/null; exec \"$0\" \"$@\""]).arg(own.get_program()).args(own.get_args());
    let daemon = world.run(&mut shell);
    assert!(std::path::Path::new(&format!("/proc/{}/fd/9", daemon.pid())).exists());
    // The fourth is the directory being listed.
    assert_eq!(world.written("out", "done\n"), "0\n1\n2\n3\ndone\n");
}

#[test]
fn with_redirect_stderr_both_channels_are_one_pipe_proc_042() {
    let listed = output_of("redirect_stderr=true", "readlink /proc/$$/fd/1 /proc/$$/fd/2; echo oops >&2");
    let lines: Vec<&str> = listed.lines().collect();
    let [stdout, stderr, oops] = lines[..] else { panic!("{listed}") };
    assert_eq!(stdout, stderr);
    assert_eq!(oops, "oops");
}

#[test]
fn standard_input_is_open_and_silent_proc_042() {
    let world = World::new();
    let mut daemon = world.start("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n");
    world.logged("success: cat entered RUNNING state");
    world.logged("spawned: 'cat'");
    assert_eq!(daemon.stop(), Some(0));
    let log = world.read("d.log");
    assert!(log.contains("stopped: cat (terminated by SIGTERM)"), "{log}");
    assert!(!log.contains("exited: cat"), "{log}");
}

#[test]
fn a_child_leads_a_group_of_its_own_in_the_daemons_session_proc_041() {
    let world = World::new();
    let daemon = world.start(
        "[program:x]\ncommand=/bin/sh -c \"cat /proc/$$/stat; exec sleep 1000\"\nstdout_logfile=DIR/out\n",
    );
    let stat = world.written("out", ")");
    let numbers = |stat: &str| -> Vec<i32> {
        let (pid, rest) = stat.split_once(" (").unwrap();
        let rest = rest.rsplit_once(") ").unwrap().1;
        let fields = rest.split(' ').skip(1).take(3).map(|field| field.parse().unwrap());
        [pid.parse().unwrap()].into_iter().chain(fields).collect()
    };
    let [pid, parent, group, session] = numbers(&stat)[..] else { panic!("{stat}") };
    assert_eq!(parent, daemon.pid().as_raw());
    assert_eq!(group, pid);
    assert_eq!(session, numbers(&daemon.proc("stat"))[3]);
}

#[test]
fn only_pipe_and_xfsz_are_ignored_and_nothing_is_blocked_proc_043_bug_035() {
    let status = output_of("", "cat /proc/self/status");
    let mask = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    // Signals 32 and 33 belong to the C library, which may have left them ignored in whom it started.
    let ignored = mask("SigIgn") & !0x1_8000_0000;
    assert_eq!((mask("SigBlk"), ignored, mask("SigCgt")), (0, 0x1001000, 0));
}

#[test]
fn the_environment_is_layered_proc_045() {
    let script = "echo $A $B $C $SUPERVISOR_ENABLED $SUPERVISOR_PROCESS_NAME $SUPERVISOR_GROUP_NAME";
    let seen = output_of("environment=B=\"program\",SUPERVISOR_GROUP_NAME=\"mine\",C=\"c\"", script);
    assert_eq!(seen, "daemon program c 1 x mine\n");
}

#[test]
fn umask_and_directory_are_the_programs_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().to_string_lossy().into_owned();
    let seen = output_of(&format!("umask=027\ndirectory={path}"), "umask; pwd");
    assert_eq!(seen, format!("0027\n{path}\n"));
}

#[test]
fn what_fails_in_the_child_is_told_on_its_standard_error_proc_047() {
    let world = World::new();
    let no_shebang = world.path("no_shebang");
    std::fs::write(&no_shebang, "echo hi\n").unwrap();
    std::fs::set_permissions(&no_shebang, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _daemon = world.start(
        "[program:dir]\ncommand=/bin/true\ndirectory=/nonexistent/dir\nstderr_logfile=DIR/dir.err\nstartretries=0\n\
         [program:exec]\ncommand=DIR/no_shebang a\nredirect_stderr=true\nstdout_logfile=DIR/exec.out\n\
         startretries=0\n",
    );
    let last = "supervisor: child process was not spawned\n";
    world.logged("gave up: dir entered FATAL state");
    assert_eq!(
        world.read("dir.err"),
        format!("supervisor: couldn't chdir to /nonexistent/dir: ENOENT\n{last}")
    );
    world.logged("gave up: exec entered FATAL state");
    assert_eq!(
        world.read("exec.out"),
        format!("supervisor: couldn't exec {}: ENOEXEC\n{last}", no_shebang.to_string_lossy())
    );
    // PROC-048: to the daemon these are children that came and went.
    for name in ["dir", "exec"] {
        world.logged(&format!("spawned: '{name}' with pid"));
        world.logged(&format!("exited: {name} (exit status 127; not expected)"));
    }
}

#[test]
fn a_child_becomes_another_user_or_does_not_run_proc_047() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("skipped: only root can change users");
        return;
    }
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let seen = output_of("user=nobody", "id -u; id -g; id -G; grep ^Groups /proc/self/status >/dev/null");
    let groups = seen.lines().nth(2).unwrap().to_string();
    assert_eq!(seen, format!("{}\n{}\n{groups}\n", nobody.uid, nobody.gid));
    assert!(!groups.split(' ').any(|group| group == "0"), "{groups}");

    // A daemon that is not root cannot, and says so where the child would.
    let world = World::new();
    std::fs::set_permissions(world.path(""), std::fs::Permissions::from_mode(0o777)).unwrap();
    world.configure("");
    let text = world.read("s.conf").replace("user=0", "user=nobody");
    let program = "[program:x]\ncommand=/bin/true\nuser=root\nstderr_logfile=DIR/err\nstartretries=0\n";
    std::fs::write(
        world.path("s.conf"),
        text + &program.replace("DIR", world.name("").trim_end_matches('/')),
    )
    .unwrap();
    let _daemon = world.run(&mut world.command());
    world.logged(&format!("Set uid to user {} succeeded", nobody.uid));
    world.logged("exited: x (exit status 127; not expected)");
    assert_eq!(
        world.read("err"),
        "supervisor: couldn't setuid to 0: Can't drop privilege as nonroot user\nsupervisor: child process was \
         not spawned\n"
    );
}

#[test]
fn spawn_errors_have_the_stock_texts_proc_037() {
    let world = World::new();
    std::fs::create_dir(world.path("directory")).unwrap();
    std::fs::write(world.path("plain"), "").unwrap();
    let _daemon = world.start(
        "[program:absent]\ncommand=/nonexistent/program\nstartretries=0\n\
         [program:directory]\ncommand=DIR/directory\nstartretries=0\n\
         [program:plain]\ncommand=DIR/plain\nstartretries=0\n\
         [program:log]\ncommand=/bin/true\nstdout_logfile=DIR/directory\nstartretries=0\n",
    );
    world.logged("spawnerr: can't find command '/nonexistent/program'");
    world.logged(&format!("spawnerr: command at '{}' is a directory", world.name("directory")));
    world.logged(&format!("spawnerr: command at '{}' is not executable", world.name("plain")));
    world.logged("spawnerr: unknown error making dispatchers for 'log': EISDIR");
    for name in ["absent", "directory", "plain", "log"] {
        world.logged(&format!("gave up: {name} entered FATAL state"));
    }
}

#[test]
fn too_few_descriptors_fail_the_spawn_and_leave_none_behind_proc_037() {
    let world = World::new();
    world.configure("minfds=1\n[program:x]\ncommand=/bin/sleep 1000\nnumprocs=100\nprocess_name=x%(process_num)s\nstartretries=0\n");
    let command = world.command();
    // Neither the daemon nor this test may be able to raise it again.
    let binary = command.get_program().to_string_lossy().into_owned();
    let mut limited = std::process::Command::new("/bin/sh");
    limited.args(["-c", "ulimit -n 100; exec \"$0\" \"$@\"", &binary]);
    limited.args(command.get_args()).current_dir(world.path(""));
    let mut daemon = world.run(&mut limited);
    world.logged("spawnerr: too many open files to spawn 'x");
    until("every spawn tried", || {
        let log = world.read("d.log");
        let tried = |what| log.lines().filter(|line| line.contains(what)).count();
        (tried("spawned:") + tried("gave up:") == 100).then_some(())
    });
    let open = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    let spawned = world.read("d.log").lines().filter(|line| line.contains("spawned:")).count();
    assert!(spawned > 5, "{spawned}");
    assert!(open <= 30 + spawned * 5, "{open} open for {spawned} children");
    assert_eq!(daemon.stop(), Some(0));
}
