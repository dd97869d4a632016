//! Event listeners under the real daemon: those that do not read, stall, reject, die, outlive a restart, and those that
//! join a pool at run time.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::world::World;
use crate::world::procfs::{runs, until};
use crate::world::rpc::Refusal;
use crate::world::stock::python;

/// Writes down head and payload of every event, in one line, and says OK.
pub const RECORDER: &str = "\
printf 'READY\\n'
while read -r head; do
    len=${head##*len:}
    payload=$(head -c \"${len%% *}\" | tr '\\n' '|'; echo .)
    echo \"$(date +%s) $head $payload\" >> {dir}/$1
    printf 'RESULT 2\\nOKREADY\\n'
done";

/// Says what it is told to say through a fifo, and reads nothing.
const PUPPET: &str = "printf 'READY\\n'\nwhile :; do cat {dir}/strings; done";

/// A pool whose processes do as a script does.
pub fn pool(name: &str, command: &str, events: &str, more: &str) -> String {
    format!("[eventlistener:{name}]\ncommand={{dir}}/{command}\nevents={events}\nstartsecs=0\n{more}\n")
}

fn tell(world: &World, kind: &str, data: &str) {
    world.rpc_ok("supervisor.sendRemoteCommEvent", &[kind.into(), data.into()]);
}

/// How often the log says this.
fn times(world: &World, text: &str) -> usize {
    world.log().matches(text).count()
}

/// The tokens and payload that a recorder has of each event, without the time at which it came.
pub fn record(world: &World, name: &str) -> Vec<String> {
    let read = world.read(name);
    read.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_string())).collect()
}

fn token<'a>(line: &'a str, name: &str) -> &'a str {
    line.split([' ', '|']).find_map(|token| token.strip_prefix(name)).unwrap_or_default()
}

fn debugging(world: &World, body: &str) {
    world.configure(body);
    let text =
        world.read("supervisord.conf").replacen("[supervisord]\n", "[supervisord]\nloglevel=debug\n", 1);
    world.write("supervisord.conf", &text);
}

#[test]
fn a_listener_that_answers_without_reading_costs_that_listener_bug_001() {
    let mut world = World::ours();
    world.script("puppet", PUPPET);
    world.script("recorder", RECORDER);
    let fifo = std::process::Command::new("mkfifo").arg(world.path("strings")).status().unwrap();
    assert!(fifo.success());
    debugging(
        &world,
        &format!(
            "{}{}",
            // With what it waits for in the fifo.
            pool("puppet", "puppet", "REMOTE_COMMUNICATION", "stopasgroup=true"),
            pool("other", "recorder record", "REMOTE_COMMUNICATION", "")
        ),
    );
    world.boot();
    world.await_log("puppet: ACKNOWLEDGED -> READY");
    let pid = world.pid_of("puppet");
    let large = "x".repeat(300_000);
    for number in 0..4 {
        tell(&world, &number.to_string(), &large);
        if number < 3 {
            world.await_log(&format!("event {number} sent to listener puppet"));
            std::fs::write(world.path("strings"), "RESULT 2\nOKREADY\n").unwrap();
            let answers = || times(&world, "puppet: event was processed");
            until("the answer is heard", || (answers() == number + 1).then_some(()));
        }
    }
    world.await_log("WARN puppet: answers without reading its events");
    world.await_log("WARN puppet: has entered the UNKNOWN state");
    world.await_log("rebuffering event 3 for pool puppet");
    // Everybody else goes on, and so does it, as far as anyone can see.
    until("the other listener is told of all four", || (record(&world, "record").len() == 4).then_some(()));
    // Events that no pipe takes at once, to the last byte (EVT-034).
    let whole = |line: &String| line.matches('x').count() >= large.len() && line.ends_with("x.");
    assert!(record(&world, "record").iter().all(whole));
    assert_eq!((world.state("puppet").as_str(), world.pid_of("puppet")), ("RUNNING", pid));
    tell(&world, "last", "");
    until("and of the next", || record(&world, "record").get(4).cloned());
    // Its next life begins with what this one has not taken.
    world.rpc_ok("supervisor.stopProcess", &["puppet".into()]);
    world.rpc_ok("supervisor.startProcess", &["puppet".into()]);
    world.await_log("event 3 sent to listener puppet");
}

