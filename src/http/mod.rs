//! XML-RPC, pages, probes and metrics over unix and TCP sockets. Routing, refusals, and what the log is told when
//! servers start.

mod access;
mod auth;
mod budget;
mod connection;
mod guests;
mod healthz;
mod latest;
mod logtail;
mod metrics;
mod origin;
mod rpc;
pub mod socket;
mod swallow;
mod timed;
mod times;
mod ui;
mod watcher;
mod web;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, Response, StatusCode};
use hyper::ext::ReasonPhrase;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::answer::LocalTime;
use crate::api::methods::{CACHE, METHODS, Methods, Served, TWIDDLER};
use crate::config::{Address, Interface, InterfaceKind, LogLevel, Message, ServerConfig, WebConfig};
use crate::daemon::handle::Handle;
use crate::names::repr;

use auth::{Credentials, Verdict};
use rpc::Rpc;
use socket::{Listener, SocketPath};

/// Time that answers under way get to leave when the servers close; after it their connections are cut.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// What all servers share.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is served beside `system.*` (CFG-135).
    pub interfaces: Vec<Interface>,
    /// Writes Unix seconds as `Nov 22 09:44 AM` in local time (RPC-044).
    pub local_time: LocalTime,
    /// Writes them as `Sun Nov 22 09:44:01 2026` (WEB-011).
    pub ctime: LocalTime,
}

/// What the log is to say when the servers start, in the reference's order (LOG-011, BUG-039).
pub fn announcements(servers: &[ServerConfig], interfaces: &[Interface]) -> Vec<Message> {
    let mut messages = Vec::new();
    for server in servers {
        messages.extend(interfaces.iter().map(|interface| Message {
            level: LogLevel::Info,
            text: format!("RPC interface {} initialized", repr(&interface.namespace)),
        }));
        if Credentials::of(server).is_none() {
            let section = repr(&server.section);
            messages.push(Message {
                level: LogLevel::Critical,
                text: format!("Server {section} running without any HTTP authentication checking"),
            });
        }
        messages.extend(exposed(server));
    }
    messages
}

/// Beside the stock line, which is the same for a private address: that this server's is not (SEC-001).
fn exposed(server: &ServerConfig) -> Option<Message> {
    let text = match &server.address {
        Address::Inet { host, port } if server.is_exposed() => format!(
            "[{}] listens on {}:{port} without a password: whoever reaches it can start and stop programs; set \
             username and password, or listen on 127.0.0.1",
            server.section,
            if host.is_empty() { "*" } else { host },
        ),
        Address::Inet { .. } | Address::Unix { .. } => return None,
    };
    Some(Message { level: LogLevel::Warn, text })
}

/// Running servers. Dropping this cuts every connection; [`Servers::close`] lets answers leave first. Either
/// way the paths of the unix sockets are gone at once.
#[derive(Debug)]
pub struct Servers {
    paths: Vec<SocketPath>,
    closing: watch::Sender<()>,
    loops: JoinSet<()>,
}

impl Servers {
    /// Stops accepting, lets answers under way leave for [`CLOSE_GRACE`], then cuts what is left.
    pub async fn close(mut self) {
        self.paths.clear();
        // Without a receiver every loop has already ended.
        let _ = self.closing.send(());
        let ended = async { while self.loops.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_GRACE, ended).await.is_err() {
            self.loops.shutdown().await;
        }
    }
}

/// Starts to serve on the current runtime. Fails only if the runtime cannot watch the sockets.
pub fn serve(listeners: Vec<Listener>, handle: Handle, options: Options) -> io::Result<Servers> {
    let rpc = Arc::new(Rpc::new(
        Methods::new(options.interfaces.iter().map(served).collect()),
        handle,
        options.local_time,
    ));
    let (closing, closed) = watch::channel(());
    let mut servers = Servers { paths: Vec::new(), closing, loops: JoinSet::new() };
    for listener in listeners {
        let (credentials, web) = (listener.credentials, listener.web);
        let since = SystemTime::now();
        let router = router(Site { rpc: rpc.clone(), credentials, web, ctime: options.ctime, since });
        servers.paths.extend(listener.path);
        let accepting = connection::Accepting::new(listener.socket)?;
        let let_go = rpc.handle().let_go().clone();
        servers.loops.spawn(connection::accept(accepting, router, let_go, closed.clone()));
    }
    Ok(servers)
}

