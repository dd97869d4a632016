//! Ten thousand processes for one virtual hour: scripted children, forks and kills that fail, clients that ask at
//! random moments, and after every turn the promises that must hold. Time is an argument, so an hour takes
//! seconds, and a seed tells the same story every time.
//!
//! ```text
//! SIM_SEED=7 cargo test --test sim -- --nocapture
//! ```

#[path = "../common/mod.rs"]
mod common;
mod rng;
mod scenario;
mod watch;
mod world;

use std::time::Instant;

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
fn ten_thousand_processes_keep_every_promise_for_an_hour() {
    let outcome = timed(&Plan {
        seed: setting("SIM_SEED", 1),
        processes: setting("SIM_PROCESSES", 10_000) as usize,
        seconds: 3_600,
        requests: 1_000,
        look_every: 5_000,
    });
    assert!(outcome.spawns > 10_000 && outcome.replies > 500 && outcome.faults > 100, "{outcome:?}");
}

#[test]
fn many_small_worlds_keep_every_promise_at_every_turn() {
    let first = setting("SIM_SEED", 1);
    for seed in first..first + setting("SIM_WORLDS", 30) {
        run(&Plan { seed, processes: 60, seconds: 600, requests: 600, look_every: 1 });
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let plan = |seed| Plan { seed, processes: 500, seconds: 600, requests: 500, look_every: 1_000 };
    let once = run(&plan(5));
    assert_eq!(once, run(&plan(5)));
    assert_ne!(once.fingerprint, run(&plan(6)).fingerprint);
}
