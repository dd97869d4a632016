//! Calls to the daemon, and what their answers hold.

use std::io;

use super::failure::Failure;
use super::http::{Connection, Credentials, Follow, Server};
use super::wait::Wait;
use crate::api::arguments::Argument;
use crate::api::calls::{call_of, write_call};
use crate::api::received::{self, Changes, Described, Received};
use crate::api::xmlrpc::read_response;
use crate::api::{CollectionInfo, ConfigInfo, Request};

/// One daemon to talk to. Connects when first asked, and again when the connection is gone.
#[derive(Debug)]
pub struct Client {
    url: String,
    pub credentials: Credentials,
    connection: Option<Connection>,
    pub wait: Wait,
}

impl Client {
    /// Nothing is looked at before the first call: a wrong URL fails there (CFG-101).
    pub fn new(url: String, credentials: Credentials) -> Client {
        Client { url, credentials, connection: None, wait: Wait::default() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Turns to another server.
    pub fn turn_to(&mut self, url: String) {
        self.url = url;
        self.connection = None;
    }

    /// Logs in as somebody else.
    pub fn log_in(&mut self, credentials: Credentials) {
        self.credentials = credentials;
        self.connection = None;
    }

    /// Asks for what a method of namespace `supervisor` gives.
    pub fn ask(&mut self, request: &Request) -> Result<Argument, Failure> {
        let (method, arguments) = call_of(request);
        self.call(&format!("supervisor.{method}"), &arguments)
    }

    /// Calls any method.
    pub fn call(&mut self, method: &str, arguments: &[Argument]) -> Result<Argument, Failure> {
        let kept = self.connection.take().filter(Connection::is_alive);
        let connection = self.send(kept, method, arguments)?;
        self.receive(connection)
    }

    /// Asks without waiting for the answer, which [`Client::receive`] gives.
    pub fn begin(&mut self, request: &Request) -> Result<Connection, Failure> {
        let (method, arguments) = call_of(request);
        self.send(None, &format!("supervisor.{method}"), &arguments)
    }

    fn send(
        &self,
        kept: Option<Connection>,
        method: &str,
        arguments: &[Argument],
    ) -> Result<Connection, Failure> {
        let server = Server::parse(&self.url)?;
        let mut connection = kept.map_or_else(|| Connection::open(&server), Ok)?;
        connection.send(&server, &self.credentials, &write_call(method, arguments))?;
        Ok(connection)
    }

    /// Waits for the answer to what was asked on this connection.
    pub fn receive(&mut self, mut connection: Connection) -> Result<Argument, Failure> {
        let (head, body) = connection.receive(&self.wait)?;
        if head.status != 200 {
            return Err(Failure::Protocol { status: head.status, reason: head.reason });
        }
        if !head.close {
            self.connection = Some(connection);
        }
        let answer = read_response(&body).map_err(|_| Failure::Unreadable("not well-formed".to_string()))?;
        Ok(answer?)
    }

    /// The version of the interface, by the name that servers of every age know (CTL-007).
    pub fn version(&mut self) -> Result<String, Failure> {
        let answer = self.call("supervisor.getVersion", &[])?;
        sense(received::text(&answer).map(str::to_string))
    }

    /// The same for a text.
    pub fn text(&mut self, request: &Request) -> Result<String, Failure> {
        let answer = self.ask(request)?;
        sense(received::text(&answer).map(str::to_string))
    }

    pub fn number(&mut self, request: &Request) -> Result<i64, Failure> {
        sense(received::number(&self.ask(request)?))
    }

    pub fn process(&mut self, request: &Request) -> Result<Described, Failure> {
        sense(received::process(&self.ask(request)?))
    }

    pub fn processes(&mut self, request: &Request) -> Result<Vec<Described>, Failure> {
        sense(received::list(&self.ask(request)?, received::process))
    }

    pub fn outcomes(&mut self, request: &Request) -> Result<Vec<Received>, Failure> {
        sense(received::list(&self.ask(request)?, received::outcome))
    }

    pub fn configs(&mut self) -> Result<Vec<ConfigInfo>, Failure> {
        sense(received::list(&self.ask(&Request::AllConfigInfo)?, received::config))
    }

    pub fn collections(&mut self) -> Result<Vec<CollectionInfo>, Failure> {
        sense(received::list(&self.ask(&Request::ListCollections)?, received::collection))
    }

    pub fn changes(&mut self) -> Result<Changes, Failure> {
        sense(received::changes(&self.ask(&Request::ReloadConfig)?))
    }

    /// Begins to follow a log on a connection of its own.
    pub fn follow(&self, path: &str) -> Result<Follow, Failure> {
        let server = Server::parse(&self.url)?;
        let follow = |connection: Connection| connection.follow(&server, &self.credentials, path);
        Connection::open(&server).and_then(follow).map_err(|error: io::Error| Failure::Io(error))
    }
}

fn sense<T>(read: Option<T>) -> Result<T, Failure> {
    read.ok_or_else(|| Failure::Unreadable("the answer does not hold what the method promises".to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::api::Reply;
    use crate::api::answer::{Answer, write_response};

    #[test]
    fn a_connection_that_the_server_has_closed_meanwhile_is_opened_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let (closed, told) = mpsc::channel();
        let server = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut request, mut read) = ([0; 4096], 0);
                while !request[..read].ends_with(b"</methodCall>\n") {
                    read += stream.read(&mut request[read..]).unwrap();
                }
                let answer = Ok(Answer::Reply(Reply::Text("3.0".to_string())));
                let body = write_response(&answer, |_| String::new());
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
                drop(stream);
                closed.send(()).unwrap();
            }
        });
        let mut client = Client::new(format!("unix://{}", path.display()), Credentials::default());
        for _ in 0..2 {
            assert_eq!(client.version().unwrap(), "3.0");
            told.recv().unwrap();
        }
        server.join().unwrap();
    }
}
