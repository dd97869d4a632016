//! The same bytes to the servers of both daemons: status line, headers, body, and whether the connection stays.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::wire_rows::{ROWS, Row};
use crate::world::World;
use crate::world::ports::free_port;

/// After so long without a byte nothing more will come. Only rows in which nothing comes take it.
const SILENCE: Duration = Duration::from_secs(8);

/// Rows that are asked at once.
const AT_ONCE: usize = 16;

const BODY: &str = "\
[program:cat]
command=cat
startsecs=0
stdout_logfile={dir}/cat.log
";

/// A daemon, a server that is open to all, and one for user `u` with password `p`.
struct Daemon {
    _world: World,
    open: u16,
    guarded: u16,
}

impl Daemon {
    fn new(mut world: World) -> Daemon {
        let (open, guarded) = (free_port(), free_port());
        world.write("cat.log", "a line\nanother\n");
        // One section of this kind is all that the other daemon's sample shows; names make them several.
        world.configure(&format!(
            "[inet_http_server:open]\nport=127.0.0.1:{open}\n\
             [inet_http_server:guarded]\nport=127.0.0.1:{guarded}\nusername=u\npassword=p\n{BODY}"
        ));
        world.boot();
        world.await_state("cat", "RUNNING");
        Daemon { _world: world, open, guarded }
    }

    /// What comes back, as text that is the same for daemons that behave the same.
    fn says(&self, row: &Row) -> String {
        let port = if row.guarded { self.guarded } else { self.open };
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.write_all(row.request().as_bytes()).unwrap();
        let mut said = String::new();
        for _ in 0..row.answers {
            match answer(&mut stream, row.request().starts_with("HEAD ")) {
                Ok(answer) => said.push_str(&answer),
                Err(end) => return said + end,
            }
        }
        if row.streams {
            return said;
        }
        let probe = "GET /ok.html HTTP/1.1\r\nAuthorization: Basic dTpw\r\n\r\n";
        let kept = stream
            .write_all(probe.as_bytes())
            .map_err(|_| "closed")
            .and_then(|()| answer(&mut stream, false));
        match kept {
            Ok(answer) if answer.contains(" 200 OK") => said + "then: stays open\n",
            Ok(answer) => format!("{said}then: {answer}"),
            Err(end) => format!("{said}then: {end}\n"),
        }
    }
}

/// One answer, or how the connection ended instead.
fn answer(stream: &mut TcpStream, is_head: bool) -> Result<String, &'static str> {
    let mut read = |bytes: &mut [u8]| match stream.read_exact(bytes) {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err("silence"),
        Err(_) => Err("closed"),
    };
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") {
        read(&mut byte)?;
        head.push(char::from(byte[0]));
    }
    let field = |name: &str| {
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix(name).map(String::from))
    };
    let mut body = Vec::new();
    if is_head {
    } else if let Some(length) = field("content-length: ") {
        body.resize(length.parse().unwrap(), 0);
        read(&mut body)?;
    } else if field("transfer-encoding: ").as_deref() == Some("chunked") {
        // The first chunk will do.
        let mut size = String::new();
        while !size.ends_with("\r\n") {
            read(&mut byte)?;
            size.push(char::from(byte[0]));
        }
        body.resize(usize::from_str_radix(size.trim(), 16).unwrap(), 0);
        read(&mut body)?;
    }
    Ok(normal(&head) + &String::from_utf8_lossy(&body) + "\n")
}

/// A head whose fields are in order, without what is never the same.
fn normal(head: &str) -> String {
    let mut lines = head.trim_end().lines();
    let status = lines.next().unwrap_or_default();
    let mut fields: Vec<String> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            let value = if matches!(name, "Date" | "Last-Modified") { "TIME" } else { value };
            format!("{name}: {value}\n")
        })
        .collect();
    fields.sort();
    format!("{status}\n{}\n", fields.concat())
}

#[test]
fn the_same_bytes_are_answered_with_the_same_bytes() {
    let Some(reference) = World::reference() else { return };
    let (ours, theirs) = (Daemon::new(World::ours()), Daemon::new(reference));
    let (waiting, wrong) = (Mutex::new(ROWS.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = { waiting.lock().unwrap().next() } {
                    let (ours, theirs) = thread::scope(|scope| {
                        let theirs = scope.spawn(|| theirs.says(row));
                        (ours.says(row), theirs.join().unwrap())
                    });
                    if (ours == theirs) != row.differs.is_none() {
                        let shown = format!(
                            "== {:?} {:?}\n-- the reference\n{theirs}-- ours\n{ours}",
                            row.request(),
                            row.differs
                        );
                        wrong.lock().unwrap().push(shown);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {} are not as they should be:\n\n{}",
        wrong.len(),
        ROWS.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn every_difference_has_its_paragraph() {
    let page = include_str!("../../docs/compatibility.md");
    for row in ROWS {
        let Some(paragraph) = row.differs else { continue };
        assert!(page.contains(&format!("**{paragraph}")), "{paragraph}: no such paragraph");
    }
}
