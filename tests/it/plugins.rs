//! The methods of `supervisor_twiddler` and `supervisor_cache`, side by side with the packages themselves.

use serde_json::{Value, json};

use crate::world::World;
use crate::world::rpc::Refusal;

const BODY: &str = "\
[program:base]
command=sleep 1000
[rpcinterface:twiddler]
supervisor.rpcinterface_factory=supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
[rpcinterface:narrow]
supervisor.rpcinterface_factory=supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
whitelist=getGroupNames,log
[rpcinterface:cache]
supervisor.rpcinterface_factory=supervisor_cache.rpcinterface:make_cache_rpcinterface
";

/// Calls, in order; what a daemon answers depends on those before.
fn calls() -> Vec<(&'static str, Value)> {
    let program = |options: Value| json!(["base", "added", options]);
    vec![
        ("twiddler.getAPIVersion", json!([])),
        ("twiddler.getGroupNames", json!([])),
        ("twiddler.getGroupNames", json!(["one too many"])),
        ("twiddler.nope", json!([])),
        ("twiddler.addProgramToGroup", json!(["nobody", "added", {"command": "sleep 1000"}])),
        ("twiddler.addProgramToGroup", program(json!({}))),
        ("twiddler.addProgramToGroup", program(json!({"command": "sleep 1000", "startsecs": "ten"}))),
        ("twiddler.addProgramToGroup", program(json!({"command": "sleep 1000", "numprocs": "2"}))),
        ("twiddler.addProgramToGroup", json!(["base", "a:b", {"command": "sleep 1000"}])),
        ("twiddler.addProgramToGroup", json!(["base", "base", {"command": "sleep 1000"}])),
        (
            "twiddler.addProgramToGroup",
            program(json!({
                "command": "sleep %(process_num)d000", "numprocs": "2", "autostart": "false", "priority": "3",
                "process_name": "%(program_name)s_%(process_num)d", "numprocs_start": "1",
            })),
        ),
        ("twiddler.addProgramToGroup", program(json!({"command": "x", "process_name": "added_1"}))),
        ("twiddler.addProgramToGroup", json!(["base"])),
        ("supervisor.getProcessInfo", json!(["base:added_1"])),
        ("supervisor.startProcess", json!(["base:added_1"])),
        ("twiddler.removeProcessFromGroup", json!(["base", "added_1"])),
        ("supervisor.stopProcess", json!(["base:added_1"])),
        ("twiddler.removeProcessFromGroup", json!(["base", "added_1"])),
        ("twiddler.removeProcessFromGroup", json!(["base", "added_1"])),
        ("twiddler.removeProcessFromGroup", json!(["nobody", "added_1"])),
        ("supervisor.getProcessInfo", json!(["base:added_1"])),
        ("supervisor.reloadConfig", json!([])),
        ("twiddler.log", json!(["a line for the log"])),
        ("twiddler.log", json!(["a warning", "warn"])),
        ("twiddler.log", json!(["by number", 40])),
        ("twiddler.log", json!(["nothing", "loud"])),
        ("twiddler.log", json!(["nothing", 21])),
        ("twiddler.log", json!([])),
        ("narrow.getGroupNames", json!([])),
        ("narrow.getAPIVersion", json!([])),
        ("narrow.removeProcessFromGroup", json!(["base", "base"])),
        ("narrow.log", json!(["allowed"])),
        ("cache.getAPIVersion", json!([])),
        ("cache.getKeys", json!([])),
        ("cache.getCount", json!([])),
        ("cache.store", json!(["b", "two"])),
        ("cache.store", json!(["a", "one"])),
        ("cache.store", json!(["a", "uno"])),
        ("cache.store", json!(["list", [1, "x", {"y": true}]])),
        ("cache.store", json!(["", "x"])),
        ("cache.store", json!([7, "x"])),
        ("cache.store", json!(["a"])),
        ("cache.getKeys", json!([])),
        ("cache.getCount", json!([])),
        ("cache.fetch", json!(["a"])),
        ("cache.fetch", json!(["list"])),
        ("cache.fetch", json!(["nothing"])),
        ("cache.fetch", json!([""])),
        ("cache.delete", json!(["a"])),
        ("cache.delete", json!(["a"])),
        ("cache.delete", json!([false])),
        ("cache.getKeys", json!([])),
        ("cache.clear", json!([])),
        ("cache.getCount", json!([])),
    ]
}

/// Answers, without what differs by nature: where the world is, and when things happened.
fn answers(world: &mut World) -> Vec<String> {
    world.configure(BODY);
    world.boot();
    world.await_state("base", "RUNNING");
    let directory = world.dir().to_str().unwrap().to_string();
    let answer = |(method, params): (&str, Value)| {
        let shown = match world.rpc(method, params.as_array().unwrap()) {
            Ok(mut value) => {
                if let Some(info) = value.as_object_mut() {
                    info.retain(|name, _| name != "now" && !name.ends_with("logfile"));
                }
                value.to_string()
            }
            Err(refusal) => format!("{refusal:?}"),
        };
        format!("{method}{params}: {}", shown.replace(&directory, "DIR"))
    };
    calls().into_iter().map(answer).collect()
}

#[test]
fn both_packages_methods_answer_as_the_packages_do() {
    let Some(mut theirs) = World::reference() else { return };
    let mut ours = World::ours();
    let (ours_said, theirs_said) = (answers(&mut ours), answers(&mut theirs));
    for (ours, theirs) in ours_said.iter().zip(&theirs_said) {
        assert_eq!(ours, theirs);
    }
    for (world, level) in [(&ours, "ours"), (&theirs, "theirs")] {
        for line in ["INFO a line for the log", "WARN a warning", "ERRO by number", "INFO allowed"] {
            assert!(world.log().contains(line), "{level}: {line}");
        }
    }
}

#[test]
fn an_added_program_starts_by_itself_and_is_gone_when_the_daemon_begins_anew() {
    let mut world = World::ours();
    world.configure(BODY);
    world.boot();
    let options = json!({"command": "sleep 1000", "environment": "A=\"1 ; 2\""});
    world.rpc_ok("twiddler.addProgramToGroup", &["base".into(), "extra".into(), options]);
    world.await_state("base:extra", "RUNNING");
    let configured = world.rpc_ok("supervisor.getAllConfigInfo", &[]);
    let mut configured = configured.as_array().unwrap().iter().map(|config| &config["name"]);
    assert!(configured.any(|name| name == "extra"), "the configuration in force has it, too");
    world.rpc_ok("supervisor.restart", &[]);
    let gone = Err(Refusal::Fault(10, "BAD_NAME: base:extra".to_string()));
    crate::world::procfs::until("it has begun anew without it", || {
        (world.rpc("supervisor.getProcessInfo", &["base:extra".into()]) == gone).then_some(())
    });
}
