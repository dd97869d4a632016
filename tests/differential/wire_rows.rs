//! What is sent to both servers.

/// One request, or several in a row.
pub struct Row {
    text: &'static str,
    pub guarded: bool,
    /// How many answers should come.
    pub answers: usize,
    /// The answer has no end.
    pub streams: bool,
    /// The paragraph of docs/compatibility.md that has the reason; the answers must differ then.
    pub differs: Option<&'static str>,
}

impl Row {
    /// Line by line in the table, with the line ends of HTTP here. `{call}` stands for the body of one.
    pub fn request(&self) -> String {
        self.text.replace('\n', "\r\n").replace("{call}", CALL)
    }

    const fn guarded(self) -> Row {
        Row { guarded: true, ..self }
    }

    const fn times(self, answers: usize) -> Row {
        Row { answers, ..self }
    }

    const fn streams(self) -> Row {
        Row { streams: true, ..self }
    }

    const fn differs(self, paragraph: &'static str) -> Row {
        Row { differs: Some(paragraph), ..self }
    }
}

const fn row(text: &'static str) -> Row {
    Row { text, guarded: false, answers: 1, streams: false, differs: None }
}

/// 68 bytes.
const CALL: &str = "<methodCall><methodName>supervisor.getState</methodName></methodCall>";

