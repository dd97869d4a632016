//! The same configuration under both daemons, driven by the stock client: the same text, but for pids and times.
//!
//! The configurations are fixtures of our own and, where a corpus of real ones lies beside the repository, ten of
//! those. Both are adapted first: see `adapt.rs`.

#[path = "../world/mod.rs"]
mod world;

mod adapt;
mod beside;
mod calls;
mod cases;
mod clock;
mod fcgi;
mod grace;
mod listeners;
mod logs;
mod output;
mod pages;
mod processes;
mod refusals;
mod rotation;
mod session;
mod strangers;
mod syslog;
mod wire;
mod wire_rows;

use std::panic;
use std::sync::Mutex;
use std::thread;

use cases::Case;
use world::stock::python;

/// Cases that run at once. Each waits most of the time, so there may be more of them than processors.
const AT_ONCE: usize = 8;

#[test]
fn fixtures_read_the_same_under_both_daemons() {
    compare(cases::fixtures());
}

#[test]
fn real_configurations_read_the_same_under_both_daemons() {
    match cases::corpus() {
        Some(cases) => compare(cases),
        None => eprintln!("skipped: no corpus of real configurations at ../shared/corpus"),
    }
}

fn compare(cases: Vec<Case>) {
    if python().is_none() {
        return;
    }
    let (waiting, failures) = (Mutex::new(cases), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = { waiting.lock().unwrap().pop() } {
                    // A panic in one case must not hide what the others have to say.
                    match panic::catch_unwind(|| session::difference(&case)) {
                        Ok(None) => (),
                        Ok(Some(difference)) => failures.lock().unwrap().push(difference),
                        Err(_) => failures
                            .lock()
                            .unwrap()
                            .push(format!("{}: could not be run, see above", case.name)),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} cases differ:\n\n{}", failures.len(), failures.join("\n\n"));
}
