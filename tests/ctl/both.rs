//! Two clients, one command line.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::stock::{self, Answer};

/// Runs our client, and calls it `supervisorctl` where it gives its path.
pub fn ours(args: &[&str]) -> Answer {
    const PROGRAM: &str = env!("CARGO_BIN_EXE_supervisorctl");
    let mut command = Command::new(PROGRAM);
    command.args(args).env_clear().env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(PROGRAM, "supervisorctl");
    Answer {
        stdout: said(&output.stdout),
        stderr: said(&output.stderr),
        status: i64::from(output.status.code().unwrap_or(-1)),
    }
}

/// What of an answer must be the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    Everything,
    /// Lines may come in any order: chance decides which process ends first (RPC-035), and so which of several
    /// errors gives the status (CTL-004).
    AnyOrder,
    /// The complaint in the first line; below it each says in its own words what the command takes.
    Complaint,
}

/// What differs between the two, if anything does. `prepare` comes before each.
pub fn difference(args: &[&str], compare: Compare, prepare: impl Fn()) -> Option<String> {
    prepare();
    let stock = normal(&stock::supervisorctl(args), compare);
    prepare();
    let ours = normal(&ours(args), compare);
    (stock != ours).then(|| format!("{args:?}\n  stock: {stock:?}\n  ours:  {ours:?}"))
}

/// What the stock client says, without what no two runs have in common.
pub fn stock(args: &[&str], compare: Compare) -> Answer {
    normal(&stock::supervisorctl(args), compare)
}

/// An answer without what no two runs have in common.
fn normal(answer: &Answer, compare: Compare) -> Answer {
    let mut lines: Vec<String> = answer.stdout.split_inclusive('\n').map(line).collect();
    let mut status = answer.status;
    match compare {
        Compare::Everything => (),
        Compare::AnyOrder => {
            lines.sort();
            status = status.min(1);
        }
        Compare::Complaint => {
            assert!(lines.len() > 1, "nothing below the complaint: {answer:?}");
            lines.truncate(1);
        }
    }
    Answer { stdout: lines.concat(), stderr: without_advice(&answer.stderr), status }
}

/// Standard error without what we alone say there.
fn without_advice(stderr: &str) -> String {
    // A wrong file is first shown with the line that is wrong.
    let stderr = match stderr.find("\nError: ") {
        Some(at) if stderr.starts_with("error: ") => &stderr[at + 1..],
        Some(_) | None => stderr,
    };
    let ours = |line: &&str| ["note: ", "help: "].iter().any(|head| line.starts_with(head));
    stderr.split_inclusive('\n').filter(|line| !ours(line)).collect()
}

/// A line without pids, times and places in programs.
fn line(line: &str) -> String {
    if let Some(at) = line.find(": file: ").filter(|_| line.starts_with("error: <class")) {
        return format!("{}: file: F line: L\n", &line[..at]);
    }
    if let Some(at) = line.find("pid ").filter(|_| line.contains(", uptime ")) {
        return format!("{}pid N, uptime T\n", &line[..at]);
    }
    line.to_string()
}

/// Fails with all differences at once.
pub fn none(differences: &[String], of: usize) {
    assert!(differences.is_empty(), "{} of {of} rows differ:\n{}", differences.len(), differences.join("\n"));
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
