//! Clients that mean ill, or are broken: each gets an error of its own, and the others notice nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::wire::{GET_STATE, connect, exchange, one_answer, post, status};
use crate::world::World;

/// Everybody else is served as ever.
fn assert_at_ease(world: &World) {
    assert!(exchange(world.port, "GET /ok.html HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nOK"));
    let mut stream = connect(world.port);
    stream.write_all(post("/RPC2", GET_STATE).as_bytes()).unwrap();
    assert!(one_answer(&mut stream).contains("RUNNING"));
}

/// Sends these bytes and reads until the server closes; a connection that is reset has been closed too.
fn all_that_comes(world: &World, request: &[u8]) -> String {
    let mut stream = connect(world.port);
    // The server may close before all is written.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it never closed");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_head_of_ten_thousand_lines_is_refused() {
    let world = World::new();
    let lines = "X: y\r\n".repeat(10_000);
    let answer = all_that_comes(&world, format!("GET /ok.html HTTP/1.1\r\n{lines}\r\n").as_bytes());
    assert!(status(&answer).starts_with("431 "), "{answer}");
    let few = "X: y\r\n".repeat(90);
    let answer = all_that_comes(&world, format!("GET /ok.html HTTP/1.1\r\n{few}\r\n").as_bytes());
    assert_eq!(status(&answer), "200 OK");
    let more = "X: y\r\n".repeat(110);
    let answer = all_that_comes(&world, format!("GET /ok.html HTTP/1.1\r\n{more}\r\n").as_bytes());
    assert!(status(&answer).starts_with("431 "), "{answer}");
    assert_at_ease(&world);
}

#[test]
fn lengths_that_can_be_read_in_two_ways_are_never_read_as_two_requests() {
    let world = World::new();
    // Each hides a second request from one reading of its length.
    let hidden = "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n";
    let long = hidden.len();
    let heads = [
        format!("Content-Length: 0\r\nContent-Length: {long}"),
        format!("Content-Length: {long}, 0"),
        format!("Content-Length: +{long}"),
        format!("Content-Length: -{long}"),
        format!("Content-Length: {long} x"),
        "Content-Length: 99999999999999999999999".to_string(),
        "Content-Length: 0x10".to_string(),
        format!("Content-Length: {long}\r\nTransfer-Encoding: x, chunked, x"),
        "Transfer-Encoding: chunked, identity".to_string(),
        "Transfer-Encoding: xchunked".to_string(),
        "Transfer-Encoding : chunked".to_string(),
        format!("Content-Length : {long}"),
        format!("Content-Length\t: {long}"),
        format!(" Content-Length: {long}"),
        format!("X: y\r\n Content-Length: {long}"),
        format!("Content-Length:\n {long}"),
        format!("Content\0-Length: {long}"),
    ];
    for head in heads {
        let request = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{hidden}");
        let answer = all_that_comes(&world, request.as_bytes());
        assert!(!answer.ends_with("\r\n\r\nOK"), "{head:?}: {answer}");
        assert!(!answer.contains(" 200 "), "{head:?}: {answer}");
    }
    assert!(world.asked().is_empty());
    assert_at_ease(&world);
}

