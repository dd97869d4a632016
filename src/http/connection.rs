//! Accepting connections and carrying HTTP over each.

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, SERVER};
use axum::http::{HeaderValue, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::access::{Asked, Peer};
use super::guests::Guests;
use super::refuse_and_close;
use super::socket::Socket;
use super::timed::{Phase, TimedIo};
use super::watcher::Watcher;
use crate::daemon::handle::LetGo;
use crate::names::reason;

/// Bytes that hyper buffers of a request; a longer head is answered 431.
const HEAD_MAX: usize = 16 * 1024;

/// Header lines of a request; one with more is answered 431.
const HEADERS_MAX: usize = 100;

/// Connections turned away at the same time with an answer; past this they are closed without.
const TURNED_AWAY_MAX: usize = 64;

/// How long a connection that is turned away stays open, so that its client finds the answer.
const TURNED_AWAY_TIME: Duration = Duration::from_secs(1);

/// Connections whose end is told as one, so that the memory of a crowd can go back to the system.
const CROWD: usize = 64;

/// After a failed accept, mostly for want of descriptors, the next is tried so much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A listening socket that the runtime watches.
pub(super) enum Accepting {
    Inet(TcpListener),
    Unix(UnixListener),
}

impl Accepting {
    /// The socket must not block already; fails if the runtime cannot watch it.
    pub(super) fn new(socket: Socket) -> io::Result<Accepting> {
        match socket {
            Socket::Inet(listener) => TcpListener::from_std(listener).map(Accepting::Inet),
            Socket::Unix(listener) => UnixListener::from_std(listener).map(Accepting::Unix),
        }
    }

    async fn next(&self) -> io::Result<Arrived> {
        match self {
            Accepting::Inet(listener) => {
                let (stream, address) = listener.accept().await?;
                // Answers go out in one piece; waiting to fill a packet would only delay them. A refusal
                // means that the client has already gone.
                let _ = stream.set_nodelay(true);
                let watcher = Watcher::new(&stream);
                Ok(Arrived { stream: Box::new(stream), watcher, peer: Peer(Some(address)) })
            }
            Accepting::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let watcher = Watcher::new(&stream);
                Ok(Arrived { stream: Box::new(stream), watcher, peer: Peer(None) })
            }
        }
    }
}

/// Either kind of stream.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that has come, and what is known of it.
struct Arrived {
    stream: Box<dyn Stream>,
    watcher: Watcher,
    peer: Peer,
}

