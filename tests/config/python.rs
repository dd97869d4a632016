//! One Python process answers all the cases of a property.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The interpreter with the reference installed. Without one a test passes over, but not where CI says it must run.
pub fn interpreter() -> Option<PathBuf> {
    let given = std::env::var_os("SUPERVISOR_PYTHON").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    let python = given.unwrap_or(usual);
    if python.exists() {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "no Python with supervisor at {}", python.display());
    eprintln!("no Python with supervisor at {}: passed over", python.display());
    None
}

/// Runs `script`, which finds the list `cases` and the function `answer(list)`.
pub fn ask(python: &Path, script: &str, cases: &Value) -> Vec<Value> {
    let frame = "import sys, json\ncases = json.load(sys.stdin)\ndef answer(x): json.dump(x, sys.stdout)\n";
    let mut child = Command::new(python)
        .args(["-c", &format!("{frame}{script}")])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let cases = cases.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(cases.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "python ended with {}", output.status);
    match serde_json::from_slice(&output.stdout).unwrap() {
        Value::Array(answers) => answers,
        other => panic!("python answered {other}"),
    }
}

/// Compares answer by answer and shows the first few that differ.
pub fn compare<C: std::fmt::Debug>(cases: &[C], ours: Vec<Value>, theirs: Vec<Value>) {
    assert_eq!(cases.len(), ours.len());
    assert_eq!(ours.len(), theirs.len());
    let mut differing = 0;
    for ((case, ours), theirs) in cases.iter().zip(ours).zip(theirs) {
        if ours != theirs {
            differing += 1;
            if differing <= 8 {
                eprintln!("case   {case:?}\n  ours   {ours}\n  python {theirs}");
            }
        }
    }
    assert_eq!(differing, 0, "of {} cases", cases.len());
}
