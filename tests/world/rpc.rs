//! A tiny XML-RPC client over HTTP/1.1, independent of the code under test. Values are JSON on our side.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

/// A connection waits this long for each read; `startProcess` of a slow program is the slowest answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a server listens.
#[derive(Clone, Debug)]
pub enum Server {
    Unix(PathBuf),
    /// A port on the loopback address, and `user:password` if asked for, already in base64.
    Tcp(u16, Option<String>),
}

/// Why a call gave no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    Fault(i64, String),
    /// Any HTTP status but 200.
    Http(u16),
    /// No connection, or one cut short.
    Closed(String),
}

/// Calls one method, on a connection of its own.
pub fn call(server: &Server, method: &str, params: &[Value]) -> Result<Value, Refusal> {
    let (status, body) =
        post(server, &request(method, params)).map_err(|error| Refusal::Closed(error.to_string()))?;
    match status {
        200 => decode(&body),
        other => Err(Refusal::Http(other)),
    }
}

/// Sends a body to `/RPC2` and reads the whole answer.
pub fn post(server: &Server, body: &str) -> std::io::Result<(u16, String)> {
    let mut head = format!(
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    match server {
        Server::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, &head, body)
        }
        Server::Tcp(port, credentials) => {
            if let Some(credentials) = credentials {
                let _ = write!(head, "Authorization: Basic {credentials}\r\n");
            }
            let stream = TcpStream::connect(("127.0.0.1", *port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, &head, body)
        }
    }
}

/// Whether anything accepts connections at a unix socket.
pub fn listens(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

/// Reads once. A signal is no end: the kernel does not restart what has a time limit, handler or not, when a stopped
/// process goes on.
pub fn read_some(stream: &mut impl Read, chunk: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(chunk) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
            read => return read,
        }
    }
}

fn exchange(mut stream: impl Read + Write, head: &str, body: &str) -> std::io::Result<(u16, String)> {
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        if let Some(answer) = complete(&bytes) {
            return Ok(answer);
        }
        match read_some(&mut stream, &mut chunk)? {
            0 => return Err(std::io::Error::other("the connection closed before the answer was whole")),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// The status and the body, once both are there: the reference keeps the connection open after a refusal.
fn complete(bytes: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let mut length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.next().map_or(Some(0), |(_, value)| value.trim().parse().ok())?;
    (body.len() >= length).then(|| (status, body.to_string()))
}

fn request(method: &str, params: &[Value]) -> String {
    let mut xml = format!("<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>");
    for param in params {
        let _ = write!(xml, "<param>{}</param>", encode(param));
    }
    xml + "</params></methodCall>"
}

fn encode(value: &Value) -> String {
    let inner = match value {
        Value::Null => "<nil/>".to_string(),
        Value::Bool(yes) => format!("<boolean>{}</boolean>", i32::from(*yes)),
        Value::Number(number) if number.is_f64() => format!("<double>{number}</double>"),
        Value::Number(number) => format!("<int>{number}</int>"),
        Value::String(text) => format!("<string>{}</string>", escape(text)),
        Value::Array(items) => {
            let items: String = items.iter().map(encode).collect();
            format!("<array><data>{items}</data></array>")
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("<member><name>{}</name>{}</member>", escape(name), encode(value))
            };
            format!("<struct>{}</struct>", members.iter().map(member).collect::<String>())
        }
    };
    format!("<value>{inner}</value>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn decode(xml: &str) -> Result<Value, Refusal> {
    let mut reader = Reader { rest: xml };
    let fault = xml.contains("<fault>");
    reader.skip_to("<value>");
    let value = reader.value();
    if fault {
        let code = value["faultCode"].as_i64().unwrap();
        let text = value["faultString"].as_str().unwrap().to_string();
        return Err(Refusal::Fault(code, text));
    }
    Ok(value)
}

/// Reads the regular XML that XML-RPC servers write.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// The next tag without its brackets, and the text before it.
    fn tag(&mut self) -> (&'a str, &'a str) {
        let start = self.rest.find('<').unwrap_or_else(|| panic!("no tag in {:?}", self.rest));
        let end = self.rest[start..].find('>').unwrap() + start;
        let (text, tag) = (&self.rest[..start], &self.rest[start + 1..end]);
        self.rest = &self.rest[end + 1..];
        (tag, text)
    }

    fn skip_to(&mut self, mark: &str) {
        let at = self.rest.find(mark).unwrap_or_else(|| panic!("no {mark} in {:?}", self.rest));
        self.rest = &self.rest[at + mark.len()..];
    }

    /// What stands between `<value>`, already read, and its end.
    fn value(&mut self) -> Value {
        let (tag, text) = self.tag();
        let value = match tag {
            "/value" => return unescape(text).into(),
            "array" => {
                self.skip_to("<data>");
                self.items("value", "/data", |reader| reader.value()).into()
            }
            "struct" => Value::Object(Map::from_iter(self.items("member", "/struct", Reader::member))),
            "array/" | "string/" => "".into(),
            "nil/" => Value::Null,
            scalar => {
                let (_, text) = self.tag();
                match scalar {
                    "int" | "i4" | "i8" => text.parse::<i64>().unwrap().into(),
                    "boolean" => (text == "1").into(),
                    "double" => text.parse::<f64>().unwrap().into(),
                    _ => unescape(text).into(),
                }
            }
        };
        self.skip_to("</value>");
        value
    }

    fn items<T>(&mut self, start: &str, end: &str, read: fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        loop {
            match self.tag().0 {
                tag if tag == start => items.push(read(self)),
                tag if tag == end => return items,
                _ => (),
            }
        }
    }

    fn member(&mut self) -> (String, Value) {
        self.skip_to("<name>");
        let name = unescape(self.tag().1);
        self.skip_to("<value>");
        let value = self.value();
        self.skip_to("</member>");
        (name, value)
    }
}

#[test]
fn values_survive_a_round_trip() {
    let value = serde_json::json!([{"a<b": "x & y", "n": -3}, [], {}, "", true, [[["deep"]]]]);
    let xml = format!("<methodResponse><params><param>{}</param></params></methodResponse>", encode(&value));
    assert_eq!(decode(&xml), Ok(value));
}
