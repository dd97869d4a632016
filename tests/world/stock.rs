//! The stock `supervisorctl`, run from a pool of warm interpreters: starting Python each time would cost more
//! than all the rest of these tests.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

/// What one command said, and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub stdout: String,
    pub stderr: String,
    pub status: i64,
}

/// The Python that has the stock Supervisor. Without one a test is skipped, except where CI is set: there it fails.
pub fn python() -> Option<PathBuf> {
    let given = env::var_os("SUPERVISOR_PYTHON").map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    let python = given.unwrap_or(made);
    if python.exists() {
        return Some(python);
    }
    let missing = format!("no Python with Supervisor at {}: run tests/run", python.display());
    assert!(env::var_os("CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

/// Runs the stock `supervisorctl` with these arguments.
pub fn supervisorctl(args: &[&str]) -> Answer {
    let free = POOL.lock().unwrap().pop();
    let mut interpreter = free.unwrap_or_else(Interpreter::start);
    let answer = interpreter.ask(args);
    POOL.lock().unwrap().push(interpreter);
    answer
}

/// Interpreters that wait for work. They end with the test binary, when their stdin does.
static POOL: Mutex<Vec<Interpreter>> = Mutex::new(Vec::new());

struct Interpreter {
    _child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Interpreter {
    fn start() -> Interpreter {
        let python = python().expect("a Python with Supervisor");
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/world/stock.py"))
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Interpreter { _child: child, requests, answers }
    }

    fn ask(&mut self, args: &[&str]) -> Answer {
        writeln!(self.requests, "{}", Value::from(args)).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| answer[key].as_str().unwrap().to_string();
        Answer { stdout: text("stdout"), stderr: text("stderr"), status: answer["status"].as_i64().unwrap() }
    }
}
