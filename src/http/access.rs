//! The access log: a line for each answer, at the level TRAC (LOG-009).

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::{Method, Response, Uri, Version};
use hyper::body::Body as _;
use tracing::Level;

/// Who asks: an address, or anybody at a unix socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) Option<SocketAddr>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("localhost:0"),
        }
    }
}

/// What a line tells of a request; taken before the request is used up, and only where lines are written.
#[derive(Debug)]
pub(super) struct Asked {
    method: Method,
    uri: Uri,
    version: Version,
}

impl Asked {
    /// `None` unless the log has this level.
    pub(super) fn of<B>(request: &hyper::Request<B>) -> Option<Asked> {
        tracing::enabled!(Level::TRACE).then(|| Asked {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
        })
    }

    /// Writes the line.
    pub(super) fn answered(&self, peer: Peer, response: &Response<Body>) {
        tracing::trace!("{}", self.line(peer, response, SystemTime::now()));
    }

    /// The bytes are those of the body; 0 for one without an end. The time is UTC and says so (BUG-046).
    fn line(&self, peer: Peer, response: &Response<Body>, now: SystemTime) -> String {
        let date = httpdate::fmt_http_date(now);
        // `Sun, 22 Nov 2026 10:17:40 GMT`
        let words: Vec<&str> = date.split(' ').collect();
        let [_, day, month, year, time, _] = words[..] else { return String::new() };
        let (Asked { method, uri, version }, status) = (self, response.status().as_u16());
        let bytes = response.body().size_hint().exact().unwrap_or(0);
        format!(
            "{peer} - - [{day}/{month}/{year}:{time} +0000] \"{method} {uri} {version:?}\" {status} {bytes}"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_are_those_of_log_009_with_the_right_zone_bug_046() {
        let asked = Asked { method: Method::GET, uri: Uri::from_static("/x?y=z"), version: Version::HTTP_11 };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_342_660);
        let response = Response::new(Body::from("four"));
        let peer = Peer(Some(SocketAddr::from(([127, 0, 0, 1], 5000))));
        let expected = "127.0.0.1:5000 - - [22/Nov/2026:10:17:40 +0000] \"GET /x?y=z HTTP/1.1\" 200 4";
        assert_eq!(asked.line(peer, &response, now), expected);
        assert!(asked.line(Peer(None), &response, now).starts_with("localhost:0 - - ["));
    }
}
