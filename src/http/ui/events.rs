//! `ui/events`: the page's live updates, as server-sent events that carry JSON.
//!
//! `all` holds everything: it comes first, and again when groups or collections change or changes were missed. `some`
//! holds the rows that are different. `closing` says that the daemon is on its way out. What makes a row differ with
//! time alone, its uptime, the page works out itself, so nothing is sent at rest.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep_until, timeout};

use super::row::Row;
use super::snapshot::{Snapshot, processes};
use crate::api::{Fault, FaultCode, Request};
use crate::daemon::handle::{Change, Handle};
use crate::http::logtail::unbuffered;
use crate::http::rpc::Rpc;
use crate::http::watcher::Watcher;
use crate::http::{refuse, unix_now, with_type};
use crate::names::Namespec;

/// The least time between two messages; what changes meanwhile comes together in the next. The first change after a
/// pause is sent at once.
const PACE: Duration = Duration::from_millis(250);

/// A stream that has had nothing to say for so long says so, that proxies keep it open; and a client that has gone
/// is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Processes that are asked for one by one; where more have changed, all are.
const ASKED_MAX: usize = 16;

/// How soon the browser comes back when the stream ends by itself, in milliseconds.
const HELLO: &str = "retry: 2000\n\n";

/// The rows that are different.
#[derive(Serialize)]
struct Changed {
    now: i64,
    rows: Vec<Row>,
}

/// Answers with a stream that ends when the daemon or the client goes.
pub(super) fn stream(rpc: &Arc<Rpc>, client: Option<&Watcher>) -> Response<Body> {
    let Some(seat) = rpc.seat() else { return refuse(StatusCode::SERVICE_UNAVAILABLE) };
    let teller = Teller {
        rpc: rpc.clone(),
        client: client.cloned(),
        changes: rpc.handle().changes().watch(),
        next: Next::Hello,
        may_send: Instant::now(),
        _seat: seat,
    };
    let messages = stream::unfold(teller, async |mut teller| {
        let bytes = teller.message().await?;
        Some((Ok::<_, Infallible>(bytes), teller))
    });
    unbuffered(with_type(StatusCode::OK, "text/event-stream", Body::from_stream(messages)))
}

/// What is to be said next.
enum Next {
    Hello,
    Everything,
    Changes,
    Nothing,
}

/// One client's stream.
struct Teller {
    rpc: Arc<Rpc>,
    client: Option<Watcher>,
    changes: Receiver<Change>,
    next: Next,
    may_send: Instant,
    _seat: OwnedSemaphorePermit,
}

impl Teller {
    /// Waits for the next message. It is asked for only when the client has room for it.
    async fn message(&mut self) -> Option<Bytes> {
        match self.next {
            Next::Hello => {
                self.next = Next::Everything;
                Some(Bytes::from_static(HELLO.as_bytes()))
            }
            Next::Everything => {
                self.next = Next::Changes;
                self.everything().await
            }
            Next::Changes => self.changed().await,
            Next::Nothing => {
                self.rpc.handle().closed().await;
                None
            }
        }
    }

    async fn everything(&mut self) -> Option<Bytes> {
        let taken = Snapshot::take(self.rpc.handle(), self.rpc.local_time()).await;
        self.write("all", taken)
    }

    async fn changed(&mut self) -> Option<Bytes> {
        let handle: &Handle = self.rpc.handle();
        let first = tokio::select! {
            waited = timeout(KEEP_ALIVE, self.changes.recv()) => match waited {
                Ok(change) => change,
                Err(_) if self.client.as_ref().is_some_and(Watcher::gone) => return None,
                Err(_) => return Some(Bytes::from_static(b": nothing new\n\n")),
            },
            () = handle.closed() => return None,
        };
        sleep_until(self.may_send).await;
        self.may_send = Instant::now() + PACE;
        match first {
            Ok(first) => match self.gathered(first) {
                Some(changed) => self.some(changed).await,
                None => self.everything().await,
            },
            Err(RecvError::Lagged(_)) => {
                // What is left to read is older than what is going to be asked.
                self.changes = self.changes.resubscribe();
                self.everything().await
            }
            Err(RecvError::Closed) => None,
        }
    }