#[test]
fn a_stalled_listener_loses_what_its_buffer_cannot_hold_and_the_log_counts_it() {
    let mut world = World::ours();
    world.script("stalled", "printf 'READY\\n'; exec sleep 1000");
    world.script("recorder", RECORDER);
    debugging(
        &world,
        &format!(
            "{}{}",
            pool("stalled", "stalled", "REMOTE_COMMUNICATION", "buffer_size=7"),
            pool("other", "recorder record", "REMOTE_COMMUNICATION", "buffer_size=300")
        ),
    );
    world.boot();
    world.await_log("stalled: ACKNOWLEDGED -> READY");
    for number in 0..200 {
        tell(&world, &number.to_string(), "");
    }
    until("the other listener is told of all", || (record(&world, "record").len() == 200).then_some(()));
    let heard: Vec<usize> =
        record(&world, "record").iter().map(|line| token(line, "type:").parse().unwrap()).collect();
    assert!(heard.iter().copied().eq(0..200), "in their order: {heard:?}");
    let lost = "ERRO pool stalled event buffer overflowed, discarding event";
    assert_eq!(times(&world, lost), 200 - 1 - 7, "all but what it is busy with and what is buffered");
    assert!(world.log().contains(&format!("{lost} 1\n")) && !world.log().contains(&format!("{lost} 193\n")));
}

#[test]
fn what_no_listener_has_accepted_is_told_after_sighup_first_bug_037() {
    let mut world = World::ours();
    world.script("recorder", RECORDER);
    // Takes an event and thinks about it until there is a file.
    let thinks = RECORDER
        .replace("    printf 'RESULT", "    until [ -e {dir}/go ]; do sleep 0.05; done\n    printf 'RESULT");
    world.script("thinks", &thinks);
    let body = format!(
        "{}{}",
        pool("thinks", "thinks record", "REMOTE_COMMUNICATION", ""),
        pool("gone", "thinks gone", "REMOTE_COMMUNICATION", "")
    );
    world.configure(&body);
    world.boot();
    for kind in ["a", "b", "c"] {
        tell(&world, kind, "");
    }
    let of = |lines: Vec<String>| -> Vec<String> {
        let tokens = ["serial:", "poolserial:", "type:"];
        lines.iter().map(|line| tokens.map(|name| token(line, name)).join(" ")).collect()
    };
    until("the first is taken", || (record(&world, "record").len() == 1).then_some(()));
    until("the first is taken", || (record(&world, "gone").len() == 1).then_some(()));
    world.configure(&pool("thinks", "thinks record", "REMOTE_COMMUNICATION", ""));
    world.signal("HUP");
    until("the second life takes it", || (record(&world, "record").len() == 2).then_some(()));
    tell(&world, "d", "");
    world.write("go", "");
    until("all are taken", || (record(&world, "record").len() == 5).then_some(()));
    assert_eq!(of(record(&world, "record")), ["0 0 a", "0 0 a", "1 1 b", "2 2 c", "3 3 d"]);
    world.await_log("WARN pool gone is gone, and 3 events that waited for it are dropped");
}

#[test]
fn a_slow_listener_hears_of_the_end_and_one_that_hangs_does_not_hold_it_up() {
    let mut world = World::ours();
    world.script("slow", &RECORDER.replace("    echo", "    sleep 0.05\n    echo"));
    world.script("hangs", "printf 'READY\\n'\nread -r head\necho \"$head\" > {dir}/hanging\nexec sleep 600");
    let events = "SUPERVISOR_STATE_CHANGE_STOPPING,PROCESS_STATE_STOPPED";
    let body = format!(
        "[program:web]\ncommand=sleep 600\nstartsecs=0\n{}{}",
        pool("slow", "slow heard", events, ""),
        pool("hangs", "hangs", "SUPERVISOR_STATE_CHANGE_STOPPING", "stopwaitsecs=600\npriority=-2")
    );
    world.configure(&body);
    world.boot();
    world.await_log("success: slow");
    world.await_log("success: hangs");
    world.signal("TERM");
    world.await_end();
    let heard: Vec<String> =
        record(&world, "heard").iter().map(|line| token(line, "eventname:").to_string()).collect();
    assert_eq!(heard, ["SUPERVISOR_STATE_CHANGE_STOPPING", "PROCESS_STATE_STOPPED"]);
    assert!(world.read("hanging").contains("eventname:SUPERVISOR_STATE_CHANGE_STOPPING"));
}

#[test]
fn whoever_rejects_or_dies_again_and_again_is_asked_less_and_less_bug_037() {
    let mut world = World::ours();
    world.script(
        "rejects",
        "printf 'READY\\n'\nwhile read -r head; do head -c 7 > {dir}/null; \
         printf 'RESULT 4\\nFAILREADY\\n'; done",
    );
    world.script("dies", "printf 'READY\\n'\nread -r head\nexit 1");
    world.configure(&format!(
        "{}{}",
        pool("rejects", "rejects", "REMOTE_COMMUNICATION", ""),
        pool("dies", "dies", "REMOTE_COMMUNICATION", "autorestart=true")
    ));
    world.boot();
    tell(&world, "t", "");
    for (pool, pauses) in [("rejects", &["0.1", "0.2", "0.4", "0.8"][..]), ("dies", &["0.1", "0.2"])] {
        for (failures, pause) in (2..).zip(pauses) {
            world.await_log(&format!(
                "WARN pool {pool}: event 0 failed, {failures} times in a row now without success, next try in \
                 {pause} seconds"
            ));
        }
    }
    let (asked, paused) =
        (times(&world, "rejects: event was rejected"), times(&world, "pool rejects: event"));
    assert!(asked <= paused + 2, "{asked} rejections, {paused} pauses");
}

