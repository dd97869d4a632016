//! A directory, servers on real sockets, and a task that answers in the supervisor's place.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use convoke::api::Request;
use convoke::config::{Address, Interface, InterfaceKind, ServerConfig, WebConfig};
use convoke::daemon::handle::Handle;
use convoke::http::{Options, serve, socket};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::straw::{UNSPEAKABLE, supervise};

pub struct World {
    pub dir: TempDir,
    /// Open to all, on a unix socket.
    pub socket: PathBuf,
    /// Open to all.
    pub port: u16,
    /// For user `u` with password `p`.
    pub guarded: u16,
    /// The same, the password given as `{SHA}`.
    pub hashed: u16,
    asked: Arc<Mutex<Vec<Request>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub fn inet(port: u16, password: Option<&str>) -> ServerConfig {
    ServerConfig {
        section: "inet_http_server".to_string(),
        address: Address::Inet { host: "127.0.0.1".to_string(), port },
        username: password.map(|_| "u".to_string()),
        password: password.map(str::to_string),
        web: WebConfig::default(),
    }
}

pub fn unix(path: &std::path::Path) -> ServerConfig {
    let path = path.to_str().unwrap().to_string();
    ServerConfig {
        section: "unix_http_server".to_string(),
        address: Address::Unix { path, mode: 0o700, owner: (None, None) },
        username: None,
        password: None,
        web: WebConfig::default(),
    }
}

impl World {
    pub fn new() -> World {
        World::with_namespaces(&["supervisor", "x"])
    }

    pub fn with_namespaces(namespaces: &[&str]) -> World {
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("s.sock");
        let sha = "{SHA}516b9783fca517eecbd1d064da2d165310b19759";
        let servers = [inet(0, None), inet(0, Some("p")), inet(0, Some(sha)), unix(&socket)];
        let listeners: Vec<_> = servers.iter().map(|server| socket::bind(server).unwrap()).collect();
        let port = |i: usize| listeners[i].local_addr().unwrap().port();
        let (port, guarded, hashed) = (port(0), port(1), port(2));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let main = |name: &&str| Interface { namespace: name.to_string(), kind: InterfaceKind::Main };
        let interfaces = namespaces.iter().map(main).collect();
        let heard = asked.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (handle, calls) = Handle::new();
                let straw = tokio::spawn(supervise(calls, move |request| {
                    heard.lock().unwrap().push(request.clone())
                }));
                let servers =
                    serve(listeners, handle, Options { interfaces, local_time, ctime: local_time }).unwrap();
                let _ = stopped.await;
                straw.abort();
                servers.close().await;
            });
        });
        World { dir, socket, port, guarded, hashed, asked, stop: Some(stop), thread: Some(thread) }
    }

    /// What the supervisor was asked so far.
    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Ends the servers; returns when they have ended.
    pub fn close(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.take();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || !matches!(ended, Some(Err(_))), "the servers panicked");
    }
}

fn local_time(seconds: i64) -> String {
    assert_ne!(seconds, UNSPEAKABLE, "a time that cannot be told");
    "Nov 22 09:44 AM".to_string()
}

/// The reference's Python: SUPERVISOR_PYTHON, else `target/venv/bin/python`. Without it the test is skipped,
/// but not where CI is set.
pub fn python() -> Option<Command> {
    let found = match std::env::var_os("SUPERVISOR_PYTHON") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python"),
    };
    if found.exists() {
        return Some(Command::new(found));
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", found.display());
    eprintln!("skipped: {} is missing", found.display());
    None
}