pub const ROWS: &[Row] = &[
    // Versions and how long a connection lives (HTTP-012, HTTP-013).
    row("GET /ok.html HTTP/1.1\nHost: x\n\n"),
    row("GET /ok.html HTTP/1.1\n\n"),
    row("GET /ok.html HTTP/1.1\nConnection: close\n\n").differs("The Connection header"),
    row("GET /ok.html HTTP/1.1\nConnection: Close\n\n").differs("The Connection header"),
    row("GET /ok.html HTTP/1.1\nConnection: keep-alive\n\n"),
    row("GET /ok.html HTTP/1.0\n\n"),
    row("GET /ok.html HTTP/1.0\nConnection: keep-alive\n\n"),
    row("GET /ok.html HTTP/1.0\nConnection: Keep-Alive\n\n").differs("The Connection header"),
    row("GET /nope HTTP/1.0\n\n"),
    row("GET /nope HTTP/1.0\nConnection: keep-alive\n\n"),
    row("GET /nope HTTP/1.1\nConnection: close\n\n").differs("The Connection header"),
    row("GET /ok.html HTTP/2.0\n\n").differs("Requests that cannot be"),
    row("GET /ok.html HTTP/0.9\n\n").differs("Requests that cannot be"),
    row("GET /ok.html\n\n").differs("Requests that cannot be"),
    row("BOGUS\n\n").differs("Requests that cannot be"),
    row("\n"),
    row("\nGET /ok.html HTTP/1.1\n\n"),
    row("GET /ok.html HTTP/1.1\n\nGET /nope HTTP/1.1\n\n").times(2),
    row("get /ok.html HTTP/1.1\n\n"),
    row("GET  /ok.html HTTP/1.1\n\n").differs("Requests that cannot be"),
    row("GET /ok.html http/1.1\n\n").differs("Requests that cannot be"),
    // Methods (HTTP-019).
    row("HEAD /ok.html HTTP/1.1\n\n"),
    row("HEAD / HTTP/1.1\n\n"),
    row("HEAD /nope HTTP/1.1\n\n"),
    row("HEAD /RPC2 HTTP/1.1\n\n"),
    row("HEAD /mainlogtail HTTP/1.1\n\n"),
    row("POST /ok.html HTTP/1.1\nContent-Length: 1\n\nx"),
    row("POST /ok.html HTTP/1.1\n\n"),
    row("POST /nope HTTP/1.1\nContent-Length: 1\n\nx").differs("The body of a refused request"),
    row("POST /nope HTTP/1.1\n\n"),
    row("PUT /ok.html HTTP/1.1\n\n"),
    row("PUT /nope HTTP/1.1\n\n"),
    row("PUT /RPC2 HTTP/1.1\n\n"),
    row("DELETE / HTTP/1.1\n\n"),
    row("OPTIONS / HTTP/1.1\n\n"),
    row("OPTIONS * HTTP/1.1\n\n"),
    row("TRACE /RPC2 HTTP/1.1\n\n"),
    row("FROBNICATE /nope HTTP/1.1\n\n"),
    row("CONNECT x:1 HTTP/1.1\n\n"),
    // Paths (HTTP-009, HTTP-018 to HTTP-024).
    row("GET //ok.html HTTP/1.1\n\n"),
    row("GET /%6fk.html HTTP/1.1\n\n"),
    row("GET /%256fk.html HTTP/1.1\n\n"),
    row("GET /ok.html?a=b HTTP/1.1\n\n"),
    row("GET /ok.html;a HTTP/1.1\n\n").differs("Addresses in a request line"),
    row("GET /ok.html#a HTTP/1.1\n\n"),
    row("GET /ok.htm HTTP/1.1\n\n"),
    row("GET /ok.htmlx HTTP/1.1\n\n"),
    row("GET /nope HTTP/1.1\n\n"),
    row("GET /stylesheets/nope.css HTTP/1.1\n\n"),
    row("GET /images/nope.gif HTTP/1.1\n\n"),
    row("GET /images/ HTTP/1.1\n\n"),
    row("GET /../../etc/passwd HTTP/1.1\n\n"),
    row("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\n\n"),
    row("GET /stylesheets/../nope HTTP/1.1\n\n"),
    row("GET http://x/ok.html HTTP/1.1\n\n").differs("Addresses in a request line"),
    row("GET http://x/nope HTTP/1.1\n\n"),
    row("GET ok.html HTTP/1.1\n\n").differs("Addresses in a request line"),
    row("GET /%zz HTTP/1.1\n\n"),
    // Calls (RPC-001 to RPC-004).
    row("POST /RPC2 HTTP/1.1\nContent-Length: 69\n\n{call}"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 69\nConnection: close\n\n{call}")
        .differs("The Connection header"),
    row("POST /RPC2 HTTP/1.0\nContent-Length: 69\n\n{call}"),
    row("POST /RPC2 HTTP/1.0\nContent-Length: 69\nConnection: keep-alive\n\n{call}"),
    row("POST /RPC2 HTTP/1.0\nContent-Length: 69\nConnection: Keep-Alive\n\n{call}"),
    row("POST /RPC2/x?y HTTP/1.1\nContent-Length: 69\n\n{call}"),
    row("POST /RPC2x HTTP/1.1\nContent-Length: 69\n\n{call}"),
    row("POST /rpc2 HTTP/1.1\nContent-Length: 69\n\n{call}").differs("The body of a refused request"),
    row("POST /RPC2 HTTP/1.1\nContent-Type: application/json\nContent-Length: 69\n\n{call}"),
    row("POST /RPC2 HTTP/1.1\ncontent-length: 69\n\n{call}"),
    row("POST /RPC2 HTTP/1.1\nContent-Length:69\n\n{call}").differs("`Expect: 100-continue`"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 69\nExpect: 100-continue\n\n{call}")
        .differs("`Expect: 100-continue`"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 69\n\n{call}POST /RPC2 HTTP/1.1\nContent-Length: 69\n\n{call}")
        .times(2),
    row("GET /RPC2 HTTP/1.1\n\n"),
    row("GET /RPC2 HTTP/1.0\n\n"),
    row("POST /RPC2 HTTP/1.1\n\n"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 0\n\n").differs("Requests that cannot be"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: x\n\n{call}").differs("Requests that cannot be"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: -1\n\n{call}").differs("Requests that cannot be"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 68\n\n{call}").differs("Requests that cannot be"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 71\n\n{call}"),
    row("POST /RPC2 HTTP/1.1\nTransfer-Encoding: chunked\n\n45\n{call}\n0\n\n").differs("Chunked requests"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 3\n\nabc"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 13\n\n<methodCall/>"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 4\n\n<a/>"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 51\n\n<methodCall><methodName></methodName></methodCall> "),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 51\n\n<methodCall><methodName>x</methodName></methodCall>"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 51\n\n<methodCall><methodName> </methodName></methodCall>"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 16\n\n<methodResponse>"),
    // Logs (HTTP-025 to HTTP-027).
    row("GET /logtail/cat HTTP/1.1\n\n").streams(),
    row("GET /logtail/cat:cat/stdout HTTP/1.1\n\n").streams(),
    row("GET /logtail/nobody HTTP/1.1\n\n"),
    row("GET /logtail/cat/nothing HTTP/1.1\n\n"),
    row("GET /logtail/cat:* HTTP/1.1\n\n"),
    row("GET /logtail HTTP/1.1\n\n").differs("Following"),
    row("POST /logtail/cat HTTP/1.1\nContent-Length: 1\n\nx").differs("The body of a refused request"),
    row("PUT /mainlogtail HTTP/1.1\n\n"),
    // Credentials (HTTP-032, HTTP-033).
    row("GET /ok.html HTTP/1.1\n\n").guarded().differs("Requests that cannot be"),
    row("GET /ok.html HTTP/1.0\n\n").guarded().differs("Requests that cannot be"),
    row("HEAD /nope HTTP/1.1\n\n").guarded().differs("Requests that cannot be"),
    row("GET /nope HTTP/1.1\nAuthorization: Basic dTpw\n\n").guarded(),
    row("GET /ok.html HTTP/1.1\nAuthorization: Basic dTpw\n\n").guarded(),
    row("GET /ok.html HTTP/1.1\nauthorization: basic dTpw\n\n").guarded(),
    row("GET /ok.html HTTP/1.1\nAuthorization: Basic dTpx\n\n").guarded().differs("Requests that cannot be"),
    row("GET /ok.html HTTP/1.1\nAuthorization: Digest dTpw\n\n").guarded().differs("Requests that cannot be"),
    row("GET /ok.html HTTP/1.1\nAuthorization: Basic\n\n").guarded().differs("Requests that cannot be"),
    row("GET /ok.html HTTP/1.1\nAuthorization: Basic dXA=\n\n").guarded().differs("Requests that cannot be"),
    row("GET /ok.html HTTP/1.1\nAuthorization: Basic !\n\n").guarded().differs("Requests that cannot be"),
    row("POST /RPC2 HTTP/1.1\nContent-Length: 69\n\n{call}").guarded().differs("Requests that cannot be"),
    row("POST /RPC2 HTTP/1.1\nAuthorization: Basic dTpw\nContent-Length: 69\n\n{call}").guarded(),
    row("POST /RPC2 HTTP/1.0\nAuthorization: Basic dTpx\nContent-Length: 69\n\n{call}")
        .guarded()
        .differs("Requests that cannot be"),
];
