//! Many at once, against the real daemon: whatever comes in a crowd, everything else goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::World;
use crate::world::procfs::until;

const CROWD: usize = 100;

/// Programs that end at once and are started again, for ever.
fn crash_loop() -> String {
    format!(
        "[program:crash]\ncommand=/bin/true\nnumprocs={CROWD}\nprocess_name=%(process_num)d\nstartsecs=0\n\
         autorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
    )
}

/// Runs `meanwhile` while four clients call without a pause.
fn with_calls<T>(world: &World, meanwhile: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // At the daemon's end there is no answer.
                    let _ = world.rpc("supervisor.getState", &[]);
                }
            });
        }
        let done = meanwhile();
        over.store(true, Ordering::Relaxed);
        done
    })
}

#[test]
fn term_is_heard_amid_deaths_and_calls_and_no_exit_is_lost() {
    let mut world = World::running(&crash_loop());
    let count = |text: &str| world.log().matches(text).count();
    with_calls(&world, || {
        until("each was started three times", || (count("spawned: '") >= 3 * CROWD).then_some(()));
        world.signal("TERM");
        until("TERM is heard", || (count("received SIGTERM indicating exit request") == 1).then_some(()));
    });
    assert!(world.await_end().success());
    let log = world.log();
    let ended = log.matches("exited: ").count() + log.matches("stopped: ").count();
    assert_eq!(ended, log.matches("spawned: '").count());
}

#[test]
fn a_flood_of_signals_keeps_nobody_out() {
    let world = World::running(&(crash_loop() + "[program:other]\ncommand=sleep 1000\nstartsecs=1\n"));
    let daemon = Pid::from_raw(world.pid());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for signal in [Signal::SIGUSR1, Signal::SIGCHLD] {
                    kill(daemon, signal).unwrap();
                }
                // Time for the daemon to do anything but to be interrupted.
                let next = Instant::now() + Duration::from_micros(20);
                while Instant::now() < next {
                    std::hint::spin_loop();
                }
            }
        });
        world.await_state("other", "RUNNING");
        let starts = || world.log().matches("spawned: '").count();
        let before = starts();
        until("deaths are heard of", || (starts() >= before + 2 * CROWD).then_some(()));
        over.store(true, Ordering::Relaxed);
    });
}
