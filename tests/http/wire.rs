//! HTTP itself: routes, refusals, keep-alive, authentication.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::world::World;

/// A deadline for what should happen at once.
const SOON: Duration = Duration::from_secs(20);

/// Sends one request and reads until the server closes.
pub fn exchange(port: u16, request: &str) -> String {
    let mut stream = connect(port);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// Reads one answer with a Content-Length from a connection that stays open.
pub fn one_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let mut byte = [0];
    while !answer.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).expect(&answer);
        answer.push(char::from(byte[0]));
    }
    let length: usize = header(&answer, "Content-Length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    answer + &String::from_utf8(body).unwrap()
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub fn status(answer: &str) -> &str {
    answer.lines().next().unwrap_or("").split_once(' ').map_or("", |(_, status)| status)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn get(port: u16, line: &str, headers: &str) -> String {
    exchange(port, &format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"))
}

pub fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub const GET_STATE: &str = "<methodCall><methodName>supervisor.getState</methodName></methodCall>";

#[test]
fn error_pages_have_the_bytes_of_http_016() {
    let world = World::new();
    let cases = [
        ("GET /nope", "404 Not Found", 134),
        ("HEAD /nope", "404 Not Found", 0),
        ("GET /logtail/x", "404 Not Found", 134),
        ("GET /RPC2", "400 Bad Request", 136),
        ("PUT /RPC2", "400 Bad Request", 136),
        ("PUT /ok.html", "400 Bad Request", 136),
        ("DELETE /nope", "400 Bad Request", 136),
        ("POST /RPC2", "411 Length Required", 140),
    ];
    for (line, expected, length) in cases {
        let answer = get(world.port, line, "");
        assert_eq!(status(&answer), expected, "{line}");
        assert_eq!(body(&answer).len(), length, "{line}");
        assert_eq!(header(&answer, "Content-Type"), Some("text/html"), "{line}");
    }
    let page = "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n\
        <p>Error code 404.\r\n<p>Message: Not Found.\r\n</body>\r\n";
    assert_eq!(body(&get(world.port, "GET /nope", "")), page);
}

#[test]
fn the_ok_page_says_ok_under_every_spelling_http_020() {
    let world = World::new();
    for line in ["GET /ok.html", "GET //ok.html?a=b", "GET /%6fk.html", "POST /ok.html"] {
        let answer = get(world.port, line, "Content-Length: 0\r\n");
        assert_eq!((status(&answer), body(&answer)), ("200 OK", "OK"), "{line}");
        assert_eq!(header(&answer, "Content-Type"), Some("text/plain"), "{line}");
        assert_eq!(header(&answer, "Server"), Some("Medusa/1.12"), "{line}");
        assert!(header(&answer, "Date").is_some_and(|date| date.ends_with(" GMT")), "{line}");
    }
    assert_eq!(status(&get(world.port, "GET /ok.htmlx", "")), "404 Not Found");
    assert_eq!(status(&get(world.port, "HEAD /ok.html", "")), "404 Not Found");
    assert_eq!(status(&get(world.port, "POST /ok.html", "")), "411 Length Required");
}

#[test]
fn calls_are_taken_at_every_path_that_begins_with_rpc2_http_018() {
    let world = World::new();
    let mut stream = connect(world.port);
    for path in ["/RPC2", "/RPC2/", "/RPC2foo", "/RPC2/a/b?c", "/%52PC2"] {
        stream.write_all(post(path, GET_STATE).as_bytes()).unwrap();
        let answer = one_answer(&mut stream);
        assert_eq!(status(&answer), "200 OK", "{path}");
        assert_eq!(header(&answer, "Content-Type"), Some("text/xml"), "{path}");
        assert!(answer.contains("<string>RUNNING</string>"), "{path}");
    }
    for path in ["/rpc2", "//RPC2", "/x/RPC2"] {
        let mut stream = connect(world.port);
        stream.write_all(post(path, GET_STATE).as_bytes()).unwrap();
        assert_eq!(status(&one_answer(&mut stream)), "400 Bad Request", "{path}");
    }
}

#[test]
fn an_answer_has_the_very_bytes_of_the_reference() {
    let world = World::new();
    let mut stream = connect(world.port);
    stream.write_all(post("/RPC2", GET_STATE).as_bytes()).unwrap();
    let expected = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><struct>\n<member>\n\
        <name>statecode</name>\n<value><int>1</int></value>\n</member>\n<member>\n<name>statename</name>\n\
        <value><string>RUNNING</string></value>\n</member>\n</struct></value>\n</param>\n</params>\n\
        </methodResponse>\n";
    let answer = one_answer(&mut stream);
    assert_eq!(body(&answer), expected);
    assert_eq!(header(&answer, "Content-Length"), Some("279"));
}

#[test]
fn keep_alive_follows_the_version_and_the_header_http_012() {
    let world = World::new();
    let versions = [
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: keep-alive\r\n", true),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
    ];
    for (version, header, stays) in versions {
        let mut stream = connect(world.port);
        let request = format!("GET /ok.html {version}\r\nHost: x\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let answer = one_answer(&mut stream);
        assert!(answer.starts_with(version), "{answer}");
        // In the reference's letters (HTTP-013).
        let said = match (version, stays) {
            ("HTTP/1.1", true) | ("HTTP/1.0", false) => None,
            (_, true) => Some("Keep-Alive"),
            (_, false) => Some("close"),
        };
        assert_eq!(self::header(&answer, "Connection"), said, "{version} {header}");
        // A server that is about to close lets no second answer through.
        let again = stream.write_all(request.as_bytes()).and_then(|()| stream.read(&mut [0; 16]));
        assert_eq!(again.is_ok_and(|bytes| bytes > 0), stays, "{version} {header}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let world = World::new();
    let mut stream = connect(world.port);
    let both = post("/RPC2", GET_STATE) + "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(both.as_bytes()).unwrap();
    assert!(one_answer(&mut stream).contains("RUNNING"));
    assert_eq!(body(&one_answer(&mut stream)), "OK");
}

#[test]
fn a_body_that_is_no_call_is_400_and_the_connection_stays_rpc_004() {
    let world = World::new();
    let mut stream = connect(world.port);
    for bad in ["", "abc", "<methodCall/>", "<methodCall><methodName></methodName></methodCall>"] {
        stream.write_all(post("/RPC2", bad).as_bytes()).unwrap();
        let answer = one_answer(&mut stream);
        assert_eq!((status(&answer), body(&answer).len()), ("400 Bad Request", 136), "{bad}");
    }
    stream.write_all(post("/RPC2", GET_STATE).as_bytes()).unwrap();
    assert_eq!(status(&one_answer(&mut stream)), "200 OK");
}

#[test]
fn a_body_too_long_is_refused_before_it_is_sent() {
    let world = World::new();
    let answer =
        exchange(world.port, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4194305\r\n\r\n<methodCall>");
    assert_eq!(status(&answer), "413 Request Entity Too Large");
    assert_eq!(header(&answer, "Connection"), Some("close"));
}

#[test]
fn a_body_too_long_in_chunks_is_refused_and_a_short_one_is_taken() {
    let world = World::new();
    let head = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut stream = connect(world.port);
    stream.write_all(format!("{head}{:x}\r\n{GET_STATE}\r\n0\r\n\r\n", GET_STATE.len()).as_bytes()).unwrap();
    assert!(one_answer(&mut stream).contains("RUNNING"));
    let mut stream = connect(world.port);
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    // The server may refuse, and close, before all of it is written.
    let _ = (0..80).try_for_each(|_| stream.write_all(chunk.as_bytes()));
    let mut start = [0; 12];
    match stream.read_exact(&mut start) {
        Ok(()) => assert_eq!(&start, b"HTTP/1.1 413"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn a_head_too_long_is_refused() {
    let world = World::new();
    let mut stream = connect(world.port);
    let _ = stream.write_all(format!("GET /ok.html HTTP/1.1\r\nX: {}\r\n", "x".repeat(70_000)).as_bytes());
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 431");
}

#[test]
fn a_server_with_a_username_asks_for_it_on_every_path_http_032() {
    let world = World::new();
    for port in [world.guarded, world.hashed] {
        for line in ["GET /ok.html", "GET /nope", "GET /RPC2", "POST /RPC2"] {
            let answer = get(port, line, "");
            assert_eq!((status(&answer), body(&answer).len()), ("401 Unauthorized", 137), "{line}");
            assert_eq!(header(&answer, "Www-Authenticate"), Some("Basic realm=\"default\""));
            assert_eq!(header(&answer, "Connection"), Some("close"));
        }
        // u:p, u:q, u:, "up" without a colon, and what is no base64.
        let cases = [
            ("Basic dTpw", "200 OK"),
            ("basic dTpw", "200 OK"),
            ("Basic dTpx", "401 Unauthorized"),
            ("Basic dTo=", "401 Unauthorized"),
            ("Digest dTpw", "401 Unauthorized"),
            ("Basic dXA=", "400 Bad Request"),
            ("Basic !!!!", "400 Bad Request"),
        ];
        for (authorization, expected) in cases {
            let answer = get(port, "GET /ok.html", &format!("Authorization: {authorization}\r\n"));
            assert_eq!(status(&answer), expected, "{authorization}");
        }
    }
    assert!(world.asked().is_empty(), "nobody got through to the supervisor");
}

#[test]
fn bad_credentials_end_the_connection_bug_030() {
    let world = World::new();
    let unauthorized = exchange(world.guarded, &post("/RPC2", GET_STATE));
    assert_eq!(status(&unauthorized), "401 Unauthorized");
    let malformed = "GET /ok.html HTTP/1.1\r\nHost: x\r\nAuthorization: Basic !\r\n\r\n";
    assert_eq!(status(&exchange(world.guarded, malformed)), "400 Bad Request");
}

#[test]
fn a_panic_in_a_request_is_500_and_the_servers_go_on() {
    let world = World::new();
    let call = "<methodCall><methodName>supervisor.getProcessInfo</methodName><params><param>\
        <value>unspeakable</value></param></params></methodCall>";
    let answer = exchange(world.port, &post("/RPC2", call));
    assert_eq!((status(&answer), body(&answer).len()), ("500 Internal Server Error", 146));
    assert_eq!(body(&get(world.port, "GET /ok.html", "")), "OK");
}

#[test]
fn who_is_refused_may_first_send_the_body_apart_from_the_head() {
    let world = World::new();
    let mut first = connect(world.guarded);
    first.write_all(b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n").unwrap();
    // When this one has its answer, that head has long been read.
    assert_eq!(status(&exchange(world.guarded, "GET / HTTP/1.0\r\n\r\n")), "401 Unauthorized");
    first.set_nonblocking(true).unwrap();
    let early = first.read(&mut [0]);
    assert!(
        early.is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
        "it was answered before its body"
    );
    first.set_nonblocking(false).unwrap();
    first.write_all(b"<x/>").unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), "401 Unauthorized");
}
