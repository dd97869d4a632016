//! FastCGI programs under both daemons: what the log says of their sockets, and who may use them.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::geteuid;
use serde_json::Value;

use crate::beside::{side_by_side, story};
use crate::world::World;
use crate::world::ports::free_port;
use crate::world::procfs::{kill, until};

const WORDS: [&str; 6] = ["socket", "spawned:", "spawnerr:", "exited:", "stopped:", "initialized"];

/// A child of the reference that has not become its program yet takes no notice of signals: it tells when it has.
const COMMAND: &str = "sh -c 'echo up >> {dir}/ups; exec sleep 1000'";

/// Waits until so many children have become their programs.
fn await_ups(world: &World, count: usize) {
    until("the program runs", || (world.read("ups").lines().count() == count).then_some(()));
}

fn call(world: &World, method: &str, process: &str) -> Value {
    world.rpc_ok(&format!("supervisor.{method}"), &[process.into()])
}

#[test]
fn a_socket_is_made_shared_and_closed_at_the_same_moments() {
    side_by_side(|world| {
        let owner = if geteuid().is_root() { "socket_owner=nobody\n" } else { "" };
        world.configure(&format!(
            "[fcgi-program:app]\ncommand={COMMAND}\nsocket=unix://{{dir}}/app.sock\nsocket_mode=0640\n{owner}\
             numprocs=2\nprocess_name=app%(process_num)d\nautostart=false\nstartsecs=0\n\
             [fcgi-program:ghost]\ncommand=/nonexistent/ghost\nsocket=unix://{{dir}}/ghost.sock\n\
             autostart=false\nstartretries=0\n\
             [fcgi-program:job]\ncommand=true\nsocket=unix://{{dir}}/job.sock\nautostart=false\n\
             autorestart=false\nstartsecs=0\n"
        ));
        world.boot();
        call(world, "startProcess", "app:app0");
        call(world, "startProcess", "app:app1");
        await_ups(world, 2);
        let found = fs::metadata(world.path("app.sock")).unwrap();
        let facts = (found.mode(), found.uid(), found.gid());
        let stdin = world.rpc("supervisor.sendProcessStdin", &["app:app0".into(), "x".into()]);
        let before = world.pid_of("app:app0");
        kill("KILL", before);
        until("app0 is back", || Some(world.pid_of("app:app0")).filter(|pid| *pid != 0 && *pid != before));
        await_ups(world, 3);
        call(world, "stopProcess", "app:app1");
        call(world, "stopProcess", "app:app0");
        call(world, "startProcess", "app:app1");
        await_ups(world, 4);
        let ghost = world.rpc("supervisor.startProcess", &["ghost".into()]);
        // Whether its end is seen before the answer is chance.
        world.rpc_ok("supervisor.startProcess", &["job".into(), false.into()]);
        until("the job's socket is closed", || {
            let closed = format!("Closing socket unix://{}", world.path("job.sock").display());
            (world.log().matches(&closed).count() == 2).then_some(())
        });
        call(world, "stopProcess", "app:app1");
        let closed = format!("Closing socket unix://{}", world.path("app.sock").display());
        until("the last socket is closed", || (world.log().matches(&closed).count() == 3).then_some(()));
        (facts, stdin, ghost, story(world, &WORDS))
    });
}

#[test]
fn a_tcp_socket_is_named_alike_and_a_crash_alone_closes_it() {
    side_by_side(|world| {
        let port = free_port();
        world.configure(&format!(
            "[fcgi-program:app]\ncommand={COMMAND}\nsocket=tcp://LocalHost:{port}\nsocket_backlog=5\nstartsecs=0\n"
        ));
        world.boot();
        world.await_state("app", "RUNNING");
        await_ups(world, 1);
        let before = world.pid_of("app");
        kill("KILL", before);
        until("app is back", || Some(world.pid_of("app")).filter(|pid| *pid != 0 && *pid != before));
        await_ups(world, 2);
        call(world, "stopProcess", "app");
        let closed = format!("Closing socket tcp://localhost:{port}");
        until("the socket is closed", || (world.log().matches(&closed).count() == 3).then_some(()));
        story(world, &WORDS)
            .into_iter()
            .map(|line| line.replace(&port.to_string(), "PORT"))
            .collect::<Vec<_>>()
    });
}
