//! Answers are byte for byte what Supervisor's own marshaller writes (RPC-005).

use std::io::Write;

use convoke::api::answer::{Answer, write_response};
use convoke::api::{
    ChannelInfo, ConfigInfo, Fault, FaultCode, LogSetting, Outcome, ProcessInfo, ProcessState, Reply,
};
use convoke::names::{GroupName, Pid, ProcessName, Signal};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::python;

/// Random answers that are compared.
const SAMPLES: usize = 1_500;

/// Text without what XML cannot hold, which we replace and the reference does not (BUG-017).
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z<>&\"' \t\n\r]{0,12}", "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,12}"]
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), -5..2_000_i64, i64::from(i32::MIN)..=i64::from(i32::MAX)]
}

fn process() -> impl Strategy<Value = ProcessInfo> {
    let texts = (text(), text(), text(), text(), text());
    let state = proptest::sample::select(ProcessState::ALL.to_vec());
    (texts, (number(), number(), number()), state, proptest::option::of(1..99_999)).prop_map(
        |((name, group, spawnerr, out, err), (start, stop, now), state, pid)| ProcessInfo {
            name: ProcessName::from(name.as_str()),
            group: GroupName::from(group.as_str()),
            start,
            stop,
            now,
            state,
            spawnerr: spawnerr.into(),
            exitstatus: -1,
            stdout_logfile: out.into(),
            stderr_logfile: err.into(),
            pid: pid.map(Pid),
            last_exit: None,
        },
    )
}

fn channel() -> impl Strategy<Value = ChannelInfo> {
    let logfile = prop_oneof![
        Just(LogSetting::Auto),
        Just(LogSetting::None),
        text().prop_map(|path| LogSetting::Path(path.into()))
    ];
    (logfile, number(), number(), number(), any::<bool>(), any::<bool>()).prop_map(
        |(logfile, logfile_backups, logfile_maxbytes, capture_maxbytes, events_enabled, syslog)| {
            ChannelInfo {
                logfile,
                logfile_backups,
                logfile_maxbytes,
                capture_maxbytes,
                events_enabled,
                syslog,
            }
        },
    )
}

