//! Random configurations against the reference's own reader: the same model, or the same first error.

use std::cell::Cell;

use convoke::config::read;
use serde_json::{Value, json};

use super::model::{active_groups, in_scope, model};
use super::property::agree;
use super::python::{ask, interpreter};
use super::random::{Random, seed};
use super::world::{MAIN, World};

const CASES: usize = 10_000;

const SECTIONS: [&str; 24] = [
    "program:a",
    "program:b",
    "program:a",
    "program: c ",
    "program:c d",
    "program:",
    "group:g",
    "group:a",
    "group:h/i",
    "unix_http_server",
    "inet_http_server",
    "inet_http_server:x",
    "unix_http_server2",
    "supervisord",
    "DEFAULT",
    "rpcinterface:supervisor",
    "eventlistener:e",
    "eventlistener: l ",
    "eventlistener:e",
    "eventlistener:a",
    "fcgi-program:f",
    "fcgi-program:f",
    "fcgi-program:b",
    "fcgi-program:k",
];

const BOOLEANS: [&str; 10] = ["true", "Yes", "ON", "1", "0", "false", "off", "y", "", "%(ENV_FLAG)s"];
const INTEGERS: [&str; 13] =
    ["1", "0", "7", "-3", "+4", "1_000", "٣", "9x", "", "%(ENV_N)s", "%(process_num)d", " 5", "1__0"];
const SIZES: [&str; 10] = ["0", "1KB", "2 mb", "1GB", "10M", "1.5MB", "kb", "%(ENV_N)sKB", "-1", "5 kbx"];
const FILES: [&str; 14] = [
    "/tmp/%(program_name)s.log",
    "none",
    "OFF",
    "auto",
    "SysLog",
    "x.log",
    "",
    "/nowhere/x",
    "~/x",
    "~nobody/x",
    "%(here)s/%(process_num)d",
    "/tmp/100%%%%",
    "/tmp/100%%",
    "/dev/stdout",
];
const TEXTS: [&str; 10] = [
    "/bin/cat",
    "sh -c 'a;b'",
    "%(here)s/%(group_name)s",
    "%(host_node_name)s",
    "%(ENV_X)s",
    "%(nope)s",
    "50%",
    "a\n  b",
    "",
    "%(numprocs)s",
];

