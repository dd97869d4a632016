//! What clients see and do of the logs.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::json;

use crate::world::procfs::until;
use crate::world::rpc::Refusal;
use crate::world::{Boot, World};

/// A client of `/logtail` and what it has read so far.
struct Stream {
    socket: UnixStream,
    bytes: Vec<u8>,
}

impl Stream {
    fn open(world: &World, request: &str) -> Stream {
        let mut socket = UnixStream::connect(world.socket()).unwrap();
        socket.write_all(format!("{request}\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Stream { socket, bytes: Vec::new() }
    }

    /// Reads what is there; whether the server has closed.
    fn read(&mut self) -> bool {
        let mut chunk = [0; 65_536];
        match self.socket.read(&mut chunk) {
            Ok(0) => true,
            Ok(count) => {
                self.bytes.extend_from_slice(&chunk[..count]);
                false
            }
            Err(_) => false,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Waits for a text, and gives all that has come.
    fn await_text(&mut self, text: &str) -> String {
        until(&format!("{text:?} in the stream"), || {
            self.read();
            self.text().contains(text).then(|| self.text())
        })
    }

    fn await_close(&mut self) -> String {
        until("the end of the stream", || self.read().then(|| self.text()))
    }
}

/// The chunks' content.
fn unchunked(text: &str) -> String {
    let (_, mut rest) = text.split_once("\r\n\r\n").unwrap();
    let mut out = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 || after.len() < size {
            break;
        }
        out.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    out
}

/// A program that copies what is put into the file `feed` to its output, and rotates often.
fn world() -> World {
    let mut world = World::ours();
    world.script("program", "exec tail -n +1 -f --sleep-interval=0.01 \"$1\"");
    world.write("feed", "first\n");
    world.configure(
        "[program:x]\ncommand={dir}/program {dir}/feed\nstdout_logfile={dir}/out\nstdout_logfile_maxbytes=40\n\
         stdout_logfile_backups=3\nstderr_logfile=NONE\n\
         [program:idle]\ncommand=/bin/cat\nautostart=false\nstdout_logfile={dir}/idle\n\
         [program:pipe]\ncommand=/bin/cat\nstdout_logfile=/dev/null\nstderr_logfile={dir}/fifo\n",
    );
    nix::unistd::mkfifo(&world.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    world.boot();
    world.await_state("x", "RUNNING");
    world
}

fn feed(world: &World, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(world.path("feed")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_log_is_followed_through_rotation_clearing_and_truncation_http_025_bug_027() {
    let world = world();
    until("the log", || (world.read("out") == "first\n").then_some(()));
    let mut stream = Stream::open(&world, "GET /logtail/x HTTP/1.1");
    let head = stream.await_text("first\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for header in [
        "Content-Type: text/plain;charset=utf-8\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X-Accel-Buffering: no\r\n",
        "Last-Modified: ",
    ] {
        assert!(head.to_lowercase().contains(&header.to_lowercase()), "{header} in {head}");
    }
    let mut expected = "first\n".to_string();
    for number in 0..20 {
        let line = format!("line number {number:02}\n");
        feed(&world, &line);
        expected.push_str(&line);
        stream.await_text(&line);
    }
    assert!(world.path("out.1").exists(), "it was rotated");
    world.rpc_ok("supervisor.clearProcessLogs", &[json!("x")]);
    feed(&world, "cleared\n");
    stream.await_text("cleared\n");
    fs::OpenOptions::new().write(true).open(world.path("out")).unwrap().set_len(0).unwrap();
    stream.await_text("==> File truncated <==\n");
    feed(&world, "cut\n");
    let all = unchunked(&stream.await_text("cut\n"));
    assert_eq!(all, format!("{expected}cleared\n==> File truncated <==\ncut\n"));
}

#[test]
fn http_1_0_gets_the_stream_too_and_all_of_it_until_the_daemon_ends_bug_027() {
    let mut world = world();
    let mut stream = Stream::open(&world, "GET /mainlogtail HTTP/1.0");
    let head = stream.await_text("\r\n\r\n");
    assert!(!head.to_lowercase().contains("chunked") && !head.to_lowercase().contains("accel"), "{head}");
    stream.await_text("success: x entered RUNNING state");
    world.signal("TERM");
    let all = stream.await_close();
    assert!(all.contains("waiting for") && all.contains("stopped: x"), "{all}");
    world.await_end();
}

#[test]
fn what_cannot_be_followed_is_404_http_026() {
    let world = world();
    for path in [
        "/logtail/nobody",
        "/logtail/x:*",
        "/logtail/x/stderr",
        "/logtail/x/stdin",
        "/logtail/idle",
        "/logtail/pipe/stderr",
        "/logtail",
    ] {
        let answer = Stream::open(&world, &format!("GET {path} HTTP/1.1")).await_text("</body>");
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    for request in ["POST /logtail/x", "HEAD /mainlogtail"] {
        let answer =
            Stream::open(&world, &format!("{request} HTTP/1.1\r\nContent-Length: 0")).await_text("\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
    }
}

#[test]
fn logs_of_stopped_processes_are_cleared_and_pipes_are_not_removed_bug_005_bug_026() {
    let world = world();
    world.write("idle", "old");
    fs::set_permissions(world.path("idle"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(world.rpc_ok("supervisor.clearProcessLogs", &[json!("idle")]), json!(true));
    assert_eq!(fs::read_to_string(world.path("idle")).unwrap(), "");
    assert_eq!(fs::metadata(world.path("idle")).unwrap().permissions().mode() & 0o777, 0o600);

    let refused = world.rpc("supervisor.clearProcessLogs", &[json!("pipe")]);
    assert_eq!(refused, Err(Refusal::Fault(30, "FAILED: pipe".to_string())));
    assert!(world.path("fifo").exists() && fs::metadata("/dev/null").unwrap().len() == 0);

    let all = world.rpc_ok("supervisor.clearAllProcessLogs", &[]);
    let told: Vec<String> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["status"]))
        .collect();
    assert_eq!(told, ["idle 80", "pipe 30", "x 80"]);
    // The running one writes on, into the new file.
    feed(&world, "more\n");
    until("the log", || (world.read("out") == "more\n").then_some(()));
}

#[test]
fn colours_and_broken_text_reach_the_client_bug_016_bug_017() {
    let world = world();
    fs::write(world.path("idle"), b"\x1b[1mbold\x1b[0m \xff\xfe end\n").unwrap();
    let read = world.rpc_ok("supervisor.readProcessStdoutLog", &[json!("idle"), json!(0), json!(0)]);
    assert_eq!(read, "\u{fffd}[1mbold\u{fffd}[0m \u{fffd}\u{fffd} end\n");
    // A size beyond 32 bits is the nearest inside (BUG-018).
    fs::OpenOptions::new().write(true).open(world.path("idle")).unwrap().set_len(3 << 30).unwrap();
    let tail = world.rpc_ok("supervisor.tailProcessStdoutLog", &[json!("idle"), json!(0), json!(2)]);
    assert_eq!(tail, json!(["\u{fffd}\u{fffd}", i32::MAX, true]));
}

#[test]
fn a_standard_output_that_nobody_reads_delays_neither_calls_nor_starts() {
    let mut world = World::ours();
    nix::unistd::mkfifo(&world.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    world.script("flood", "yes 0123456789abcde 2>/dev/null | head -c 30000000");
    world.configure(
        "[program:flood]\ncommand={dir}/flood\nstdout_logfile=/dev/stdout\nstartsecs=0\nautorestart=false\n\
         [program:other]\ncommand=/bin/sleep 1000\nautostart=false\n",
    );
    // Descriptor 9 keeps the pipe open, and nobody reads from it.
    let pipe = format!("exec \"$@\" 9<>{0} >{0}", world.path("pipe").display());
    world.boot_as(&Boot { wrapper: &["sh", "-c", &pipe, "sh"], ..Boot::default() });
    world.await_up();
    let flood = world.pid_of("flood");
    until("the flood is held up", || {
        let blocked = |pid: i32| fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
        let all = std::iter::once(flood).chain(crate::world::procfs::descendants(flood));
        all.into_iter().any(|pid| blocked(pid).contains("pipe_write")).then_some(())
    });
    for _ in 0..20 {
        world.rpc_ok("supervisor.startProcess", &[json!("other"), json!(false)]);
        world.rpc_ok("supervisor.stopProcess", &[json!("other")]);
    }
    assert_eq!(world.state("flood"), "RUNNING");
    // Read, it goes on; what the log's copy says stands between its lines.
    let mut reader = fs::File::open(world.path("pipe")).unwrap();
    let (mut read, mut piece) = (0, vec![0; 1 << 20]);
    while read < 30_000_000 {
        let length = reader.read(&mut piece).unwrap();
        read += piece[..length]
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.len() <= 16)
            .map(<[u8]>::len)
            .sum::<usize>();
        assert_ne!(length, 0);
    }
    world.await_state("flood", "EXITED");
    assert!(!world.log().contains("/dev/stdout takes"), "{}", world.log());
}

#[test]
fn a_client_that_hangs_up_on_a_silent_log_leaves_nothing_behind() {
    let world = World::running("[program:quiet]\ncommand=sleep 1000\nstdout_logfile={dir}/quiet.log\n");
    world.await_state("quiet", "RUNNING");
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", world.pid())).unwrap().count();
    // At most: a call made just now may still be leaving.
    let before = descriptors();
    for _ in 0..5 {
        let mut client = UnixStream::connect(world.socket()).unwrap();
        // The stock client ends its request with one empty line too many.
        client.write_all(b"GET /logtail/quiet HTTP/1.1\r\nHost: x\r\n\r\n\r\n").unwrap();
        let mut answer = [0; 15];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }
    until("all five are forgotten", || (descriptors() <= before).then_some(()));
}

/// What a program writes to both channels at one time is told in its order, as by the reference, and by chance would be
/// half the time. A channel that never falls silent does not drown the other.
#[test]
fn standard_output_comes_before_the_standard_error_of_the_same_moment() {
    const PAIRS: usize = 12;
    let world = World::ours();
    let wait = "while ! [ -e {dir}/go$i ]; do sleep 0.01; done";
    let pair = "echo out $i; echo err $i >&2; : > {dir}/done$i";
    world.script("pairs", &format!("for i in $(seq {PAIRS}); do {wait}; {pair}; done; exec sleep 1000"));
    world.script("flood", "yes & echo heard >&2; wait");
    world.configure(
        "[program:pairs]\ncommand={dir}/pairs\nstdout_logfile={dir}/pairs.log\nstderr_logfile={dir}/pairs.log\n\
         [program:flood]\ncommand={dir}/flood\nstdout_logfile={dir}/flood.log\nstdout_logfile_maxbytes=1MB\n\
         stdout_logfile_backups=0\nstderr_logfile={dir}/flood.err\nstopasgroup=true\n",
    );
    let mut world = world;
    world.boot();
    until("the flooded channel is heard", || (world.read("flood.err") == "heard\n").then_some(()));
    world.rpc_ok("supervisor.stopProcess", &["flood".into()]);
    let mut expected = String::new();
    for pair in 1..=PAIRS {
        // The daemon finds both when it wakes.
        world.signal("STOP");
        world.write(&format!("go{pair}"), "");
        until("both are written", || world.path(&format!("done{pair}")).exists().then_some(()));
        world.signal("CONT");
        expected += &format!("out {pair}\nerr {pair}\n");
        let log = until("both are there", || {
            Some(world.read("pairs.log")).filter(|log| log.len() == expected.len())
        });
        assert_eq!(log, expected);
    }
}
