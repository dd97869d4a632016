//! The log methods, called of both daemons with the same files under them.

use std::fs;

use serde_json::{Value, json};

use crate::world::World;
use crate::world::rpc::Refusal;
use crate::world::stock::python;

const PROGRAMS: &str = "\
[program:out]
command=/bin/cat
autostart=false
stdout_logfile={dir}/out.log
stderr_logfile=NONE
[program:text]
command=/bin/cat
autostart=false
stdout_logfile={dir}/text.log
stderr_logfile={dir}/never.log
[program:syslog]
command=/bin/cat
autostart=false
stdout_logfile=syslog
[program:dir]
command=/bin/cat
autostart=false
stdout_logfile={dir}
stderr_logfile=/dev/null
[group:g]
programs=a
[program:a]
command=/bin/cat
autostart=false
stdout_logfile={dir}/a.log
";

/// Names that are asked for, with and without a log.
const NAMES: [&str; 11] = ["out", "text", "syslog", "dir", "g:a", "a", "g:*", "g", "", "*", "nobody"];

/// Offsets and lengths: whole, parts, past the end, from the end, and without a meaning.
const RANGES: [(i64, i64); 13] = [
    (0, 0),
    (0, 4),
    (6, 4),
    (9, 4),
    (10, 4),
    (11, 4),
    (0, 100),
    (-3, 0),
    (-100, 0),
    (-3, 2),
    (-3, -2),
    (0, -1),
    (4, 0),
];

#[test]
fn logs_are_read_as_the_reference_reads_them_rpc_021_to_rpc_053() {
    if python().is_none() {
        return;
    }
    let [ours, theirs] = [World::ours(), World::reference().expect("the reference")].map(answers);
    assert!(ours.len() > 400, "{}", ours.len());
    let different: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(ours, theirs)| ours != theirs)
        .map(|(ours, theirs)| format!("ours: {ours}\nreference: {theirs}"))
        .collect();
    assert_eq!(different, [] as [String; 0], "{}", different.join("\n"));
}

/// Every call and its answer, without the directory.
fn answers(mut world: World) -> Vec<String> {
    world.write("out.log", "0123456789");
    world.write("text.log", "<é\n>€&");
    world.configure(PROGRAMS);
    world.boot();
    let mut said = Vec::new();
    let ask = |said: &mut Vec<String>, method: &str, params: &[Value]| {
        let answer = match world.rpc(&format!("supervisor.{method}"), params) {
            Ok(value) => value.to_string(),
            Err(Refusal::Fault(code, text)) => format!("{code} {text}"),
            Err(refusal) => format!("{refusal:?}"),
        };
        said.push(format!("{method}{params:?} {answer}").replace(world.dir().to_str().unwrap(), "DIR"));
    };
    for name in NAMES {
        for (offset, length) in RANGES {
            // A cut character makes the reference fail (BUG-016).
            let cut = name == "text" && !matches!((offset, length), (0, 0) | (0, 100) | (-100, 0) | (0, 4));
            for method in ["readProcessStdoutLog", "readProcessLog", "readProcessStderrLog"] {
                if !cut || method.contains("Stderr") {
                    ask(&mut said, method, &[json!(name), json!(offset), json!(length)]);
                }
            }
            for method in ["tailProcessStdoutLog", "tailProcessLog", "tailProcessStderrLog"] {
                let whole = length == 0 || length >= 10 || offset >= 10;
                if name != "text" || whole || method.contains("Stderr") {
                    ask(&mut said, method, &[json!(name), json!(offset), json!(length)]);
                }
            }
        }
        if name != "dir" {
            ask(&mut said, "clearProcessLogs", &[json!(name)]);
            ask(&mut said, "clearProcessLog", &[json!(name)]);
        }
    }
    // Python's int() takes these.
    world.write("out.log", "0123456789");
    for (offset, length) in [(json!("2"), json!(" 3 ")), (json!(2.9), json!(3.2)), (json!(true), json!("+4"))]
    {
        ask(&mut said, "readProcessStdoutLog", &[json!("out"), offset.clone(), length.clone()]);
        ask(&mut said, "tailProcessStdoutLog", &[json!("out"), offset, length]);
    }
    ask(&mut said, "readProcessStdoutLog", &[json!("out"), json!(0)]);
    ask(&mut said, "clearAllProcessLogs", &[json!(1)]);
    // The main log, with known content.
    let log = world.path("supervisord.log");
    fs::write(&log, "0123456789").unwrap();
    for (offset, length) in RANGES {
        for method in ["readLog", "readMainLog"] {
            ask(&mut said, method, &[json!(offset), json!(length)]);
        }
    }
    ask(&mut said, "clearLog", &[]);
    said.push(format!("cleared: {:?}", fs::read_to_string(&log)));
    let lines = world.read("daemon.out");
    said.push(lines.lines().filter(|line| line.ends_with("INFO reopening log file")).count().to_string());
    fs::remove_file(&log).unwrap();
    ask(&mut said, "readLog", &[json!(0), json!(0)]);
    ask(&mut said, "clearLog", &[]);
    said
}
