//! What our client does beyond the stock one.

use serde_json::{Value, json};

use crate::both::{ours, text};
use crate::world::World;
use crate::world::procfs::until;
use crate::world::stock::{Answer, python};

const BODY: &str = "\
[program:web]
command=sleep 1000
startsecs=0
stdout_logfile={dir}/web.log
[program:worker]
command=sleep 1000
numprocs=2
process_name=%(program_name)s_%(process_num)02d
startsecs=0
stdout_logfile={dir}/%(program_name)s%(process_num)d.log
[program:idle]
command=sleep 1000
autostart=false
startsecs=0
[collection:site]
programs=web,worker
[collection:rest]
groups=idle
exclude=nothing
";

fn world() -> World {
    let world = World::running(BODY);
    ["web", "worker:worker_00", "worker:worker_01"]
        .iter()
        .for_each(|name| world.await_state(name, "RUNNING"));
    world
}

fn run(world: &World, words: &str) -> Answer {
    let conf = world.path("supervisorctl.conf");
    let args: Vec<&str> = ["-c", text(&conf)].into_iter().chain(words.split_whitespace()).collect();
    ours(&args)
}

/// What was printed, which must be all, and the status.
fn said(world: &World, words: &str) -> (String, i64) {
    let answer = run(world, words);
    assert_eq!(answer.stderr, "", "{words}");
    (answer.stdout, answer.status)
}

fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn parsed(world: &World, words: &str) -> (Value, i64) {
    let (text, status) = said(world, words);
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words}: {error}: {text}"));
    assert_eq!(value["exit_status"], status, "{words}");
    (value, status)
}

#[test]
fn collections_are_looked_after_by_name_and_by_sign() {
    let world = world();
    let list = said(&world, "collection status");
    assert_eq!(list, (lines(&["rest\t\tgroups=idle exclude=nothing", "site\t\tprograms=web, worker"]), 0));
    let (members, status) = said(&world, "collection status site rest");
    let heads: Vec<&str> = members.lines().filter_map(|line| line.split("  ").next()).collect();
    assert_eq!(
        heads,
        ["Collection: site", "web", "worker:worker_00", "worker:worker_01", "Collection: rest", "idle"]
    );
    assert_eq!(status, 3);
    let (stopped, status) = said(&world, "collection stop site nope");
    let mut stopped: Vec<&str> = stopped.lines().collect();
    stopped.sort_unstable();
    let unknown = "nope: ERROR (no such collection)";
    assert_eq!(stopped, [unknown, "web: stopped", "worker:worker_00: stopped", "worker:worker_01: stopped"]);
    assert_eq!(status, 1);
    assert_eq!(said(&world, "status @site").1, 3);
    assert_eq!(said(&world, "start @site").0.lines().count(), 3);
    assert_eq!(said(&world, "status @site").1, 0);
    assert_eq!(said(&world, "start @site"), (String::new(), 0));
    assert_eq!(said(&world, "signal CONT @site").0.lines().count(), 3);
    assert_eq!(said(&world, "collection signal NONSENSE site").1, 1);
    for act in ["start", "stop", "restart", "signal CONT"] {
        let unknown = (lines(&["nope: ERROR (no such collection)"]), 1);
        assert_eq!(said(&world, &format!("collection {act} nope")), unknown, "{act}");
        assert_eq!(said(&world, &format!("{act} @nope")).1, 1, "{act}");
    }
    // A second may pass between the two.
    let pids = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.split(", uptime ").next().map(str::to_string)).collect()
    };
    let (every, all) = (said(&world, "status @site:*"), said(&world, "status @site"));
    assert_eq!((pids(&every.0), every.1), (pids(&all.0), all.1));
    assert_eq!(said(&world, "signal CONT @site:"), said(&world, "signal CONT @site"));
    assert_eq!(said(&world, "restart @rest"), (lines(&["idle: started"]), 0));
    assert_eq!(said(&world, "collection restart @rest"), (lines(&["idle: stopped", "idle: started"]), 0));
    assert_eq!(said(&world, "pid @rest"), (format!("{}\n", world.pid_of("idle")), 0));
    assert_eq!(
        said(&world, "stop @nope web"),
        (lines(&["nope: ERROR (no such collection)", "web: stopped"]), 1)
    );
    assert_eq!(said(&world, "status @nope"), (lines(&["nope: ERROR (no such collection)"]), 4));
    assert_eq!(said(&world, "clear @rest"), (lines(&["idle: cleared"]), 0));
    for wrong in ["collection", "collection start", "collection signal HUP", "collection dance x"] {
        let (text, status) = said(&world, wrong);
        assert!(text.starts_with("Error: collection") && text.lines().count() == 7, "{wrong}: {text}");
        assert_eq!(status, 2, "{wrong}");
    }
}