#[test]
fn ticks_come_where_the_wall_clock_has_them_evt_016() {
    let mut world = World::ours();
    world.script("recorder", RECORDER);
    world.configure(&pool("ticks", "recorder record", "TICK", ""));
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    world.boot();
    let lines = until("two ticks of five seconds", || {
        let lines: Vec<String> = world.read("record").lines().map(str::to_string).collect();
        (lines.iter().filter(|line| line.contains("TICK_5 ")).count() >= 2).then_some(lines)
    });
    let mut last = None;
    for line in lines.iter().filter(|line| line.contains("TICK_5 ")) {
        let came: u64 = line.split(' ').next().unwrap().parse().unwrap();
        let when: u64 = token(line, "when:").trim_end_matches('.').parse().unwrap();
        assert!(when.is_multiple_of(5) && when > begun, "{line}");
        assert!(came >= when, "not before its time: {line}");
        assert!(last.is_none_or(|last| when > last), "{lines:?}");
        last = Some(when);
    }
}

#[test]
fn a_process_added_to_a_pool_listens_and_one_taken_away_leaves_its_event_to_the_others() {
    let mut world = World::ours();
    world.script("recorder", RECORDER);
    world.script("stalled", "printf 'READY\\n'; exec sleep 1000");
    world.configure(&format!(
        "{}[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory=\
         supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n",
        pool("l", "recorder record", "REMOTE_COMMUNICATION", "autostart=false")
    ));
    world.boot();
    let add = |name: &str, command: &str| {
        let command = format!("{}/{command}", world.dir().display());
        let options = json!({"command": command, "startsecs": "0"});
        world.rpc("twiddler.addProgramToGroup", &["l".into(), name.into(), options])
    };
    let mixed = json!({"command": "cat", "redirect_stderr": "true"});
    let refused = world.rpc("twiddler.addProgramToGroup", &["l".into(), "mixed".into(), mixed]);
    let reason = "INCORRECT_PARAMETERS: redirect_stderr=true is not allowed for mixed: it will interfere with the \
                  eventlistener protocol";
    assert_eq!(refused, Err(Refusal::Fault(2, reason.to_string())), "as for a section (CFG-131)");
    assert_eq!(add("added", "stalled"), Ok(json!(true)));
    world.await_state("l:added", "RUNNING");
    let pid = world.pid_of("l:added");
    tell(&world, "t", "");
    // It has the event; whoever comes next does not.
    world.rpc_ok("supervisor.startProcess", &["l:l".into()]);
    tell(&world, "u", "");
    until("the first of the pool is told of the next", || {
        (record(&world, "record").len() == 1).then_some(())
    });
    assert_eq!(token(&record(&world, "record")[0], "type:"), "u");
    world.rpc_ok("supervisor.stopProcess", &["l:added".into()]);
    world.rpc_ok("twiddler.removeProcessFromGroup", &["l".into(), "added".into()]);
    until("what it had is told to the other", || (record(&world, "record").len() == 2).then_some(()));
    assert_eq!(token(&record(&world, "record")[1], "type:"), "t");
    assert!(!runs(pid) && world.rpc("supervisor.getProcessInfo", &["l:added".into()]).is_err());
    // Added once more, it is a recorder, and the only one.
    world.rpc_ok("supervisor.stopProcess", &["l:l".into()]);
    assert_eq!(add("added", "recorder again"), Ok(json!(true)));
    tell(&world, "v", "");
    let first = until("it is told", || record(&world, "again").first().cloned());
    assert_eq!(token(&first, "type:"), "v");
}

/// Writes down the data of each event, and answers as fast as it can.
const QUICK: &str = "\
import os, sys
out = open(sys.argv[1], 'a', buffering=1)
os.write(1, b'READY\\n')
heard = b''
while True:
    while b'\\n' not in heard:
        heard += os.read(0, 65536)
    head, heard = heard.split(b'\\n', 1)
    length = int(head.rsplit(b'len:', 1)[1])
    while len(heard) < length:
        heard += os.read(0, 65536)
    payload, heard = heard[:length], heard[length:]
    out.write(payload.split(b'\\n', 1)[1].decode() + '\\n')
    os.write(1, b'RESULT 2\\nOKREADY\\n')
";

