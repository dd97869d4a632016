//! The files of the page. They are part of this program: nothing is fetched from anywhere.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::http::with_type;

/// A file and what a browser is to take it for.
pub(super) struct Asset {
    path: &'static [u8],
    content_type: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 4] = [
    Asset { path: b"/app.js", content_type: "text/javascript; charset=utf-8", text: include_str!("app.js") },
    Asset { path: b"/log.js", content_type: "text/javascript; charset=utf-8", text: include_str!("log.js") },
    Asset { path: b"/style.css", content_type: "text/css; charset=utf-8", text: include_str!("style.css") },
    Asset { path: b"/icon.svg", content_type: "image/svg+xml", text: include_str!("icon.svg") },
];

/// The file at a path below `ui`.
pub(super) fn find(path: &[u8]) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The file, or the word that the browser has this very text already.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response<Body> {
        let tag = format!("\"{:016x}\"", fingerprint(self.text));
        let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let mut response = if known {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            with_type(StatusCode::OK, self.content_type, Body::from(self.text))
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Hexadecimal digits in quotes: it is always a header.
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

/// Tells one version of a text from another (FNV-1a).
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let asset = find(b"/app.js").unwrap();
        let first = asset.answer(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(asset.answer(&headers).status(), StatusCode::NOT_MODIFIED);
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(asset.answer(&headers).status(), StatusCode::OK);
        assert!(find(b"/app").is_none() && find(b"/mod.rs").is_none());
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for asset in &ASSETS {
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("//cdn") && !text.contains("http:") && !text.contains("https:"));
            assert!(!text.contains("innerHTML") && !text.contains("eval("), "text stays text");
        }
    }
}