/// The table that an interface serves.
fn served(interface: &Interface) -> Served {
    let (table, whitelist) = match &interface.kind {
        InterfaceKind::Main => (METHODS, Vec::new()),
        InterfaceKind::Twiddler { whitelist } => (TWIDDLER, whitelist.clone()),
        InterfaceKind::Cache => (CACHE, Vec::new()),
    };
    Served { namespace: interface.namespace.clone(), table, whitelist }
}

/// One server: what it asks the supervisor with, whom it lets in, and what its section says of its pages.
#[derive(Debug)]
struct Site {
    rpc: Arc<Rpc>,
    credentials: Option<Credentials>,
    web: WebConfig,
    ctime: LocalTime,
    /// When it began.
    since: SystemTime,
}

impl Site {
    /// A decoded path without the prefix that a reverse proxy may have left before it.
    fn local<'a>(&self, path: &'a [u8]) -> &'a [u8] {
        let base = self.web.base_path.as_deref().unwrap_or_default().as_bytes();
        path.strip_prefix(base).filter(|rest| rest.starts_with(b"/")).unwrap_or(path)
    }

    /// Where the server's pages begin for a browser, as a path.
    fn is_base(&self, path: &[u8]) -> bool {
        self.web.base_path.as_deref().is_some_and(|base| !base.is_empty() && path == base.as_bytes())
    }

    /// The refusal of whoever is not let in (HTTP-032).
    fn refusal(&self, request: &Request) -> Option<Response<Body>> {
        let credentials = self.credentials.as_ref()?;
        match credentials.check(request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes)) {
            Verdict::Pass => None,
            Verdict::Unauthorized => {
                let mut refused = refuse_and_close(StatusCode::UNAUTHORIZED);
                let realm = HeaderValue::from_static("Basic realm=\"default\"");
                refused.headers_mut().insert(WWW_AUTHENTICATE, realm);
                Some(refused)
            }
            Verdict::Malformed => Some(refuse_and_close(StatusCode::BAD_REQUEST)),
        }
    }
}

/// One server's routes, behind its own credentials (HTTP-035).
fn router(site: Site) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(site))
}

/// Every route of a server with credentials asks for them (HTTP-032), but the probe, unless its section says so.
async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response<Body> {
    let path = percent_decoded(request.uri().path());
    let free = healthz::is_at(site.local(&path)) && !site.web.healthz_auth;
    if let Some(refused) = site.refusal(&request).filter(|_| !free) {
        swallow::body_of(request).await;
        return refused;
    }
    if site.is_base(&path) {
        // Without the slash the links of the page would lead to the place beside it.
        return redirect(&format!("{}/", request.uri().path()));
    }
    dispatch(&site, site.local(&path), request).await
}

/// Paths match by prefix after decoding, as the reference's handlers do (HTTP-009, HTTP-018, HTTP-019).
async fn dispatch(site: &Site, path: &[u8], request: Request) -> Response<Body> {
    let (rpc, method) = (&site.rpc, request.method().clone());
    if path.starts_with(b"/RPC2") {
        return if method != Method::POST {
            refuse(StatusCode::BAD_REQUEST)
        } else if origin::allowed(request.headers()) {
            rpc.post(request).await
        } else {
            refuse_foreign()
        };
    }
    let is_main_log = path.starts_with(b"/mainlogtail");
    if is_main_log || path.starts_with(b"/logtail") {
        return match method {
            Method::GET if is_main_log => logtail::main(rpc, request.extensions().get()).await,
            Method::GET => logtail::process(rpc, path, request.extensions().get()).await,
            _ => refuse(StatusCode::BAD_REQUEST),
        };
    }
    if let Some(path) = path.strip_prefix(b"/ui").filter(|rest| rest.is_empty() || rest.starts_with(b"/")) {
        return ui::answer(rpc, path, request).await;
    }
    if healthz::is_at(path) {
        return healthz::answer(site, &method, request.uri().query().unwrap_or_default()).await;
    }
    if path == b"/metrics" {
        return metrics::answer(site, &method).await;
    }
    if let Some(page) = web::page(site, path, request).await {
        return page;
    }
    match method {
        Method::GET | Method::HEAD => refuse(StatusCode::NOT_FOUND),
        _ => refuse(StatusCode::BAD_REQUEST),
    }
}

/// Unix seconds, by the daemon's clock; 0 before 1970.
fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

/// Decodes `%41` once; what is no escape stays as it is.
fn percent_decoded(path: &str) -> Vec<u8> {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escape = bytes.get(i + 1..i + 3).and_then(|digits| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
        });
        match (bytes[i], escape) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    out
}

