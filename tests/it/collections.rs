//! Collections against the real daemon: views that overlap, while groups come and go.

use serde_json::{Value, json};

use crate::world::World;
use crate::world::rpc::Refusal;
use crate::world::stock::python;

/// `web` and `tools` share `shared`; `all-web` nests; `late` names a group that is not there yet.
const BODY: &str = "\
[program:front]
command=sleep 1000
[program:back]
command=sleep 1000
numprocs=2
process_name=%(program_name)s_%(process_num)d
[program:shared]
command=sleep 1000
[program:other]
command=sleep 1000
[group:site]
programs=front,back
priority=10
[collection:web]
programs=front,back,shared
priority=1
[collection:tools]
programs=shared,oth*
[collection:all-web]
collections=web,tools
exclude=front
[collection:late]
groups=newcomer
";

const NEWCOMER: &str = "[program:newcomer]\ncommand=sleep 1000\n";

fn world() -> World {
    let world = World::running(BODY);
    ["site:front", "site:back_0", "site:back_1", "shared", "other"]
        .iter()
        .for_each(|name| world.await_state(name, "RUNNING"));
    world
}

/// The namespecs that a collection resolves to now.
fn members(world: &World, collection: &str) -> Vec<String> {
    let infos = world.rpc_ok("supervisor.getCollectionProcessInfo", &[collection.into()]);
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let namespec = |info: &Value| format!("{}:{}", text(&info["group"]), text(&info["name"]));
    infos.as_array().unwrap().iter().map(namespec).collect()
}

fn names(outcomes: &Value) -> Vec<&str> {
    outcomes.as_array().unwrap().iter().map(|outcome| outcome["name"].as_str().unwrap()).collect()
}

#[test]
fn a_collection_lists_its_processes_in_start_order_whatever_their_groups() {
    let world = world();
    assert_eq!(members(&world, "web"), ["site:front", "site:back_0", "site:back_1", "shared:shared"]);
    assert_eq!(members(&world, "tools"), ["other:other", "shared:shared"]);
    let nested = members(&world, "all-web");
    assert_eq!(nested, ["site:back_0", "site:back_1", "other:other", "shared:shared"]);
    let all = world.rpc_ok("supervisor.listCollections", &[]);
    let order: Vec<&str> = names(&all);
    assert_eq!(order, ["web", "all-web", "late", "tools"]);
    assert_eq!(all[0]["program_names"], json!(["front", "back", "shared"]));
    assert_eq!(all[2]["unresolved"], json!(["newcomer"]));
}

#[test]
fn stopping_one_collection_stops_the_shared_process_and_leaves_the_rest_of_the_other() {
    let world = world();
    let other = world.pid_of("other");
    let outcomes = world.rpc_ok("supervisor.stopCollection", &["web".into()]);
    let mut stopped = names(&outcomes);
    stopped.sort_unstable();
    assert_eq!(stopped, ["back_0", "back_1", "front", "shared"]);
    assert!(outcomes.as_array().unwrap().iter().all(|outcome| outcome["status"] == 80), "{outcomes}");
    assert_eq!(world.state("shared"), "STOPPED");
    assert_eq!(world.pid_of("other"), other);
    let rest = world.rpc_ok("supervisor.stopCollection", &["tools".into()]);
    assert_eq!(names(&rest), ["other"]);
    let again = world.rpc_ok("supervisor.startCollection", &["tools".into()]);
    assert_eq!(names(&again).len(), 2);
    let overlap = world.rpc_ok("supervisor.startCollection", &["web".into()]);
    assert_eq!(names(&overlap).len(), 3, "the shared one runs already: {overlap}");
}

#[test]
fn two_overlapping_collections_started_at_once_start_each_process_once() {
    let world = world();
    world.rpc_ok("supervisor.stopAllProcesses", &[]);
    std::thread::scope(|scope| {
        for collection in ["web", "tools", "all-web"] {
            let world = &world;
            scope.spawn(move || world.rpc_ok("supervisor.startCollection", &[collection.into()]));
        }
    });
    for name in ["front", "back_0", "back_1", "shared", "other"] {
        let spawned = world.log().matches(&format!("spawned: '{name}' with pid")).count();
        assert_eq!(spawned, 2, "{name}: once at the start, once now");
    }
}

