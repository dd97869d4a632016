//! Starts that are refused, and that leave everything as it was.

use crate::world::World;

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn refusals_are_two_lines_and_status_2_cli_008() {
    let world = World::new();
    world.configure("");
    let binary = env!("CARGO_BIN_EXE_supervisord");
    let output = world.command().arg("--bogus").output().unwrap();
    assert_eq!(
        words(&output.stderr),
        format!("Error: option --bogus not recognized\nFor help, use {binary} -h\n")
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_second_daemon_touches_nothing_of_the_first_bug_004() {
    let world = World::new();
    let rest = "[program:x]\ncommand=/bin/sleep 1000\n[unix_http_server]\nfile=DIR/s.sock\n";
    let mut first = world.start(rest);
    world.logged("success: x entered RUNNING state");
    let before = (world.files(), world.read("d.log"), world.read("d.pid"));
    let output = world.command().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = words(&output.stderr);
    assert!(
        said.starts_with("Error: Another program is already listening on a port that one of our"),
        "{said}"
    );
    assert_eq!((world.files(), world.read("d.log"), world.read("d.pid")), before);
    assert!(first.alive());
    assert_eq!(first.stop(), Some(0));
    assert!(!world.path("s.sock").exists());
}

#[test]
fn without_a_server_the_pid_file_tells_of_a_living_daemon_bug_041() {
    let world = World::new();
    // What an earlier one left is no hindrance.
    std::fs::write(world.path("d.pid"), "1\nand more\n").unwrap();
    let mut first = world.start("[program:x]\ncommand=/bin/sleep 1000\n");
    world.logged("success: x entered RUNNING state");
    let before = (world.files(), world.read("d.log"), world.read("d.pid"));
    assert_eq!(before.2, format!("{}\n", first.pid()));
    let foreground = world.command().output().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_supervisord"));
    let background = command.args(["-c", &world.name("s.conf")]).output().unwrap();
    for output in [foreground, background] {
        assert_eq!(output.status.code(), Some(2));
        let told = format!(
            "Error: Another supervisord, pid {}, is already running with the pid file {}.  Shut this program down \
             first before starting supervisord.\n",
            first.pid(),
            world.name("d.pid")
        );
        assert!(words(&output.stderr).starts_with(&told), "{}", words(&output.stderr));
    }
    assert_eq!((world.files(), world.read("d.log"), world.read("d.pid")), before);

    // Its own next beginning is not refused, and a death without ceremony lets go of the file.
    first.signal(nix::sys::signal::Signal::SIGHUP);
    crate::world::until("the second beginning", || {
        (world.read("d.log").matches("supervisord started with pid").count() == 2).then_some(())
    });
    assert_eq!(world.read("d.pid"), before.2);
    first.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(first.ended(), Some(0));
    assert!(!world.path("d.pid").exists());
    // Without children, since they would outlive it.
    world.configure("");
    std::fs::remove_file(world.path("d.log")).unwrap();
    let mut killed = world.run(&mut world.command());
    killed.signal(nix::sys::signal::Signal::SIGKILL);
    killed.ended();
    assert!(world.path("d.pid").exists());
    let last = world.run(&mut world.command());
    crate::world::until("the pid of the last", || {
        (world.read("d.pid") == format!("{}\n", last.pid())).then_some(())
    });
}

#[test]
fn an_unwritable_log_is_said_and_status_1_cli_037() {
    let world = World::new();
    std::fs::create_dir(world.path("d.log")).unwrap();
    let output = world.refused("");
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("Error: could not open {}: Is a directory\n", world.name("d.log"));
    assert_eq!(words(&output.stderr), expected);
}

#[test]
fn an_unwritable_pid_file_stops_nothing_cli_038() {
    let world = World::new();
    std::fs::create_dir(world.path("d.pid")).unwrap();
    world.configure("[program:x]\ncommand=/bin/sleep 1000\n");
    let mut child = world.command().spawn().unwrap();
    let line = world.logged("could not write pidfile");
    let expected = format!("CRIT could not write pidfile {}: Is a directory", world.name("d.pid"));
    assert!(line.ends_with(&expected), "{line}");
    world.logged("spawned: 'x'");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!world.read("d.log").contains("supervisord started"));
    assert!(world.path("d.pid").is_dir());
}

#[test]
fn limits_that_cannot_be_had_are_said_cli_033() {
    let world = World::new();
    let output = world.refused("minfds=1000000000000\n");
    assert_eq!(output.status.code(), Some(2));
    let said = words(&output.stderr);
    assert!(
        said.starts_with(
            "Error: The minimum number of file descriptors required to run this process is 1000000000000 as per \
             the \"minfds\" command-line argument or config file setting."
        ),
        "{said}"
    );
    assert!(!world.path("d.log").exists());
}

#[test]
fn children_get_the_limit_that_the_daemon_was_given() {
    let world = World::new();
    world.configure(
        "minfds=200\n[program:x]\ncommand=/bin/sh -c \"ulimit -Sn; exec sleep 1000\"\nstdout_logfile=DIR/out\n",
    );
    let own = world.command();
    let mut limited = std::process::Command::new("/bin/sh");
    limited.args(["-c", "ulimit -Sn 128; exec \"$0\" \"$@\""]).arg(own.get_program()).args(own.get_args());
    let daemon = world.run(&mut limited);
    assert_eq!(world.written("out", "\n"), "200\n");
    world.logged("Increased RLIMIT_NOFILE limit to 200");
    let limits = daemon.proc("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [soft, hard] = line.split_whitespace().skip(3).take(2).collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    assert_eq!(soft, hard, "the daemon itself takes what it may");
}