/// Decodes a name or value of a query or a form: `+` is a blank, and bytes that are no text become U+FFFD.
fn form_decoded(text: &str) -> String {
    String::from_utf8_lossy(&percent_decoded(&text.replace('+', " "))).into_owned()
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The reference's page for an error; its bytes are known to clients by their number (HTTP-016).
fn refuse(status: StatusCode) -> Response<Body> {
    refuse_saying(status, reason(status))
}

/// The same with a sentence of ours in it, without a full stop and without markup.
fn refuse_saying(status: StatusCode, message: &str) -> Response<Body> {
    let reason = reason(status);
    let page = format!(
        "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n\
         <p>Error code {}.\r\n<p>Message: {message}.\r\n</body>\r\n",
        status.as_u16()
    );
    let mut response = with_type(status, "text/html", Body::from(page));
    response.extensions_mut().insert(ReasonPhrase::from_static(reason.as_bytes()));
    response
}

/// A page of another site asks for a change (BUG-047).
fn refuse_foreign() -> Response<Body> {
    refuse_saying(
        StatusCode::FORBIDDEN,
        "this request comes from a page of another site; behind a proxy, let the proxy pass the Host header on",
    )
}

/// To a path of this server, by the status that clients of the reference know (WEB-009).
fn redirect(location: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(location) else { return refuse(StatusCode::BAD_REQUEST) };
    let mut response = refuse(StatusCode::MOVED_PERMANENTLY);
    response.headers_mut().insert(LOCATION, location);
    response
}

/// What a page may do in a browser: load from this server alone, no script or style of its own text, and be shown
/// inside pages of this server alone. Pages of another server learn nothing of where a link was.
fn secure(response: &mut Response<Body>) {
    const POLICIES: [(HeaderName, &str); 3] = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in POLICIES {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

/// [`refuse`], and the connection ends: what the client still sends must not be read as a request (BUG-030).
fn refuse_and_close(status: StatusCode) -> Response<Body> {
    let mut response = refuse(status);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The phrases of the reference's time (HTTP-017).
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::REQUEST_TIMEOUT => "Request Time-out",
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        _ => status.canonical_reason().unwrap_or("Unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(section: &str, username: Option<&str>) -> ServerConfig {
        ServerConfig {
            section: section.to_string(),
            address: Address::Inet { host: "127.0.0.1".to_string(), port: 9001 },
            username: username.map(str::to_string),
            password: username.map(str::to_string),
            web: WebConfig::default(),
        }
    }

    #[test]
    fn announcements_name_every_namespace_then_the_open_server() {
        let servers = [
            server("inet_http_server", Some("u")),
            server("inet_http_server:b", None),
            server("inet_http_server:c", Some("")),
        ];
        let main = |name: &str| Interface { namespace: name.to_string(), kind: InterfaceKind::Main };
        let interfaces = ["supervisor", "x"].map(main);
        let lines: Vec<String> = announcements(&servers, &interfaces)
            .into_iter()
            .map(|message| format!("{:?} {}", message.level, message.text))
            .collect();
        let expected = [
            "Info RPC interface 'supervisor' initialized",
            "Info RPC interface 'x' initialized",
            "Info RPC interface 'supervisor' initialized",
            "Info RPC interface 'x' initialized",
            "Critical Server 'inet_http_server:b' running without any HTTP authentication checking",
            "Info RPC interface 'supervisor' initialized",
            "Info RPC interface 'x' initialized",
            "Critical Server 'inet_http_server:c' running without any HTTP authentication checking",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn only_a_server_open_to_other_machines_gets_a_warning_of_its_own() {
        let warned = |host: &str, username: Option<&str>| {
            let address = Address::Inet { host: host.to_string(), port: 9001 };
            let messages =
                announcements(&[ServerConfig { address, ..server("inet_http_server", username) }], &[]);
            messages.iter().any(|message| message.level == LogLevel::Warn)
        };
        for host in ["", "0.0.0.0", "[::]", "192.0.2.1", "example.org"] {
            assert!(warned(host, None), "{host}");
            assert!(!warned(host, Some("u")), "{host} with a password");
        }
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "::1"] {
            assert!(!warned(host, None), "{host}");
        }
    }

    #[test]
    fn paths_are_decoded_once() {
        let cases = [
            ("/RPC2", "/RPC2"),
            ("/%52PC2", "/RPC2"),
            ("/%2552", "/%52"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%zz", "/%zz"),
        ];
        for (path, expected) in cases {
            assert_eq!(percent_decoded(path), expected.as_bytes(), "{path}");
        }
    }
}
