//! Clients that ask for too much, against the real daemon: its memory stays small, others are answered meanwhile, and
//! no program notices.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::world::World;
use crate::world::ports::free_port;
use crate::world::procfs::{DEADLINE, until};
use crate::world::rpc::read_some;

/// The most memory that the daemon may ever have had.
const MEMORY_MAX: u64 = 64 << 20;

/// Connections of one server, answers without an end, and bytes of a body: docs/api.md.
const CONNECTIONS_MAX: usize = 512;
const STREAMS_MAX: usize = 256;
const BODY_MAX: usize = 4 << 20;

/// Bodies sent at once: many more than the daemon holds.
const BODIES: usize = 40;

/// A call that is answered at once.
const CALL: &str = "<methodCall><methodName>supervisor.getState</methodName></methodCall>";

/// A daemon with a program, a server that is open to all, one with a password, and a unix socket for everybody else.
struct Target {
    world: World,
    open: u16,
    guarded: u16,
    program: i32,
}

impl Target {
    fn new() -> Target {
        let (open, guarded) = (free_port(), free_port());
        let mut world = World::ours();
        world.write("web.log", "a line\n");
        world.configure(&format!(
            "[inet_http_server:open]\nport=127.0.0.1:{open}\n\
             [inet_http_server:guarded]\nport=127.0.0.1:{guarded}\nusername=u\npassword=p\n\
             [program:web]\ncommand=sleep 1000\nstartsecs=0\nstdout_logfile={{dir}}/web.log\n"
        ));
        world.boot();
        world.await_state("web", "RUNNING");
        let program = world.pid_of("web");
        Target { world, open, guarded, program }
    }

