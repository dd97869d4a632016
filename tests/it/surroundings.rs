//! Places that are not as a daemon would like them: containers, chroots, and starters that give it little.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use nix::unistd::Uid;

use crate::world::procfs::until;
use crate::world::{Boot, World};

/// Whether a mount namespace may be made here; else the reason is told.
fn may_mount() -> bool {
    let allowed = Command::new("unshare").args(["--mount", "true"]).output();
    let may = Uid::effective().is_root() && allowed.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped: no mount namespace may be made here");
    }
    may
}

#[test]
fn without_dev_null_a_start_in_the_background_is_refused_while_somebody_listens() {
    if !may_mount() {
        return;
    }
    let world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\n");
    let mount = "mount -t tmpfs tmpfs /dev && exec \"$@\"";
    let wrapper = ["unshare", "--mount", "sh", "-c", mount, "sh"];
    let (status, said) = world.run_to_end(&Boot { wrapper: &wrapper, background: true, ..Boot::default() });
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("for want of /dev/null; nodaemon=true stays in the foreground: "), "{said}");
    assert!(world.log().contains("CRIT Error: could not go to the background"), "{}", world.log());
    assert!(!world.socket().exists());
}

#[test]
fn a_link_to_standard_output_in_the_place_of_a_log_is_never_renamed_bug_012() {
    let mut world = World::ours();
    symlink("/dev/stdout", world.path("web.log")).unwrap();
    world.script("talk", "i=1000; while [ $i -lt 1500 ]; do echo $i; i=$((i+1)); done; exec sleep 1000");
    world.configure(
        "[supervisord]\nsilent=true\n[program:talk]\ncommand={dir}/talk\nstdout_logfile={dir}/web.log\n\
         stdout_logfile_maxbytes=100\n",
    );
    world.boot();
    // Standard output is a regular file here, and all of it belongs there.
    let all: String = (1000..1500).map(|number| format!("{number}\n")).collect();
    until("every line is in the daemon's own output", || {
        world.read("daemon.out").contains(&all).then_some(())
    });
    assert!(fs::symlink_metadata(world.path("web.log")).unwrap().is_symlink());
    assert!(!world.path("web.log.1").exists());
}

#[test]
fn a_pipe_as_configuration_is_read_once_and_a_reload_does_not_wait_for_it() {
    let mut world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\n");
    let fifo = world.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // A pipe alone: the included file has all that the test changes.
    let text = world.read("supervisord.conf");
    let (from, to) = (fifo.clone(), text.clone());
    let writer = std::thread::spawn(move || fs::write(from, to).unwrap());
    world.boot_as(&Boot { args: &["-c", fifo.to_str().unwrap()], ..Boot::default() });
    world.await_up();
    writer.join().unwrap();
    world.await_state("web", "RUNNING");
    let refusal = world.rpc("supervisor.reloadConfig", &[]).unwrap_err();
    assert!(format!("{refusal:?}").contains("could not read config file"), "{refusal:?}");
    // One that somebody writes to is read again.
    let text = text + "[program:more]\ncommand=true\n";
    // A reload that gives up just then leaves nobody to write to.
    let writer = std::thread::spawn(move || while fs::write(&fifo, &text).is_err() {});
    until("the new program is known", || {
        world.rpc("supervisor.reloadConfig", &[]).ok().filter(|changes| changes.to_string().contains("more"))
    });
    writer.join().unwrap();
}

#[test]
fn what_is_not_utf_8_is_refused_or_left_out_by_name() {
    let mut world = World::ours();
    let latin = OsStr::from_bytes(b"caf\xe9");
    world.configure("[include]\nfiles={dir}/more/*.conf\n[program:web]\ncommand=sleep 1000\n");
    fs::create_dir(world.path("more")).unwrap();
    fs::write(world.path("more").join(OsStr::from_bytes(b"caf\xe9.conf")), "[program:lost]\ncommand=true\n")
        .unwrap();
    fs::create_dir(world.dir().join(latin)).unwrap();

    let mut command = world.command(&Boot::default());
    let refused = command.arg(latin).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("\"caf\\xE9\" on the command line is not UTF-8; rename what it names"), "{said}");
    assert_eq!(refused.status.code(), Some(2));

    let (status, said) = world.run_to_end(&Boot { cwd: Some(&world.dir().join(latin)), ..Boot::default() });
    assert!(said.contains("caf\\xE9\" has a name that is not UTF-8; go to another one first"), "{said}");
    assert_eq!(status.code(), Some(2));

    world.boot();
    let log = world.log();
    assert!(log.contains("more/caf\u{fffd}.conf\": its name is not UTF-8; it is left out"), "{log}");
}