#[test]
fn of_a_burst_of_20_000_events_nothing_is_lost_but_what_a_small_buffer_drops_and_counts() {
    const EVENTS: usize = 20_000;
    let Some(python) = python() else { return };
    let mut world = World::ours();
    world.set_env("PYTHON", python.to_str().unwrap());
    world.write("quick.py", QUICK);
    world.script(
        "bursts",
        &format!(
            "read go; awk 'BEGIN {{ for (i = 0; i < {EVENTS}; i++) printf \
             \"<!--XSUPERVISOR:BEGIN-->%d<!--XSUPERVISOR:END-->\", i }}'; read end"
        ),
    );
    let listener = |name: &str, size: usize| {
        format!(
            "[eventlistener:{name}]\ncommand=%(ENV_PYTHON)s {{dir}}/quick.py {{dir}}/{name}.record\n\
             events=PROCESS_COMMUNICATION\nbuffer_size={size}\nstdout_logfile=NONE\n"
        )
    };
    world.configure(&format!(
        "{}{}[program:bursts]\ncommand={{dir}}/bursts\nstdout_capture_maxbytes=1KB\nstdout_logfile=NONE\n",
        listener("large", EVENTS),
        listener("small", 10)
    ));
    world.boot();
    for name in ["large", "small", "bursts"] {
        world.await_state(name, "RUNNING");
    }
    world.rpc_ok("supervisor.sendProcessStdin", &["bursts".into(), "\n".into()]);
    let numbers = |name: &str| -> Vec<usize> {
        world.read(&format!("{name}.record")).lines().filter_map(|line| line.parse().ok()).collect()
    };
    until("all have come", || (numbers("large").len() >= EVENTS).then_some(()));
    assert!(numbers("large").into_iter().eq(0..EVENTS), "each once, in its order");
    let lost = "ERRO pool small event buffer overflowed, discarding event ";
    until("what a small buffer has not dropped has come, too", || {
        (numbers("small").len() + times(&world, lost) >= EVENTS).then_some(())
    });
    let came = numbers("small");
    assert_eq!(came.len() + times(&world, lost), EVENTS);
    assert!(came.is_sorted_by(|a, b| a < b), "each once, in its order");
    // Serials are those of events, since nothing else is subscribed to: what was dropped is named, one by one.
    let log = world.log();
    let dropped = log.lines().filter_map(|line| line.split_once(lost)?.1.parse().ok());
    let mut all: Vec<usize> = dropped.chain(came).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..EVENTS));
}

#[test]
fn whoever_asks_is_told_more_in_the_head_and_the_same_in_the_payload_bug_048() {
    let mut world = World::ours();
    world.script("recorder", RECORDER);
    let events = "PROCESS_STATE_EXITED,PROCESS_STATE_STOPPED";
    world.configure(&format!(
        "{}{}[program:ends]\ncommand=sh -c \"exit 3\"\nautostart=false\nautorestart=false\nstartsecs=0\n\
         [program:stays]\ncommand=sleep 1000\nstartsecs=0\n\
         [collection:b]\nprograms=ends\n[collection:a]\nprograms=ends\n",
        pool("stock", "recorder stock", events, ""),
        pool("more", "recorder more", events, "events_extended=true")
    ));
    world.boot();
    world.rpc_ok("supervisor.startProcess", &["ends".into()]);
    until("the end is told", || (record(&world, "more").len() == 1).then_some(()));
    world.rpc_ok("supervisor.stopProcess", &["stays".into()]);
    let both = until("both have heard of both", || {
        let both = [record(&world, "stock"), record(&world, "more")];
        both.iter().all(|one| one.len() == 2).then_some(both)
    });
    let tokens = |line: &str| {
        let (_, rest) = line.split_once(" len:").unwrap();
        let (head, payload) = rest.split_once(" processname:").unwrap();
        let more = head.split_once(' ').map_or("", |(_, more)| more);
        (more.to_string(), payload.split(" pid:").next().unwrap().to_string())
    };
    let [stock, more] = both.map(|lines| lines.iter().map(|line| tokens(line)).collect::<Vec<_>>());
    let heads = |told: &[(String, String)]| told.iter().map(|(head, _)| head.clone()).collect::<Vec<_>>();
    assert_eq!(heads(&stock), ["", ""]);
    let length = |line: &String| token(line, "len:").to_string();
    let lengths: Vec<String> = record(&world, "more").iter().map(length).collect();
    let expected = [
        format!("bytes:{} exitstatus:3 collections:a,b", lengths[0]),
        format!("bytes:{} signal:SIGTERM collections:", lengths[1]),
    ];
    assert_eq!(heads(&more), expected);
    let payloads =
        |told: &[(String, String)]| told.iter().map(|(_, payload)| payload.clone()).collect::<Vec<_>>();
    assert_eq!(payloads(&stock), payloads(&more));
}
