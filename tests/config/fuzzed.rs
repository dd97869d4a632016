//! What the fuzzer found worth keeping: each input leads the reader somewhere that no other does.

use std::process::Command;

use super::reading::read_and_explain;

#[test]
fn no_input_of_the_corpus_makes_the_reader_panic() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus/config.tar.gz");
    let directory = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar").args(["-xzf", corpus, "-C"]).arg(directory.path()).status().unwrap();
    assert!(unpacked.success());
    let mut count = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        read_and_explain(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 1_000, "only {count} inputs");
}
