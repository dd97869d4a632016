//! The example that the README begins with.

use std::fs;
use std::net::TcpStream;
use std::path::Path;

use crate::world::World;
use crate::world::ports::free_port;
use crate::world::procfs::until;

#[test]
fn the_quickstart_example_runs_as_the_readme_says() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/supervisord.conf");
    let text = fs::read_to_string(example).unwrap();
    let (port, page) = (free_port(), free_port());
    let mut world = World::ours();
    fs::create_dir(world.path("run")).unwrap();
    // The path that the other tests know; ports that nobody else uses.
    let text = text.replace("127.0.0.1:9001 ", &format!("127.0.0.1:{page} "));
    let text = text.replace("run/supervisor.sock", "supervisor.sock").replace("8765", &port.to_string());
    world.write("supervisord.conf", &text);
    world.boot();
    ["site:web", "site:worker-0", "site:worker-1"].iter().for_each(|name| world.await_state(name, "RUNNING"));
    world.await_state("chores:report", "EXITED");
    world.await_state("chores:flaky", "FATAL");
    until("the web server answers", || TcpStream::connect(("127.0.0.1", port)).ok());
    until("the page is served", || TcpStream::connect(("127.0.0.1", page)).ok());
    let stopped = world.rpc_ok("supervisor.stopCollection", &["background".into()]);
    assert_eq!(stopped.as_array().unwrap().len(), 2, "{stopped}");
    assert_eq!(world.state("site:web"), "RUNNING");
    let started = world.rpc_ok("supervisor.startCollection", &["serving".into()]);
    assert_eq!(started.as_array().unwrap().len(), 2, "{started}");
}
