//! The shell, in a pseudo-terminal and without one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::both::text;
use crate::world::World;
use crate::world::stock::python;

const BODY: &str = "\
[program:cat]
command=cat
startsecs=0
stdout_logfile={dir}/cat.log
stderr_logfile={dir}/cat.err
[program:worker]
command=sleep 1000
numprocs=2
process_name=%(program_name)s_%(process_num)02d
startsecs=0
[group:jobs]
programs=worker
[collection:pets]
programs=cat
";

fn world(mut world: World) -> World {
    world.configure(BODY);
    world.boot();
    ["cat", "jobs:worker_00", "jobs:worker_01"].iter().for_each(|name| world.await_state(name, "RUNNING"));
    let client = "[supervisorctl]\nserverurl=unix://{dir}/supervisor.sock\nhistory_file={dir}/history\n";
    world.write("supervisorctl.conf", client);
    world
}

fn sit_at_a_terminal(world: &World, collections: &str) {
    let Some(python) = python() else { return };
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ctl/shell.py"))
        .args([env!("CARGO_BIN_EXE_supervisorctl"), text(&world.path("supervisorctl.conf"))])
        .args([text(&world.path("history")), collections])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_shell_completes_remembers_and_can_be_interrupted() {
    if python().is_some() {
        sit_at_a_terminal(&world(World::ours()), "yes");
    }
}

#[test]
fn the_shell_does_the_same_with_the_reference() {
    if let Some(reference) = World::reference() {
        sit_at_a_terminal(&world(reference), "no");
    }
}

/// What a client prints for these lines on a pipe.
fn piped(mut client: Command, conf: &Path, lines: &str) -> (String, Option<i32>) {
    client.args(["-c", text(conf)]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = client.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.split("pid ").next().unwrap_or_default().to_string())
        .collect();
    (said.join("\n"), output.status.code())
}

#[test]
fn on_a_pipe_prompts_are_written_and_answers_taken_ctl_050() {
    let Some(python) = python() else { return };
    let world = world(World::ours());
    let conf = world.path("supervisorctl.conf");
    for lines in [
        "",
        "status cat\n",
        "\n\nversion\nnonsense\n",
        "shutdown\nn\nversion\n",
        "shutdown\n",
        "reload\nno\n",
        "status cat\nquit\nversion\n",
        "exit\n",
        "stop nobody\nstart nobody:*\n",
        "open unix:///nonexistent\nversion\n",
        "version",
    ] {
        let stock = piped(Command::new(python.with_file_name("supervisorctl")), &conf, lines);
        let ours = piped(Command::new(env!("CARGO_BIN_EXE_supervisorctl")), &conf, lines);
        let normal = |said: &str| match said.find("file: ") {
            Some(at) => said[..at].to_string(),
            None => said.to_string(),
        };
        assert_eq!((normal(&ours.0), ours.1), (normal(&stock.0), stock.1), "{lines:?}");
    }
}

#[test]
fn a_shell_that_answers_in_json_is_left_like_any_other() {
    let world = world(World::ours());
    let conf = world.path("supervisorctl.conf");
    for lines in ["pid cat\n", "pid cat\nquit\nversion\n", "pid cat\nexit", ""] {
        let mut client = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
        client.arg("--json");
        let (said, status) = piped(client, &conf, lines);
        assert_eq!(status, Some(0), "{said}");
        let documents = said.lines().filter(|line| line.contains(r#"{"exit_status":0,"#)).count();
        // The status that a shell begins with is one of them.
        assert_eq!(documents, 1 + usize::from(!lines.is_empty()), "{said}");
        assert!(!said.contains("Error"), "{said}");
    }
}

#[test]
fn at_a_terminal_a_password_is_hidden_and_colours_are_shown_to_who_wants_them() {
    let Some(python) = python() else { return };
    let mut world = World::ours();
    world.configure("[program:x]\ncommand=sleep 1000\n");
    let conf = world.read("supervisord.conf");
    let locked = "[unix_http_server:locked]\nfile={dir}/locked.sock\nusername=me\npassword=secret\n";
    world.write("supervisord.conf", &format!("{conf}{locked}"));
    world.boot();
    world.await_state("x", "RUNNING");
    let url = |name: &str| format!("unix://{}", world.path(name).display());
    let stock = python.with_file_name("supervisorctl");
    for (client, colours) in [(env!("CARGO_BIN_EXE_supervisorctl"), "yes"), (text(&stock), "no")] {
        let output = Command::new(&python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ctl/terminal.py"))
            .args([client, &url("locked.sock"), &url("supervisor.sock"), colours])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{client}: {said}");
    }
}