    /// Everybody else is served, the program is still the same, and memory was never above its bound.
    fn is_at_ease(&self) {
        assert_eq!(
            (self.world.state("web"), self.world.pid_of("web")),
            ("RUNNING".to_string(), self.program)
        );
        let status = fs::read_to_string(format!("/proc/{}/status", self.world.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak * 1024 < MEMORY_MAX, "{peak} kB");
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The head of the next answer; empty if the connection ended instead.
fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") {
        match read_some(stream, &mut byte) {
            Ok(0) => return String::new(),
            Ok(_) => head.push(char::from(byte[0])),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return String::new(),
            Err(error) => panic!("{error} after {head:?}"),
        }
    }
    head
}

/// Asks for one thing and gives the status.
fn status(port: u16, request: &str) -> String {
    let mut stream = connect(port);
    stream.write_all(request.as_bytes()).unwrap();
    head(&mut stream).split(' ').nth(1).unwrap_or_default().to_string()
}

fn post(body: &str) -> String {
    format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Sends the same bytes until the server takes no more, or all have been sent; gives how many it took.
fn pour(stream: &mut TcpStream, bytes: &[u8], total: usize) -> usize {
    let mut sent = 0;
    while sent < total {
        match stream.write(bytes) {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    sent
}

/// Room for so many sockets here; false if the machine does not allow it.
fn may_open(sockets: u64) -> bool {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let allowed = hard >= sockets && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    if !allowed {
        eprintln!("skipped: the hard limit of descriptors is below {sockets} here");
    }
    allowed
}

#[test]
fn past_256_logs_that_are_followed_one_more_is_refused_until_another_ends() {
    let target = Target::new();
    let follow = "GET /logtail/web HTTP/1.1\r\n\r\n";
    let mut followers = Vec::new();
    for number in 0..STREAMS_MAX {
        let mut stream = connect(target.open);
        stream.write_all(follow.as_bytes()).unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 200 "), "{number}");
        followers.push(stream);
    }
    assert_eq!(status(target.open, follow), "503");
    assert_eq!(status(target.open, &post(CALL)), "200", "there are connections left for other things");
    target.is_at_ease();
    followers.pop();
    until("a place is free", || (status(target.open, follow) == "200").then_some(()));
}

#[test]
fn where_every_connection_is_at_work_the_next_is_told_so_and_other_servers_are_not_concerned() {
    let target = Target::new();
    // All but the last byte of a call, so that it is being read.
    let call = post(CALL);
    let begin = || {
        let mut stream = connect(target.open);
        stream.write_all(&call.as_bytes()[..call.len() - 1]).unwrap();
        stream
    };
    let mut busy: Vec<TcpStream> = (0..CONNECTIONS_MAX).map(|_| begin()).collect();
    let ok = "GET /ok.html HTTP/1.1\r\n\r\n";
    until("all are at work", || {
        let refused = status(target.open, ok) == "503";
        // Who asks before the last call has come takes the place of its connection.
        busy.extend((!refused).then(begin));
        refused.then_some(())
    });
    assert_eq!(status(target.guarded, ok), "401");
    target.is_at_ease();
    let answered = |stream: &mut TcpStream| stream.write_all(b">").is_ok() && head(stream).contains(" 200 ");
    let kept = busy.iter_mut().map(answered).filter(|answered| *answered);
    assert!(kept.count() > CONNECTIONS_MAX - 10);
}

#[test]
fn five_thousand_idle_connections_keep_nobody_out() {
    if !may_open(8_000) {
        return;
    }
    let target = Target::new();
    let mut kept = connect(target.open);
    let ask = |stream: &mut TcpStream| {
        stream.write_all(post(CALL).as_bytes()).unwrap();
        assert!(head(stream).contains(" 200 "));
        stream.read_exact(&mut [0; 279]).unwrap();
    };
    ask(&mut kept);
    let crowd: Vec<TcpStream> = (0..5_000).map(|_| connect(target.open)).collect();
    ask(&mut kept);
    assert_eq!(status(target.open, &post(CALL)), "200");
    target.is_at_ease();
    let ours = fs::read_dir(format!("/proc/{}/fd", target.world.pid())).unwrap().count();
    assert!(ours < CONNECTIONS_MAX * 3, "{ours} descriptors for {} connections", crowd.len());
}

#[test]
fn a_body_of_a_gigabyte_is_refused_at_its_head_or_past_its_bound() {
    let target = Target::new();
    let announced = "POST /RPC2 HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n";
    assert_eq!(status(target.open, announced), "413");
    let mut stream = connect(target.open);
    stream.write_all(announced.as_bytes()).unwrap();
    let sent = pour(&mut stream, &[b' '; 65_536], 1 << 30);
    assert!(sent < 1 << 30, "all was taken");
    let mut stream = connect(target.open);
    stream.write_all(b"POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(65_536));
    let sent = pour(&mut stream, chunk.as_bytes(), 1 << 30);
    assert!(sent < 1 << 30, "all was taken");
    target.is_at_ease();
}

#[test]
fn bodies_that_are_never_whole_do_not_fill_the_memory() {
    let target = Target::new();
    let request = format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {BODY_MAX}\r\n\r\n");
    let body = " ".repeat(BODY_MAX - 1);
    let pour_one = || {
        let mut stream = connect(target.open);
        // One that is refused may be closed before all of it is sent.
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let all: Vec<TcpStream> = thread::scope(|scope| {
        let all: Vec<_> = (0..BODIES).map(|_| scope.spawn(pour_one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // An answer has come, or the end. What was taken waits for its last byte.
    let is_refused = |stream: &&TcpStream| match stream.peek(&mut [0]) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    };
    until("all but 8 MiB are refused", || {
        (all.iter().filter(is_refused).count() >= BODIES - (8 << 20) / BODY_MAX).then_some(())
    });
    target.is_at_ease();
    drop(all);
    assert_eq!(status(target.open, &post(CALL)), "200");
}

#[test]
fn a_head_without_an_end_is_refused() {
    let target = Target::new();
    for line in ["X: y\r\n".repeat(1_000), format!("X: {}", "y".repeat(6_000)), "y".repeat(6_000)] {
        let mut stream = connect(target.open);
        stream.write_all(b"GET /ok.html HTTP/1.1\r\n").unwrap();
        let sent = pour(&mut stream, line.as_bytes(), 256 << 20);
        assert!(sent < 256 << 20, "all was taken");
    }
    let mut stream = connect(target.open);
    let sent = pour(&mut stream, &[b'G'; 6_000], 256 << 20);
    assert!(sent < 256 << 20, "all was taken");
    target.is_at_ease();
}

#[test]
fn a_byte_now_and_then_does_not_keep_a_connection() {
    let target = Target::new();
    let begun = Instant::now();
    let mut stream = connect(target.open);
    stream.write_all(b"GET /ok").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    loop {
        match stream.read(&mut [0]) {
            // Closed, though a byte has come all the time.
            Ok(0) => break,
            Ok(_) => panic!("an answer to nothing"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => (),
            Err(_) => break,
        }
        assert!(begun.elapsed() < DEADLINE, "never closed");
        if stream.write_all(b"x").is_err() {
            break;
        }
    }
    target.is_at_ease();
}

#[test]
fn a_billion_laughs_are_not_heard() {
    let target = Target::new();
    let entity = |n: usize| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10));
    let entities: String = (1..10).map(entity).collect();
    let document = format!(
        "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l0 \"lol\">{entities}]>\
         <methodCall><methodName>&l9;</methodName></methodCall>"
    );
    for _ in 0..50 {
        assert_eq!(status(target.open, &post(&document)), "400");
    }
    target.is_at_ease();
}

#[test]
fn a_flood_of_wrong_passwords_drowns_nobody() {
    let target = Target::new();
    let wrong = "POST /RPC2 HTTP/1.1\r\nAuthorization: Basic dTpx\r\nContent-Length: 0\r\n\r\n";
    let right = format!(
        "POST /RPC2 HTTP/1.1\r\nAuthorization: Basic dTpw\r\nContent-Length: {}\r\n\r\n{CALL}",
        CALL.len()
    );
    let end = Instant::now() + Duration::from_secs(5);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_500 {
                    let mut stream = connect(target.guarded);
                    // Nobody waits for the answers, as nobody would who tries passwords in a hurry.
                    let _ =
                        stream.write_all(wrong.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
                    if Instant::now() > end {
                        break;
                    }
                }
            });
        }
        for _ in 0..50 {
            until("whoever knows the password is answered", || {
                let mut stream = connect(target.guarded);
                // Between the two calls its place may go to one of the flood, which it then asks for again.
                stream.write_all(right.as_bytes()).ok()?;
                head(&mut stream).starts_with("HTTP/1.1 200 ").then_some(())
            });
            target.is_at_ease();
        }
    });
    target.is_at_ease();
    assert_eq!(status(target.guarded, wrong), "401");
}
