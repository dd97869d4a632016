//! What the daemon tells a service manager.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::world::{PATIENCE, World};

/// The manager's end of `NOTIFY_SOCKET`.
struct Manager(UnixDatagram);

impl Manager {
    fn hear(&self) -> String {
        let mut bytes = [0; 256];
        let count = self.0.recv(&mut bytes).expect("the daemon tells something");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    fn hears_nothing(&self) {
        self.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(self.0.recv(&mut [0; 256]).is_err());
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

#[test]
fn a_service_manager_is_told_of_every_beginning_and_end() {
    let world = World::new();
    let manager = Manager(UnixDatagram::bind(world.path("notify")).unwrap());
    manager.0.set_read_timeout(Some(PATIENCE)).unwrap();
    world.configure(
        "[program:x]\ncommand=/bin/sh -c \"echo $NOTIFY_SOCKET; exec sleep 1000\"\nstdout_logfile=DIR/out\n\
         [unix_http_server]\nfile=DIR/s.sock\n",
    );
    let mut daemon = world.run(world.command().env("NOTIFY_SOCKET", world.path("notify")));
    let ready = format!("READY=1\nMAINPID={}", daemon.pid());
    assert_eq!(manager.hear(), ready);
    assert!(std::os::unix::net::UnixStream::connect(world.path("s.sock")).is_ok(), "it answers by then");
    // As from the reference, which knows nothing of it.
    assert_eq!(world.written("out", "\n"), format!("{}\n", world.name("notify")));

    // A manager that asked for a reload waits for its end, even if nothing comes of it.
    let good = world.read("s.conf");
    std::fs::write(world.path("s.conf"), "[program:x]\n").unwrap();
    daemon.signal(Signal::SIGHUP);
    assert!(manager.hear().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(manager.hear(), ready);
    std::fs::write(world.path("s.conf"), good).unwrap();
    daemon.signal(Signal::SIGHUP);
    assert!(manager.hear().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(manager.hear(), ready);
    manager.hears_nothing();
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(manager.hear(), "STOPPING=1");
    manager.hears_nothing();
}

#[test]
fn a_term_in_the_middle_of_a_reload_is_told_as_the_end_sig_003() {
    let world = World::new();
    let manager = Manager(UnixDatagram::bind(world.path("notify")).unwrap());
    manager.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let script = "trap 'echo asked; while [ ! -e DIR/go ]; do sleep 0.02; done; exit 0' TERM; echo up; while :; do sleep 0.02; done";
    std::fs::write(world.path("slow"), script.replace("DIR", world.name("").trim_end_matches('/'))).unwrap();
    world.configure("[program:x]\ncommand=/bin/sh DIR/slow\nstopwaitsecs=60\nstdout_logfile=DIR/out\n");
    let mut daemon = world.run(world.command().env("NOTIFY_SOCKET", world.path("notify")));
    assert!(manager.hear().starts_with("READY=1"));
    world.written("out", "up\n");
    daemon.signal(Signal::SIGHUP);
    assert!(manager.hear().starts_with("RELOADING=1"));
    world.written("out", "asked\n");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(manager.hear(), "STOPPING=1");
    std::fs::write(world.path("go"), "").unwrap();
    assert_eq!(daemon.ended(), Some(0));
    assert!(world.read("d.log").contains("received SIGTERM indicating exit request"));
    assert!(!world.path("d.pid").exists());
}
