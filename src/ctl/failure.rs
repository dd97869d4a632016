//! What goes wrong while a command runs, in the words that scripts have learnt to look for (CTL-006).

use std::fmt;
use std::io::{self, ErrorKind};

use crate::api::FaultCode;
use crate::api::received::RemoteFault;
use crate::names::{reason, repr};

/// Why a command could not be carried out. `Display` is the class and the message of the reference's exception.
#[derive(Debug)]
pub enum Failure {
    Fault(RemoteFault),
    /// An HTTP status other than 200.
    Protocol {
        status: u16,
        reason: String,
    },
    Io(io::Error),
    /// The server closed the connection instead of answering.
    Disconnected,
    /// The server's answer is no XML-RPC, or does not hold what the method promises.
    Unreadable(String),
    /// A value that cannot be used, such as a server URL.
    Value(String),
    /// The input ended where an answer was expected.
    NoInput,
    /// Ctrl-C.
    Interrupted,
}

impl Failure {
    /// Whether it is this fault.
    pub fn is(&self, code: FaultCode) -> bool {
        matches!(self, Failure::Fault(fault) if fault.is(code))
    }

    /// Whether nothing listens, or the socket's file is missing: an answer of its own, mostly (CTL-007).
    pub fn io_kind(&self) -> Option<ErrorKind> {
        match self {
            Failure::Io(error) => Some(error.kind()),
            Failure::Fault(_)
            | Failure::Protocol { .. }
            | Failure::Disconnected
            | Failure::Unreadable(_)
            | Failure::Value(_)
            | Failure::NoInput
            | Failure::Interrupted => None,
        }
    }

    /// The class and the message, apart.
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Failure::Fault(fault) => ("xmlrpc.client.Fault", shown(fault)),
            Failure::Protocol { status, reason } => (
                "xmlrpc.client.ProtocolError",
                format!("<ProtocolError for 127.0.0.1/RPC2: {status} {reason}>"),
            ),
            Failure::Io(error) => (class(error), message(error)),
            Failure::Disconnected => (
                "http.client.RemoteDisconnected",
                "Remote end closed connection without response".to_string(),
            ),
            Failure::Unreadable(what) => ("xml.parsers.expat.ExpatError", what.clone()),
            Failure::Value(what) => ("ValueError", what.clone()),
            Failure::NoInput => ("EOFError", "EOF when reading a line".to_string()),
            Failure::Interrupted => ("KeyboardInterrupt", String::new()),
        }
    }
}

/// A fault as Python shows it.
pub fn shown(fault: &RemoteFault) -> String {
    format!("<Fault {}: {}>", fault.code, repr(&fault.text))
}

fn class(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => "ConnectionRefusedError",
        ErrorKind::NotFound => "FileNotFoundError",
        ErrorKind::PermissionDenied => "PermissionError",
        ErrorKind::ConnectionReset => "ConnectionResetError",
        ErrorKind::ConnectionAborted => "ConnectionAbortedError",
        ErrorKind::BrokenPipe => "BrokenPipeError",
        ErrorKind::TimedOut => "TimeoutError",
        // Of all that is done here, only the path of a unix socket can be unfit.
        ErrorKind::InvalidInput => "OSError",
        // And only looking a host up fails without a number of the kernel's.
        _ if error.raw_os_error().is_none() => "socket.gaierror",
        _ => "OSError",
    }
}

fn message(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("[Errno {number}] {}", reason(error)),
        None if error.kind() == ErrorKind::InvalidInput => "AF_UNIX path too long".to_string(),
        None => {
            let text = error.to_string();
            // The resolver's own words come after a colon.
            let text = text.rsplit(": ").next().unwrap_or_default();
            format!("[Errno -2] {text}")
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, message) = self.parts();
        write!(f, "<class '{class}'>, {message}")
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl From<RemoteFault> for Failure {
    fn from(fault: RemoteFault) -> Failure {
        Failure::Fault(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_read_as_ctl_006_says() {
        let io = |number| Failure::Io(io::Error::from_raw_os_error(number));
        let fault = RemoteFault { code: 6, text: "SHUTDOWN_STATE".to_string() };
        for (failure, expected) in [
            (io(2), "<class 'FileNotFoundError'>, [Errno 2] No such file or directory"),
            (io(13), "<class 'PermissionError'>, [Errno 13] Permission denied"),
            (io(111), "<class 'ConnectionRefusedError'>, [Errno 111] Connection refused"),
            (Failure::Fault(fault), "<class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>"),
            (
                Failure::Protocol { status: 401, reason: "Unauthorized".to_string() },
                "<class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>",
            ),
        ] {
            assert_eq!(failure.to_string(), expected);
        }
    }
}