#[test]
fn a_log_at_the_limit_of_files_does_not_end_the_daemon() {
    let mut world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\nstdout_logfile=NONE\nstderr_logfile=NONE\n");
    // Past what `ulimit -f` allows before the first line is written; the number is in blocks of 512 or 1024 bytes.
    fs::write(world.path("supervisord.log"), vec![b'x'; 8192]).unwrap();
    world.boot_as(&Boot { wrapper: &["sh", "-c", "ulimit -f 4; exec \"$@\"", "sh"], ..Boot::default() });
    world.await_up();
    world.await_state("web", "RUNNING");
}

#[test]
fn a_path_too_long_for_a_socket_is_told_as_such_to_the_client() {
    let url = format!("unix:///{}", "x".repeat(200));
    let output =
        Command::new(env!("CARGO_BIN_EXE_supervisorctl")).args(["-s", &url, "status"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("error: <class 'OSError'>, AF_UNIX path too long: file: "), "{said}");
    let help = String::from_utf8_lossy(&output.stderr);
    assert!(help.contains("has at most 107 bytes: give it a shorter one"), "{help}");
}

#[test]
fn an_answer_that_is_lost_on_a_full_disk_is_not_a_success() {
    let world = World::running("[program:web]\ncommand=sleep 1000\n");
    let url = format!("unix://{}", world.socket().display());
    let ctl = ["-s", &url, "version"];
    for (program, args) in [
        (env!("CARGO_BIN_EXE_supervisorctl"), &ctl[..]),
        (env!("CARGO_BIN_EXE_supervisorctl"), &["--man"]),
        (env!("CARGO_BIN_EXE_supervisord"), &["--help"]),
        (env!("CARGO_BIN_EXE_pidproxy"), &["--man"]),
        (env!("CARGO_BIN_EXE_echo_supervisord_conf"), &[]),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(program).args(args).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "error: could not write to standard output: No space left on device\n", "{program}");
        assert_eq!(output.status.code(), Some(1), "{program}");
    }
}

/// A command line that leaves root nothing but these capabilities; none where that cannot be done.
fn with_capabilities(left: &str) -> Option<Vec<String>> {
    let wrapper =
        ["setpriv".to_string(), format!("--bounding-set=-all{left}"), "--inh-caps=-all".to_string()];
    let allowed = Command::new(&wrapper[0]).args(&wrapper[1..]).arg("true").output();
    let may = Uid::effective().is_root() && allowed.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped: capabilities cannot be taken away here");
    }
    may.then(|| wrapper.to_vec())
}

/// Where links are protected (`fs.protected_hardlinks`), root may not link what it has given away.
#[test]
fn a_socket_is_given_away_by_a_root_that_may_do_nothing_else() {
    let Some(wrapper) = with_capabilities(",+chown") else { return };
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let mut world = World::ours();
    world.configure("[unix_http_server]\nchown=1:1\n");
    // Another one's, to be replaced.
    drop(std::os::unix::net::UnixListener::bind(world.socket()).unwrap());
    world.boot_as(&Boot { wrapper: &wrapper, ..Boot::default() });
    world.await_up();
    assert_eq!(fs::metadata(world.socket()).unwrap().uid(), 1);
    let sockets = fs::read_dir(world.dir())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".sock"));
    assert_eq!(sockets.count(), 1, "no temporary name is left");
}

#[test]
fn a_root_that_may_not_become_another_user_is_told_what_it_takes() {
    let Some(wrapper) = with_capabilities("") else { return };
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let world = World::ours();
    world.configure("[supervisord]\nuser=1\n");
    let (status, said) = world.run_to_end(&Boot { wrapper: &wrapper, ..Boot::default() });
    assert_eq!(status.code(), Some(2), "{said}");
    let expected = "Error: Could not set groups of effective user: Operation not permitted; root needs CAP_SETUID and \
                    CAP_SETGID to become another user\n";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn whose_permissions_are_missing_is_told() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let world = World::ours();
    fs::set_permissions(world.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let away = |said: &str| said.replace(world.dir().to_str().unwrap(), "DIR");
    let run = || world.run_to_end(&Boot::default()).1;
    world.configure("[supervisord]\nuser=1\n");
    let user = nix::unistd::User::from_uid(Uid::from_raw(1)).unwrap().unwrap().name;
    let expected = format!(
        "Error: Cannot open an HTTP server: socket.error reported errno.EACCES (13); DIR/supervisor.sock: Permission denied; \
         supervisord runs as user {user}\n"
    );
    assert!(away(&run()).starts_with(&expected), "{}", run());
    let text = world.read("supervisord.conf").replace("[unix_http_server]", "[unused]");
    world.write("supervisord.conf", &text);
    let expected = format!(
        "Error: could not open DIR/supervisord.log: Permission denied; supervisord runs as user {user}\n"
    );
    assert_eq!(away(&run()), expected);
}
