//! Every call of every method from Python, under both daemons: the same results, types, orders of members and faults.

use std::process::Command;
use std::thread;

use crate::beside::side_by_side;
use crate::world::World;
use crate::world::stock::python;

/// Programs in all states, and some that cannot be started.
const BODY: &str = "\
[program:trap]
command={dir}/trap
startsecs=0
stopsignal=USR1
stopwaitsecs=6
[program:talk]
command=printf 0123456789
startsecs=0
autorestart=false
stdout_logfile={dir}/talk.log
[program:idle]
command=sleep 1000
autostart=false
startsecs=0
priority=2
environment=A=\"1\"
directory=/
[program:idle2]
command=sleep 1000
autostart=false
startsecs=0
exitcodes=0,2
redirect_stderr=true
stdout_logfile=NONE
[program:Zähler]
command=sleep 1000
autostart=false
startsecs=1
stopsignal=INT
[program:quick]
command=false
autostart=false
startsecs=5
startretries=0
[program:exits]
command=sh -c \"exit 3\"
autostart=false
autorestart=false
startsecs=0
[program:gone]
command={dir}/nothing
autostart=false
[program:dir]
command={dir}
autostart=false
[program:plain]
command={dir}/supervisord.conf
autostart=false
[program:unparsable]
command=sh -c \"
autostart=false
[group:pair]
programs=two,one
priority=5
[program:one]
command=sleep 1000
autostart=false
startsecs=0
stdout_logfile=AUTO
[program:two]
command=sleep 1000
autostart=false
startsecs=0
priority=1
stdout_logfile_maxbytes=1KB
";

/// The reference breaks off here; what we say instead.
const BREAKS_OFF: &str = "\"HTTP 500\"";
const REFUSED: [&str; 2] =
    ["\"fault 2 INCORRECT_PARAMETERS\"", "[{\"faultCode\": 2, \"faultString\": \"INCORRECT_PARAMETERS\"}]"];

/// Lines that differ.
const DIFFERENT: &[&str] = &[
    // Compared with the name of each group, even what is no name.
    "supervisor.addProcessGroup[[]]",
    "supervisor.addProcessGroup[[\"x\"]]",
    "supervisor.addProcessGroup[{}]",
    "supervisor.addProcessGroup[{\"a\": 1}]",
    // Python has that constant beside its signals; it is 0.
    "supervisor.signalProcess[\"trap\", \"SIG_DFL\"]",
];

fn lines(mut world: World) -> Vec<String> {
    // Ends late when it is told to, so that the daemon's end can be looked at.
    world.script("trap", "trap '' HUP\ntrap 'sleep 3; exit' USR1\nwhile :; do sleep 0.1; done");
    world.configure(BODY);
    let text =
        world.read("supervisord.conf").replacen("[supervisord]", "[supervisord]\nidentifier=before", 1);
    world.write("supervisord.conf", &text);
    world.boot();
    let mut python = Command::new(python().unwrap());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/calls.py");
    let url = format!("unix://{}", world.socket().display());
    let output = python.arg(script).arg(url).arg(world.dir()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
}

#[test]
fn every_method_answers_every_argument_as_the_reference_does() {
    let Some(reference) = World::reference() else { return };
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| lines(reference));
        (lines(World::ours()), theirs.join().unwrap())
    });
    let mut differences = Vec::new();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let (call, answer) = theirs.split_once(" = ").unwrap_or((theirs, ""));
        let refused = answer == BREAKS_OFF && REFUSED.iter().any(|word| *ours == format!("{call} = {word}"));
        let known = DIFFERENT.contains(&call);
        if ours != theirs && !refused && !known {
            differences.push(format!("ours:   {ours}\ntheirs: {theirs}"));
        }
    }
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.len() > 500, "{} calls", ours.len());
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n\n"));
}

#[test]
fn the_configuration_of_listeners_and_fcgi_programs_is_told_alike_rpc_047() {
    side_by_side(|world| {
        world.configure(
            "[eventlistener:ear]\ncommand=cat\nevents=TICK_60\nnumprocs=2\nprocess_name=ear%(process_num)d\n\
             autostart=false\nstderr_capture_maxbytes=1KB\nbuffer_size=3\n\
             [fcgi-program:app]\ncommand=sleep 1000\nsocket=unix://{dir}/app.sock\nautostart=false\nnumprocs=2\n\
             process_name=app%(process_num)d\nsocket_mode=0640\n\
             [fcgi-program:member]\ncommand=sleep 1000\nsocket=tcp://localhost:1\nautostart=false\n\
             [program:plain]\ncommand=sleep 1000\nautostart=false\nstdout_capture_maxbytes=2KB\n\
             [group:mixed]\nprograms=plain,member\npriority=7\n",
        );
        world.boot();
        let dir = world.dir().to_str().unwrap().to_string();
        let mut told = world.rpc_ok("supervisor.getAllConfigInfo", &[]);
        for process in told.as_array_mut().unwrap() {
            let members = process.as_object_mut().unwrap();
            // Version 4.4's (RPC-068).
            members.remove("autorestart");
            for log in ["stdout_logfile", "stderr_logfile"] {
                // The last part of such a name is chance.
                let name = members[log].as_str().unwrap().replace(&dir, "{dir}");
                members[log] = name.split("---").next().into();
            }
        }
        assert_eq!(told.as_array().unwrap().len(), 6, "{told}");
        told
    });
}
