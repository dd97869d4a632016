//! Listeners that nobody here wrote, and one that writes down what it is told, under both daemons.

use serde_json::Value;

use crate::beside::{side_by_side, story};
use crate::world::World;
use crate::world::procfs::until;
use crate::world::stock::python;

/// Writes down the head and the payload of every event, in one line.
const RECORDER: &str = "\
import sys
from supervisor import childutils
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    head = ' '.join('%s:%s' % token for token in headers.items())
    with open(sys.argv[1], 'a', encoding='utf-8') as record:
        record.write('%s %s\\n' % (head, ascii(payload)))
    childutils.listener.ok(sys.stdout)
";

const PROGRAMS: &str = "\
[program:cat]
command=/bin/cat
stdout_events_enabled=true
[program:capture]
command={dir}/capture
stdout_capture_maxbytes=1KB
autorestart=false
[program:complains]
command={dir}/complains
stderr_events_enabled=true
[program:confesses]
command={dir}/confesses
stderr_capture_maxbytes=1KB
[program:missing]
command={dir}/nothing
startretries=0
[eventlistener:clock]
command=%(ENV_PYTHON)s {dir}/recorder.py {dir}/ticks
events=TICK
";

/// What the recorder has written, without pids and what depends on the clock.
fn record(world: &World) -> Vec<String> {
    let record = world.read("record");
    let tokens = |line: &str| {
        let tokens = line.split(' ').map(|token| match token.split_once("pid:") {
            Some((before, pid)) => {
                let rest = pid.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}pid:N{rest}")
            }
            // With the pid's length.
            None if token.starts_with("len:") => "len:N".to_string(),
            // The clock takes a serial now and then; the pool's own is compared.
            None if token.starts_with("serial:") => "serial:N".to_string(),
            None => token.to_string(),
        });
        tokens.collect::<Vec<_>>().join(" ")
    };
    record.lines().map(tokens).collect()
}

fn await_event(world: &World, what: &str) {
    until(what, || record(world).iter().any(|line| line.contains(what)).then_some(()));
}

fn call(world: &World, method: &str, arguments: &[&str]) {
    let arguments: Vec<Value> = arguments.iter().map(|argument| Value::from(*argument)).collect();
    world.rpc(method, &arguments).expect("an answer");
}

#[test]
fn a_recorder_hears_the_same_from_both_daemons() {
    side_by_side(|world| {
        let recorder = recorder(
            world,
            "PROCESS_STATE,PROCESS_LOG,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE,PROCESS_GROUP",
        );
        world.script("complains", "while read x; do echo \"no: $x\" >&2; done");
        world.script(
            "confesses",
            "read x; echo '<!--XSUPERVISOR:BEGIN-->me<!--XSUPERVISOR:END-->' >&2; read x",
        );
        world.script("capture", "read x; echo 'a<!--XSUPERVISOR:BEGIN-->bc<!--XSUPERVISOR:END-->d'; exit 3");
        world.configure(&format!("{recorder}{PROGRAMS}"));
        world.boot();
        for name in ["recorder", "cat", "capture", "complains", "confesses", "clock"] {
            await_event(world, &format!("PROCESS_STATE_RUNNING len:N 'processname:{name}"));
        }
        await_event(world, "PROCESS_STATE_FATAL");
        call(world, "supervisor.sendProcessStdin", &["cat", "h\u{e9}\n"]);
        await_event(world, "PROCESS_LOG_STDOUT");
        call(world, "supervisor.sendProcessStdin", &["complains", "yes\n"]);
        await_event(world, "PROCESS_LOG_STDERR");
        call(world, "supervisor.sendProcessStdin", &["confesses", "now\n"]);
        await_event(world, "PROCESS_COMMUNICATION_STDERR");
        call(world, "supervisor.sendRemoteCommEvent", &["deployed", "seven\n"]);
        await_event(world, "REMOTE_COMMUNICATION");
        call(world, "supervisor.sendProcessStdin", &["capture", "\n"]);
        await_event(world, "PROCESS_STATE_EXITED");
        call(world, "supervisor.stopProcess", &["cat"]);
        call(world, "supervisor.removeProcessGroup", &["cat"]);
        call(world, "supervisor.addProcessGroup", &["cat"]);
        until("cat has come back", || {
            let back =
                record(world).iter().filter(|line| line.contains("RUNNING len:N 'processname:cat")).count();
            (back == 2).then_some(())
        });
        let tick = until("the clock has ticked", || {
            let ticks = world.read("ticks");
            ticks.contains("eventname:TICK_5 ").then(|| ticks.lines().next().unwrap_or_default().to_string())
        });
        call(world, "supervisor.shutdown", &[]);
        await_event(world, "STATE_CHANGE_STOPPING");
        let record = record(world);
        // What is told while everything ends depends on when each has ended.
        let end = record.iter().position(|line| line.contains("STATE_CHANGE_STOPPING")).expect("it is told");
        // It has the next serial of all events, whatever that is by then, and a moment.
        let shape =
            tick.split([' ', ':', '\'']).filter(|word| word.parse::<u64>().is_err()).collect::<Vec<_>>();
        (record[..=end].to_vec(), shape.join(" "))
    });
}

