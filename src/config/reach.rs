//! Whether `supervisorctl` would reach the daemon: servers that get in each other's way, and a client that looks for
//! another one than there is.

use super::client::DEFAULT_SERVER;
use super::error::Warning;
use super::host::{Host, normalize};
use super::ini::Document;
use super::{Address, Config, ServerConfig};

const CLASSIC: &str = "rpcinterface:supervisor";
const CLIENT: &str = "supervisorctl";

/// What a check says of servers and client together.
pub fn reach(document: &Document, config: &Config, host: &dyn Host) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (at, server) in config.servers.iter().enumerate() {
        if let Some(first) = config.servers.iter().take(at).find(|first| same_place(first, server)) {
            let sentence =
                format!("[{}] listens where [{}] does, so one of them cannot", server.section, first.section);
            let (option, help) = match server.address {
                Address::Inet { .. } => ("port", "a port of its own"),
                Address::Unix { .. } => ("file", "a file of its own"),
            };
            warnings.push(Warning::at(sentence, document, &server.section, Some(option), help));
        }
    }
    warnings.extend(without_methods(document, config));
    warnings.extend(astray(document, config, host));
    warnings
}

fn same_place(a: &ServerConfig, b: &ServerConfig) -> bool {
    match (&a.address, &b.address) {
        (Address::Unix { path: a, .. }, Address::Unix { path: b, .. }) => a == b,
        (Address::Inet { host: a, port: its }, Address::Inet { host: b, port }) => {
            its == port && (a == b || a.is_empty() || b.is_empty())
        }
        (Address::Unix { .. }, Address::Inet { .. }) | (Address::Inet { .. }, Address::Unix { .. }) => false,
    }
}

/// CFG-135: the pages work without it, the client does not.
fn without_methods(document: &Document, config: &Config) -> Option<Warning> {
    let server = config.servers.first().filter(|_| !document.has_section(CLASSIC))?;
    let sentence = format!("without a section [{CLASSIC}] supervisorctl cannot talk to [{}]", server.section);
    let help = format!(
        "add [{CLASSIC}] with supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface"
    );
    Some(Warning::at(sentence, document, &server.section, None, &help))
}

/// A client of this machine whose server is none of the daemon's. What is expanded is not looked at.
fn astray(document: &Document, config: &Config, host: &dyn Host) -> Option<Warning> {
    let there = config.server_url().filter(|_| document.has_section(CLIENT))?;
    let text = document.get(CLIENT, "serverurl").unwrap_or_else(|| DEFAULT_SERVER.to_string());
    let found = if let Some(path) = text.strip_prefix("unix://") {
        let path = plain(&normalize(path, host));
        config.servers.iter().any(|server| match &server.address {
            Address::Unix { path: served, .. } => plain(served) == path,
            Address::Inet { .. } => false,
        })
    } else {
        let place = text.strip_prefix("http://")?.trim_end_matches('/');
        let (name, port) = place.rsplit_once(':').unwrap_or((place, "80"));
        let port: u16 = port.parse().ok()?;
        let is_port = |server: &ServerConfig| match &server.address {
            Address::Inet { port: served, .. } => *served == port,
            Address::Unix { .. } => false,
        };
        // Another machine's daemon is not this one's matter.
        !["localhost", "127.0.0.1"].contains(&name) || config.servers.iter().any(is_port)
    };
    if found || text.contains('%') {
        return None;
    }
    let sentence =
        format!("supervisorctl would look for its server at {text}, where none of this file's listens");
    Some(Warning::at(sentence, document, CLIENT, Some("serverurl"), &format!("serverurl={there}")))
}

/// `/var/run` is a link to `/run` on most machines.
fn plain(path: &str) -> String {
    path.strip_prefix("/var/run/").map_or_else(|| path.to_string(), |rest| format!("/run/{rest}"))
}
