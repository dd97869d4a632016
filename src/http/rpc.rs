//! `POST /RPC2`: one call, or a multicall of several.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::budget::{Budget, Claim, Held, body_of};
use super::latest::{Latest, Moment};
use super::times::Times;
use super::{refuse, refuse_and_close, with_type};
use crate::api::answer::{Answer, LocalTime, write_entry, write_response};
use crate::api::arguments::Argument;
use crate::api::methods::{Action, Method, Methods};
use crate::api::writer::Writer;
use crate::api::xmlrpc::{Call, NotACall, read_call};
use crate::api::{Fault, FaultCode, Reply, Request as Asked};
use crate::daemon::handle::Handle;
use crate::names::repr;

/// Bytes of a request's body; a longer one is answered 413.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// From the end of a request's head to the end of its body; after it the answer is 408.
const BODY_TIME: Duration = Duration::from_secs(60);

/// Bytes that a multicall's answers may reach; calls after that are not made and give FAILED.
const MULTICALL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Answers of all servers that have no end, such as a log that is followed; one more is answered 503. Fewer than the
/// connections of a server, so that they cannot take all of them.
const STREAMS_MAX: usize = 256;

/// Bytes of a call that is read out of turn; longer ones are read one after the other.
const LONG_MIN: usize = 16 * 1024;

/// Bytes of an unreadable request that the log shows.
const SHOWN_MAX: usize = 80;

/// Answers calls by asking the supervisor.
#[derive(Debug)]
pub(super) struct Rpc {
    methods: Methods,
    handle: Handle,
    local_time: LocalTime,
    budget: Budget,
    latest: Latest,
    /// Held by the one long call that is being read.
    long: Mutex<()>,
    streams: Arc<Semaphore>,
    times: Times,
}

impl Rpc {
    pub(super) fn new(methods: Methods, handle: Handle, local_time: LocalTime) -> Rpc {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        let budget = Budget::telling(handle.let_go().clone());
        let (latest, times) = (Latest::default(), Times::default());
        let long = Mutex::new(());
        Rpc { methods, handle, local_time, budget, latest, long, streams, times }
    }

    /// What other routes ask the supervisor with.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How long calls took.
    pub(super) fn times(&self) -> &Times {
        &self.times
    }

    /// Writes local time, for pages.
    pub(super) fn local_time(&self) -> LocalTime {
        self.local_time
    }

    /// What answers count against while clients have them unread.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The right to an answer without an end, for as long as it is kept; `None` past [`STREAMS_MAX`].
    pub(super) fn seat(&self) -> Option<OwnedSemaphorePermit> {
        self.streams.clone().try_acquire_owned().ok()
    }

    /// One HTTP request. The answer waits for as long as the call does (RPC-064).
    pub(super) async fn post(&self, request: Request) -> Response<Body> {
        // Held as long as the call, whose arguments are about as large as the body.
        let mut claim = self.budget.claim();
        let body = match body(request, &mut claim).await {
            Ok(body) => body,
            Err(refused) => return refused,
        };
        match self.read(&body).await {
            Ok(call) => {
                drop(body);
                tracing::trace!("XML-RPC method called: {}()", call.method);
                let document = if self.is_about_all(&call) {
                    self.about_all(call).await
                } else {
                    self.document(call).await
                };
                drop(claim);
                match document {
                    Some(document) => with_type(StatusCode::OK, "text/xml", body_of(document)),
                    None => refuse(StatusCode::SERVICE_UNAVAILABLE),
                }
            }
            Err(reason) => {
                tracing::error!("{}", complaint(&body, reason));
                refuse(StatusCode::BAD_REQUEST)
            }
        }
    }

    /// Reads a call. That of a long one takes milliseconds: they take turns, and everybody else has one between two.
    async fn read(&self, body: &[u8]) -> Result<Call, NotACall> {
        if body.len() < LONG_MIN {
            return read_call(body);
        }
        let _turn = self.long.lock().await;
        tokio::task::yield_now().await;
        read_call(body)
    }

