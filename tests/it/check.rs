//! `supervisord --check`: what it says, in which form, and that it leaves everything alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::SystemTime;

use serde_json::Value;

use crate::world::{Boot, World};

/// A program that nothing can be said against, besides the sections every world has.
const GOOD: &str =
    "[program:web]\ncommand=sleep 1000\nenvironment=A=\"1\",B=\"two words\"\nstdout_logfile=NONE\n";

/// Runs a check in a world and makes sure that it changed nothing there.
fn check(world: &World, more: &[&str]) -> Output {
    let conf = world.path("supervisord.conf");
    let args = [&["--check", "-c", conf.to_str().unwrap()], more].concat();
    let before = everything(world.dir());
    let output = world.command(&Boot { args: &args, background: true, ..Boot::default() }).output().unwrap();
    assert_eq!(everything(world.dir()), before, "a check touches nothing");
    assert!(!world.path("supervisord.log").exists() && !world.path("supervisord.pid").exists());
    assert!(!world.socket().exists());
    output
}

/// Every name below a directory, with size, mode and time of change.
fn everything(directory: &Path) -> BTreeMap<String, (u64, u32, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let facts = entry.metadata().unwrap();
        let name = entry.path().to_string_lossy().into_owned();
        found.insert(name, (facts.len(), facts.permissions().mode(), facts.modified().unwrap()));
        if facts.is_dir() {
            found.extend(everything(&entry.path()));
        }
    }
    found
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    let text = said(output);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a check of these sections says as JSON.
fn findings(body: &str, more: &[&str]) -> Value {
    let world = World::ours();
    world.configure(body);
    json(&check(&world, &[&["--json"], more].concat()))
}

fn texts<'a>(found: &'a Value, list: &str, member: &str) -> Vec<&'a str> {
    found[list].as_array().unwrap().iter().map(|one| one[member].as_str().unwrap_or_default()).collect()
}

/// The one warning that these sections get.
fn warning(body: &str) -> Value {
    let found = findings(body, &[]);
    assert_eq!(found["ok"], true, "{found}");
    let warnings = found["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{body}: {found:#}");
    warnings[0].clone()
}

#[test]
fn an_option_without_effect_in_a_listener_is_told_of_cfg_132() {
    let listener =
        "[DEFAULT]\nstdout_events_enabled=true\n[eventlistener:ear]\ncommand=true\nevents=TICK_5\n";
    for (option, value) in [("stdout_events_enabled", "on"), ("stdout_capture_maxbytes", "1KB")] {
        let found = warning(&format!("{listener}{option}={value}\n"));
        let sentence = format!("{option} has no effect in [eventlistener:ear]: a listener answers there");
        assert_eq!(found["message"], sentence);
        assert_eq!((&found["section"], &found["option"]), (&"eventlistener:ear".into(), &option.into()));
    }
    let harmless = "stdout_capture_maxbytes=0\nstderr_events_enabled=true\nstderr_capture_maxbytes=1KB\n";
    assert_eq!(findings(&format!("{listener}{harmless}"), &[])["warnings"], serde_json::json!([]));
}