#[test]
fn restart_gives_every_member_a_new_pid_and_nobody_else() {
    let world = world();
    let pids = |names: &[&str]| names.iter().map(|name| world.pid_of(name)).collect::<Vec<_>>();
    let (members, others) = (["shared", "other"], ["site:front", "site:back_0", "site:back_1"]);
    let (before, untouched) = (pids(&members), pids(&others));
    let outcomes = world.rpc_ok("supervisor.restartCollection", &["tools".into()]);
    assert!(outcomes.as_array().unwrap().iter().all(|outcome| outcome["status"] == 80), "{outcomes}");
    let after = pids(&members);
    assert!(
        before.iter().zip(&after).all(|(before, after)| before != after && *after != 0),
        "{before:?} {after:?}"
    );
    assert_eq!(pids(&others), untouched);
}

#[test]
fn a_signal_reaches_each_member_once() {
    let mut world = World::ours();
    world.script("trap", "trap 'echo hupped' HUP\necho ready\nwhile :; do sleep 0.1; done");
    let program = |name: &str| {
        format!(
            "[program:{name}]\ncommand={{dir}}/trap\nstdout_logfile={{dir}}/{name}.log\nstopsignal=KILL\n"
        )
    };
    let views = "[collection:ab]\nprograms=a,b\n[collection:both]\ncollections=ab\nprograms=b\n";
    world.configure(&format!("{}{}{}{views}", program("a"), program("b"), program("c")));
    world.boot();
    let said = |name: &str, text: &str| world.read(&format!("{name}.log")).matches(text).count();
    crate::world::procfs::until("all traps are set", || {
        ["a", "b", "c"].iter().all(|name| said(name, "ready") == 1).then_some(())
    });
    let outcomes = world.rpc_ok("supervisor.signalCollection", &["both".into(), "HUP".into()]);
    assert_eq!(names(&outcomes), ["a", "b"]);
    crate::world::procfs::until("both have been signalled", || {
        ["a", "b"].iter().all(|name| said(name, "hupped") == 1).then_some(())
    });
    assert_eq!(said("c", "hupped"), 0);
    let bad = world.rpc_ok("supervisor.signalCollection", &["both".into(), "NONSENSE".into()]);
    assert_eq!(bad[0]["status"], 11);
}

#[test]
fn groups_that_come_and_go_are_members_at_once() {
    let world = world();
    assert_eq!(members(&world, "late"), Vec::<String>::new());
    world.configure(&format!("{BODY}{NEWCOMER}"));
    world.rpc_ok("supervisor.reloadConfig", &[]);
    world.rpc_ok("supervisor.addProcessGroup", &["newcomer".into()]);
    assert_eq!(members(&world, "late"), ["newcomer:newcomer"]);
    world.await_state("newcomer", "RUNNING");
    let stopped = world.rpc_ok("supervisor.stopCollection", &["late".into()]);
    assert_eq!(names(&stopped), ["newcomer"]);
    world.rpc_ok("supervisor.removeProcessGroup", &["newcomer".into()]);
    assert_eq!(members(&world, "late"), Vec::<String>::new());
    assert_eq!(world.rpc_ok("supervisor.startCollection", &["late".into()]), json!([]));
}

#[test]
fn reread_puts_changed_collections_in_force_without_an_update() {
    let world = world();
    let changed = BODY.replace("programs=shared,oth*", "programs=other\npriority=5");
    let pids = ["shared", "other"].map(|name| world.pid_of(name));
    world.configure(&format!("{changed}[collection:added]\ngroups=site\nexclude=absent\n"));
    let groups = world.rpc_ok("supervisor.reloadConfig", &[]);
    assert_eq!(groups, json!([[[], [], []]]), "groups only, in the stock shape");
    assert_eq!(members(&world, "tools"), ["other:other"]);
    assert_eq!(members(&world, "added").len(), 3);
    assert_eq!(["shared", "other"].map(|name| world.pid_of(name)), pids);
    for line in ["collection added: added", "collection changed: tools", "exclude: absent matches nothing"] {
        world.await_log(line);
    }
}

#[test]
fn an_unknown_collection_is_a_bad_name() {
    let world = World::running(NEWCOMER);
    for method in ["startCollection", "stopCollection", "restartCollection", "getCollectionProcessInfo"] {
        let answer = world.rpc(&format!("supervisor.{method}"), &["nobody".into()]);
        assert_eq!(answer, Err(Refusal::Fault(10, "BAD_NAME: nobody".to_string())), "{method}");
    }
    let signal = world.rpc("supervisor.signalCollection", &["nobody".into(), "HUP".into()]);
    assert_eq!(signal, Err(Refusal::Fault(10, "BAD_NAME: nobody".to_string())));
}

