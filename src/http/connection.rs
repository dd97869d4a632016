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
use axum::http::header::SERVER;
use axum::http::{HeaderValue, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::refuse_and_close;
use super::socket::Socket;
use super::timed::{Phase, TimedIo};

/// Connections of one server; at this number the next ones wait in the kernel until one ends.
const CONNECTIONS_MAX: usize = 512;

/// Bytes that hyper buffers of a request; a longer head is answered 431.
const HEAD_MAX: usize = 64 * 1024;

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

    async fn next(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Accepting::Inet(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers go out in one piece; waiting to fill a packet would only delay them.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Accepting::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// Either kind of stream.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Accepts until closing; then waits for the connections, which end after the answer they are at.
pub(super) async fn accept(listener: Accepting, router: Router, mut closing: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.next(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok(stream) => {
                    connections.spawn(converse(stream, router.clone(), closing.clone()));
                }
                Err(error) => {
                    tracing::error!("could not accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => (),
            _ = closing.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One connection from beginning to end. How it ended concerns nobody: the client knows.
async fn converse(stream: Box<dyn Stream>, router: Router, mut closing: watch::Receiver<()>) {
    let phase = Phase::new();
    let io = TokioIo::new(TimedIo::new(stream, phase.clone()));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        phase.busy();
        let (phase, router) = (phase.clone(), router.clone());
        async move {
            let answer = caught(router.oneshot(request.map(Body::new))).await;
            phase.idle();
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
            Ok::<Response<Body>, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    let mut connection =
        pin!(http.title_case_headers(true).max_buf_size(HEAD_MAX).serve_connection(io, service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = closing.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
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
    use super::*;

    #[test]
    fn a_panic_is_caught_and_can_be_told() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panic = runtime.block_on(caught(async { panic!("no such {}", "thing") })).map(|()| ());
        assert_eq!(panic.as_ref().map_err(|panic| panic_text(&**panic)), Err("no such thing"));
        let fine = runtime.block_on(caught(async { 5 }));
        assert_eq!(fine.map_err(|panic| panic_text(&*panic).to_string()), Ok(5));
    }
}