/// An option and what it may hold.
const OPTIONS: [(&str, &[&str]); 46] = [
    ("command", &TEXTS),
    (
        "process_name",
        &["%(program_name)s_%(process_num)02d", "a:b", "x", "%(ENV_X)s", "%(process_num)s", "a b", " y "],
    ),
    ("numprocs", &["1", "2", "3", "0", "-1", "two"]),
    ("numprocs_start", &["0", "5", "-1", "x"]),
    ("priority", &INTEGERS),
    ("autostart", &BOOLEANS),
    ("autorestart", &["true", "unexpected", "FALSE", "Unexpected", "maybe", ""]),
    ("startsecs", &INTEGERS),
    ("startretries", &INTEGERS),
    ("exitcodes", &["0", "0,2", " 0 , 255 ", "", "256", "-1", "a", "0,", "1-3"]),
    ("stopsignal", &["TERM", "sigusr1", "9", "0", "64", "63", "RTMIN+1", "CLD", "", "x"]),
    ("stopwaitsecs", &INTEGERS),
    ("stopasgroup", &BOOLEANS),
    ("killasgroup", &BOOLEANS),
    ("redirect_stderr", &BOOLEANS),
    ("stdout_logfile", &FILES),
    ("stderr_logfile", &FILES),
    ("stdout_logfile_maxbytes", &SIZES),
    ("stderr_logfile_maxbytes", &SIZES),
    ("stdout_logfile_backups", &INTEGERS),
    ("stderr_logfile_backups", &INTEGERS),
    ("stdout_capture_maxbytes", &SIZES),
    ("stderr_capture_maxbytes", &SIZES),
    ("stdout_events_enabled", &BOOLEANS),
    ("stderr_syslog", &BOOLEANS),
    ("serverurl", &["AUTO", " auto ", "http://x:1", ""]),
    ("user", &["root", "33", "nobody", "-1", "99", "nosuch", "", "www-data:adm"]),
    ("umask", &["022", "0o22", "8", "", "7_7"]),
    ("directory", &["/tmp", "%(here)s", "/nowhere", "~", "%(ENV_DIR)s"]),
    (
        "environment",
        &[
            "A=1,B=\"x y\"",
            "X=\"%(ENV_X)s+\"",
            "DIR=/z",
            "A",
            "A=\"",
            "P=\"%(process_num)d\"",
            "A='%%%%'",
            ",",
            "",
        ],
    ),
    ("programs", &["a", "b, a", "a,zz", "", "a,", "c", "b,a,a", "zz"]),
    ("port", &["9001", "*:80", "HOST:1", ":2", "x", "", "a:", "0", "[::1]:70000", "1.2.3.4: 5"]),
    ("file", &["/tmp/s.sock", "~/s", "s", "%(here)s/../t", "/tmp//x/./y", ""]),
    ("chmod", &["0700", "0o777", "9", ""]),
    ("chown", &["root", "nobody:adm", "0:0", "nobody.adm", "root:nosuch", "99:0"]),
    ("username", &["u", "", "%(ENV_X)s", "50%"]),
    ("password", &["p", "{SHA}0", "%(ENV_NONE)s"]),
    ("logfile", &["/tmp/a", "syslog", "x/y", "~/l", "%(here)s/l", ""]),
    ("logfile_maxbytes", &SIZES),
    ("loglevel", &["info", "WARN", "warning", "Blather", ""]),
    ("pidfile", &["/tmp/p", "p", "/nowhere/p"]),
    ("childlogdir", &["/tmp", "/nowhere", "%(here)s"]),
    ("minfds", &INTEGERS),
    ("nodaemon", &BOOLEANS),
    ("identifier", &["id", "%(ENV_X)s", "%(host_node_name)s"]),
    ("unknown", &["1", "%", "%(nope)s"]),
];

/// What only event listener pools have, and what they may not.
const LISTENER: [(&str, &[&str]); 4] = [
    (
        "events",
        &[
            "TICK_5,process_state",
            "EVENT",
            "PROCESS_STATE, TICK_60",
            "tick_5,TICK_5",
            "NOPE",
            "",
            "TICK_5,",
            "%(ENV_X)s",
            " , ",
            "PROCESS_GROUP_ADDED\n  ,REMOTE_COMMUNICATION",
            "SUPERVISOR_STATE_CHANGE",
        ],
    ),
    ("buffer_size", &["5", "10", "0", "-1", "x", "%(ENV_N)s"]),
    (
        "result_handler",
        &[
            "supervisor.dispatchers:default_handler",
            "supervisor.dispatchers:default_handler",
            "nope:nope",
            "",
        ],
    ),
    ("redirect_stderr", &["false", "off", "true", "x"]),
];

/// What only FastCGI programs have.
const SOCKET: [(&str, &[&str]); 5] = [
    (
        "socket",
        &[
            "unix:///tmp/%(program_name)s.sock",
            "tcp://LocalHost:9000",
            "unix:///tmp//a/../b",
            "unix://%(here)s/x",
            "unix://rel",
            "unix://",
            "tcp://x",
            "tcp://:9000",
            "tcp://a b:1",
            "tcp://h:0",
            "tcp://h:70000",
            "bogus",
            "",
            "%(group_name)s",
            "%(nope)s",
            "TCP://h:1",
        ],
    ),
    ("socket_owner", &["root", "nobody:adm", "nosuch", "", "0:0"]),
    ("socket_mode", &["0700", "0o660", "9", ""]),
    ("socket_backlog", &["5", "128", "0", "65536", "x"]),
    ("user", &["nobody", "www-data", "nosuch", "33"]),
];