    /// Whom the changes are about that have come up to now; `None` when they are about everything.
    fn gathered(&mut self, first: Change) -> Option<HashSet<String>> {
        let mut changed = HashSet::new();
        let (mut next, mut everything) = (Ok(first), false);
        loop {
            match next {
                Ok(Change::Process { group, process }) => {
                    changed.insert(Namespec::display(&group, &process));
                }
                Ok(Change::Everything) => everything = true,
                Err(TryRecvError::Lagged(_)) => {
                    self.changes = self.changes.resubscribe();
                    everything = true;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
            next = self.changes.try_recv();
        }
        (!everything).then_some(changed)
    }

    async fn some(&mut self, changed: HashSet<String>) -> Option<Bytes> {
        let rows = self.rows(&changed).await;
        self.write("some", rows)
    }

    async fn rows(&self, changed: &HashSet<String>) -> Result<Changed, Fault> {
        let handle = self.rpc.handle();
        let mut infos = Vec::new();
        if changed.len() > ASKED_MAX {
            infos = processes(handle, Request::AllProcessInfo).await?;
        } else {
            for name in changed {
                match processes(handle, Request::ProcessInfo { name: name.clone() }).await {
                    Ok(info) => infos.extend(info),
                    // Its group has gone meanwhile, of which news is on the way.
                    Err(fault) if fault.code == FaultCode::BadName => (),
                    Err(fault) => return Err(fault),
                }
            }
        }
        let rows = infos.iter().map(|info| Row::of(info, self.rpc.local_time()));
        Ok(Changed { now: unix_now(), rows: rows.filter(|row| changed.contains(&row.id)).collect() })
    }

    /// The message, or the news that there will be no more; `None` ends the stream, where clients leave too much
    /// unread already.
    fn write(&mut self, event: &str, data: Result<impl Serialize, Fault>) -> Option<Bytes> {
        let json = match data {
            Ok(data) => serde_json::to_string(&data).ok()?,
            Err(_) => {
                self.next = Next::Nothing;
                return Some(Bytes::from_static(b"event: closing\ndata: {}\n\n"));
            }
        };
        self.rpc.budget().piece(format!("event: {event}\ndata: {json}\n\n"))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use axum::body::BodyDataStream;
    use futures_util::{FutureExt, StreamExt};
    use serde_json::Value;
    use tokio::sync::mpsc;

    use super::*;
    use crate::api::methods::Methods;
    use crate::api::{ProcessInfo, Reply};
    use crate::daemon::handle::{CHANGES_MAX, Call, Changes};

    /// A supervisor of straw with processes `g:0`, `g:1` and so on, and a stream of what happens to them.
    struct World {
        changes: Changes,
        rpc: Arc<Rpc>,
        asked: mpsc::UnboundedReceiver<Request>,
        stream: BodyDataStream,
    }

    const PROCESSES: usize = 40;

    fn info(number: usize) -> ProcessInfo {
        ProcessInfo::of_stopped("g", &number.to_string())
    }

    fn reply(request: &Request) -> Result<Reply, Fault> {
        match request {
            Request::AllProcessInfo => Ok(Reply::Processes((0..PROCESSES).map(info).collect())),
            Request::ProcessInfo { name } => match name.strip_prefix("g:").and_then(|name| name.parse().ok())
            {
                Some(number) => Ok(Reply::Process(Box::new(info(number)))),
                None => Err(FaultCode::BadName.into()),
            },
            Request::ListCollections => Ok(Reply::Collections(Vec::new())),
            Request::Identification => Ok(Reply::Text("straw".to_string())),
            _ => Err(FaultCode::ShutdownState.into()),
        }
    }

    impl World {
        async fn new() -> World {
            let (handle, mut calls) = Handle::new();
            let (heard, asked) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                while let Some(Call { request, answer }) = calls.recv().await {
                    let _ = answer.send(reply(&request));
                    let _ = heard.send(request);
                }
            });
            let changes = handle.changes().clone();
            let rpc = Arc::new(Rpc::new(Methods::new(Vec::new()), handle, |_| String::new()));
            let stream = stream(&rpc, None).into_body().into_data_stream();
            let mut world = World { changes, rpc, asked, stream };
            assert_eq!(world.next().await, HELLO);
            let all = world.next().await;
            assert!(all.starts_with("event: all\ndata: {\"name\":\"straw\","), "{all}");
            world.asked();
            world
        }

        async fn next(&mut self) -> String {
            let next = tokio::time::timeout(Duration::from_secs(3_600), self.stream.next()).await;
            let bytes = next.expect("nothing is said in an hour").expect("the stream has ended").unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        }

        /// The namespecs of the rows in the next message, and what kind of message it is.
        async fn rows(&mut self) -> (String, Vec<String>) {
            let message = self.next().await;
            let (kind, data) = message.strip_prefix("event: ").unwrap().split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            let rows = data["rows"].as_array().unwrap();
            let mut ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap().to_string()).collect();
            ids.sort();
            (kind.to_string(), ids)
        }

        fn change(&self, process: &str) {
            self.changes.tell(|| Some(Change::Process { group: "g".into(), process: process.into() }));
        }

        /// What the supervisor was asked since last.
        fn asked(&mut self) -> Vec<Request> {
            std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
        }
    }

