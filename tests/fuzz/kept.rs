//! The inputs that the fuzzer found worth keeping: each leads somewhere that no other does.

use std::process::Command;

/// All that are kept for a target.
pub fn inputs(target: &str) -> Vec<Vec<u8>> {
    let corpus = format!("{}/tests/fuzz/corpus/{target}.tar.gz", env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar").args(["-xzf", &corpus, "-C"]).arg(directory.path()).status().unwrap();
    assert!(unpacked.success());
    let files = std::fs::read_dir(directory.path()).unwrap();
    files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}
