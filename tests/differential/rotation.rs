//! Rotation against the reference's own handlers: the same names and bytes, at any sizes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use convoke::daemon::logfile::LogFile;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::stock::python;

/// Logs that are compared.
const SAMPLES: usize = 400;

/// Writes each log's records with the reference's handler, then all files that are there.
const SCRIPT: &str = "
import json, os, sys
from supervisor import loggers
for number, line in enumerate(open(sys.argv[1])):
    case = json.loads(line)
    where = os.path.join(sys.argv[2], str(number))
    os.mkdir(where)
    for name, text in case['before']:
        open(os.path.join(where, name), 'wb').write(text.encode('latin-1'))
    logger = loggers.getLogger()
    loggers.handle_file(logger, os.path.join(where, 'l'), '%(message)s', rotating=bool(case['maxbytes']),
                        maxbytes=case['maxbytes'], backups=case['backups'])
    for record in case['records']:
        if record is None:
            for handler in logger.handlers: handler.reopen()
        else:
            logger.info(record.encode('latin-1'))
    logger.close()
";

#[derive(Clone, Debug)]
struct Log {
    maxbytes: i64,
    backups: i64,
    /// Files that are there before, by name.
    before: Vec<(String, String)>,
    /// Pieces of output; nothing means that the log is reopened.
    records: Vec<Option<String>>,
}

fn text(most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<u8>(), 0..most)
        .prop_map(|bytes| bytes.into_iter().map(char::from).collect())
}

fn log() -> impl Strategy<Value = Log> {
    let names = proptest::sample::subsequence(vec!["l", "l.1", "l.2", "l.3", "l.5", "l.9"], 0..6);
    let before = names.prop_flat_map(|names| {
        names.into_iter().map(|name| (Just(name.to_string()), text(30))).collect::<Vec<_>>()
    });
    let record = prop_oneof![9 => text(12).prop_map(Some), 1 => Just(None)];
    (prop_oneof![Just(0i64), 1..40i64], 0..6i64, before, proptest::collection::vec(record, 0..25))
        .prop_map(|(maxbytes, backups, before, records)| Log { maxbytes, backups, before, records })
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| c as u8).collect()
}

fn write_ours(log: &Log, dir: &Path) {
    for (name, text) in &log.before {
        fs::write(dir.join(name), bytes(text)).unwrap();
    }
    let path: Arc<str> = Arc::from(dir.join("l").to_string_lossy());
    let mut file = LogFile::open(&path, log.maxbytes, log.backups).unwrap();
    for record in &log.records {
        match record {
            None => file.reopen().unwrap(),
            // A channel writes nothing when nothing was read.
            Some(text) if text.is_empty() => (),
            Some(text) => assert!(file.append(&bytes(text)).trouble.is_none()),
        }
    }
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn rotation_leaves_the_names_and_bytes_of_the_reference_log_018_to_log_023() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    let mut runner = TestRunner::deterministic();
    let logs: Vec<Log> = (0..SAMPLES).map(|_| log().new_tree(&mut runner).unwrap().current()).collect();
    let cases = dir.path().join("cases");
    let mut file = fs::File::create(&cases).unwrap();
    for log in &logs {
        let records: Vec<Value> = log
            .records
            .iter()
            .filter(|record| record.as_deref() != Some(""))
            .map(|record| json!(record))
            .collect();
        let case = json!({
            "maxbytes": log.maxbytes, "backups": log.backups, "before": log.before, "records": records,
        });
        writeln!(file, "{case}").unwrap();
    }
    let output = Command::new(python).args(["-c", SCRIPT]).arg(&cases).arg(&theirs).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rotated = 0;
    for (number, log) in logs.iter().enumerate() {
        let ours = dir.path().join(format!("ours{number}"));
        fs::create_dir(&ours).unwrap();
        write_ours(log, &ours);
        let files_of_theirs = files(&theirs.join(number.to_string()));
        rotated += usize::from(files_of_theirs.len() > log.before.len() + 1);
        assert_eq!(files(&ours), files_of_theirs, "{log:?}");
    }
    assert!(rotated > SAMPLES / 10, "{rotated} rotated");
}