    fn some(ids: &[&str]) -> (String, Vec<String>) {
        ("some".to_string(), ids.iter().map(|id| id.to_string()).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_is_sent_and_nothing_is_asked_at_rest() {
        let mut world = World::new().await;
        for _ in 0..3 {
            let begun = Instant::now();
            assert_eq!(world.next().await, ": nothing new\n\n");
            assert_eq!(begun.elapsed().as_secs(), KEEP_ALIVE.as_secs());
        }
        assert_eq!(world.asked(), []);
        let begun = Instant::now();
        world.change("7");
        assert_eq!(world.rows().await, some(&["g:7"]));
        assert_eq!(begun.elapsed(), Duration::ZERO, "after a pause at once");
        assert_eq!(world.asked(), [Request::ProcessInfo { name: "g:7".to_string() }]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_changes_come_together_and_none_too_soon() {
        let mut world = World::new().await;
        world.change("1");
        world.rows().await;
        let begun = Instant::now();
        for process in ["1", "2", "1", "3", "gone"] {
            world.change(process);
        }
        assert_eq!(world.rows().await, some(&["g:1", "g:2", "g:3"]));
        assert!(begun.elapsed() >= PACE && begun.elapsed() < PACE * 2, "{:?}", begun.elapsed());
        world.asked();
        for process in 0..=ASKED_MAX {
            world.change(&process.to_string());
        }
        assert_eq!(world.rows().await.1.len(), ASKED_MAX + 1);
        assert_eq!(world.asked(), [Request::AllProcessInfo], "not one by one");
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_sent_again_when_groups_change_or_changes_were_missed() {
        let mut world = World::new().await;
        world.change("1");
        world.changes.tell(|| Some(Change::Everything));
        let (kind, rows) = world.rows().await;
        assert_eq!((kind.as_str(), rows.len()), ("all", PROCESSES));
        for _ in 0..=CHANGES_MAX {
            world.change("1");
        }
        let (kind, rows) = world.rows().await;
        assert_eq!((kind.as_str(), rows.len()), ("all", PROCESSES));
        world.change("2");
        assert_eq!(world.rows().await, some(&["g:2"]), "and goes on from there");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missed_while_changes_are_gathered_is_made_up_for() {
        let mut world = World::new().await;
        world.change("1");
        world.rows().await;
        world.change("2");
        let World { stream, changes, .. } = &mut world;
        // It has heard of one change, and waits for the time of its next message.
        let mut next = stream.next();
        let is_pending = poll_fn(|context| Poll::Ready(next.poll_unpin(context).is_pending())).await;
        assert!(is_pending);
        for _ in 0..=CHANGES_MAX {
            changes.tell(|| Some(Change::Process { group: "g".into(), process: "3".into() }));
        }
        let message = String::from_utf8(next.await.unwrap().unwrap().to_vec()).unwrap();
        assert!(message.starts_with("event: all\n"), "{message}");
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_as_many_streams_as_seats_and_a_seat_is_given_back() {
        let world = World::new().await;
        let taken: Vec<_> = std::iter::from_fn(|| world.rpc.seat()).collect();
        assert_eq!(stream(&world.rpc, None).status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(taken);
        assert_eq!(stream(&world.rpc, None).status(), StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn the_daemons_end_is_told_and_ends_the_stream() {
        let (handle, mut calls) = Handle::new();
        let rpc = Arc::new(Rpc::new(Methods::new(Vec::new()), handle, |_| String::new()));
        let mut stream = stream(&rpc, None).into_body().into_data_stream();
        let refusing = tokio::spawn(async move {
            let Call { answer, .. } = calls.recv().await.unwrap();
            let _ = answer.send(Err(FaultCode::ShutdownState.into()));
            calls
        });
        assert_eq!(stream.next().await.unwrap().unwrap(), HELLO);
        assert_eq!(stream.next().await.unwrap().unwrap(), "event: closing\ndata: {}\n\n");
        drop(refusing.await.unwrap());
        assert!(stream.next().await.is_none());
    }
}
