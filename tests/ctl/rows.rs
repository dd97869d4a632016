//! Command lines for a daemon as [`BODY`] sets it up.

use crate::both::Compare::{self, AnyOrder, Complaint, Everything};

/// What must be so first, the words, and what is compared. `+x` is a running process, `-x` a stopped one.
pub type Row = (&'static str, &'static str, Compare);

/// A lone program, one that is not started by itself, a group of two, one for each way a start can fail, and logs.
pub const BODY: &str = "\
[program:web]
command=sleep 1000
startsecs=0
stdout_logfile={dir}/web.log
stderr_logfile=NONE
[program:idle]
command=sleep 1000
autostart=false
startsecs=0
priority=5
[program:worker]
command=sleep 1000
numprocs=2
process_name=%(program_name)s_%(process_num)02d
startsecs=0
[group:jobs]
programs=worker
priority=20
[program:missing]
command=/nonexistent/program
autostart=false
[program:plain]
command={dir}/plain
autostart=false
[program:quick]
command=false
autostart=false
startsecs=3
startretries=0
[program:spare]
command=sleep 1000
autostart=false
";

/// The rows of one daemon, in order.
pub const ROWS: &[Row] = &[
    // status
    ("+web -idle", "status", Everything),
    ("+web -idle", "status all", Everything),
    ("+web -idle", "status web all", Everything),
    ("+web", "status web", Everything),
    ("+web", "status web:web", Everything),
    ("-idle", "status idle", Everything),
    ("+web -idle", "status web idle web", Everything),
    ("+web -idle", "status idle web", Everything),
    ("+jobs:worker_00 +jobs:worker_01", "status jobs:*", Everything),
    ("+jobs:worker_00", "status jobs:", Everything),
    ("+jobs:worker_00", "status jobs:worker_00", Everything),
    ("", "status worker_00", Everything),
    ("", "status jobs", Everything),
    ("", "status nobody", Everything),
    ("", "status nobody:*", Everything),
    ("", "status nobody:", Everything),
    ("", "status nobody:nothing", Everything),
    ("", "status jobs:nothing", Everything),
    ("+web", "status nobody web", Everything),
    ("-idle", "status nobody idle", Everything),
    ("+web", "status -x web", Everything),
    ("", "status missing plain", Everything),
    ("", "status :", Everything),
    ("", "status :x", Everything),
    ("", "status @", Everything),
    ("", "status @:*", Everything),
    // pid
    ("", "pid", Everything),
    ("+web", "pid web", Everything),
    ("-idle", "pid idle", Everything),
    ("+web -idle", "pid web idle", Everything),
    ("+web -idle", "pid idle web", Everything),
    ("", "pid nobody", Everything),
    ("+web", "pid nobody web", Everything),
    ("+web", "pid web nobody", Everything),
    ("", "pid all", Everything),
    ("", "pid web all", Everything),
    ("+jobs:worker_01", "pid jobs:worker_01", Everything),
    ("", "pid jobs", Everything),
    ("", "pid nobody:*", Everything),
    ("", "pid nobody:", Everything),
    ("", "pid :", Everything),
    ("", "pid @", Everything),
    // version, avail
    ("", "version", Everything),
    ("", "version x", Complaint),
    ("", "avail", Everything),
    ("", "avail x", Complaint),
    ("", "avail x y", Complaint),
    // start
    ("", "start", Complaint),
    ("-web", "start web", Everything),
    ("+web", "start web", Everything),
    ("-web", "start web:web", Everything),
    ("-web -idle", "start web idle", Everything),
    ("-web +idle", "start idle web", Everything),
    ("-web", "start web web", Everything),
    ("-jobs:worker_00", "start jobs:worker_00", Everything),
    ("-jobs:worker_00 -jobs:worker_01", "start jobs:*", AnyOrder),
    ("+jobs:worker_00 -jobs:worker_01", "start jobs:*", Everything),
    ("+jobs:worker_00 +jobs:worker_01", "start jobs:*", Everything),
    ("-jobs:worker_00 -jobs:worker_01", "start jobs:", AnyOrder),
    ("", "start jobs", Everything),
    ("", "start worker", Everything),
    ("", "start nobody", Everything),
    ("", "start nobody:*", Everything),
    ("", "start nobody:", Everything),
    ("", "start nobody:nothing", Everything),
    ("-web", "start nobody web", Everything),
    ("-web", "start nobody:* web", Everything),
    ("", "start missing", Everything),
    ("", "start plain", Everything),
    ("", "start missing plain", Everything),
    ("-web", "start missing web", Everything),
    ("", "start missing:*", Everything),
    ("-quick", "start quick", Everything),
    ("", "start -x", Everything),
    ("", "start x:y:z", Everything),
    ("", "start-all", Everything),
    // stop
    ("", "stop", Complaint),
    ("+web", "stop web", Everything),
    ("-web", "stop web", Everything),
    ("+web", "stop web:web", Everything),
    ("+web +idle", "stop web idle", Everything),
    ("-web +idle", "stop web idle", Everything),
    ("+web", "stop web web", Everything),
    ("+jobs:worker_00 +jobs:worker_01", "stop jobs:*", AnyOrder),
    ("-jobs:worker_00 +jobs:worker_01", "stop jobs:*", Everything),
    ("-jobs:worker_00 -jobs:worker_01", "stop jobs:*", Everything),
    ("+jobs:worker_00", "stop jobs:worker_00", Everything),
    ("", "stop jobs", Everything),
    ("", "stop nobody", Everything),
    ("", "stop nobody:*", Everything),
    ("", "stop nobody:nothing", Everything),
    ("+web", "stop nobody web", Everything),
    ("+web", "stop nobody:* web", Everything),
    ("", "stop missing", Everything),
    // restart
    ("", "restart", Complaint),
    ("+web", "restart web", Everything),
    ("-web", "restart web", Everything),
    ("+web +idle", "restart web idle", Everything),
    ("+jobs:worker_00 +jobs:worker_01", "restart jobs:*", AnyOrder),
    ("-jobs:worker_00 +jobs:worker_01", "restart jobs:*", AnyOrder),
    ("", "restart nobody", Everything),
    ("", "restart nobody:*", Everything),
    ("", "restart missing", Everything),
    ("", "restart plain", Everything),
    ("+web", "restart web nobody", Everything),
    // signal
    ("", "signal", Complaint),
    ("", "signal HUP", Complaint),
    ("+web", "signal CONT web", Everything),
    ("+web", "signal SIGCONT web", Everything),
    ("+web", "signal 18 web", Everything),
    ("+web", "signal cont web", Everything),
    ("+web +idle", "signal CONT web idle", Everything),
    ("-idle", "signal CONT idle", Everything),
    ("+web -idle", "signal CONT idle web", Everything),
    ("+jobs:worker_00 +jobs:worker_01", "signal CONT jobs:*", Everything),
    ("-jobs:worker_00 +jobs:worker_01", "signal CONT jobs:*", Everything),
    ("+web", "signal NONSENSE web", Everything),
    ("+web", "signal 99 web", Everything),
    ("-idle", "signal NONSENSE idle", Everything),
    ("+jobs:worker_00 +jobs:worker_01", "signal NONSENSE jobs:*", Everything),
    ("", "signal CONT nobody", Everything),
    ("", "signal CONT nobody:*", Everything),
    ("+web", "signal CONT nobody web", Everything),
    ("+web -idle", "signal CONT all", Everything),
    ("+web", "signal NONSENSE all", Everything),
    // logs
    ("", "tail", Complaint),
    ("", "tail web", Everything),
    ("", "tail web stdout", Everything),
    ("", "tail web STDOUT", Everything),
    ("", "tail web stderr", Everything),
    ("", "tail web bogus", Everything),
    ("", "tail web it's", Everything),
    ("", "tail -10 web", Everything),
    ("", "tail -0 web", Everything),
    ("", "tail --5 web", Everything),
    ("", "tail -+5 web", Everything),
    ("", "tail -1_0 web", Everything),
    ("", "tail -x web", Everything),
    ("", "tail - web", Everything),
    ("", "tail -10", Everything),
    ("", "tail -f", Everything),
    ("", "tail -10 web stderr", Everything),
    ("", "tail -10 web bogus", Everything),
    ("", "tail web stdout more", Everything),
    ("", "tail -10 web stdout more", Complaint),
    ("", "tail a b c d", Complaint),
    ("", "tail nobody", Everything),
    ("", "tail nobody:nothing", Everything),
    ("", "tail idle", Everything),
    ("", "maintail x", Everything),
    ("", "maintail -x", Everything),
    ("", "maintail -", Everything),
    ("", "maintail -10 x", Complaint),
    ("", "maintail a b c", Complaint),
    ("", "clear", Complaint),
    ("+web", "clear web", Everything),
    ("+web +idle", "clear web idle", Everything),
    ("", "clear nobody", Everything),
    ("+web", "clear nobody web", Everything),
    ("", "clear jobs", Everything),
    ("", "clear all", AnyOrder),
    // fg
    ("", "fg", Complaint),
    ("", "fg web idle", Everything),
    ("", "fg nobody", Everything),
    ("", "fg jobs:*", Everything),
    ("-idle", "fg idle", Everything),
    // groups
    ("base", "reread", Everything),
    ("", "reread x", Complaint),
    ("more", "reread", Everything),
    ("less", "reread", Everything),
    ("other", "reread", Everything),
    ("mixed", "reread", Everything),
    ("broken", "reread", Everything),
    ("base", "update", Everything),
    ("base", "update all", Everything),
    ("base", "update nobody", Everything),
    ("base", "update web", Everything),
    ("more", "update", Everything),
    ("less", "update", Everything),
    ("other", "update", Everything),
    ("other +spare", "update", Everything),
    ("mixed", "update", Everything),
    ("mixed", "update extra", Everything),
    ("mixed", "update spare", Everything),
    ("mixed", "update extra nobody", Everything),
    ("mixed", "update nobody all", Everything),
    ("", "add", Everything),
    ("base", "add web", Everything),
    ("base", "add nobody", Everything),
    ("base", "add nobody web", Everything),
    ("more reread", "add extra", Everything),
    ("more reread", "add extra extra", Everything),
    ("more reread", "add nobody extra web", Everything),
    ("", "remove", Everything),
    ("+web", "remove web", Everything),
    ("base -spare", "remove spare", Everything),
    ("base -spare", "remove spare spare", Everything),
    ("", "remove nobody", Everything),
    ("+web base -spare", "remove nobody web spare", Everything),
    ("", "remove jobs:*", Everything),
    // the daemon
    ("", "reload x", Complaint),
    ("", "shutdown x", Complaint),
    ("", "shutdown x y", Complaint),
    ("", "open", Everything),
    ("", "open localhost:9001", Everything),
    ("", "open ftp://localhost", Everything),
    ("", "open http:nothing", Everything),
    ("", "open unix:nothing", Everything),
    ("", "open http://127.0.0.1:1", Everything),
    ("", "open unix:///nonexistent/socket", Everything),
    // the line itself
    ("", "nonsense", Everything),
    ("", "Status", Everything),
    ("", "status!", Everything),
    ("", "!ls", Everything),
    ("", "@web", Everything),
    ("", "*", Everything),
    ("", "help nonsense", Everything),
    ("", "help EOF", Everything),
    ("", "help start stop", Everything),
    ("", "?nonsense", Everything),
    ("", "quit", Everything),
    ("", "exit", Everything),
    ("", "quit now", Everything),
    ("", "EOF", Everything),
    ("", "shell ls", Everything),
    // all at once, last: what runs has changed
    ("+web -idle -spare -quick +jobs:worker_00 +jobs:worker_01", "stop all", AnyOrder),
    ("-web -idle -spare -quick -jobs:worker_00 -jobs:worker_01", "start web all", AnyOrder),
    ("+web -idle -spare -quick +jobs:worker_00 +jobs:worker_01", "restart all", AnyOrder),
    ("+web +idle -spare -quick +jobs:worker_00 -jobs:worker_01", "stop web all nobody", AnyOrder),
];
