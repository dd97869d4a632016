//! Hundreds of processes for minutes of virtual time, thousands for an hour: scripted children, forks and kills that
//! fail, clients that ask at any moment, restarts, broken files, disasters, a wall clock that jumps, event listeners that
//! are slow, dead or lie, that flood or do not read; and after every turn the promises that must hold. Time is an argument, so an hour takes seconds, and a seed tells the same story
//! every time.
//!
//! ```text
//! SIM_SEED=7 SIM_WORLDS=100000 cargo test --test sim many_worlds -- --nocapture
//! SIM_PROCESSES=10000 SIM_SECONDS=3600 cargo test --test sim one_large_world -- --nocapture
//! ```

#[path = "../common/mod.rs"]
mod common;
mod pools;
mod rng;
mod scenario;
mod watch;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use pools::Counts;
use world::{Outcome, Plan, run};

/// A number from the environment, for whoever looks for more.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn timed(plan: &Plan) -> Outcome {
    let begun = Instant::now();
    let outcome = run(plan);
    println!(
        "seed {}: {} processes for {} virtual seconds in {:.2} s: {outcome:?}",
        plan.seed,
        plan.processes,
        plan.seconds,
        begun.elapsed().as_secs_f64()
    );
    outcome
}

#[test]
fn pools_lose_nothing_that_they_had_room_for_and_tell_nothing_twice() {
    let first = setting("SIM_SEED", 1);
    let mut all = Counts::default();
    for seed in first..first + 25 {
        let plan = Plan {
            seed,
            processes: 30,
            seconds: 900,
            requests: 300,
            look_every: 10,
            jumps: true,
            ticks: true,
        };
        let Counts { written, accepted, failed, dropped } = run(&plan).listening;
        all.written += written;
        all.accepted += accepted;
        all.failed += failed;
        all.dropped += dropped;
    }
    println!("{all:?}");
    // So many of each that every promise about them was asked for.
    assert!(all.accepted > 5_000 && all.failed > 500 && all.dropped > 500, "{all:?}");
}

#[test]
fn one_large_world_keeps_every_promise() {
    let seconds = setting("SIM_SECONDS", 300);
    let outcome = timed(&Plan {
        seed: setting("SIM_SEED", 1),
        processes: setting("SIM_PROCESSES", 10_000) as usize,
        seconds,
        requests: seconds / 3,
        look_every: 5_000,
        jumps: true,
        ticks: true,
    });
    assert!(outcome.spawns > 10_000 && outcome.replies > 100 && outcome.faults > 100, "{outcome:?}");
}

#[test]
fn many_worlds_keep_every_promise() {
    let (first, worlds) = (setting("SIM_SEED", 1), setting("SIM_WORLDS", 1_000));
    let plan = |seed| Plan {
        seed,
        processes: 200,
        seconds: 60,
        requests: 100,
        look_every: 25,
        jumps: true,
        ticks: true,
    };
    let (next, lives) = (AtomicU64::new(first), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < first + worlds
                {
                    lives.fetch_add(run(&plan(seed)).lives as u64, Ordering::Relaxed);
                }
            });
        }
    });
    // A tenth of them would do to show that restarts happen.
    let lives = lives.into_inner();
    assert!(lives > worlds + worlds / 10, "{worlds} worlds had {lives} lives");
}

#[test]
fn small_worlds_keep_every_promise_at_every_turn() {
    let first = setting("SIM_SEED", 1);
    for seed in first..first + 15 {
        run(&Plan {
            seed,
            processes: 60,
            seconds: 600,
            requests: 600,
            look_every: 1,
            jumps: true,
            ticks: true,
        });
    }
}

#[test]
fn the_same_seed_tells_the_same_story_whatever_the_wall_clock_does_proc_059() {
    let plan = |seed, jumps| Plan {
        seed,
        processes: 500,
        seconds: 600,
        requests: 500,
        look_every: 1_000,
        jumps,
        ticks: false,
    };
    let once = run(&plan(5, true));
    assert_eq!(once, run(&plan(5, true)));
    assert_eq!(once, run(&plan(5, false)));
    assert_ne!(once.fingerprint, run(&plan(6, true)).fingerprint);
}
