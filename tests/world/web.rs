//! A tiny HTTP client and reader of pages, independent of the code under test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::rpc::{Server, read_some};

/// A connection waits this long for each read; an action waits until a program has started.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Such as `200 OK`.
    pub status: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Its elements, in order.
    pub fn elements(&self) -> Vec<Element> {
        elements(&self.body)
    }

    /// The sentence in its message box.
    pub fn message(&self) -> Option<String> {
        let all = self.elements();
        all.into_iter().find(|element| element.attribute("class") == Some("status_msg")).map(|box_| box_.text)
    }
}

/// `GET`, with the `Host` that the tests' servers are known by.
pub fn get(server: &Server, target: &str) -> Page {
    ask(server, &format!("GET {target}"), &[("Host", "localhost:9001")], "")
}

/// One request; `line` is method and target. A body's length is told.
pub fn ask(server: &Server, line: &str, headers: &[(&str, &str)], body: &str) -> Page {
    let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if line.starts_with("POST") {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    if let Server::Tcp(_, Some(credentials)) = server {
        request.push_str(&format!("Authorization: Basic {credentials}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    let bytes = match server {
        Server::Unix(path) => {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            exchange(stream, &request)
        }
        Server::Tcp(port, _) => {
            let stream = TcpStream::connect(("127.0.0.1", *port)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            exchange(stream, &request)
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: no head in {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split_once(' ')).expect("a status line").1.to_string();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let mut page = Page { status, headers, body: body.to_string() };
    if page.header("Transfer-Encoding") == Some("chunked") {
        page.body = unchunked(&page.body);
    }
    page
}

/// All that comes until the answer is whole: the reference keeps connections open that it should close.
fn exchange(mut stream: impl Read + Write, request: &str) -> Vec<u8> {
    stream.write_all(request.as_bytes()).unwrap();
    let (mut bytes, mut chunk) = (Vec::new(), [0; 65_536]);
    loop {
        let length = whole_length(&bytes);
        if length.is_some_and(|length| bytes.len() >= length) {
            return bytes;
        }
        match read_some(&mut stream, &mut chunk).unwrap() {
            0 => return bytes,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// The bytes of head and body, once the head is there and if it tells.
fn whole_length(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..at]).ok()?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(at + length.trim().parse::<usize>().ok()?)
}

fn unchunked(body: &str) -> String {
    let (mut whole, mut rest) = (String::new(), body);
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("the length of a chunk");
        whole.push_str(&after[..length]);
        rest = after[length..].strip_prefix("\r\n").unwrap_or_default();
    }
    whole
}

/// One element of a page, with the text up to the next tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads HTML as far as the pages here use it: every attribute has a value in double quotes, or none.
pub fn elements(html: &str) -> Vec<Element> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = tag_end(rest);
        let (tag, after) = (&rest[..end], &rest[(end + 1).min(rest.len())..]);
        rest = after;
        if tag.starts_with(['/', '!']) {
            continue;
        }
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let text = &after[..after.find('<').unwrap_or(after.len())];
        found.push(Element {
            name: name.trim_end_matches('/').to_string(),
            attributes: self::attributes(attributes),
            text: unescaped(text),
        });
    }
    found
}

/// Where a tag ends: at the first `>` outside quotes.
fn tag_end(tag: &str) -> usize {
    let mut quoted = false;
    for (at, c) in tag.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => (),
        }
    }
    tag.len()
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').expect("a value ends");
        found.push((name.trim().to_string(), unescaped(value)));
        rest = after;
    }
    found
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    plain.replace("&copy;", "(c)").replace("&amp;", "&")
}