/// A listener in Python that writes down what it is told.
fn recorder(world: &mut World, events: &str) -> String {
    let python = python().expect("a Python with Supervisor");
    world.set_env("PYTHON", python.to_str().expect("a name in UTF-8"));
    world.write("recorder.py", RECORDER);
    format!(
        "[eventlistener:recorder]\ncommand=%(ENV_PYTHON)s {{dir}}/recorder.py {{dir}}/record\nevents={events}\n\
         buffer_size=100\n"
    )
}

#[test]
fn a_listeners_own_output_goes_where_the_reference_sends_it_evt_022_evt_042_evt_044_cfg_132() {
    side_by_side(|world| {
        let recorder = recorder(world, "PROCESS_LOG,PROCESS_COMMUNICATION");
        let noisy = listener(world, "noisy", "echo 'heard one' >&2; printf 'RESULT 2\\nOKREADY\\n'");
        let marked =
            "printf 'a<!--XSUPERVISOR:BEGIN-->b<!--XSUPERVISOR:END-->' >&2; printf 'RESULT 2\\nOKREADY\\n'";
        let marked = listener(world, "marked", marked);
        world.configure(&format!(
            "{recorder}{noisy}stdout_logfile={{dir}}/noisy.out\nstderr_logfile={{dir}}/noisy.err\n\
             stdout_events_enabled=true\nstderr_events_enabled=true\nstdout_capture_maxbytes=1KB\n\
             {marked}stdout_logfile={{dir}}/marked.out\nstderr_logfile={{dir}}/marked.err\n\
             stderr_capture_maxbytes=1KB\n"
        ));
        world.boot();
        for name in ["recorder", "noisy", "marked"] {
            world.await_state(name, "RUNNING");
        }
        until("both are ready", || {
            let said = ["noisy.out", "marked.out"].map(|name| world.read(name));
            said.iter().all(|said| said == "READY\n").then_some(())
        });
        for count in 1..3 {
            call(world, "supervisor.sendRemoteCommEvent", &["t", ""]);
            let seen = |kind: &str| record(world).iter().filter(|line| line.contains(kind)).count();
            until("both have been heard", || {
                let both = ["PROCESS_LOG_STDERR", "PROCESS_COMMUNICATION_STDERR"];
                both.iter().all(|kind| seen(kind) == count).then_some(())
            });
        }
        let mut record = record(world);
        // Which of the two is faster is no matter of rule.
        record
            .iter_mut()
            .for_each(|line| *line = line.split_once("eventname:").expect("a name").1.to_string());
        record.sort();
        (record, ["noisy.out", "noisy.err", "marked.out", "marked.err"].map(|name| world.read(name)))
    });
}

#[test]
fn a_reload_is_told_of_and_begins_pools_anew_but_not_the_serial_evt_006_evt_021() {
    side_by_side(|world| {
        let recorder = recorder(world, "SUPERVISOR_STATE_CHANGE,PROCESS_GROUP");
        // It takes its time to stop, so that the recorder hears of it before its own turn comes.
        world.script("slow", "trap 'sleep 1.5; exit' TERM\nwhile :; do sleep 0.1; done");
        world.configure(&format!("{recorder}[program:slow]\ncommand={{dir}}/slow\n"));
        world.boot();
        let times = |what: &str| world.read("record").matches(what).count();
        until("it runs", || (times("STATE_CHANGE_RUNNING") == 1).then_some(()));
        world.await_state("slow", "RUNNING");
        call(world, "supervisor.restart", &[]);
        until("it runs again", || (times("STATE_CHANGE_RUNNING") == 2).then_some(()));
        let record = world.read("record");
        assert!(
            record.contains("serial:4 pool:recorder poolserial:0 eventname:PROCESS_GROUP_ADDED"),
            "{record}"
        );
        record
    });
}

/// A listener in `sh`: what it answers is one write, and so one read.
fn listener(world: &World, name: &str, answer: &str) -> String {
    world.script(
        name,
        &format!(
            "printf 'READY\\n'\nwhile read -r head; do\n    len=${{head##*len:}}\n    head -c \"${{len%% *}}\" > \
             /dev/null\n    {answer}\ndone"
        ),
    );
    format!("[eventlistener:{name}]\ncommand={{dir}}/{name}\nevents=REMOTE_COMMUNICATION\nstartsecs=0\n")
}