#[test]
fn the_calls_of_collections_travel_in_bundles() {
    let world = world();
    let call = |method: &str, params: Value| json!({ "methodName": format!("supervisor.{method}"), "params": params });
    let answers = world.rpc_ok(
        "system.multicall",
        &[json!([
            call("stopCollection", json!(["tools"])),
            call("getCollectionProcessInfo", json!(["tools"])),
            call("startCollection", json!(["nobody"])),
            call("startCollection", json!(["tools", true])),
            call("signalCollection", json!(["tools", "CONT"])),
            call("restartCollection", json!(["tools", false])),
            call("listCollections", json!([])),
        ])],
    );
    let mut stopped = names(&answers[0]);
    stopped.sort_unstable();
    assert_eq!(stopped, ["other", "shared"]);
    let states: Vec<&Value> = answers[1].as_array().unwrap().iter().map(|info| &info["statename"]).collect();
    assert_eq!(states, ["STOPPED", "STOPPED"], "each is awaited before the next");
    assert_eq!(answers[2], json!({ "faultCode": 10, "faultString": "BAD_NAME: nobody" }));
    for answer in [&answers[3], &answers[4], &answers[5]] {
        let status: Vec<&Value> =
            answer.as_array().unwrap().iter().map(|outcome| &outcome["status"]).collect();
        assert_eq!(status, [80, 80], "{answer}");
    }
    assert_eq!(names(&answers[6]).len(), 4);
}

#[test]
fn a_reload_that_fails_changes_no_collection() {
    let world = world();
    let before = world.rpc_ok("supervisor.listCollections", &[]);
    let changed = BODY.replace("programs=shared,oth*", "programs=other");
    world.configure(&format!("{changed}[collection:added]\ngroups=site\n[program:broken]\n"));
    let refused = world.rpc("supervisor.reloadConfig", &[]);
    assert!(
        matches!(&refused, Err(Refusal::Fault(92, text)) if text.contains("program:broken")),
        "{refused:?}"
    );
    assert_eq!(world.rpc_ok("supervisor.listCollections", &[]), before);
    // A circle is a broken file like any other.
    world.configure(&format!("{BODY}[collection:x]\ncollections=y\n[collection:y]\ncollections=x\n"));
    let refused = world.rpc("supervisor.reloadConfig", &[]);
    assert!(matches!(&refused, Err(Refusal::Fault(92, text)) if text.contains("x -> y -> x")), "{refused:?}");
    assert_eq!(world.rpc_ok("supervisor.listCollections", &[]), before);
}

#[test]
fn the_stock_client_names_a_collection_with_an_at_sign() {
    if python().is_none() {
        return;
    }
    let world = world();
    let lines = |words: &str| {
        let mut lines: Vec<String> = world.ctl_ok(words).lines().map(String::from).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines("stop @tools:*"), ["other: stopped", "shared: stopped"]);
    assert_eq!(lines("stop @tools:*"), Vec::<String>::new(), "those that do not run are skipped");
    assert_eq!(lines("start @tools:*"), ["other: started", "shared: started"]);
    let before = world.pid_of("site:front");
    let restarted = lines("restart @web:*");
    assert_eq!(restarted.len(), 8, "{restarted:?}");
    assert!(restarted.contains(&"site:front: stopped".to_string()), "{restarted:?}");
    assert_ne!(world.pid_of("site:front"), before);
    assert_eq!(lines("signal CONT @web:*").len(), 4);
    let unknown = world.ctl("start @nobody:*");
    assert_eq!((unknown.stdout.as_str(), unknown.status), ("@nobody: ERROR (no such group)\n", 2));
}

#[test]
fn the_stock_client_follows_groups_that_come_and_go() {
    if python().is_none() {
        return;
    }
    let world = world();
    world.configure(&format!("{BODY}{NEWCOMER}"));
    assert_eq!(world.ctl_ok("update"), "newcomer: added process group\n");
    world.await_state("newcomer", "RUNNING");
    assert_eq!(world.ctl_ok("stop @late:*"), "newcomer: stopped\n");
    assert_eq!(world.ctl_ok("start @late:*"), "newcomer: started\n");
    world.configure(BODY);
    assert_eq!(world.ctl_ok("update"), "newcomer: stopped\nnewcomer: removed process group\n");
    assert_eq!(world.ctl_ok("stop @late:*"), "");
}

#[test]
fn a_group_of_that_very_name_wins_over_the_collection() {
    let world = World::running(
        "[program:x]\ncommand=sleep 1000\n[program:y]\ncommand=sleep 1000\n\
        [group:@pair]\nprograms=x\n[collection:pair]\nprograms=y\n",
    );
    world.await_state("@pair:x", "RUNNING");
    world.await_state("y", "RUNNING");
    let stopped = world.rpc_ok("supervisor.stopProcessGroup", &["@pair".into()]);
    assert_eq!(names(&stopped), ["x"]);
    assert_eq!(world.state("y"), "RUNNING");
}