#[test]
fn a_good_file_is_called_good_and_nothing_is_started() {
    let world = World::ours();
    world.configure(GOOD);
    let output = check(&world, &["--strict"]);
    assert_eq!(said(&output), "no errors, no warnings\n");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn every_error_is_shown_and_the_status_is_2() {
    let world = World::ours();
    world.configure("[program:a]\ncommand=true\nstartsecs=ten\n[program:b]\nautorestart=maybe\n");
    let output = check(&world, &[]);
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    for line in [
        "error: invalid literal for int() with base 10: 'ten'\n",
        "| startsecs=ten\n",
        "error: invalid 'autorestart' value 'maybe'\n",
        "error: program section program:b does not specify a command\n",
    ] {
        assert!(text.contains(line), "{line:?} is missing in:\n{text}");
    }
    assert!(text.ends_with("\n3 errors, no warnings\n"), "{text}");
}

#[test]
fn the_message_of_an_error_is_the_stock_sentence_whole() {
    let world = World::ours();
    world.configure("[program:a]\ncommand=true\nstartsecs = ten\nautorestrat=true\n");
    let output = check(&world, &["--json"]);
    assert_eq!(output.status.code(), Some(2));
    let found = json(&output);
    let conf = world.path("supervisord.conf").to_str().unwrap().to_string();
    assert_eq!(found["ok"], false);
    let line =
        world.read("supervisord.conf").lines().position(|line| line.starts_with("startsecs")).unwrap() + 1;
    let sentence =
        format!("invalid literal for int() with base 10: 'ten' in section 'program:a' (file: '{conf}')");
    let expected = serde_json::json!({
        "message": sentence, "file": conf, "line": line, "column": 13, "section": "program:a",
        "option": "startsecs", "help": "a whole number of seconds, such as 10",
    });
    assert_eq!(found["errors"], Value::Array(vec![expected]));
    assert_eq!(texts(&found, "warnings", "help"), ["did you mean autorestart?"], "warnings come with errors");
    for member in ["config", "supervisord", "servers", "collections"] {
        assert!(found.get(member).is_none(), "{member} of a file that cannot be used");
    }
    // The same first sentence as at a start.
    let (_, started) = world.run_to_end(&Boot::default());
    assert!(started.contains(&format!("Error: {sentence}\n")), "{started}");
}

#[test]
fn a_line_that_cannot_be_read_makes_no_neighbour_look_wrong() {
    let found = findings("[group:g]\nprograms=web\n[program\ncommand=true\nautostart=true\n", &[]);
    assert_eq!(texts(&found, "warnings", "message"), [""; 0], "{found}");
    assert_eq!(found["errors"].as_array().unwrap().len(), 1, "{found}");
}

#[test]
fn a_file_that_is_not_there_is_an_error_like_others() {
    let world = World::ours();
    let output = check(&world, &["--json"]);
    assert_eq!(output.status.code(), Some(2));
    let found = json(&output);
    let message = texts(&found, "errors", "message")[0].to_string();
    assert!(message.starts_with("could not find config file "), "{message}");
    assert_eq!(found["errors"][0]["file"], Value::Null);
}

#[test]
fn strict_makes_warnings_errors() {
    let world = World::ours();
    world.configure(&format!("{GOOD}comand=x\n"));
    assert_eq!(check(&world, &[]).status.code(), Some(0));
    let output = check(&world, &["--strict"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).ends_with("no errors, 1 warning\n"), "{}", said(&output));
    let found = json(&check(&world, &["--strict", "--json"]));
    assert_eq!((&found["ok"], found.get("config")), (&Value::Bool(false), None));
    assert_eq!(texts(&found, "warnings", "option"), ["comand"]);
}

#[test]
fn a_warning_has_the_shape_of_an_error() {
    let world = World::ours();
    world.configure("[program:web]\ncommand=sleep 1000\n  5\nautorestrat = true\n");
    let text = said(&check(&world, &[]));
    let shown = text.lines().skip(2).collect::<Vec<_>>().join("\n");
    assert!(text.starts_with("warning: unknown option autorestrat in [program:web]\n  --> "), "{text}");
    let expected =
        "   |\n14 | autorestrat = true\n   | ^^^^^^^^^^^ did you mean autorestart?\nno errors, 1 warning";
    assert_eq!(shown, expected);
}

#[test]
fn each_kind_of_warning_names_its_section_option_and_way_out() {
    let web = "[program:web]\ncommand=sleep 1000\n";
    for (body, section, option, message, help) in [
        (
            "[progam:web]\ncommand=true\n",
            "progam:web",
            "",
            "unknown section [progam:web]",
            "did you mean [program:web]?",
        ),
        ("[nginx]\n", "nginx", "", "unknown section [nginx]", "nothing reads it"),
        (
            "[program:web]\ncommand=true\nstratsecs=1\n",
            "program:web",
            "stratsecs",
            "unknown option stratsecs",
            "did you mean startsecs?",
        ),
        (
            "[program:web]\ncommand=true\nnodaemon=true\n",
            "program:web",
            "nodaemon",
            "unknown option nodaemon",
            "an option of [supervisord]",
        ),
        (
            "[DEFAULT]\ncolour=red\n",
            "DEFAULT",
            "colour",
            "unknown option colour in [DEFAULT]",
            "nothing reads it",
        ),
        (
            "[include]\nfiles=absent/*.conf\n",
            "include",
            "files",
            "No file matches via include",
            "relative to the directory",
        ),
        (
            "[program:web]\ncommand=sh -c 'true ; true'\n",
            "program:web",
            "command",
            "a comment begins inside a quote",
            "no blank before it",
        ),
        (
            "[program:web]\ncommand=/nonexistent/x\n",
            "program:web",
            "command",
            "can't find command '/nonexistent/x'",
            "could not be started",
        ),
        (
            "[program:web]\ncommand={dir}/supervisord.conf\n",
            "program:web",
            "command",
            "is not executable",
            "could not be started",
        ),
        (
            "[program:web]\ncommand=true\ndirectory=/nonexistent\n",
            "program:web",
            "directory",
            "/nonexistent does not exist",
            "make the directory",
        ),
        (
            "[supervisord]\ndirectory=/\n[program:web]\ncommand=true\nstdout_logfile=childlogs/x\n",
            "program:web",
            "stdout_logfile",
            "the directory /childlogs does not exist",
            "make the directory",
        ),
        (
            "[program:web]\ncommand=true\nstdout_logfile={dir}\n",
            "program:web",
            "stdout_logfile",
            "is a directory",
            "the name of a file",
        ),
        (
            "[program:web]\ncommand=true\nstdout_logfile={dir}/x\nstderr_logfile={dir}/x\n",
            "program:web",
            "stderr_logfile",
            "/x is written by stdout of web:web and stderr of web:web",
            "redirect_stderr=true",
        ),
        (
            "[program:a]\ncommand=true\nstdout_logfile={dir}/x\n[program:b]\ncommand=true\nstdout_logfile={dir}/./x\n",
            "program:b",
            "stdout_logfile",
            "is written by stdout of a:a and stdout of b:b",
            "a file of its own",
        ),
        (
            "[program:web]\ncommand=true\nnumprocs=3\nprocess_name=%(process_num)d\nstdout_logfile={dir}/x\n",
            "program:web",
            "stdout_logfile",
            "web:0 and stdout of web:1, and 1 more",
            "%(process_num)d",
        ),
        (
            "[program:web]\ncommand=true\nstdout_logfile={dir}/supervisord.log\n",
            "program:web",
            "stdout_logfile",
            "the main log and stdout of web:web",
            "a file of its own",
        ),
        (
            "[inet_http_server]\nport=*:9001\n",
            "inet_http_server",
            "port",
            "listens on all interfaces without a password",
            "username and password",
        ),
        (
            "[inet_http_server]\nport=192.0.2.1:9001\n",
            "inet_http_server",
            "port",
            "listens on 192.0.2.1 without a password",
            "username and password",
        ),
        (
            "[unix_http_server:b]\nfile={dir}/absent/sock\n",
            "unix_http_server:b",
            "file",
            "/absent does not exist",
            "make the directory",
        ),
        (
            "[rpcinterface:x]\nsupervisor.rpcinterface_factory=a.b:c\ncolour=red\n",
            "rpcinterface:x",
            "supervisor.rpcinterface_factory",
            "the Python factory a.b:c, which cannot be loaded: the methods x.*",
            "take the section out",
        ),
        (
            "[rpcinterface:multivisor]\nsupervisor.rpcinterface_factory=multivisor.rpc:make_rpc_interface\nbind=*:9002\n",
            "rpcinterface:multivisor",
            "supervisor.rpcinterface_factory",
            "the methods multivisor.* will be missing",
            "run multivisor-rpc, of the same package, as an event listener",
        ),
        (
            "[ctlplugin:x]\nsupervisor.ctl_factory=a.b:c\n",
            "ctlplugin:x",
            "supervisor.ctl_factory",
            "the Python factory a.b:c",
            "take the section out",
        ),
        (
            &format!("{web}[collection:c]\nprograms=web,absent\n"),
            "collection:c",
            "programs",
            "absent matches nothing",
            "nothing of that name",
        ),
        (
            &format!("{web}[collection:c]\nprograms=wbe\n"),
            "collection:c",
            "programs",
            "wbe matches nothing",
            "did you mean web?",
        ),
        (
            "[program:web]\ncommand=true > /tmp/x\n",
            "program:web",
            "command",
            "no shell reads the command, so > is a word like others",
            "stdout_logfile=",
        ),
        (
            "[program:web]\ncommand=cd /tmp && true\n",
            "program:web",
            "command",
            "can't find command 'cd'",
            "directory= is where a program runs",
        ),
        (
            "[program:web]\ncommand=true\nenvironment=OPTIONS=-a -b\n",
            "program:web",
            "environment",
            "-b stands where a comma",
            "OPTIONS=\"...\"",
        ),
        (
            "[program:web]\ncommand=true\nenvironment=PATH=\"/usr/bin:/bin:$PATH\"\n",
            "program:web",
            "environment",
            "$PATH stays as it is",
            "%(ENV_PATH)s",
        ),
        (
            "[program:web]\ncommand=true\n[program:web]\ncommand=sleep 1\n",
            "program:web",
            "command",
            "command is set again in line ",
            "the last one counts",
        ),
        (
            "[program:web]\ncommand=true\nworkdir=/tmp\n",
            "program:web",
            "workdir",
            "unknown option workdir",
            "did you mean directory?",
        ),
        (
            "[inet_http_server]\nport=http://localhost:9001\n",
            "inet_http_server",
            "port",
            "http://localhost is no name of a machine",
            "host:port",
        ),
        (
            "[inet_http_server]\nport=localhost:9001\n[inet_http_server:b]\nport=localhost:9001\n",
            "inet_http_server:b",
            "port",
            "[inet_http_server:b] listens where [inet_http_server] does",
            "a port of its own",
        ),
        (
            "[supervisorctl]\nserverurl=unix:///nonexistent/x.sock\n",
            "supervisorctl",
            "serverurl",
            "would look for its server at unix:///nonexistent/x.sock",
            "serverurl=unix://",
        ),
        (
            "[rpcinterface:x]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:main\n",
            "rpcinterface:x",
            "supervisor.rpcinterface_factory",
            "the Python factory supervisor.rpcinterface:main",
            "did you mean supervisor.rpcinterface:make_main_rpcinterface?",
        ),
        (
            &format!("{web}redirect_stderr=true\nstderr_logfile={{dir}}/x\n"),
            "program:web",
            "stderr_logfile",
            "redirect_stderr=true but stderr_logfile",
            "the one or the other",
        ),
    ] {
        let found = warning(body);
        assert_eq!(found["section"], section, "{found}");
        assert_eq!(found["option"].as_str().unwrap_or_default(), option, "{found}");
        assert!(found["message"].as_str().unwrap().contains(message), "{message}: {found}");
        assert!(found["help"].as_str().unwrap().contains(help), "{help}: {found}");
        assert!(found["line"].as_u64().unwrap() > 0 && found["column"].as_u64().unwrap() > 0, "{found}");
    }
}

/// CFG-135: without the interface nobody but the pages can do anything.
#[test]
fn a_server_without_methods_is_told_of() {
    let world = World::ours();
    world.write("supervisord.conf", "[supervisord]\n[unix_http_server]\nfile={dir}/supervisor.sock\n");
    let found = json(&check(&world, &["--json"]));
    let sentence =
        "without a section [rpcinterface:supervisor] supervisorctl cannot talk to [unix_http_server]";
    assert_eq!(texts(&found, "warnings", "message"), [sentence]);
    assert!(texts(&found, "warnings", "help")[0].contains("make_main_rpcinterface"), "{found}");
}

/// A section that lost its bracket becomes an option of the one before it.
#[test]
fn the_way_out_fits_the_mistake() {
    for (body, message, help) in [
        ("[program:web\ncommand=true\n", "unknown option [program", "ends with ]"),
        ("[program:my web]\ncommand=true\n", "Invalid name: 'my web'", "no blanks, colons or slashes"),
        ("[program:web]\ncommand=a %(program_name)\n", "incomplete format", "%(program_name)s is the value"),
        (
            "[program:a]\ncommand=true\n[program:b]\ncommand=true\n[group:g]\nprograms=a b\n",
            "a b",
            "between: a,b",
        ),
        ("[program:web]\ncommand=true\nuser=\"root\"\n", "Invalid user name", "without the quotes"),
        ("[program:web]\ncommand=true\ndirectory='/tmp'\n", "does not exist", "without the quotes"),
        ("[program:web]\ncommand=true\nautostart=no;really\n", "boolean", "only after a blank"),
        ("[program:web]\ncommand=true\nstdout_logfile=/tmp/a#%b\n", "badly formatted", "%% is a plain"),
        ("[program:web]\ncommand=true\n[group:g]\nprograms=nginx\n", "unknown program", "known here: web"),
        ("[eventlistener:e]\ncommand=true\nevents=TICK5\n", "type TICK5", "did you mean TICK_5?"),
    ] {
        let found = findings(body, &[]);
        let all =
            [found["errors"].as_array().unwrap().clone(), found["warnings"].as_array().unwrap().clone()]
                .concat();
        let said = |one: &Value| {
            one["message"].as_str().unwrap().contains(message)
                && one["help"].as_str().unwrap_or_default().contains(help)
        };
        assert!(all.iter().any(said), "{body}: {found:#}");
    }
    let world = World::ours();
    world.write("supervisord.conf", "\u{feff}[supervisord]\n");
    assert!(said(&check(&world, &[])).contains("byte order mark"));
}

#[test]
fn what_is_well_meant_gets_no_warning() {
    for body in [
        "[inet_http_server]\nport=127.0.0.1:9001\n",
        "[inet_http_server]\nport=localhost:9001\n",
        "[inet_http_server]\nport=*:9001\nusername=u\npassword=p\n",
        "[program:web]\ncommand=sh -c \"true; true\" ; it's a comment\nenvironment=A=\"it's\" ; mine\n",
        "[program:a]\ncommand=true\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nstderr_logfile=/dev/stdout\n",
        "[supervisorctl]\nserverurl=unix://{dir}/./supervisor.sock\nprompt=don't ; ask\n[DEFAULT]\numask=022\n",
        "[program:web]\ncommand=./x\ndirectory={dir}/bin\n",
        "[inet_http_server]\nport=localhost:9001\n[supervisorctl]\n",
        "[supervisorctl]\nserverurl=http://elsewhere:9001\n",
        "[program:web]\ncommand=sh -c 'true > /dev/null && echo $HOME'\nenvironment=A=1,HASH=\"$2y$10$AB\",\n",
    ] {
        let world = World::ours();
        world.script("bin/x", "true");
        world.configure(body);
        let output = check(&world, &["--strict"]);
        assert_eq!(said(&output), "no errors, no warnings\n", "{body}");
    }
}

#[test]
fn the_model_is_what_a_daemon_would_answer() {
    let mut world = World::ours();
    world.configure(&format!(
        "{GOOD}[program:job]\ncommand=sleep 1000\nnumprocs=2\nprocess_name=%(process_num)d\nautorestart=false\n\
         directory={{dir}}\nstderr_logfile=NONE\nstdout_logfile={{dir}}/job%(process_num)d.log\nstopsignal=HUP\nexitcodes=0,3\n\
         [group:all]\nprograms=job\npriority=5\n[collection:c]\nprograms=job\nexclude=all:1\n"
    ));
    let found = json(&check(&world, &["--json", "-e", "debug"]));
    assert_eq!(found["ok"], true, "{found}");
    assert_eq!(found["supervisord"]["loglevel"], "debug", "the command line goes over the file");
    assert_eq!(found["supervisord"]["logfile"], world.path("supervisord.log").to_str().unwrap());
    let server = &found["servers"][0];
    assert_eq!((&server["family"], &server["chmod"]), (&Value::from("unix"), &Value::from(0o700)));
    let environment = |at: usize| &found["config"][at]["environment"];
    assert_eq!(environment(2), &serde_json::json!({"A": "1", "B": "two words"}));
    assert_eq!(environment(0), &serde_json::json!({}));

    world.boot();
    world.await_state("all:0", "RUNNING");
    let mut read = found["config"].clone();
    for process in read.as_array_mut().unwrap() {
        process.as_object_mut().unwrap().remove("environment");
    }
    let mut served = world.rpc("supervisor.getAllConfigInfo", &[]).unwrap();
    // The one thing that only a daemon knows: where an AUTO log has come to lie.
    assert_eq!(served[2]["name"], "web");
    served[2]["stderr_logfile"] = Value::from("auto");
    assert_eq!(read, served);
    assert_eq!(found["collections"], world.rpc("supervisor.listCollections", &[]).unwrap());
}