    /// The answer, written; `None` when too much is held.
    async fn document(&self, call: Call) -> Option<Arc<Held>> {
        let result = self.call(&call).await;
        tell(&call.method, result.as_ref().err());
        drop(call);
        self.budget.hold(write_response(&result, self.local_time))
    }

    /// The same where it may have been written for somebody else already.
    async fn about_all(&self, call: Call) -> Option<Arc<Held>> {
        let begun = Instant::now();
        let asked = Moment::now(self.handle.changes());
        if let Some(document) = self.latest.at(asked, &self.budget) {
            self.times.add(&call.method, begun.elapsed(), false);
            tell(&call.method, None);
            return Some(document);
        }
        let result = self.call(&call).await;
        tell(&call.method, result.as_ref().err());
        let answered = Moment::now(self.handle.changes());
        // Of all who asked at the same moment, the first writes it.
        if let Some(document) = self.latest.at(answered, &self.budget) {
            return Some(document);
        }
        let text = write_response(&result, self.local_time);
        match result {
            Ok(_) => self.latest.put((asked, answered), text, &self.budget),
            Err(_) => self.budget.hold(text),
        }
    }

    /// Whether a call asks for the list of all processes, and for nothing that is wrong.
    fn is_about_all(&self, call: &Call) -> bool {
        let asked = || -> Result<Asked, Fault> {
            let method = self.methods.find(&call.method)?;
            self.methods.permit(&call.method)?;
            let Action::Ask(decode) = method.action else { return Err(FaultCode::UnknownMethod.into()) };
            decode(method.arguments(&call.arguments)?)
        };
        call.arguments.is_empty() && asked() == Ok(Asked::AllProcessInfo)
    }

    async fn call(&self, call: &Call) -> Result<Answer, Fault> {
        let method = self.methods.find(&call.method)?;
        match method.action {
            Action::Multicall => self.timed(&call.method, self.several(method, &call.arguments)).await,
            Action::Ask(_) | Action::ListMethods | Action::MethodHelp | Action::MethodSignature => {
                self.single(&call.method, method, &call.arguments).await
            }
        }
    }

    async fn several(&self, method: &Method, arguments: &[Argument]) -> Result<Answer, Fault> {
        let Argument::List(calls) = method.arguments(arguments)?.get(0)? else {
            return Err(FaultCode::IncorrectParameters.into());
        };
        Ok(Answer::Entries(self.multicall(calls).await))
    }

    /// A call of a method that there is, counted when it is answered.
    async fn timed(
        &self,
        name: &str,
        call: impl Future<Output = Result<Answer, Fault>>,
    ) -> Result<Answer, Fault> {
        let begun = Instant::now();
        let result = call.await;
        self.times.add(name, begun.elapsed(), result.is_err());
        result
    }

    async fn single(&self, name: &str, method: &Method, arguments: &[Argument]) -> Result<Answer, Fault> {
        self.timed(name, self.one(name, method, arguments)).await
    }

    /// Any method but `multicall`, which is refused here.
    async fn one(&self, name: &str, method: &Method, arguments: &[Argument]) -> Result<Answer, Fault> {
        match method.action {
            Action::Ask(decode) => {
                let request = match decode(method.arguments(arguments)?) {
                    Ok(request) => request,
                    Err(fault) => {
                        // A daemon on its way out says so before it looks at arguments.
                        self.handle.call(Asked::State).await?;
                        return Err(fault);
                    }
                };
                self.methods.permit(name)?;
                self.handle.call(request).await.map(Answer::Reply)
            }
            Action::ListMethods => {
                method.arguments(arguments)?;
                Ok(Answer::Texts(self.methods.names()))
            }
            Action::MethodHelp => {
                let described = self.methods.described(method.arguments(arguments)?.get(0)?)?;
                Ok(Answer::Reply(Reply::Text(described.help_text())))
            }
            Action::MethodSignature => {
                let described = self.methods.described(method.arguments(arguments)?.get(0)?)?;
                Ok(Answer::Texts(described.signature()))
            }
            Action::Multicall => {
                Err(Fault::new(FaultCode::IncorrectParameters, "Recursive system.multicall forbidden"))
            }
        }
    }