#[test]
fn the_log_tells_the_same_of_listeners_of_every_kind_log_012_to_log_015() {
    side_by_side(|world| {
        let good = listener(world, "good", "printf 'RESULT 2\\nOKREADY\\n'");
        let fails = listener(
            world,
            "fails",
            "[ -e {dir}/failed ] && printf 'RESULT 2\\nOKREADY\\n' || printf 'RESULT 4\\nFAILREADY\\n'; : > \
             {dir}/failed",
        );
        let lies = listener(world, "lies", "printf 'it is \\303\\251 \\377 fine\\n'");
        let raves = listener(world, "raves", "printf 'RESULT 2\\nOKwhat?!\\n'");
        // The reference gives what one rejects to every pool with a process of its priority (BUG-014).
        world.configure(&format!(
            "{good}priority=1\n{fails}priority=2\n{lies}priority=3\n{raves}priority=4\n[eventlistener:tardy]\ncommand={{dir}}/good\n\
             events=REMOTE_COMMUNICATION\nbuffer_size=2\nautostart=false\nstartsecs=0\n"
        ));
        let text = world.read("supervisord.conf");
        world.write(
            "supervisord.conf",
            &text.replacen("[supervisord]\n", "[supervisord]\nloglevel=debug\n", 1),
        );
        world.boot();
        for name in ["good", "fails", "lies", "raves"] {
            world.await_log(&format!("{name}: ACKNOWLEDGED -> READY"));
        }
        for number in 0..4 {
            call(world, "supervisor.sendRemoteCommEvent", &["t", "d'a\n"]);
            until("the good one has accepted it", || {
                (world.log().matches("good: event was processed").count() == number + 1).then_some(())
            });
            world.await_log("fails: event was processed");
        }
        for name in ["lies", "raves"] {
            world.await_log(&format!("{name}: has entered the UNKNOWN state"));
        }
        world.await_log("discarding event 1");
        call(world, "supervisor.startProcess", &["tardy"]);
        until("the tardy one has accepted what is left", || {
            (world.log().matches("tardy: event was processed").count() == 2).then_some(())
        });
        ["good", "fails", "lies", "raves", "tardy"].map(|name| {
            let told = story(world, &[name, "b'"]);
            let mut output_of_this = false;
            // Below the line about output is the output itself. The reference says "rebuffering" each time that it looks
            // and nobody is READY.
            let told = told.into_iter().filter(|line| {
                let shown =
                    std::mem::replace(&mut output_of_this, line.contains(&format!("'{name}' stdout output")));
                let about = line.contains(name)
                    && ["spawned", "success", "fd "].iter().all(|word| !line.contains(word));
                (about && !line.contains("rebuffering")) || (shown && line.starts_with("b'"))
            });
            told.collect::<Vec<_>>()
        })
    });
}

#[test]
fn listeners_of_superlance_do_their_work() {
    let Some(python) = python() else { return };
    let bin = python.parent().expect("a directory").to_str().expect("a name in UTF-8").to_string();
    let mut world = World::ours();
    world.script("sendmail", "cat >> {dir}/mail");
    world.set_env("BIN", &bin);
    world.configure(
        "[eventlistener:crashmail]\n\
         command=%(ENV_BIN)s/crashmail -a -s {dir}/sendmail -m nobody@example.org\n\
         events=PROCESS_STATE_EXITED\n\
         [eventlistener:memmon]\ncommand=%(ENV_BIN)s/memmon -p big=1KB\nevents=TICK_5\n\
         [eventlistener:httpok]\ncommand=%(ENV_BIN)s/httpok -p deaf -t 1 http://127.0.0.1:1/\nevents=TICK_5\n\
         [program:crash]\ncommand={dir}/crash\nautorestart=false\n\
         [program:big]\ncommand=sleep 1000\n\
         [program:deaf]\ncommand=sleep 1001\n",
    );
    world.script("crash", "read x; exit 7");
    world.boot();
    for name in ["crashmail:crashmail", "memmon", "httpok", "crash", "big", "deaf"] {
        world.await_state(name, "RUNNING");
    }
    let (big, deaf) = (world.pid_of("big"), world.pid_of("deaf"));
    call(&world, "supervisor.sendProcessStdin", &["crash", "\n"]);
    until("a mail about the crash", || world.read("mail").contains("crash").then_some(()));
    until("memmon restarts what is too big", || {
        let info = world.rpc("supervisor.getProcessInfo", &["big".into()]).ok()?;
        let pid = info["pid"].as_i64()?;
        (pid != 0 && pid != i64::from(big)).then_some(())
    });
    until("httpok restarts what does not answer", || {
        let info = world.rpc("supervisor.getProcessInfo", &["deaf".into()]).ok()?;
        let pid = info["pid"].as_i64()?;
        (pid != 0 && pid != i64::from(deaf)).then_some(())
    });
}