/// Half of the options of a section that has its own are such.
fn option(random: &mut Random, section: &str) -> (&'static str, &'static [&'static str]) {
    let own: &[(&str, &[&str])] = match section.split(':').next() {
        Some("eventlistener") => &LISTENER,
        Some("fcgi-program") => &SOCKET,
        _ => &[],
    };
    if own.is_empty() || random.below(2) == 0 {
        OPTIONS[random.below(OPTIONS.len())]
    } else {
        own[random.below(own.len())]
    }
}

/// The first options of the table are the sections' own; one in eight may be wrong.
fn configuration(random: &mut Random) -> String {
    let mut text = "[supervisord]\n".to_string();
    for _ in 0..1 + random.below(5) {
        let section = SECTIONS[random.below(SECTIONS.len())];
        text.push_str(&format!("[{section}]\n"));
        let usual = match section.split(':').next() {
            Some("program") => "command=/bin/cat\n",
            Some("eventlistener") => "command=/bin/cat\nevents=TICK_5,PROCESS_STATE\n",
            Some("fcgi-program") => "command=/bin/cat\nsocket=tcp://localhost:9000\n",
            Some("group") => "programs=a\n",
            Some("unix_http_server" | "unix_http_server2") => "file=/tmp/s\n",
            Some("inet_http_server") => "port=9001\n",
            Some("rpcinterface") => {
                "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
            }
            _ => "",
        };
        if random.below(20) > 0 {
            text.push_str(usual);
        }
        for _ in 0..random.below(5) {
            let (option, values) = option(random, section);
            let tame = if random.below(3) > 0 { values.len().min(2) } else { values.len() };
            text.push_str(&format!("{option}={}\n", values[random.below(tame)]));
        }
    }
    text
}

/// Past its first member the reference blames that member for what its group names; we blame the group.
fn without_culprit(sentence: &str) -> &str {
    sentence.find("] names unknown program").map_or(sentence, |at| &sentence[at..])
}

const READ: &str = include_str!("read_options.py");

#[test]
fn configurations_read_as_the_reference_reads_them() {
    let Some(python) = interpreter() else { return };
    let mut random = Random::new(seed());
    let texts: Vec<String> = (0..CASES).map(|_| configuration(&mut random)).collect();
    let mut world = World::default();
    let more = [("FLAG", "true"), ("N", "12"), ("X", "ex"), ("DIR", "/var/log")];
    world.environment.extend(more.map(|(k, v)| (k.to_string(), v.to_string())));
    let world_of_python = json!({
        "env": world.environment, "users": world.users, "groups": world.groups, "dirs": world.directories,
        "cwd": world.cwd, "main": MAIN,
    });
    let accepted = Cell::new(0);
    agree("configurations", texts, |texts| {
        let theirs = ask(&python, READ, &json!({ "texts": texts, "world": world_of_python }));
        let answers =
            |(text, mut theirs): (&String, Value)| match read::read(MAIN, &world.clone().with(MAIN, text)) {
                Ok(config) => {
                    accepted.set(accepted.get() + 1);
                    let plain = model(&config);
                    theirs["ok"]["groups"] = Value::Array(active_groups(&theirs["ok"]["groups"]));
                    let expected =
                        json!({ "ok": in_scope(&theirs["ok"], &plain), "error": theirs.get("error") });
                    (json!({ "ok": plain, "error": null }), expected)
                }
                Err(errors) => {
                    let ours = json!({ "error": without_culprit(&errors[0].to_string()) });
                    let sentence = theirs["error"].as_str().map(without_culprit);
                    (ours, sentence.map_or(theirs.clone(), |sentence| json!({ "error": sentence })))
                }
            };
        texts.iter().zip(theirs).map(answers).collect()
    });
    let accepted = accepted.get();
    assert!((CASES / 5..CASES / 2).contains(&accepted), "{accepted} of {CASES} are accepted");
}
