//! What the live page is made of, by raw HTTP: its routes, and the events as they come.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::browser::serve;
use crate::world::procfs::{DEADLINE, kill, until};
use crate::world::rpc::read_some;

const TWO: &str = "[program:a]\ncommand=cat\nstartsecs=0\n[program:b]\ncommand=cat\nstartsecs=0\nautostart=false\n\
                   [collection:both]\nprograms=a,b\n";

/// Sends a request, without the empty line, and gives the head and the body of the answer.
fn ask(port: u16, request: &str) -> (String, String) {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = head.replace('\n', "\r\n");
    let request = format!("{head}\r\nHost: 127.0.0.1:{port}\r\n{length}Connection: close\r\n\r\n{body}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    (head.to_string(), body.to_string())
}

/// The status line's number, and a header.
fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// A client of the events.
struct Events {
    stream: TcpStream,
    text: String,
}

impl Events {
    fn open(port: u16) -> Events {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(b"GET /ui/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        Events { stream, text: String::new() }
    }

    /// The next event's kind and data; `None` at the stream's end.
    fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(at) = self.text.find("event: ")
                && let Some((event, rest)) = self.text[at..].split_once("\n\n")
            {
                let (kind, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
                let event = (kind.to_string(), serde_json::from_str(data).unwrap());
                self.text = rest.to_string();
                return Some(event);
            }
            let mut chunk = [0; 65_536];
            match read_some(&mut self.stream, &mut chunk).unwrap() {
                0 => return None,
                count => self.text.push_str(&String::from_utf8_lossy(&chunk[..count])),
            }
        }
    }

    /// Takes events until one is of this kind and holds a row of this process in this state.
    fn await_state(&mut self, id: &str, state: &str) -> Value {
        loop {
            let (_, data) = self.next().expect("the stream has ended");
            let rows = data["rows"].as_array().cloned().unwrap_or_default();
            if let Some(row) = rows.into_iter().find(|row| row["id"] == id && row["state"] == state) {
                return row;
            }
        }
    }

    /// Takes events until everything comes again; gives the collections.
    fn await_all(&mut self) -> Value {
        loop {
            let (kind, data) = self.next().expect("the stream has ended");
            if kind == "all" {
                return data["collections"].clone();
            }
        }
    }
}

#[test]
fn every_route_of_the_page_answers_as_it_should() {
    let (world, port) = serve(TWO);
    world.await_state("a", "RUNNING");
    let (head, body) = ask(port, "GET /ui/ HTTP/1.1");
    assert_eq!(status(&head), 200);
    assert!(body.contains("<tr role=\"row\" data-id=\"a\" data-s=\"RUNNING\">"), "{body}");
    let policy = header(&head, "Content-Security-Policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!body.contains("<style") && !body.contains(" style=") && !body.contains(" onclick="), "{body}");
    let (head, body) = ask(port, "HEAD /ui/ HTTP/1.1");
    assert_eq!((status(&head), body.as_str()), (200, ""));
    let (head, _) = ask(port, "GET /ui?collection=both HTTP/1.1");
    assert_eq!((status(&head), header(&head, "Location")), (301, Some("ui/?collection=both")));
    let (head, body) = ask(port, "GET /ui/?collection=none HTTP/1.1");
    assert!(status(&head) == 404 && body.contains("no collection called <b>none</b>"), "{head}\n{body}");
    let (head, body) = ask(port, "GET /ui/state HTTP/1.1");
    let state: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status(&head), &state["collections"]),
        (200, &json!([{"name": "both", "members": ["a", "b"]}]))
    );
    for path in ["/ui/nothing", "/ui//", "/ui/mod.rs", "/uix", "/ui/log?name=nobody", "/ui/tail?name=nobody"]
    {
        assert_eq!(status(&ask(port, &format!("GET {path} HTTP/1.1")).0), 404, "{path}");
    }
    for request in ["POST /ui/", "PUT /ui/state", "GET /ui/act", "DELETE /ui/app.js"] {
        let (head, _) = ask(port, &format!("{request} HTTP/1.1"));
        assert!(status(&head) == 405 && header(&head, "Allow").is_some(), "{request}: {head}");
    }
    let (head, script) = ask(port, "GET /ui/app.js HTTP/1.1");
    let tag = header(&head, "Etag").unwrap();
    assert!(!script.is_empty());
    assert_eq!(status(&ask(port, &format!("GET /ui/app.js HTTP/1.1\nIf-None-Match: {tag}")).0), 304);
}

