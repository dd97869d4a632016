//! One HTTP/1.1 client over unix and TCP sockets. It blocks, and Ctrl-C unblocks it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::failure::Failure;
use super::response::{Head, Response};
use super::wait::Wait;
use crate::names::repr;

/// Answers longer than this are refused: a whole log may be asked for.
const BODY_MAX: usize = 1 << 30;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// Where a daemon listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Server {
    Unix(String),
    Tcp { host: String, port: u16 },
}

impl Server {
    /// From a `serverurl` (CLI-051).
    pub fn parse(url: &str) -> Result<Server, Failure> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Ok(Server::Unix(path.to_string()));
        }
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(Failure::Value(format!("Unknown protocol for serverurl {url}")));
        };
        let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let (host, port) = match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = match port.filter(|port| !port.is_empty()) {
            None => 80,
            Some(port) => port.parse().map_err(|_| Failure::Value(bad_port(port)))?,
        };
        Ok(Server::Tcp { host: host.to_string(), port })
    }

    /// What the `Host` header says.
    fn host(&self) -> String {
        match self {
            Server::Unix(_) => "localhost".to_string(),
            Server::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Server::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

/// Python's sentences.
fn bad_port(port: &str) -> String {
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        "Port out of range 0-65535".to_string()
    } else {
        format!("Port could not be cast to integer value as {}", repr(port))
    }
}

/// Whose requests these are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Credentials {
    pub username: Option<String>,
    pub password: Option<String>,
}

impl Credentials {
    fn header(&self) -> String {
        match (&self.username, &self.password) {
            (Some(username), Some(password)) => {
                let both = STANDARD.encode(format!("{username}:{password}"));
                format!("Authorization: Basic {both}\r\n")
            }
            (None, _) | (_, None) => String::new(),
        }
    }
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn open(server: &Server) -> io::Result<Stream> {
        Ok(match server {
            Server::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
            Server::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port))?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
        })
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Tcp(stream) => stream.as_fd(),
        }
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(piece),
            Stream::Tcp(stream) => stream.read(piece),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.write_all(bytes),
            Stream::Tcp(stream) => stream.write_all(bytes),
        }
    }
}

/// A connection that is kept for the next request.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
}

impl Connection {
    /// Connects.
    pub fn open(server: &Server) -> io::Result<Connection> {
        Stream::open(server).map(|stream| Connection { stream })
    }

    /// Whether the server has not closed it meanwhile. Nothing comes unasked, so anything to read is its end.
    pub fn is_alive(&self) -> bool {
        !Wait::has_something(self.stream.as_fd())
    }

    /// What to wait at for an answer.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Posts an XML-RPC document.
    pub fn send(&mut self, server: &Server, credentials: &Credentials, document: &str) -> io::Result<()> {
        let head = format!(
            "POST /RPC2 HTTP/1.1\r\nHost: {}\r\nUser-Agent: supervisorctl\r\nContent-Type: text/xml\r\n\
             Accept: text/xml\r\nAccept-Encoding: identity\r\n{}Content-Length: {}\r\n\r\n",
            server.host(),
            credentials.header(),
            document.len()
        );
        self.stream.write_all(&[head.as_bytes(), document.as_bytes()].concat())
    }

    /// Reads the answer to its end.
    pub fn receive(&mut self, wait: &Wait) -> Result<(Head, Vec<u8>), Failure> {
        let (mut response, mut body, mut piece) = (Response::default(), Vec::new(), vec![0; PIECE]);
        while !response.is_done() {
            wait.readable(&[self.stream.as_fd()])?;
            let read = self.stream.read(&mut piece)?;
            if read == 0 {
                if response.is_untouched() {
                    return Err(Failure::Disconnected);
                } else if !response.close() {
                    return Err(Failure::Unreadable("the connection ended within the answer".to_string()));
                }
            } else {
                response
                    .feed(&piece[..read], &mut body)
                    .map_err(|why| Failure::Unreadable(why.to_string()))?;
            }
            if body.len() > BODY_MAX {
                return Err(Failure::Unreadable(format!("the answer is longer than {BODY_MAX} bytes")));
            }
        }
        let head = response.head().cloned().ok_or(Failure::Disconnected)?;
        Ok((head, body))
    }

    /// Asks for a stream that follows a log.
    pub fn follow(mut self, server: &Server, credentials: &Credentials, path: &str) -> io::Result<Follow> {
        // Credentials without a password are none here (as in the reference).
        let known = credentials.password.as_deref().is_some_and(|password| !password.is_empty());
        let credentials = if known { credentials.header() } else { String::new() };
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: supervisorctl\r\nAccept: */*\r\n{credentials}\r\n",
            server.host()
        );
        self.stream.write_all(head.as_bytes())?;
        Ok(Follow { stream: self.stream, response: Response::default() })
    }
}

/// A log that is being followed.
#[derive(Debug)]
pub struct Follow {
    stream: Stream,
    response: Response,
}

/// What came of a log.
#[derive(Debug)]
pub enum Piece {
    /// What was written; empty when only a part of the answer's frame came.
    Bytes(Vec<u8>),
    /// There is no such log, or the server refuses to show it.
    Refused(u16),
    End,
}

impl Follow {
    /// To wait on.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Reads once; waits if there is nothing yet.
    pub fn read(&mut self) -> Result<Piece, Failure> {
        let (mut piece, mut bytes) = (vec![0; PIECE], Vec::new());
        let read = self.stream.read(&mut piece)?;
        if read == 0 {
            return Ok(Piece::End);
        }
        self.response.feed(&piece[..read], &mut bytes).map_err(|why| Failure::Unreadable(why.to_string()))?;
        Ok(match self.response.head() {
            Some(head) if head.status != 200 => Piece::Refused(head.status),
            _ if bytes.is_empty() && self.response.is_done() => Piece::End,
            _ => Piece::Bytes(bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_urls_are_taken_apart() {
        let tcp = |host: &str, port| Server::Tcp { host: host.to_string(), port };
        for (url, expected) in [
            ("unix:///tmp/s.sock", Server::Unix("/tmp/s.sock".to_string())),
            ("http://localhost:9001", tcp("localhost", 9001)),
            ("http://localhost:9001/RPC2?x", tcp("localhost", 9001)),
            ("http://example.org", tcp("example.org", 80)),
            ("http://u:p@h:1/", tcp("h", 1)),
            ("http://[::1]:9001", tcp("::1", 9001)),
        ] {
            assert_eq!(Server::parse(url).unwrap(), expected, "{url}");
        }
        let refused = |url| Server::parse(url).unwrap_err().to_string();
        assert_eq!(refused("https://x"), "<class 'ValueError'>, Unknown protocol for serverurl https://x");
        assert_eq!(
            refused("http://x:port"),
            "<class 'ValueError'>, Port could not be cast to integer value as 'port'"
        );
        assert_eq!(refused("http://x:65536"), "<class 'ValueError'>, Port out of range 0-65535");
    }
}
