//! A connection's bytes, with a limit on how long a request's head may take to arrive and on how long a
//! client may leave an answer unread.
//!
//! hyper has one limit for both a slow head and an idle connection. An idle connection must never be closed:
//! Supervisor's own Python transport keeps one open for ever and does not recover when it goes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// From connecting, or from a later request's first byte, to the end of its head; then the connection closes.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);

/// A client that takes no byte of its answer for so long is gone; its connection closes.
pub(super) const STALL_TIME: Duration = Duration::from_secs(60);

const HEAD: u8 = 0;
const BUSY: u8 = 1;
const IDLE: u8 = 2;

/// What the connection is doing; shared by its bytes and its requests.
#[derive(Clone, Debug)]
pub(super) struct Phase(Arc<Doing>);

#[derive(Debug)]
struct Doing {
    what: AtomicU8,
    /// Its place in the order in which connections came or went idle.
    since: AtomicU64,
}

/// Gives those places.
static PLACES: AtomicU64 = AtomicU64::new(0);

impl Phase {
    /// A new connection owes its first head.
    pub(super) fn new() -> Phase {
        let since = AtomicU64::new(PLACES.fetch_add(1, Ordering::Relaxed));
        Phase(Arc::new(Doing { what: AtomicU8::new(HEAD), since }))
    }

    /// A head has arrived and its request is being answered.
    pub(super) fn busy(&self) {
        self.0.what.store(BUSY, Ordering::Relaxed);
    }

    /// The request has been answered; the next may come whenever it likes.
    pub(super) fn idle(&self) {
        self.0.since.store(PLACES.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.0.what.store(IDLE, Ordering::Relaxed);
    }

    /// How soon the connection could be missed: the least goes first. `None` while a request is being answered.
    pub(super) fn dispensable(&self) -> Option<(u8, u64)> {
        let what = self.0.what.load(Ordering::Relaxed);
        (what != BUSY).then(|| (what, self.0.since.load(Ordering::Relaxed)))
    }

    /// The body of an answer: when it has been written, or given up, the connection is idle.
    pub(super) fn until_written(&self, body: Body) -> Body {
        Body::new(Answering { body, phase: self.clone() })
    }

    fn is(&self, phase: u8) -> bool {
        self.0.what.load(Ordering::Relaxed) == phase
    }

    fn head(&self) {
        self.0.what.store(HEAD, Ordering::Relaxed);
    }
}

/// A body that tells the connection when it is let go.
struct Answering {
    body: Body,
    phase: Phase,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.phase.idle();
    }
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that fails with `TimedOut` when one of the limits is reached.
#[derive(Debug)]
pub(super) struct TimedIo<S> {
    stream: S,
    phase: Phase,
    head: Option<Pin<Box<Sleep>>>,
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedIo<S> {
    pub(super) fn new(stream: S, phase: Phase) -> TimedIo<S> {
        TimedIo { stream, phase, head: None, stall: None }
    }

    /// The result of a write, once the limit on unread answers has been looked at.
    fn stalled<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let limit = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL_TIME)));
        limit.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        // Some clients send an empty line after a request; that is no beginning of another.
        let begun = buf.filled()[before..].iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        if begun && this.phase.is(IDLE) {
            this.phase.head();
            this.head = None;
        }
        if !this.phase.is(HEAD) {
            this.head = None;
            return read;
        }
        // Looked at even when bytes came, so that a byte now and then does not keep the head open.
        let limit = this.head.get_or_insert_with(|| Box::pin(sleep(HEAD_TIME)));
        match limit.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.stalled(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