    /// The calls one after the other, each awaited before the next (RPC-062); gives the written entries.
    async fn multicall(&self, calls: &[Argument]) -> String {
        let mut entries = Writer::default();
        for item in calls {
            let result = if entries.bytes() < MULTICALL_BYTES_MAX {
                self.item(item).await
            } else {
                Err(Fault::new(FaultCode::Failed, "the answers before this one are too long"))
            };
            write_entry(&mut entries, &result, self.local_time);
        }
        entries.into_string()
    }

    async fn item(&self, item: &Argument) -> Result<Answer, Fault> {
        let Argument::Record(members) = item else {
            return Err(FaultCode::IncorrectParameters.into());
        };
        let name = match members.get("methodName") {
            Some(Argument::Text(name)) => name,
            Some(Argument::Nil) | None => {
                return Err(Fault::new(FaultCode::IncorrectParameters, "No methodName"));
            }
            Some(_) => return Err(FaultCode::IncorrectParameters.into()),
        };
        let arguments = match members.get("params") {
            Some(Argument::List(arguments)) => arguments.as_slice(),
            None => &[],
            Some(_) => return Err(FaultCode::IncorrectParameters.into()),
        };
        self.single(name, self.methods.find(name)?, arguments).await
    }
}

/// The body of a request, or the refusal to read it.
pub(super) async fn body(request: Request, claim: &mut Claim) -> Result<Vec<u8>, Response<Body>> {
    match declared_length(request.headers()) {
        Declared::Nothing => return Err(refuse(StatusCode::LENGTH_REQUIRED)),
        Declared::Bytes(length) if length > BODY_MAX as u64 => {
            return Err(refuse_and_close(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Declared::Bytes(_) | Declared::Chunks => (),
    }
    match tokio::time::timeout(BODY_TIME, collect(request.into_body(), claim)).await {
        Ok(collected) => collected.map_err(refuse_and_close),
        Err(_) => Err(refuse_and_close(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// All of a body, unless it is too long, or all bodies are.
async fn collect(mut incoming: Body, claim: &mut Claim) -> Result<Vec<u8>, StatusCode> {
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        // What follows the last chunk is of no interest.
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
        if body.len() + data.len() > BODY_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if !claim.grow(data.len()) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        body.extend_from_slice(&data);
    }
    Ok(body)
}

enum Declared {
    Nothing,
    Bytes(u64),
    /// The reference refuses these with 411; some clients know no other way.
    Chunks,
}

fn declared_length(headers: &HeaderMap) -> Declared {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Declared::Chunks;
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.map_or(Declared::Nothing, Declared::Bytes)
}

/// How a call went, for whoever looks closely.
fn tell(method: &str, fault: Option<&Fault>) {
    match fault {
        None => tracing::trace!("XML-RPC method {method}() returned successfully"),
        Some(fault) => {
            tracing::trace!("XML-RPC method {method}() returned fault: [{}] {fault}", fault.code as i32);
        }
    }
}

/// The log's line about a body that is no call (LOG-012), however long the body is.
fn complaint(body: &[u8], reason: NotACall) -> String {
    let shown = repr(&String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX)]));
    let rest = if body.len() > SHOWN_MAX { format!("... ({} bytes)", body.len()) } else { String::new() };
    format!("XML-RPC request data {shown}{rest} is invalid: {}", reason.reason())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use hyper::body::{Bytes, Frame};

    use super::*;
    use crate::api::methods::Served;

    fn rpc() -> Rpc {
        let methods = Methods::new(vec![Served::main("supervisor")]);
        Rpc::new(methods, Handle::new().0, |_| String::new())
    }

    fn request(headers: &[(&'static str, &'static str)], body: Body) -> Request {
        let mut request = Request::new(body);
        for (name, value) in headers {
            request.headers_mut().insert(*name, axum::http::HeaderValue::from_static(value));
        }
        request
    }

    /// A body of which nothing ever comes.
    struct Never;

    impl hyper::body::Body for Never {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let begun = tokio::time::Instant::now();
        let rpc = rpc();
        let answered = rpc.post(request(&[("content-length", "10")], Body::new(Never)));
        let answer = tokio::time::timeout(BODY_TIME * 2, answered).await.expect("waits for ever");
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(answer.headers()["connection"], "close");
        assert!(begun.elapsed() >= BODY_TIME);
    }

    #[tokio::test]
    async fn the_daemons_end_is_shutdown_state_and_system_still_answers_rpc_015() {
        let rpc = rpc();
        let call = |method: &str| Call { method: method.to_string(), arguments: Vec::new() };
        let refused = rpc.call(&call("supervisor.getState")).await;
        assert_eq!(refused, Err(FaultCode::ShutdownState.into()));
        let wrong = Call { arguments: vec![Argument::Nil], ..call("supervisor.startProcess") };
        assert_eq!(rpc.call(&wrong).await, Err(FaultCode::ShutdownState.into()), "before its arguments");
        assert!(matches!(rpc.call(&call("system.listMethods")).await, Ok(Answer::Texts(_))));
    }

    #[tokio::test]
    async fn a_multicall_makes_no_more_calls_when_its_answers_are_too_long() {
        let (handle, mut calls) = Handle::new();
        tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                let _ = call.answer.send(Ok(Reply::Text("x".repeat(MULTICALL_BYTES_MAX / 2))));
            }
        });
        let rpc = Rpc::new(Methods::new(vec![Served::main("supervisor")]), handle, |_| String::new());
        let name = Argument::Text("supervisor.getIdentification".to_string());
        let item = Argument::Record([("methodName".to_string(), name)].into());
        let entries = rpc.multicall(&vec![item; 4]).await;
        assert_eq!(entries.matches("<string>x").count(), 2);
        assert_eq!(entries.matches("FAILED: the answers before this one are too long").count(), 2);
    }

    #[tokio::test]
    async fn a_list_is_written_once_a_second_until_something_changes() {
        let (handle, mut calls) = Handle::new();
        let changes = handle.changes().clone();
        let rpc = Rpc::new(Methods::new(vec![Served::main("supervisor")]), handle, |_| String::new());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        tokio::spawn(async move {
            while let Some(call) = calls.recv().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = call.answer.send(Ok(Reply::Processes(Vec::new())));
            }
        });
        let document =
            "<methodCall><methodName>supervisor.getAllProcessInfo</methodName><params/></methodCall>";
        let ask = || rpc.post(request(&[("content-length", "85")], Body::from(document)));
        // A second may have passed between two of them, but not between each two.
        for _ in 0..11 {
            assert_eq!(ask().await.status(), StatusCode::OK);
        }
        let shared = asked.load(Ordering::Relaxed);
        assert!(shared < 5, "asked {shared} times for 11 answers");
        changes.advance();
        ask().await;
        assert_eq!(asked.load(Ordering::Relaxed), shared + 1);
    }

    #[tokio::test]
    async fn between_two_long_calls_everybody_else_has_a_turn() {
        let rpc = rpc();
        let long = vec![b' '; LONG_MIN];
        let order = std::cell::RefCell::new(Vec::new());
        let read_long = async |name: &'static str| {
            let _ = rpc.read(&long).await;
            order.borrow_mut().push(name);
        };
        let others = async {
            for _ in 0..10 {
                order.borrow_mut().push("other");
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(read_long("first"), read_long("second"), others);
        let place = |name| order.borrow().iter().position(|one| *one == name).unwrap();
        assert!(place("first") + 1 < place("second"), "{:?}", order.borrow());
    }

    #[test]
    fn a_complaint_shows_a_little_of_the_body_only() {
        let nameless = complaint(b"<a/>", NotACall::Nameless);
        assert_eq!(nameless, "XML-RPC request data '<a/>' is invalid: no method name");
        let complaint = |body: &[u8]| complaint(body, NotACall::Unreadable);
        assert_eq!(complaint(b"abc\n"), "XML-RPC request data 'abc\\n' is invalid: unmarshallable");
        let long = complaint(&[b'x'; 100_000]);
        assert_eq!(
            long,
            format!("XML-RPC request data '{}'... (100000 bytes) is invalid: unmarshallable", "x".repeat(80))
        );
    }
}
