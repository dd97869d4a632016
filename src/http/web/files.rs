//! Style sheet and images, under the addresses where the reference has its own (HTTP-021 to HTTP-023).

use std::time::SystemTime;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, IF_MODIFIED_SINCE, LAST_MODIFIED};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::http::{redirect, secure, with_type};

struct File {
    path: &'static [u8],
    kind: &'static str,
    bytes: &'static [u8],
}

const fn gif(path: &'static [u8], bytes: &'static [u8]) -> File {
    File { path, kind: "image/gif", bytes }
}

const FILES: [File; 8] = [
    File {
        path: b"stylesheets/supervisor.css",
        kind: "text/css",
        bytes: include_bytes!("files/supervisor.css"),
    },
    File { path: b"images/icon.png", kind: "image/png", bytes: include_bytes!("files/icon.png") },
    gif(b"images/rule.gif", include_bytes!("files/rule.gif")),
    gif(b"images/state0.gif", include_bytes!("files/state0.gif")),
    gif(b"images/state1.gif", include_bytes!("files/state1.gif")),
    gif(b"images/state2.gif", include_bytes!("files/state2.gif")),
    gif(b"images/state3.gif", include_bytes!("files/state3.gif")),
    gif(b"images/supervisor.gif", include_bytes!("files/supervisor.gif")),
];

/// The file at a path, as of `since`, when these servers began: a newer program may have
/// other files. `None` when there is none.
pub(super) fn file(
    path: &[u8],
    method: &Method,
    headers: &HeaderMap,
    since: SystemTime,
) -> Option<Response<Body>> {
    if path == b"/images" || path == b"/stylesheets" {
        return Some(redirect(&format!("{}/", String::from_utf8_lossy(&path[1..]))));
    }
    let path = normal(path);
    let file = FILES.iter().find(|file| file.path == path)?;
    let known = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    // Some clients add the length of what they have.
    let known = known.and_then(|text| httpdate::parse_http_date(text.split(';').next()?.trim()).ok());
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let mut response = if known.is_some_and(|known| seconds(known) >= seconds(since)) {
        let mut unchanged = Response::new(Body::empty());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        let body = if *method == Method::HEAD { Body::empty() } else { Body::from(file.bytes) };
        let mut whole = with_type(StatusCode::OK, file.kind, body);
        whole.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(file.bytes.len()));
        whole
    };
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(since)) {
        response.headers_mut().insert(LAST_MODIFIED, date);
    }
    secure(&mut response);
    Some(response)
}

/// A path without its slashes at both ends, doubled ones, and parts that lead nowhere or back (HTTP-024): a page at
/// `//` asks for `//stylesheets/supervisor.css`.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => (),
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_in_order_and_do_not_leave_http_024() {
        for (path, expected) in [
            ("/images/icon.png", "images/icon.png"),
            ("//images//./icon.png/", "images/icon.png"),
            ("/images/../images/icon.png", "images/icon.png"),
            ("/../../images/icon.png", "images/icon.png"),
            ("/images/", "images"),
            ("/", ""),
        ] {
            assert_eq!(normal(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }
}