#[test]
fn a_length_beside_chunks_counts_for_nothing_and_the_connection_ends() {
    let world = World::new();
    let body = format!("{:x}\r\n{GET_STATE}\r\n0\r\n\r\n", GET_STATE.len());
    for lengths in
        ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 3"]
    {
        let request = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n{body}");
        let answer = all_that_comes(&world, request.as_bytes());
        // Either is safe: a refusal, or one answer to the one call that the chunks hold.
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
    assert_at_ease(&world);
}

#[test]
fn chunks_of_bad_sizes_are_refused() {
    let world = World::new();
    for chunk in [
        "zz\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc",
        "ffffffffffffffff\r\nabc",
        "3\r\nabcdef\r\n0\r\n\r\n",
        "3 3\r\nabc\r\n0\r\n\r\n",
        "\r\n\r\n",
        "3",
    ] {
        let head = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = all_that_comes(&world, format!("{head}{chunk}").as_bytes());
        assert!(!answer.contains(" 200 "), "{chunk:?}: {answer}");
    }
    let extension = format!("1;{}\r\n<\r\n", "x".repeat(100_000));
    let head = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = all_that_comes(&world, format!("{head}{extension}").as_bytes());
    assert!(!answer.contains(" 200 "), "{answer}");
    assert_at_ease(&world);
}

#[test]
fn lines_that_are_no_requests_end_their_connection() {
    let world = World::new();
    let lines: [&[u8]; 9] = [
        b"BOGUS\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /ok.html HTTP/9.9\r\n\r\n",
        b"GET /ok.html\r\n\r\n",
        b"GET  /ok.html HTTP/1.1\r\n\r\n",
        b"G\0T /ok.html HTTP/1.1\r\n\r\n",
        b"GET /ok.html\x00 HTTP/1.1\r\n\r\n",
        b"GET ok.html HTTP/1.1\r\n\r\n",
    ];
    for line in lines {
        let answer = all_that_comes(&world, line);
        assert!(!answer.contains(" 200 "), "{}: {answer}", line.escape_ascii());
    }
    assert_at_ease(&world);
}

#[test]
fn no_spelling_of_a_path_leaves_what_is_served() {
    let world = World::new();
    for path in [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/stylesheets/../../../../etc/passwd",
        "/stylesheets/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "//etc/passwd",
        "/stylesheets//etc/passwd",
        "/images/..\\..\\etc\\passwd",
        "/images/%00",
        "/stylesheets/supervisor.css%00.html",
        "/%",
        "/%ff%fe",
    ] {
        let answer = all_that_comes(&world, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes());
        assert!(["404 Not Found", "400 Bad Request"].contains(&status(&answer)), "{path}: {answer}");
    }
}

#[test]
fn deep_and_wide_calls_are_refused_and_a_multicall_in_a_multicall_too() {
    let world = World::new();
    let nested = |depth: usize| {
        let (open, close) = ("<value><array><data>".repeat(depth), "</data></array></value>".repeat(depth));
        format!(
            "<methodCall><methodName>system.multicall</methodName><params><param>{open}{close}</param></params>\
             </methodCall>"
        )
    };
    for (depth, expected) in [(20, "200 OK"), (45, "400 Bad Request"), (50_000, "400 Bad Request")] {
        let answer = exchange_body(&world, &nested(depth));
        assert_eq!(status(&answer), expected, "{depth}");
    }
    let wide = |count: usize| {
        let values = "<value/>".repeat(count);
        format!(
            "<methodCall><methodName>system.listMethods</methodName><params><param><value><array><data>{values}\
             </data></array></value></param></params></methodCall>"
        )
    };
    assert_eq!(status(&exchange_body(&world, &wide(19_000))), "200 OK");
    assert_eq!(status(&exchange_body(&world, &wide(21_000))), "400 Bad Request");
    let calls = |inner: &str| {
        format!(
            "<value><struct><member><name>methodName</name><value>system.multicall</value></member><member>\
             <name>params</name><value><array><data>{inner}</data></array></value></member></struct></value>"
        )
    };
    let inner = (0..5).fold(String::new(), |inner, _| calls(&inner));
    let many = format!(
        "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{}</data></array>\
         </value></param></params></methodCall>",
        inner.repeat(100)
    );
    let answer = exchange_body(&world, &many);
    assert_eq!(answer.matches("Recursive system.multicall forbidden").count(), 100, "{answer}");
    assert!(world.asked().is_empty());
    assert_at_ease(&world);
}

fn exchange_body(world: &World, body: &str) -> String {
    let mut stream = connect(world.port);
    stream.write_all(post("/RPC2", body).as_bytes()).unwrap();
    one_answer(&mut stream)
}

#[test]
fn entities_of_the_clients_own_are_refused_and_nothing_is_fetched_sec_005() {
    let world = World::new();
    let secret = world.dir.path().join("secret");
    std::fs::write(&secret, "supervisor.getState").unwrap();
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let documents = [
        format!("<!DOCTYPE l [<!ENTITY l0 \"lol\">{laughs}]><methodCall><methodName>&l9;</methodName></methodCall>"),
        format!(
            "<!DOCTYPE l [<!ENTITY x SYSTEM \"file://{}\">]><methodCall><methodName>&x;</methodName></methodCall>",
            secret.display()
        ),
        "<!DOCTYPE l [<!ENTITY x \"supervisor.getState\">]><methodCall><methodName>&x;</methodName></methodCall>"
            .to_string(),
    ];
    for document in documents {
        assert_eq!(status(&exchange_body(&world, &document)), "400 Bad Request", "{document}");
    }
    assert!(world.asked().is_empty());
}

#[test]
fn crowds_of_idle_connections_keep_nobody_out() {
    let world = World::new();
    let mut kept = connect(world.port);
    kept.write_all(post("/RPC2", GET_STATE).as_bytes()).unwrap();
    one_answer(&mut kept);
    // More than a server talks to at once; those that have sent nothing have to go first.
    let mut crowd: Vec<TcpStream> = Vec::new();
    for _ in 0..700 {
        crowd.push(connect(world.port));
    }
    assert_at_ease(&world);
    kept.write_all(post("/RPC2", GET_STATE).as_bytes()).unwrap();
    assert!(one_answer(&mut kept).contains("RUNNING"), "one that has asked before is kept");
    let gone = crowd.into_iter().filter_map(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        stream.read(&mut [0; 1]).ok()
    });
    assert!(gone.count() >= 150);
}

#[test]
fn a_client_that_vanishes_at_any_moment_is_only_missed_by_itself() {
    let world = World::new();
    let request = post("/RPC2", GET_STATE);
    for cut in (0..request.len()).step_by(17) {
        let mut stream = connect(world.port);
        stream.write_all(&request.as_bytes()[..cut]).unwrap();
    }
    let mut unread = connect(world.port);
    for _ in 0..50 {
        unread.write_all(request.as_bytes()).unwrap();
    }
    drop(unread);
    assert_at_ease(&world);
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answer() {
    let world = World::new();
    let call = post("/RPC2", GET_STATE);
    // Again and again, since it is a race between the answer and the news that the client says no more.
    for _ in 0..100 {
        let answer = all_that_comes(&world, call.as_bytes());
        assert!(answer.contains("<string>RUNNING</string>"), "{answer:?}");
    }
    let both = format!("{call}GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = all_that_comes(&world, both.as_bytes());
    assert!(answer.contains("<string>RUNNING</string>") && answer.ends_with("OK"), "{answer:?}");
}

#[test]
fn wrong_passwords_by_the_thousand_let_the_right_one_through() {
    let world = World::new();
    let wrong = "GET /ok.html HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dTpx\r\n\r\n";
    for _ in 0..1_000 {
        let mut stream = connect(world.guarded);
        stream.write_all(wrong.as_bytes()).unwrap();
    }
    let right = "GET /ok.html HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dTpw\r\nConnection: close\r\n\r\n";
    assert!(exchange(world.guarded, right).ends_with("OK"));
}
