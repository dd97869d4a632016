//! A reload that cannot be done must leave everything as it was.

use serde_json::Value;

use crate::world::procfs::{runs, until};
use crate::world::rpc::Refusal;
use crate::world::{Boot, World};

const BROKEN: &str = "[program:web]\ncommand=sleep 1000\nnumprocs=many\n";

fn world() -> World {
    let world = World::running("[program:web]\ncommand=sleep 1000\n");
    world.await_state("web", "RUNNING");
    world
}

#[test]
fn sighup_with_a_broken_file_keeps_everything_running() {
    let world = world();
    let web = world.pid_of("web");
    world.configure(BROKEN);
    world.signal("HUP");
    world.await_log("CRIT");
    let refusal = "invalid literal for int() with base 10: 'many'";
    until("the log says why", || world.log().contains(refusal).then_some(()));
    assert_eq!(world.state("web"), "RUNNING");
    assert_eq!(world.pid_of("web"), web);
    assert!(runs(web));
    world.configure("[program:web]\ncommand=sleep 1000\n[program:fresh]\ncommand=sleep 1000\n");
    world.signal("HUP");
    until("the repaired file is in force", || world.rpc("supervisor.getProcessInfo", &["fresh".into()]).ok());
    assert!(!runs(web), "a reload stops everything first");
}

#[test]
fn the_restart_call_refuses_a_broken_file_and_keeps_everything_running() {
    let world = world();
    let web = world.pid_of("web");
    world.configure(BROKEN);
    match world.rpc("supervisor.restart", &[]) {
        Err(Refusal::Fault(92, text)) => assert!(text.starts_with("CANT_REREAD: invalid literal"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.pid_of("web"), web);
    assert_eq!(world.state("web"), "RUNNING");
}

#[test]
fn a_configuration_removed_under_a_running_daemon_does_not_end_it() {
    let world = world();
    std::fs::remove_file(world.path("supervisord.conf")).unwrap();
    let reread = world.rpc("supervisor.reloadConfig", &[]);
    assert!(matches!(reread, Err(Refusal::Fault(92, _))), "{reread:?}");
    world.signal("HUP");
    world.await_log("CRIT");
    assert_eq!(world.state("web"), "RUNNING");
}

#[test]
fn a_relative_configuration_path_survives_a_working_directory_of_another_name_bug_003() {
    let mut world = World::ours();
    std::fs::create_dir(world.path("elsewhere")).unwrap();
    world.configure("[supervisord]\ndirectory={dir}/elsewhere\n[program:web]\ncommand=sleep 1000\n");
    world.boot_as(&Boot { args: &["-c", "supervisord.conf"], ..Boot::default() });
    world.await_up();
    world.configure("[supervisord]\ndirectory={dir}/elsewhere\n[program:fresh]\ncommand=sleep 1000\n");
    let changes = world.rpc_ok("supervisor.reloadConfig", &[]);
    assert_eq!(changes, serde_json::json!([[["fresh"], [], ["web"]]]));
    world.signal("HUP");
    until("the new file is in force", || world.rpc("supervisor.getProcessInfo", &["fresh".into()]).ok());
}

#[test]
fn sighup_begins_again_in_the_same_process() {
    let world = world();
    let (daemon, web) = (world.rpc_ok("supervisor.getPID", &[]), world.pid_of("web"));
    world.signal("HUP");
    until("web runs anew", || {
        let info: Value = world.rpc("supervisor.getProcessInfo", &["web".into()]).ok()?;
        let pid = info["pid"].as_i64()?;
        (pid != 0 && pid != i64::from(web)).then_some(())
    });
    assert_eq!(world.rpc_ok("supervisor.getPID", &[]), daemon);
    assert!(world.log().contains("WARN received SIGHUP indicating restart request"), "{}", world.log());
    assert_eq!(world.log().matches("supervisord started with pid").count(), 2);
}
