//! The socket of `[fcgi-program:x]`, which its processes share (CFG-121 to CFG-126).

use std::sync::Arc;

use super::context::Context;
use super::error::Error;
use super::host::{Host, normalize};
use super::{FcgiAddress, FcgiSocket, value};
use crate::names::repr;

/// The most connections that may wait to be accepted.
const BACKLOG_MAX: i64 = 65_535;

/// Who may connect to a unix socket if nobody says: its owner.
const MODE: u32 = 0o700;

/// The socket of a member of a `[group:x]`. The reference gives none to such members and does not look at these
/// options (BUG-015): files that it takes may have wrong ones, or none, and are taken here with a warning.
pub fn member_socket(context: &mut Context<'_>, section: &str) -> Option<Arc<FcgiSocket>> {
    context.document.get(section, "socket")?;
    let before = context.errors.len();
    let socket = socket(context, section);
    let wrong = context.errors.split_off(before);
    // A wrong user is told of where the processes are read.
    let told = |error: &Error| error.place.as_ref().and_then(|place| place.option.clone());
    for error in wrong.iter().filter(|error| told(error).is_none_or(|option| option != "user")) {
        let text = format!("For [{section}], {}: in its group it runs without a socket", error.sentence);
        let help = error.help.as_deref().unwrap_or_default();
        context.warn(text, section, told(error).as_deref(), help);
    }
    socket.filter(|_| wrong.is_empty())
}

/// The socket of a section.
pub fn socket(context: &mut Context<'_>, section: &str) -> Option<Arc<FcgiSocket>> {
    let host = context.host;
    let program = section.split_once(':').map_or("", |(_, name)| name).to_string();
    let mut options = context.section(section);
    let user = options.read_optional("user", |text| value::user(text, host));
    let backlog = options.read_optional("socket_backlog", |text| {
        let backlog = value::integer(text)?;
        let fits = (1..=BACKLOG_MAX).contains(&backlog);
        if fits { Ok(backlog) } else { Err(format!("Invalid socket_backlog value {backlog}")) }
    });
    let owner = options.read_optional("socket_owner", |text| {
        value::owner(text, host).ok_or_else(|| format!("Invalid socket_owner value {text}"))
    });
    let mode = options.read_optional("socket_mode", |text| {
        value::octal(text).map_err(|_| format!("Invalid socket_mode value {text}"))
    });
    options.names.set("program_name", program.trim());
    let errors = options.context.errors.len();
    let text = options.text("socket").unwrap_or_default();
    if text.is_empty() {
        if options.context.errors.len() == errors {
            options.fail(format!("[{section}] section requires a \"socket\" line"), Some("socket"));
        }
        return None;
    }
    let owned = owner.is_some() || mode.is_some();
    let owner = owner.or_else(|| user.and_then(|uid| owner_for(uid, host)));
    match address(&text, owner, mode, owned, host) {
        Ok((address, url)) => Some(Arc::new(FcgiSocket { address, backlog, url })),
        Err(sentence) => {
            options.fail(format!("{sentence} in [{section}] socket"), Some("socket"));
            None
        }
    }
}

/// CFG-126: whoever the program runs as, if that is somebody else than the daemon.
fn owner_for(uid: u32, host: &dyn Host) -> Option<(Option<u32>, Option<u32>)> {
    (uid != host.uid()).then(|| (Some(uid), host.primary_gid(uid)))
}

type Owner = Option<(Option<u32>, Option<u32>)>;

/// The address and its name in the log. Two of the sentences are Python tuples, as the reference prints them
/// (CFG-123).
fn address(
    text: &str,
    owner: Owner,
    mode: Option<u32>,
    owned: bool,
    host: &dyn Host,
) -> Result<(FcgiAddress, String), String> {
    if let Some(path) = text.strip_prefix("unix://") {
        if !path.starts_with('/') {
            return Err(format!("('Unix socket path %s is not an absolute path', {})", repr(path)));
        }
        let path = normalize(path, host);
        let url = format!("unix://{path}");
        let (mode, owner) = (mode.unwrap_or(MODE), owner.unwrap_or((None, None)));
        return Ok((FcgiAddress::Unix { path, mode, owner }, url));
    }
    if owned {
        let sentence = "socket_owner and socket_mode params should only be used with a Unix domain socket";
        return Err(sentence.to_string());
    }
    let (name, port) = tcp(text).ok_or_else(|| format!("('Bad socket format %s', {})", repr(text)))?;
    let port = value::port_number(port)?;
    let name = name.to_lowercase();
    let url = format!("tcp://{name}:{port}");
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    Ok((FcgiAddress::Tcp { host: bare.to_string(), port }, url))
}

/// Host and port of `tcp://host:port`; an IPv6 address stands in brackets (BUG-038).
fn tcp(text: &str) -> Option<(&str, &str)> {
    let (name, port) = text.strip_prefix("tcp://")?.rsplit_once(':')?;
    let bracketed = name.starts_with('[') && name.ends_with(']');
    let named = !name.is_empty() && !name.contains(char::is_whitespace) && (bracketed || !name.contains(':'));
    let numbered = !port.is_empty() && port.chars().all(char::is_numeric);
    (named && numbered).then_some((name, port))
}