/// Accepts until closing; then waits for the connections, which end after the answer they are at.
pub(super) async fn accept(
    listener: Accepting,
    router: Router,
    let_go: LetGo,
    mut closing: watch::Receiver<()>,
) {
    let (mut connections, mut refusals) = (JoinSet::new(), JoinSet::new());
    let mut left = 0_usize;
    let mut guests = Guests::default();
    let mut failing = false;
    loop {
        tokio::select! {
            accepted = listener.next() => match accepted {
                Ok(arrived) => {
                    failing = false;
                    if guests.make_room() {
                        let (phase, watcher) = (Phase::new(), arrived.watcher.clone());
                        let talk = converse(arrived, router.clone(), phase.clone(), closing.clone());
                        guests.came(phase, watcher, connections.spawn(talk));
                    } else if refusals.len() < TURNED_AWAY_MAX {
                        refusals.spawn(tokio::time::timeout(TURNED_AWAY_TIME, turn_away(arrived.stream)));
                    }
                }
                Err(error) => {
                    // Said once, not at every attempt.
                    if !failing {
                        tracing::error!("could not accept a connection: {}", reason(&error));
                    }
                    failing = true;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next_with_id() => {
                guests.left(match ended {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                });
                left = (left + 1) % CROWD;
                if left == 0 {
                    let_go.tell();
                }
            }
            Some(_) = refusals.join_next() => (),
            _ = closing.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Says that there are too many connections, then reads on: closing with bytes unread would take the answer back.
async fn turn_away(mut stream: Box<dyn Stream>) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nServer: Medusa/1.12\r\nConnection: close\r\n\
        Content-Length: 0\r\n\r\n";
    // Trouble with a client that is not served concerns nobody.
    if stream.write_all(ANSWER).await.is_ok() && stream.shutdown().await.is_ok() {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
}

/// One connection from beginning to end. How it ended concerns nobody: the client knows.
async fn converse(
    Arrived { stream, watcher, peer }: Arrived,
    router: Router,
    phase: Phase,
    mut closing: watch::Receiver<()>,
) {
    let io = TokioIo::new(TimedIo::new(stream, phase.clone()));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        phase.busy();
        request.extensions_mut().insert(watcher.clone());
        let (phase, router) = (phase.clone(), router.clone());
        let asked = Asked::of(&request);
        let stays = asks_to_stay(&request);
        async move {
            let answer = caught(router.oneshot(request.map(Body::new))).await;
            let mut response = match answer {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(panic) => {
                    tracing::error!("a request was given up: {}", panic_text(&*panic));
                    refuse_and_close(StatusCode::INTERNAL_SERVER_ERROR)
                }
            };
            // Clients are known to look for this very name (HTTP-014); hyper adds the date.
            response.headers_mut().insert(SERVER, HeaderValue::from_static("Medusa/1.12"));
            if stays && response.body().size_hint().exact().is_some() {
                // As the reference spells it (HTTP-013). An answer without a length ends with the connection.
                response.headers_mut().entry(CONNECTION).or_insert(HeaderValue::from_static("Keep-Alive"));
            }
            if let Some(asked) = asked {
                asked.answered(peer, &response);
            }
            Ok::<Response<Body>, Infallible>(response.map(|body| phase.until_written(body)))
        }
    });
    let mut http = http1::Builder::new();
    // A client that has said all it wants to may close its half, and still gets its answer.
    http.half_close(true).title_case_headers(true).max_buf_size(HEAD_MAX).max_headers(HEADERS_MAX);
    let mut connection = pin!(http.serve_connection(io, service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = closing.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Whether a client of HTTP/1.0 wants to ask more (HTTP-012).
fn asks_to_stay<B>(request: &hyper::Request<B>) -> bool {
    let stays = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    request.version() == Version::HTTP_10 && request.headers().get(CONNECTION).is_some_and(stays)
}

/// Runs a future and catches its panic: one bad request must not end the daemon and orphan its children.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
    .await
}

/// The words of a panic.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "panic without a message",
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, DuplexStream};
    use tokio::time::{Instant, sleep};

    use super::super::timed::{HEAD_TIME, STALL_TIME};
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// A connection to a server that says `hello` at `/` and a megabyte at `/long`.
    fn connect() -> (DuplexStream, watch::Sender<()>, tokio::task::JoinHandle<()>) {
        let (client, server) = tokio::io::duplex(1024);
        let (closing, closed) = watch::channel(());
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/long", get(async || "x".repeat(1 << 20)))
            .route("/slow", get(async || sleep(Duration::from_secs(5)).await))
            .route(
                "/bad",
                get(async || {
                    if true {
                        panic!("no such thing")
                    }
                }),
            );
        let arrived = Arrived { stream: Box::new(server), watcher: Watcher::none(), peer: Peer(None) };
        (client, closing, tokio::spawn(converse(arrived, router, Phase::new(), closed)))
    }

    /// Sends the request and reads its answer, which ends with `hello`.
    async fn ask(client: &mut DuplexStream) -> String {
        client.write_all(REQUEST).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "closed: {}", answer.escape_ascii());
        }
        String::from_utf8(answer).unwrap()
    }

    /// Fails instead of waiting for ever when a limit does not work.
    async fn soon<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(3_600), future).await.expect("nothing happened in an hour")
    }

    async fn time_until_closed(client: &mut DuplexStream) -> Duration {
        let begun = Instant::now();
        let mut rest = Vec::new();
        soon(client.read_to_end(&mut rest)).await.unwrap();
        assert_eq!(rest, b"", "{}", rest.escape_ascii());
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_closed() {
        let (mut client, _closing, _) = connect();
        let waited = time_until_closed(&mut client).await;
        assert!(waited >= HEAD_TIME && waited < HEAD_TIME * 2, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_is_closed_however_often_a_byte_comes() {
        let (client, _closing, ended) = connect();
        let begun = Instant::now();
        let (mut reader, mut writer) = tokio::io::split(client);
        let trickle = tokio::spawn(async move {
            while writer.write_all(b"G").await.is_ok() {
                sleep(Duration::from_millis(100)).await;
            }
        });
        assert_eq!(soon(reader.read(&mut [0; 8])).await.unwrap(), 0);
        soon(ended).await.unwrap();
        assert!(begun.elapsed() < HEAD_TIME * 2, "{:?}", begun.elapsed());
        trickle.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_never_closed_but_a_slow_second_head_is() {
        let (mut client, _closing, _) = connect();
        ask(&mut client).await;
        sleep(Duration::from_secs(86_400)).await;
        ask(&mut client).await;
        // The empty line that some clients send after a request begins nothing.
        client.write_all(b"\r\n").await.unwrap();
        sleep(Duration::from_secs(86_400)).await;
        ask(&mut client).await;
        client.write_all(&REQUEST[..10]).await.unwrap();
        let waited = time_until_closed(&mut client).await;
        assert!(waited >= HEAD_TIME && waited < HEAD_TIME * 2, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_its_answer_is_given_up() {
        let (mut client, _closing, ended) = connect();
        client.write_all(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let begun = Instant::now();
        soon(ended).await.unwrap();
        assert!(begun.elapsed() >= STALL_TIME && begun.elapsed() < STALL_TIME * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_take_longer_than_any_limit() {
        let (mut client, _closing, _) = connect();
        let slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
        client.write_all(&slow).await.unwrap();
        ask(&mut client).await;
    }

    #[tokio::test(start_paused = true)]
    async fn closing_ends_idle_connections_at_once_and_others_after_their_answer() {
        let (mut idle, closing, ended) = connect();
        ask(&mut idle).await;
        closing.send(()).unwrap();
        assert_eq!(time_until_closed(&mut idle).await, Duration::ZERO);
        soon(ended).await.unwrap();

        let (mut busy, closing, _) = connect();
        busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        closing.send(()).unwrap();
        let mut answer = String::new();
        soon(busy.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn the_end_of_a_crowd_of_connections_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = Accepting::new(Socket::Inet(listener)).unwrap();
        let (let_go, (_closing, closed)) = (LetGo::default(), watch::channel(()));
        tokio::spawn(accept(accepting, Router::new(), let_go.clone(), closed));
        for _ in 0..CROWD {
            drop(tokio::net::TcpStream::connect(address).await.unwrap());
        }
        tokio::time::timeout(Duration::from_secs(60), let_go.happened()).await.expect("nobody is told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_answered_500_and_only_that_connection_ends() {
        let (mut client, _closing, ended) = connect();
        client.write_all(b"GET /bad HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        soon(client.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{answer}");
        assert!(answer.ends_with("<p>Message: Internal Server Error.\r\n</body>\r\n"), "{answer}");
        soon(ended).await.unwrap();
    }

    #[test]
    fn a_panic_can_be_told() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let told = |panic: Box<dyn Any + Send>| panic_text(&*panic).to_string();
        let panicked = runtime.block_on(caught(async {
            if true {
                panic!("no such {}", "thing")
            }
        }));
        assert_eq!(panicked.map_err(told), Err("no such thing".to_string()));
        assert_eq!(runtime.block_on(caught(async { 5 })).map_err(told), Ok(5));
    }
}