#[test]
fn an_action_is_for_scripts_and_own_pages_and_leads_back_to_the_view() {
    let (world, port) = serve(TWO);
    world.await_state("a", "RUNNING");
    let own = format!("Origin: http://127.0.0.1:{port}");
    let (head, _) =
        ask(port, &format!("POST /ui/act?collection=both&sort=pid HTTP/1.1\n{own}\n\ndo=start%3Ab"));
    let to = header(&head, "Location").unwrap();
    assert_eq!((status(&head), to), (303, "./?collection=both&sort=pid&message=b%3A%20started"));
    assert_eq!(world.state("b"), "RUNNING");
    let (head, body) = ask(port, "POST /ui/act HTTP/1.1\nAccept: application/json\n\ndo=stop@both");
    assert_eq!(status(&head), 200);
    let said: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(said, json!({"ok": true, "text": "a and b: stopped"}));
    for foreign in
        ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Referer: http://evil.example/"]
    {
        let (head, _) = ask(port, &format!("POST /ui/act HTTP/1.1\n{foreign}\n\ndo=start"));
        assert_eq!(status(&head), 403, "{foreign}");
    }
    assert_eq!((world.state("a"), world.state("b")), ("STOPPED".to_string(), "STOPPED".to_string()));
    let (head, _) = ask(port, "POST /ui/act HTTP/1.1\n\ndo=start:nobody");
    let to = header(&head, "Location").unwrap();
    assert!(to.starts_with("./?&message=Could%20not%20start%20nobody") && to.ends_with("&failed=1"), "{to}");
    assert_eq!(status(&ask(port, "POST /ui/act HTTP/1.1\n\nother=1").0), 400);
    let (head, _) = ask(port, "POST /ui/act?name=a&channel=stderr&back=log HTTP/1.1\n\ndo=clear:a");
    assert_eq!(header(&head, "Location"), Some("log?name=a&channel=stderr&message=a%3A%20log%20cleared"));
}

#[test]
fn events_tell_of_states_groups_collections_and_the_end() {
    let (mut world, port) = serve(TWO);
    world.await_state("a", "RUNNING");
    let mut events = Events::open(port);
    let (kind, all) = events.next().unwrap();
    assert_eq!((kind.as_str(), all["rows"][0]["id"].as_str()), ("all", Some("a")));
    kill("KILL", world.pid_of("a"));
    let row = events.await_state("a", "RUNNING");
    assert_eq!((row["exit"].as_str(), row["what"].as_str()), (Some("SIGKILL"), Some("")));
    world.rpc_ok("supervisor.startProcess", &["b".into()]);
    events.await_state("b", "RUNNING");
    // A collection that comes with a reload, and a group that comes with an update.
    let text = world.read("supervisord.conf");
    world.write(
        "supervisord.conf",
        &format!("{text}[program:c]\ncommand=cat\n[collection:new]\nprograms=c\n"),
    );
    world.rpc_ok("supervisor.reloadConfig", &[]);
    let both = json!({"name": "both", "members": ["a", "b"]});
    assert_eq!(events.await_all(), json!([both, {"name": "new", "members": []}]));
    world.rpc_ok("supervisor.addProcessGroup", &["c".into()]);
    assert_eq!(events.await_all(), json!([both, {"name": "new", "members": ["c"]}]));
    events.await_state("c", "RUNNING");
    world.rpc_ok("supervisor.shutdown", &[]);
    while events.next().is_some_and(|(kind, _)| kind != "closing") {}
    assert_eq!(events.next(), None, "the stream ends with the daemon");
    world.await_end();
}

#[test]
fn a_client_that_does_not_read_keeps_nobody_from_anything() {
    let many = "[program:p]\ncommand=cat\nprocess_name=%(process_num)03d\nnumprocs=300\nautostart=false\n";
    let (world, port) = serve(many);
    let idle = Events::open(port);
    let mut reader = Events::open(port);
    reader.await_all();
    // Each brings every row twice; what the idle client does not take is more than its connection holds.
    for _ in 0..40 {
        world.rpc_ok("supervisor.reloadConfig", &[]);
        reader.await_all();
    }
    world.rpc_ok("supervisor.startProcess", &["p:007".into()]);
    reader.await_state("p:007", "RUNNING");
    drop(idle);
}

#[test]
fn streams_have_an_end_to_their_number_and_are_given_back_when_their_clients_go() {
    let (world, port) = serve(TWO);
    world.await_state("a", "RUNNING");
    let mut taken: Vec<_> = (0..256).map(|_| Events::open(port)).collect();
    taken.iter_mut().for_each(|stream| assert!(stream.next().is_some()));
    assert_eq!(status(&ask(port, "GET /ui/events HTTP/1.1").0), 503);
    assert_eq!(status(&ask(port, "GET /ui/ HTTP/1.1").0), 200, "the page is still there");
    drop(taken);
    until("a seat is free again", || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(b"GET /ui/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        (&start == b"HTTP/1.1 200").then_some(())
    });
}