#[test]
fn tail_shows_the_log_of_each_member_of_a_collection() {
    let world = world();
    world.write("web.log", "from the web\n");
    world.write("worker0.log", "from the first\n");
    world.write("worker1.log", "from the second\n");
    let all = "==> web <==\nfrom the web\n\n==> worker:worker_00 <==\nfrom the first\n\n\
               ==> worker:worker_01 <==\nfrom the second\n\n";
    assert_eq!(said(&world, "tail @site"), (all.to_string(), 0));
    let lines = "==> web <==\nfrom the web\n==> worker:worker_00 <==\nfrom the first\n\
                 ==> worker:worker_01 <==\nfrom the second\n";
    assert_eq!(said(&world, "tail -n 1 @site"), (lines.to_string(), 0));
    assert_eq!(said(&world, "tail @nope"), ("@nope: ERROR (no such process name)\n".to_string(), 1));
}

#[test]
fn without_collections_it_says_so() {
    let world = World::running("[program:x]\ncommand=sleep 1000\n");
    assert_eq!(said(&world, "collection status"), (lines(&["No collections configured"]), 0));
}

#[test]
fn reread_and_update_end_with_the_collections_that_changed() {
    let world = world();
    let changed =
        BODY.replace("exclude=nothing", "exclude=other").replace("[collection:site]", "[collection:place]");
    world.configure(&changed);
    let expected = [
        "No config updates to processes",
        "Collections:",
        "place: available",
        "rest: changed",
        "site: disappeared",
    ];
    assert_eq!(said(&world, "reread"), (lines(&expected), 0));
    assert_eq!(said(&world, "reread"), (lines(&expected[..1]), 0));
    world.configure(&format!("{BODY}[program:more]\ncommand=sleep 1000\n"));
    let expected = [
        "more: added process group",
        "place: removed collection",
        "rest: updated collection",
        "site: added collection",
    ];
    assert_eq!(said(&world, "update"), (lines(&expected), 0));
    assert_eq!(said(&world, "update"), (String::new(), 0));
    world.configure(&format!("{BODY}startsecs=never\n[program:x]\n"));
    let (text, status) = said(&world, "update");
    assert!(text.starts_with("ERROR: CANT_REREAD: ") && status == 1, "{text}");
}

#[test]
fn names_may_be_patterns() {
    let world = world();
    let both = ["worker:worker_00: stopped", "worker:worker_01: stopped"];
    assert_eq!(said(&world, "stop worker_0?"), (lines(&both), 0));
    assert_eq!(said(&world, "start w*").0.lines().count(), 3);
    assert_eq!(said(&world, "status work*").0.lines().count(), 2);
    assert_eq!(said(&world, "status *").0.lines().count(), 4);
    assert_eq!(said(&world, "pid w*:*").0.lines().count(), 3);
    assert_eq!(said(&world, "stop nobody*"), (lines(&["nobody*: ERROR (no such process)"]), 1));
    assert_eq!(said(&world, "stop nobody*:*"), (lines(&["nobody*: ERROR (no such group)"]), 1));
    assert_eq!(said(&world, "status nobody?"), (lines(&["nobody?: ERROR (no such process)"]), 4));
    let cleared = ["worker:worker_00: cleared", "worker:worker_01: cleared"];
    assert_eq!(said(&world, "clear worker:*"), (lines(&cleared), 0));
    assert_eq!(said(&world, "clear nobody:*"), (lines(&["nobody: ERROR (no such group)"]), 1));
}

