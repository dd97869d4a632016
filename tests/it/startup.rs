//! How the daemon begins and ends, and what it leaves alone.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::world::procfs::{descendants, kill, runs, until};
use crate::world::rpc;
use crate::world::{Boot, World};

#[test]
fn a_second_daemon_on_the_same_socket_is_refused_and_the_first_unharmed() {
    let world = World::running("[program:web]\ncommand=sh -c 'echo hello; exec sleep 1000'\n");
    world.await_state("web", "RUNNING");
    let log = world.info("web")["stdout_logfile"].as_str().unwrap().to_string();
    until("web has spoken", || (fs::read_to_string(&log).unwrap() == "hello\n").then_some(()));
    let files = || {
        let mut names: Vec<_> =
            fs::read_dir(world.path("childlogs")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let (before, pidfile) = (files(), world.read("supervisord.pid"));
    let (status, said) = world.run_to_end(&Boot::default());
    assert_eq!(status.code(), Some(2), "{said}");
    let told = "Error: Another program is already listening on a port that one of our HTTP servers is configured to use";
    assert!(said.contains(told), "{said}");
    assert_eq!(files(), before, "the first one's logs are all there, and no stray ones");
    assert_eq!(fs::read_to_string(&log).unwrap(), "hello\n");
    assert_eq!(world.read("supervisord.pid"), pidfile);
    assert_eq!(world.state("web"), "RUNNING");
}

#[test]
fn a_regular_file_at_the_sockets_path_is_not_removed() {
    let world = World::ours();
    world.configure("");
    world.write("supervisor.sock", "precious");
    let (status, said) = world.run_to_end(&Boot::default());
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("supervisor.sock"), "the message names the file: {said}");
    assert_eq!(world.read("supervisor.sock"), "precious");
}

#[test]
fn a_socket_that_nobody_listens_at_is_taken_over() {
    let mut world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\n");
    drop(std::os::unix::net::UnixListener::bind(world.socket()).unwrap());
    assert!(!rpc::listens(&world.socket()));
    world.boot();
    world.await_state("web", "RUNNING");
}

#[test]
fn after_a_kill_the_next_start_finds_its_way() {
    let mut world = World::running("[program:web]\ncommand=sleep 1000\n");
    world.await_state("web", "RUNNING");
    world.kill();
    assert!(world.socket().exists());
    world.boot();
    world.await_state("web", "RUNNING");
}

#[test]
fn sigterm_ends_in_order_and_leaves_nothing_behind() {
    for signal in ["TERM", "INT", "QUIT"] {
        let mut world =
            World::running("[program:web]\ncommand=sleep 1000\n[program:job]\ncommand=true\nstartsecs=0\n");
        world.await_state("web", "RUNNING");
        let family = descendants(world.pid());
        assert!(!family.is_empty());
        assert_eq!(world.read("supervisord.pid"), format!("{}\n", world.pid()));
        world.signal(signal);
        assert_eq!(world.await_end().code(), Some(0));
        assert!(!family.iter().any(|&pid| runs(pid)));
        assert!(!world.socket().exists() && !world.path("supervisord.pid").exists());
        let log = world.log();
        assert!(log.contains(&format!("WARN received SIG{signal} indicating exit request")), "{log}");
        assert!(log.contains("stopped: web (terminated by SIGTERM)"), "{log}");
    }
}

#[test]
fn in_the_background_it_has_no_terminal_and_its_own_umask_and_directory() {
    let mut world = World::ours();
    fs::create_dir(world.path("elsewhere")).unwrap();
    world.configure(
        "[supervisord]\ndirectory={dir}/elsewhere\numask=027\n[program:web]\ncommand=sleep 1000\n",
    );
    world.boot_background();
    world.await_state("web", "RUNNING");
    let link = |name: &str| fs::read_link(format!("/proc/{}/{name}", world.pid())).unwrap();
    assert_eq!(link("cwd"), fs::canonicalize(world.path("elsewhere")).unwrap());
    assert!((0..3).all(|number| link(&format!("fd/{number}")) == Path::new("/dev/null")));
    let facts = fs::read_to_string(format!("/proc/{}/status", world.pid())).unwrap();
    assert!(facts.contains("Umask:\t0027"), "{facts}");
    assert!(world.log().contains("INFO daemonizing the supervisord process"), "{}", world.log());
    let family = descendants(world.pid());
    world.signal("TERM");
    until("it has ended", || (!runs(world.pid())).then_some(()));
    assert!(!family.iter().any(|&pid| runs(pid)));
    assert!(!world.socket().exists() && !world.path("supervisord.pid").exists());
}

#[test]
fn usr2_reopens_every_log() {
    let mut world = World::ours();
    world.script("talk", "while :; do echo word; sleep 0.1; done");
    world.configure(
        "[program:talk]\ncommand={dir}/talk\nstdout_logfile={dir}/talk.log\nstdout_logfile_maxbytes=0\n",
    );
    world.boot();
    until("it talks", || world.read("talk.log").contains("word").then_some(()));
    for name in ["talk.log", "supervisord.log"] {
        fs::rename(world.path(name), world.path(&format!("{name}.old"))).unwrap();
    }
    world.signal("USR2");
    until("the program's new log fills", || world.read("talk.log").contains("word").then_some(()));
    until("the main log is there anew", || world.path("supervisord.log").exists().then_some(()));
    let old = world.read("supervisord.log.old");
    assert!(old.contains("INFO received SIGUSR2 indicating log reopen request"), "{old}");
    assert!(old.ends_with("INFO supervisord logreopen\n"), "{old}");
}

#[test]
fn a_log_that_cannot_be_reopened_is_named() {
    let mut world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\nstdout_logfile={dir}/web.log\n");
    world.boot();
    world.await_state("web", "RUNNING");
    for name in ["web.log", "supervisord.log"] {
        fs::rename(world.path(name), world.path(&format!("{name}.old"))).unwrap();
        fs::create_dir(world.path(name)).unwrap();
    }
    world.signal("USR2");
    for name in ["supervisord.log", "web.log"] {
        let line = format!("ERRO could not reopen log {}: Is a directory\n", world.path(name).display());
        // Where the main log goes on.
        until(&line, || world.read("supervisord.log.old").contains(&line).then_some(()));
    }
}

#[test]
fn signals_that_the_starter_has_blocked_or_ignored_are_heard_and_not_handed_on_proc_043() {
    let mut world = World::ours();
    world.configure(
        "[program:mask]\ncommand=cat /proc/self/status\nstdout_logfile={dir}/mask\nstartsecs=0\nautorestart=false\n\
        [program:web]\ncommand=sleep 1000\n",
    );
    let wrapper = ["env", "--block-signal=CHLD,TERM,USR1,WINCH", "--ignore-signal=CHLD,TERM,USR2,TTOU"];
    world.boot_as(&Boot { wrapper: &wrapper, ..Boot::default() });
    world.await_up();
    world.await_state("mask", "EXITED");
    let mask = world.read("mask");
    let mask = |name: &str| mask.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap();
    assert_eq!(mask("SigBlk:"), "0000000000000000");
    // SIGPIPE and SIGXFSZ, as always; 32 and 33 are the C library's.
    let ignored = u64::from_str_radix(mask("SigIgn:"), 16).unwrap() & !0x1_8000_0000;
    assert_eq!(ignored, 0x100_1000);
    world.await_state("web", "RUNNING");
    world.signal("TERM");
    assert_eq!(world.await_end().code(), Some(0));
}

#[test]
fn usr1_does_not_end_the_daemon() {
    let world = World::running("[program:web]\ncommand=sleep 1000\n");
    kill("USR1", world.pid());
    kill("ALRM", world.pid());
    world.await_state("web", "RUNNING");
    assert!(runs(world.pid()));
}

#[test]
fn a_broken_configuration_is_told_and_ends_with_status_2() {
    let refused = |text: &str| {
        let world = World::ours();
        world.write("supervisord.conf", text);
        let (status, said) = world.run_to_end(&Boot::default());
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(!world.path("supervisord.pid").exists());
        said
    };
    let said = refused(
        "[supervisord]\nlogfile={dir}/supervisord.log\npidfile={dir}/supervisord.pid\n[program:web]\n",
    );
    assert!(said.contains("Error: program section program:web does not specify a command"), "{said}");
    assert!(said.contains("For help, use "), "{said}");
    let said = refused("[program:web]\ncommand=true\n");
    assert!(said.contains("Error: .ini file does not include supervisord section"), "{said}");
    let world = World::ours();
    let (status, said) = world.run_to_end(&Boot { args: &["-c", "/nonexistent.conf"], ..Boot::default() });
    assert_eq!(status.code(), Some(2));
    assert!(said.contains("Error: could not find config file /nonexistent.conf"), "{said}");
}

/// As in a virtual environment: the shell passes the bare name on, yet Supervisor, a script, knows its path.
#[test]
fn programs_found_in_path_look_for_the_configuration_beside_them_cli_019() {
    let world = World::ours();
    for directory in ["bin", "etc"] {
        fs::create_dir(world.path(directory)).unwrap();
    }
    world.write("etc/supervisord.conf", "[supervisord]\nloglevel=loud\n");
    for (name, file, complaint) in [
        ("supervisord", env!("CARGO_BIN_EXE_supervisord"), "bad logging level name 'loud'"),
        ("supervisorctl", env!("CARGO_BIN_EXE_supervisorctl"), "does not include supervisorctl section"),
    ] {
        let program = world.path("bin").join(name);
        std::os::unix::fs::symlink(file, &program).unwrap();
        let ran = Command::new(name).env("PATH", world.path("bin")).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert!(said.contains(complaint), "{said}");
        assert!(said.ends_with(&format!("For help, use {} -h\n", program.display())), "{said}");
    }
}

/// It is looked at after the files, and the one they name is then not looked at.
#[test]
fn the_user_of_the_command_line_counts_instead_of_the_files_cli_015() {
    let refusal = |text: &str, user: &str| {
        let world = World::ours();
        let conf = world.write("supervisord.conf", text);
        let args = ["-u", user, "-c", conf.to_str().unwrap()];
        let (status, said) = world.run_to_end(&Boot { args: &args, ..Boot::default() });
        assert_eq!(status.code(), Some(2), "{said}");
        said
    };
    let said = refusal("[supervisord]\nminfds=x\n", "nosuchuser");
    assert!(said.contains("Error: invalid literal for int() with base 10: 'x'\n"), "{said}");
    let said = refusal("[supervisord]\nuser=nosuchuser\n", "neitherthis");
    assert!(said.contains("Error: Invalid user name neitherthis\n"), "{said}");
    assert!(!said.contains("nosuchuser"), "{said}");
}

#[test]
fn the_log_tells_a_start_in_the_stock_words() {
    let world = World::running("[program:web]\ncommand=sleep 1000\n");
    world.await_state("web", "RUNNING");
    let log = world.log();
    let lines = [
        " INFO RPC interface 'supervisor' initialized\n".to_string(),
        " CRIT Server 'unix_http_server' running without any HTTP authentication checking\n".to_string(),
        format!(" INFO supervisord started with pid {}\n", world.pid()),
        format!(" INFO spawned: 'web' with pid {}\n", world.pid_of("web")),
        " INFO success: web entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)\n"
            .to_string(),
    ];
    let mut rest = log.as_str();
    for line in lines {
        let at = rest.find(&line).unwrap_or_else(|| panic!("{line:?}, in this order, in:\n{log}"));
        rest = &rest[at + line.len()..];
    }
    assert_eq!(world.read("daemon.out"), log, "the same lines in the foreground");
}

#[test]
fn every_error_is_shown_in_its_place_and_the_stock_two_lines_come_last_cli_008() {
    let world = World::ours();
    world.configure("[program:a]\ncommand=sleep 1000\nstartsecs=ten\n[program:b]\nautorestart=maybe\n");
    let (status, said) = world.run_to_end(&Boot::default());
    assert_eq!(status.code(), Some(2), "{said}");
    for line in ["| startsecs=ten", "^^^ a whole number of seconds", "| autorestart=maybe", "in [program:b]"]
    {
        assert!(said.contains(line), "{line} is missing in:\n{said}");
    }
    let lines: Vec<&str> = said.lines().collect();
    let [.., first, second] = lines.as_slice() else { panic!("too few lines:\n{said}") };
    assert!(first.starts_with("Error: invalid literal for int() with base 10: 'ten' in section"), "{said}");
    assert!(second.starts_with("For help, use ") && second.ends_with(" -h"), "{said}");
}
