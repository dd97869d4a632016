//! The witness: what the reference's own classes did in thousands of random situations, the supervisor must do too:
//! the same events with the same payloads, the same words to event listeners, the same signals, replies, log lines and process infos, at the same
//! moments. `record.py` made the traces; where the product decides otherwise, `differences.py` says how and why.
//!
//! More traces than are kept here: record a file, and replay it by name.
//!
//! ```text
//! python tests/oracle/record.py --kind lives --seed 100000 --count 20000 --out /tmp/more.jsonl.gz
//! ORACLE_TRACES=/tmp/more.jsonl.gz cargo test --test oracle
//! ```

#[path = "../common/mod.rs"]
mod common;
mod replay;
mod speech;
mod trace;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use trace::Trace;

#[test]
fn one_process_does_what_the_reference_does() {
    replay_all(&kept("single.jsonl.gz"), 2_000);
}

#[test]
fn groups_do_what_the_reference_does() {
    replay_all(&kept("groups.jsonl.gz"), 1_500);
}

#[test]
fn shutdown_and_restart_do_what_the_reference_does_life_after_life() {
    replay_all(&kept("lives.jsonl.gz"), 1_600);
}

#[test]
fn pools_tell_their_listeners_what_the_reference_tells_them_and_wait_as_it_does() {
    replay_all(&kept("pools.jsonl.gz"), 500);
}

#[test]
fn freshly_recorded_traces_replay_too() {
    if let Some(path) = std::env::var_os("ORACLE_TRACES") {
        replay_all(Path::new(&path), 1);
    }
}

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/traces").join(name)
}

fn replay_all(path: &Path, at_least: usize) {
    let (mut traces, mut differing, mut first) = (0, 0, None);
    for line in lines(path) {
        let trace: Trace = serde_json::from_str(&line).expect("a trace");
        traces += 1;
        if let Some(difference) = replay::difference(&trace) {
            differing += 1;
            first.get_or_insert(difference);
        }
    }
    assert!(traces >= at_least, "{} holds {traces} traces only", path.display());
    if let Some(first) = first {
        panic!("{differing} of {traces} traces of {} differ; the first: {first}", path.display());
    }
}

fn lines(path: &Path) -> impl Iterator<Item = String> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    BufReader::new(GzDecoder::new(file)).lines().map(|line| line.expect("a line"))
}
