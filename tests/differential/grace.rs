//! What a program runs on is taken away while it runs, and comes back: under both daemons it fails alone, says why,
//! and recovers by itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nix::unistd::Uid;

use crate::beside::{side_by_side, story};
use crate::world::procfs::{kill, until};
use crate::world::{Boot, World};

/// Enough tries for a test to take its time.
const PATIENT: &str = "startretries=100\nautorestart=true\nstartsecs=0\n";

const OTHER: &str = "[program:other]\ncommand=sleep 1000\n";

/// The child is killed and cannot come back until `mend`; meanwhile the other program runs on. What the daemon says of
/// it: state, reason, and the first sentences of the log.
fn survives(world: &World, words: &[&str], mend: impl Fn()) -> (String, String, Vec<String>) {
    let other = world.pid_of("other");
    kill("KILL", world.pid_of("web"));
    until("web has failed to start", || {
        let info = world.info("web");
        (info["statename"] == "BACKOFF" && info["spawnerr"] != "").then_some(())
    });
    let info = world.info("web");
    let mut told = story(world, words);
    told.dedup();
    mend();
    world.await_state("web", "RUNNING");
    assert_eq!((world.state("other"), world.pid_of("other")), ("RUNNING".to_string(), other));
    let text = |key: &str| info[key].as_str().unwrap().replace(world.dir().to_str().unwrap(), "{dir}");
    (text("statename"), without_why(&text("spawnerr")), told)
}

/// We say after the reference's words what the child said in its log.
fn without_why(spawnerr: &str) -> String {
    let stock = "Exited too quickly (process log may have details)";
    match spawnerr.strip_prefix(stock) {
        Some(why) if why.starts_with(": couldn't ") => stock.to_string(),
        _ => spawnerr.to_string(),
    }
}

/// Whether a mount namespace may be made; says so if not.
fn may_mount() -> bool {
    let allowed = Uid::effective().is_root()
        && Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|made| made.status.success());
    if !allowed {
        eprintln!("skipped: no mount namespace may be made here");
    }
    allowed
}

#[test]
fn an_executable_replaced_while_it_runs() {
    side_by_side(|world| {
        let put = |world: &World, body: &str, mode: u32| {
            let new = world.write("new", body);
            fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
            fs::rename(new, world.path("web")).unwrap();
        };
        put(world, "#!/bin/sh\nexec sleep 1000\n", 0o755);
        world.configure(&format!("[program:web]\ncommand={{dir}}/web\n{PATIENT}{OTHER}"));
        world.boot();
        world.await_state("web", "RUNNING");
        world.await_state("other", "RUNNING");
        put(world, "#!/bin/sh\necho new > {dir}/said\nexec sleep 1000\n", 0o644);
        let mended = survives(world, &["spawnerr"], || {
            fs::set_permissions(world.path("web"), fs::Permissions::from_mode(0o755)).unwrap();
        });
        until("the new one has spoken", || (world.read("said") == "new\n").then_some(()));
        fs::remove_file(world.path("web")).unwrap();
        let gone =
            survives(world, &["can't find command"], || put(world, "#!/bin/sh\nexec sleep 1000\n", 0o755));
        (mended, gone)
    });
}

#[test]
fn a_directory_that_disappears_while_its_program_runs() {
    side_by_side(|world| {
        let work = world.path("work");
        fs::create_dir(&work).unwrap();
        let patient = PATIENT.replace("startsecs=0", "startsecs=1");
        world.configure(&format!(
            "[program:web]\ncommand=sleep 1000\ndirectory={{dir}}/work\nstderr_logfile={{dir}}/web.err\n{patient}{OTHER}"
        ));
        world.boot();
        world.await_state("web", "RUNNING");
        world.await_state("other", "RUNNING");
        fs::remove_dir(&work).unwrap();
        let told = survives(world, &["exit status 127"], || fs::create_dir(&work).unwrap());
        let said = world.read("web.err").replace(world.dir().to_str().unwrap(), "{dir}");
        (told, said.lines().take(2).map(str::to_string).collect::<Vec<_>>())
    });
}

#[test]
fn a_user_who_vanishes_while_his_program_runs() {
    if !may_mount() {
        return;
    }
    side_by_side(|world| {
        let with = fs::read_to_string("/etc/passwd").unwrap() + "ghost:x:61234:61234::/:/bin/sh\n";
        let without = fs::read_to_string("/etc/passwd").unwrap();
        let passwd = world.write("passwd", &with);
        let patient = PATIENT.replace("startsecs=0", "startsecs=1");
        world.configure(&format!(
            "[program:web]\ncommand=sleep 1000\nuser=ghost\nstderr_logfile={{dir}}/web.err\n{patient}{OTHER}"
        ));
        let wrapper =
            ["unshare", "--mount", "sh", "-c", "mount --bind passwd /etc/passwd && exec \"$@\"", "sh"];
        world.boot_as(&Boot { wrapper: &wrapper, ..Boot::default() });
        world.await_up();
        world.await_state("web", "RUNNING");
        world.await_state("other", "RUNNING");
        // In place: the file is what is mounted.
        fs::write(&passwd, without).unwrap();
        let told = survives(world, &["exit status 127"], || fs::write(&passwd, &with).unwrap());
        (told, world.read("web.err").lines().take(2).map(str::to_string).collect::<Vec<_>>())
    });
}

#[test]
fn a_disk_that_fills_up() {
    if !may_mount() {
        return;
    }
    side_by_side(|world| {
        fs::create_dir(world.path("disk")).unwrap();
        world.configure(&format!(
            "[program:web]\ncommand=sleep 1000\nstdout_logfile={{dir}}/disk/web.log\nautostart=false\n{PATIENT}{OTHER}"
        ));
        let mount = "mount -t tmpfs -o nr_inodes=4 tmpfs disk && exec \"$@\"";
        world.boot_as(&Boot { wrapper: &["unshare", "--mount", "sh", "-c", mount, "sh"], ..Boot::default() });
        world.await_up();
        world.await_state("other", "RUNNING");
        let other = world.pid_of("other");
        let disk = format!("/proc/{}/root{}", world.pid(), world.path("disk").display());
        let file = |name: &str| format!("{disk}/{name}");
        let ballast = (0..).take_while(|number| fs::write(file(&number.to_string()), "").is_ok());
        let last = ballast.last().expect("room for something");
        let answer = world.rpc("supervisor.startProcess", &["web".into()]);
        let told = (answer, world.state("web"), world.info("web")["spawnerr"].clone());
        fs::remove_file(file(&last.to_string())).unwrap();
        world.await_state("web", "RUNNING");
        assert_eq!((world.state("other"), world.pid_of("other")), ("RUNNING".to_string(), other));
        let mut said = story(world, &["spawnerr"]);
        said.dedup();
        assert!(fs::exists(file("web.log")).unwrap());
        (told, said)
    });
}
