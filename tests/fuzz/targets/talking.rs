//! A connection to real servers: what a client sends, how it leaves, and what comes back.

use std::path::PathBuf;
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

use convoke::config::{Address, Interface, InterfaceKind, ServerConfig, WebConfig};
use convoke::daemon::handle::Handle;
use convoke::http::{Options, Servers, serve, socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

use super::straw::supervise;

/// Stands where a client waits until the server has read what came before.
const PAUSE: u8 = 0xff;

/// Bits of the first byte.
const GUARDED: u8 = 1;
const VANISHES: u8 = 2;

/// Longer than any limit of the servers. The clock is a virtual one, and goes on when nothing else can.
const HOUR: Duration = Duration::from_secs(3_600);

/// How long, by the real clock, another process may hold a connection that the servers have closed: the tests
/// beside this one start daemons, and between a fork and its exec the child has every descriptor.
const HELD: Duration = Duration::from_secs(10);

/// Servers that live as long as their thread.
struct World {
    runtime: Runtime,
    dir: tempfile::TempDir,
    _servers: Servers,
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let servers = [false, true].map(|guarded| ServerConfig {
            section: "unix_http_server".to_string(),
            address: Address::Unix {
                path: path(&dir, guarded).to_string_lossy().into_owned(),
                mode: 0o700,
                owner: (None, None),
            },
            username: guarded.then(|| "u".to_string()),
            password: guarded.then(|| "p".to_string()),
            web: WebConfig::default(),
        });
        let listeners = servers.iter().map(|server| socket::bind(server).unwrap()).collect();
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let _servers = runtime.block_on(async {
            let (handle, calls) = Handle::new();
            tokio::spawn(supervise(calls, |_| ()));
            let main = Interface { namespace: "supervisor".to_string(), kind: InterfaceKind::Main };
            serve(
                listeners,
                handle,
                Options { interfaces: vec![main], local_time: |_| String::new(), ctime: |_| String::new() },
            )
            .unwrap()
        });
        World { runtime, dir, _servers }
    }
}

fn path(dir: &tempfile::TempDir, guarded: bool) -> PathBuf {
    dir.path().join(if guarded { "guarded" } else { "open" })
}

/// The first byte says to which server and how the client leaves; the rest is what it sends.
pub fn talk(data: &[u8]) {
    let Some((&how, sent)) = data.split_first() else { return };
    WORLD.with(|world| {
        let heard = world.runtime.block_on(async {
            let stream = UnixStream::connect(path(&world.dir, how & GUARDED != 0)).await.unwrap();
            let mut conversation = pin!(converse(stream, sent, how & VANISHES != 0));
            let deadline = Instant::now() + HELD;
            loop {
                match timeout(HOUR, &mut conversation).await {
                    Ok(heard) => break heard,
                    Err(_) => assert!(Instant::now() < deadline, "the server never closed"),
                }
                thread::yield_now();
            }
        });
        answers(&heard);
    });
}

/// Sends all, in pieces, and gives all that came back.
async fn converse(stream: UnixStream, sent: &[u8], vanishes: bool) -> Vec<u8> {
    let (mut reader, mut writer) = stream.into_split();
    let writing = async {
        for (number, piece) in sent.split(|byte| *byte == PAUSE).enumerate() {
            if number > 0 {
                sleep(Duration::from_millis(1)).await;
            }
            // The server may have closed.
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
        // Dropping half of the stream says so to the server.
        drop(writer);
    };
    let mut heard = Vec::new();
    if vanishes {
        writing.await;
    } else {
        // A server that closes with bytes of the client's unread resets the connection after its last answer.
        let _ = tokio::join!(writing, reader.read_to_end(&mut heard)).1;
    }
    heard
}

/// Fails unless this is a row of whole answers, of which none says that a request has failed by a panic.
fn answers(mut heard: &[u8]) {
    while !heard.is_empty() {
        let shown = || heard[..heard.len().min(200)].escape_ascii();
        assert!(heard.starts_with(b"HTTP/1.1 ") || heard.starts_with(b"HTTP/1.0 "), "{}", shown());
        let end =
            heard.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or_else(|| panic!("{}", shown()));
        let head = str::from_utf8(&heard[..end + 2]).unwrap().to_ascii_lowercase();
        // Pages say 500, too, as the reference's do; but after a panic the connection ends.
        assert!(!head[9..].starts_with("500") || !head.contains("connection: close"), "{head}");
        let rest = &heard[end + 4..];
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        heard = if rest.is_empty() || rest.starts_with(b"HTTP/1.") {
            // To a HEAD, or without a body.
            rest
        } else if let Some(length) = field("content-length") {
            rest.get(length.parse().unwrap()..).unwrap_or_else(|| panic!("cut short: {}", shown()))
        } else if field("transfer-encoding") == Some("chunked") {
            after_chunks(rest).unwrap_or_else(|| panic!("no end: {}", shown()))
        } else {
            // As long as the connection lives.
            assert!(head.starts_with("http/1.0"), "{head}");
            b""
        };
    }
}

/// What follows a body in chunks.
fn after_chunks(mut body: &[u8]) -> Option<&[u8]> {
    loop {
        let end = body.windows(2).position(|end| end == b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&body[..end]).ok()?, 16).ok()?;
        let rest = body.get(end + 2 + size..)?.strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some(rest);
        }
        body = rest;
    }
}