fn config() -> impl Strategy<Value = ConfigInfo> {
    let optional = || proptest::option::of(text());
    let flags = || proptest::option::of(any::<bool>());
    let texts = (text(), text(), text(), optional(), optional());
    let numbers = (number(), number(), number(), number(), number(), proptest::option::of(0..70_000_u32));
    let codes = proptest::collection::vec(any::<u8>(), 0..4);
    (texts, numbers, flags(), any::<bool>(), codes, channel(), channel()).prop_map(
        |(
            (name, group, command, directory, serverurl),
            numbers,
            autorestart,
            flag,
            exitcodes,
            stdout,
            stderr,
        )| {
            ConfigInfo {
                name: ProcessName::from(name.as_str()),
                group: GroupName::from(group.as_str()),
                group_prio: numbers.0,
                process_prio: numbers.1,
                inuse: flag,
                command,
                autostart: !flag,
                autorestart,
                directory,
                uid: numbers.5,
                exitcodes,
                killasgroup: flag,
                redirect_stderr: !flag,
                startretries: numbers.2,
                startsecs: numbers.3,
                stopsignal: Signal::HUP,
                stopwaitsecs: numbers.4,
                serverurl,
                stdout,
                stderr,
            }
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    (text(), text(), text()).prop_map(|(name, group, description)| Outcome {
        name: ProcessName::from(name.as_str()),
        group: GroupName::from(group.as_str()),
        status: FaultCode::SpawnError,
        description,
    })
}

fn result() -> impl Strategy<Value = Result<Answer, Fault>> {
    let names = || proptest::collection::vec(text(), 0..3);
    let reply = prop_oneof![
        Just(Reply::True),
        text().prop_map(Reply::Text),
        number().prop_map(Reply::Number),
        process().prop_map(|info| Reply::Process(Box::new(info))),
        proptest::collection::vec(process(), 0..3).prop_map(Reply::Processes),
        proptest::collection::vec(config(), 0..3).prop_map(Reply::Configs),
        proptest::collection::vec(outcome(), 0..3).prop_map(Reply::Outcomes),
        (text(), number(), any::<bool>()).prop_map(|(text, size, overflow)| Reply::Tail {
            text,
            size,
            overflow
        }),
        (names(), names(), names()).prop_map(|(added, changed, removed)| Reply::Reread {
            added,
            changed,
            removed
        }),
    ];
    prop_oneof![
        8 => reply.prop_map(|reply| Ok(Answer::Reply(reply))),
        1 => names().prop_map(|texts| Ok(Answer::Texts(texts))),
        1 => text().prop_map(|extra| Err(Fault::new(FaultCode::Failed, extra))),
    ]
}

/// Members in order, which a JSON object would not keep.
fn members(members: &[(&str, Value)]) -> Value {
    json!({ "struct": members })
}

fn process_value(info: &ProcessInfo) -> Value {
    members(&[
        ("name", json!(info.name.as_str())),
        ("group", json!(info.group.as_str())),
        ("start", json!(info.start)),
        ("stop", json!(info.stop)),
        ("now", json!(info.now)),
        ("state", json!(info.state.number())),
        ("statename", json!(info.state.name())),
        ("spawnerr", json!(&*info.spawnerr)),
        ("exitstatus", json!(info.exitstatus)),
        ("logfile", json!(&*info.stdout_logfile)),
        ("stdout_logfile", json!(&*info.stdout_logfile)),
        ("stderr_logfile", json!(&*info.stderr_logfile)),
        ("pid", json!(info.pid.map_or(0, |pid| pid.0))),
        ("description", json!(info.description(local))),
    ])
}

fn channel_values(channel: &ChannelInfo) -> [Value; 6] {
    let logfile = match &channel.logfile {
        LogSetting::Auto => "auto",
        LogSetting::None => "none",
        LogSetting::Path(path) => path,
    };
    [
        json!(channel.capture_maxbytes),
        json!(channel.events_enabled),
        json!(logfile),
        json!(channel.logfile_backups),
        json!(channel.logfile_maxbytes),
        json!(channel.syslog),
    ]
}

fn config_value(info: &ConfigInfo) -> Value {
    let [out_capture, out_events, out_logfile, out_backups, out_maxbytes, out_syslog] =
        channel_values(&info.stdout);
    let [err_capture, err_events, err_logfile, err_backups, err_maxbytes, err_syslog] =
        channel_values(&info.stderr);
    members(&[
        ("autostart", json!(info.autostart)),
        ("autorestart", info.autorestart.map_or(json!("unexpected"), |flag| json!(flag))),
        ("directory", json!(info.directory.as_deref().unwrap_or("none"))),
        ("uid", info.uid.map_or(json!("none"), |uid| json!(uid))),
        ("command", json!(info.command)),
        ("exitcodes", json!(info.exitcodes)),
        ("group", json!(info.group.as_str())),
        ("group_prio", json!(info.group_prio)),
        ("inuse", json!(info.inuse)),
        ("killasgroup", json!(info.killasgroup)),
        ("name", json!(info.name.as_str())),
        ("process_prio", json!(info.process_prio)),
        ("redirect_stderr", json!(info.redirect_stderr)),
        ("startretries", json!(info.startretries)),
        ("startsecs", json!(info.startsecs)),
        ("stdout_capture_maxbytes", out_capture),
        ("stdout_events_enabled", out_events),
        ("stdout_logfile", out_logfile),
        ("stdout_logfile_backups", out_backups),
        ("stdout_logfile_maxbytes", out_maxbytes),
        ("stdout_syslog", out_syslog),
        ("stopsignal", json!(info.stopsignal.number())),
        ("stopwaitsecs", json!(info.stopwaitsecs)),
        ("stderr_capture_maxbytes", err_capture),
        ("stderr_events_enabled", err_events),
        ("stderr_logfile", err_logfile),
        ("stderr_logfile_backups", err_backups),
        ("stderr_logfile_maxbytes", err_maxbytes),
        ("stderr_syslog", err_syslog),
        ("serverurl", json!(info.serverurl.as_deref().unwrap_or("none"))),
    ])
}

fn outcome_value(outcome: &Outcome) -> Value {
    members(&[
        ("name", json!(outcome.name.as_str())),
        ("group", json!(outcome.group.as_str())),
        ("status", json!(outcome.status as i32)),
        ("description", json!(outcome.description)),
    ])
}

/// What Python is to marshal.
fn value(result: &Result<Answer, Fault>) -> Value {
    match result {
        Err(fault) => json!({ "fault": [fault.code as i32, fault.to_string()] }),
        Ok(Answer::Texts(texts)) => json!(texts),
        Ok(Answer::Entries(_)) => panic!("entries are written already"),
        Ok(Answer::Reply(reply)) => match reply {
            Reply::True => json!(true),
            Reply::Text(text) => json!(text),
            Reply::Texts(texts) => json!(texts),
            Reply::Value(_) => panic!("the reference stores no values of its own"),
            Reply::Number(number) => json!(number),
            Reply::State(state) => {
                members(&[("statecode", json!(state.number())), ("statename", json!(state.name()))])
            }
            Reply::Process(info) => process_value(info),
            Reply::Processes(infos) => infos.iter().map(process_value).collect(),
            Reply::Configs(infos) => infos.iter().map(config_value).collect(),
            Reply::Collections(_) => panic!("the reference has no collections"),
            Reply::Metrics(_) => panic!("the reference has no metrics"),
            Reply::Tail { text, size, overflow } => json!([text, size, overflow]),
            Reply::Outcomes(outcomes) => outcomes.iter().map(outcome_value).collect(),
            Reply::Reread { added, changed, removed } => json!([[added, changed, removed]]),
        },
    }
}

fn local(_: i64) -> String {
    "Nov 22 09:44 AM".to_string()
}

const SCRIPT: &str = "
import json, sys
from supervisor.xmlrpc import xmlrpc_marshal, xmlrpclib
def build(value):
    if isinstance(value, list):
        return [build(item) for item in value]
    if isinstance(value, dict):
        return {name: build(member) for name, member in value['struct']}
    return value
bad = 0
for line in open(sys.argv[1]):
    value, ours = json.loads(line)
    if isinstance(value, dict) and 'fault' in value:
        value = xmlrpclib.Fault(*value['fault'])
    else:
        value = build(value)
    theirs = xmlrpc_marshal(value)
    if theirs != ours:
        bad += 1
        if bad < 4:
            print(repr(theirs), repr(ours), sep='\\n')
print('different:', bad)
";

#[test]
fn every_answer_is_byte_for_byte_what_the_reference_writes() {
    let Some(mut python) = python() else { return };
    let mut runner = TestRunner::deterministic();
    let strategy = result();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for _ in 0..SAMPLES {
        let result = strategy.new_tree(&mut runner).unwrap().current();
        writeln!(file, "{}", json!([value(&result), write_response(&result, local)])).unwrap();
    }
    let output = python.args(["-c", SCRIPT]).arg(file.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "different: 0\n", "{}", String::from_utf8_lossy(&output.stderr));
}