#[test]
fn answers_come_in_json_when_asked_for() {
    let world = world();
    let (status, code) = parsed(&world, "status --json web idle");
    let processes = status["processes"].as_array().unwrap();
    assert_eq!(
        (processes[0]["namespec"].as_str(), processes[0]["state"].as_str()),
        (Some("web"), Some("RUNNING"))
    );
    assert_eq!(processes[0]["pid"], world.pid_of("web"));
    assert_eq!((&processes[1]["pid"], code), (&Value::Null, 3));
    let (unknown, code) = parsed(&world, "--json status nobody");
    assert_eq!(
        unknown["results"],
        json!([{"name": "nobody", "ok": false, "result": "no such process", "code": 10}])
    );
    assert_eq!(code, 4);
    assert_eq!(parsed(&world, "version --json").0["version"], "4.3.0");
    assert_eq!(parsed(&world, "pid --json").0["pid"], world.pid());
    assert_eq!(parsed(&world, "pid --json web").0["processes"][0]["pid"], world.pid_of("web"));
    let (restart, _) = parsed(&world, "restart web idle --json");
    let results: Vec<_> =
        restart["results"].as_array().unwrap().iter().map(|it| it["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["stopped", "not running", "started", "started"]);
    assert_eq!(parsed(&world, "start nobody --json").1, 1);
    assert_eq!(parsed(&world, "avail --json").0["available"][0]["namespec"], "idle");
    assert_eq!(parsed(&world, "collection status --json").0["collections"][1]["processes"][0], "web");
    assert_eq!(parsed(&world, "reread --json").0["messages"], json!(["No config updates to processes"]));
    assert_eq!(parsed(&world, "start --json").1, 2);
    let (text, status) = said(&world, "tail web --json");
    assert_eq!((text.as_str(), status), ("Error: tail has no JSON form\n", 2));
}

#[test]
fn status_waits_for_a_state() {
    let world = world();
    let (text, status) = said(&world, "status --wait RUNNING web --timeout 30");
    assert!(text.starts_with("web ") && status == 0, "{text}");
    assert_eq!(said(&world, "status --wait STOPPED idle").1, 0, "a state that was waited for is no failure");
    let (text, status) = said(&world, "status idle web --wait=running --timeout=0.3");
    assert!(text.lines().count() == 3 && text.contains("Error: not all are RUNNING"), "{text}");
    assert_eq!(status, 1);
    assert_eq!(said(&world, "status --wait RUNNING nobody").1, 4);
    assert_eq!(said(&world, "status --wait NOWHERE web").1, 2);
    world.rpc_ok("supervisor.startProcess", &["idle".into(), false.into()]);
    assert_eq!(said(&world, "status --wait RUNNING --timeout 60").1, 0);
}

#[test]
fn logs_are_shown_by_lines_and_for_several() {
    let world = world();
    let many: String = (0..5_000).map(|number| format!("line {number} é\n")).collect();
    std::fs::write(world.path("web.log"), &many).unwrap();
    assert_eq!(said(&world, "tail -n 2 web"), (lines(&["line 4998 é", "line 4999 é"]), 0));
    assert_eq!(said(&world, "tail -n2 web stdout").0, lines(&["line 4998 é", "line 4999 é"]));
    assert_eq!(said(&world, "tail -n 4000 web").0.lines().count(), 4_000);
    assert_eq!(said(&world, "tail -n 9999 web").0, many);
    for (wrong, sentence) in [
        ("tail -n x web", "Error: bad argument -n: 'x' is no number of lines"),
        ("tail -n -3 web", "Error: bad argument -n: '-3' is no number of lines"),
        ("tail -n 2 -f web", "Error: bad argument -f: -n stands alone"),
        ("maintail -n 2 -f", "Error: bad argument -f: -n stands alone"),
    ] {
        assert_eq!(said(&world, wrong), (lines(&[sentence]), 1), "{wrong}");
    }
    assert_eq!(said(&world, "maintail -n 1").0.lines().count(), 1);
    let several = said(&world, "tail worker:*").0;
    assert!(
        several.starts_with("==> worker:worker_00 <==\n") && several.contains("==> worker:worker_01 <=="),
        "{several}"
    );
    let missing = run(&world, "tail -f nobody");
    assert_eq!((missing.stdout.as_str(), missing.status), ("==> Press Ctrl-C to exit <==\n", 1));
    let url = format!("unix://{}/logtail/nobody/stdout", world.socket().display());
    assert_eq!(missing.stderr, format!("{url} Cannot read, status code 404\n"));
}

#[test]
fn the_commands_of_plug_ins_are_built_in() {
    let world = world();
    let plugins = "[ctlplugin:w]\n\
                   supervisor.ctl_factory=supervisorwildcards.controllerplugin:make_wildcards_controllerplugin\n\
                   match_group=1\n[ctlplugin:x]\nsupervisor.ctl_factory=other.plugin:make\n";
    assert_eq!(
        sorted(&said(&world, "mstop worker*").0),
        ["worker:worker_00: stopped", "worker:worker_01: stopped"]
    );
    assert_eq!(said(&world, "mstart worker_01"), (lines(&["worker:worker_01: started"]), 0));
    assert_eq!(said(&world, "mrestart web"), (lines(&["web: stopped", "web: started"]), 0));
    assert_eq!(said(&world, "mstop nobody"), (lines(&["No process matched given expression."]), 0));
    let serial = ["web: stopped", "web: started", "worker:worker_01: stopped", "worker:worker_01: started"];
    assert_eq!(said(&world, "serialrestart web *_01"), (lines(&serial), 0));
    assert_eq!(said(&world, "mstart @site").1, 0);
    let serial: Vec<String> = ["web", "worker:worker_00", "worker:worker_01"]
        .iter()
        .flat_map(|name| [format!("{name}: stopped"), format!("{name}: started")])
        .collect();
    let serial: Vec<&str> = serial.iter().map(String::as_str).collect();
    assert_eq!(said(&world, "serialrestart @site"), (lines(&serial), 0));
    let mut together = serial.clone();
    together.sort_unstable();
    let (restarted, status) = said(&world, "mrestart @site");
    assert_eq!((sorted(&restarted), status), (together, 0));
    assert_eq!(said(&world, "serialrestart @nope"), (lines(&["No such process @nope"]), 1));
    assert_eq!(said(&world, "serialrestart nobody"), (lines(&["No such process nobody"]), 1));
    assert_eq!(said(&world, "serialrestart").1, 2);
    let conf = world.read("supervisorctl.conf");
    world.write("supervisorctl.conf", &format!("{conf}{plugins}"));
    let answer = run(&world, "mstop web:*");
    assert_eq!(answer.stdout, "web: stopped\n");
    assert!(
        answer
            .stderr
            .contains("[ctlplugin:x] is left out: other.plugin:make: Python code cannot be loaded; take"),
        "{}",
        answer.stderr
    );
    assert!(!answer.stderr.contains("[ctlplugin:w]"), "{}", answer.stderr);
    // The daemon's check knows them, too.
    let conf = world.read("supervisord.conf");
    let whole = world.write("checked.conf", &format!("{conf}{plugins}"));
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_supervisord"));
    let output = check.args(["--check", "-c", text(&whole)]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ctlplugin:x") && !said.contains("ctlplugin:w"), "{said}");
}

/// The first only ends once the second has, as if both were stopped by the plug-in itself.
#[test]
fn what_the_plug_in_does_at_once_is_done_at_once() {
    let world = World::ours();
    let stops = |name: &str, last: &str| {
        let ready = format!(": > {{dir}}/{name}.ready; while :; do sleep 0.05; done");
        world.script(name, &format!("trap '{last}; exit 0' TERM; {ready}"));
    };
    stops("first", "until [ -e {dir}/gone ]; do sleep 0.05; done; : > {dir}/waited");
    stops("second", ": > {dir}/gone");
    world.configure(
        "[program:first]\ncommand={dir}/first\nstopwaitsecs=20\n[program:second]\ncommand={dir}/second\n",
    );
    let mut world = world;
    world.boot();
    for ready in ["first.ready", "second.ready"] {
        until("its signal is trapped", || world.path(ready).exists().then_some(()));
    }
    // Which of them the daemon hears of first is for the machine to say.
    let (said, status) = said(&world, "mstop *");
    let mut ended: Vec<&str> = said.lines().collect();
    ended.sort_unstable();
    assert_eq!((ended, status), (vec!["first: stopped", "second: stopped"], 0));
    assert!(world.path("waited").exists(), "the first was not killed");
}

#[test]
fn help_lists_the_stock_commands_as_the_stock_client_does_ctl_047() {
    if python().is_none() {
        return;
    }
    let world = World::running("");
    let stock = world.ctl_ok("help");
    let (ours, status) = said(&world, "help");
    assert_eq!((ours.strip_prefix(&stock).is_some(), status), (true, 0), "{ours}");
    for topic in stock.lines().skip(3).flat_map(str::split_whitespace) {
        let (help, _) = said(&world, &format!("help {topic}"));
        assert!(help.starts_with(topic) && help.contains('\t'), "{help}");
    }
}

#[test]
fn completions_and_manuals_come_from_the_programs_themselves() {
    for program in [
        env!("CARGO_BIN_EXE_supervisorctl"),
        env!("CARGO_BIN_EXE_supervisord"),
        env!("CARGO_BIN_EXE_pidproxy"),
    ] {
        let run = |args: &[&str]| {
            let output = std::process::Command::new(program).args(args).output().unwrap();
            (String::from_utf8(output.stdout).unwrap(), output.status.code())
        };
        let name = program.rsplit('/').next().unwrap();
        for (shell, mark) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
            let (script, status) = run(&["--completions", shell]);
            assert!(status == Some(0) && script.contains(mark) && script.contains(name), "{name} {shell}");
        }
        assert_eq!(run(&["--completions", "tcsh"]), (String::new(), Some(2)), "{name}");
        let (page, status) = run(&["--man"]);
        assert!(status == Some(0) && page.contains(".SH NAME") && page.contains(name), "{page}");
    }
    let page = ours(&["--man"]).stdout;
    assert!(page.contains("\\fBserialrestart\\fR") && page.contains("\\-\\-wait"), "{page}");
}

#[test]
fn what_scripts_of_configuration_managers_take_apart_is_there_ctl_056_ctl_057() {
    let world = world();
    // Ansible: the first two fields of each line of `status`.
    let (status, _) = said(&world, "status");
    let fields: Vec<(&str, &str)> = status
        .lines()
        .map(|line| {
            let mut fields = line.split_whitespace();
            (fields.next().unwrap(), fields.next().unwrap())
        })
        .collect();
    assert_eq!(fields[0], ("idle", "STOPPED"));
    assert!(fields[1..].iter().all(|(_, state)| *state == "RUNNING"), "{fields:?}");
    assert!(status.lines().skip(1).all(|line| line.contains("pid ") && line.contains(", uptime ")));
    // Both pass whole commands as one word.
    let conf = world.path("supervisorctl.conf");
    let one_word = ours(&["-c", text(&conf), "signal CONT", "web"]);
    assert_eq!((one_word.stdout.as_str(), one_word.status), ("web: signalled\n", 0));
    // Salt: the reason in brackets.
    assert!(said(&world, "restart nobody").0.contains("(no such process)"));
    world.configure(&format!("{BODY}[program:more]\ncommand=sleep 1000\n"));
    assert_eq!(said(&world, "reread"), (lines(&["more: available"]), 0));
    assert_eq!(said(&world, "add more"), (lines(&["more: added process group"]), 0));
    until("more runs", || (world.state("more") != "STARTING").then_some(()));
    assert_eq!(said(&world, "stop more"), (lines(&["more: stopped"]), 0));
    assert_eq!(said(&world, "remove more"), (lines(&["more: removed process group"]), 0));
}
