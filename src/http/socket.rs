//! Opening the sockets that servers listen on, before any runtime exists and without harm to a running
//! daemon's (BUG-004, BUG-009).

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::{fmt, process};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use nix::unistd::{Gid, Uid, chown};

use super::auth::Credentials;
use crate::config::read::ourselves;
use crate::config::{Address, ServerConfig, WebConfig};

/// Connections that the kernel keeps until they are accepted (HTTP-001).
const BACKLOG: i32 = 1024;

/// How often a stale socket is removed before giving up: another daemon may be starting at the same moment.
const STALE_ATTEMPTS: u32 = 3;

/// A socket that listens, and what its server needs to know. Dropping it closes the socket and removes its
/// path. A process that ends by `exit`, as the parent does when the daemon goes to the background, drops
/// nothing and so removes nothing.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: Socket,
    pub(super) path: Option<SocketPath>,
    pub(super) credentials: Option<Credentials>,
    pub(super) web: WebConfig,
}

impl Listener {
    /// The address in use; `None` for a unix socket. Tells which port the kernel chose for port 0.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Inet(listener) => listener.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }
}

/// Either kind of socket; neither blocks.
#[derive(Debug)]
pub(super) enum Socket {
    Inet(TcpListener),
    Unix(UnixListener),
}

/// The path of a unix socket of ours. Dropping this removes it, unless another socket has taken its place.
#[derive(Debug)]
pub struct SocketPath {
    path: String,
    /// Device and inode: a path is ours only while it leads to the file we made.
    file: (u64, u64),
}

impl SocketPath {
    /// The path of a socket that has just been made there.
    pub fn of(path: &str) -> io::Result<SocketPath> {
        let made = fs::symlink_metadata(path)?;
        Ok(SocketPath { path: path.to_string(), file: (made.dev(), made.ino()) })
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.file) {
            // Nothing can be done about a directory that no longer lets us.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why a server cannot listen. `Display` is the sentence for the person who started the daemon, without its
/// leading `Error: `.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BindError {
    /// CLI-034.
    InUse,
    /// CLI-035; the number is what the system gave, if it gave one.
    Os(Errno),
    /// The same, with the place that it is about.
    At(Errno, String),
    /// The host has no address.
    UnknownHost(String),
    /// Something that is not a socket is at the path, and is left alone (BUG-009).
    NotASocket(String),
    /// HTTP-004.
    Chown { path: String, uid: i64, gid: i64, user: String },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Of a unix socket's path; the reference's words are those of Python.
            BindError::Os(Errno::ENAMETOOLONG) => {
                f.write_str("Cannot open an HTTP server: socket.error reported AF_UNIX path too long")
            }
            BindError::At(errno, place) => {
                write!(f, "{}; {place}: {}", BindError::Os(*errno), errno.desc())?;
                match errno {
                    Errno::EACCES => write!(f, "; supervisord runs as user {}", ourselves()),
                    _ => Ok(()),
                }
            }
            BindError::InUse => f.write_str(
                "Another program is already listening on a port that one of our HTTP servers is configured to \
                 use.  Shut this program down first before starting supervisord.",
            ),
            BindError::Os(errno) => {
                let number = *errno as i32;
                let name = crate::names::Errno(number).name();
                let helped = if name.starts_with('E') { format!("errno.{name} ({number})") } else { name.into() };
                write!(f, "Cannot open an HTTP server: socket.error reported {helped}")
            }
            // The number that the resolver has for this, where the reference shows it (CLI-035).
            BindError::UnknownHost(host) => {
                write!(f, "Cannot open an HTTP server: socket.error reported -2; no address for host {host}")
            }
            BindError::NotASocket(path) => {
                write!(f, "Cannot open an HTTP server: {path} exists and is not a socket; remove it or change file=")
            }
            BindError::Chown { path, uid, gid, user } => write!(
                f,
                "Not permitted to chown {path} to uid/gid ({uid}, {gid}); leave chown= out, or choose an owner \
                 that user {user} may give files to"
            ),
        }
    }
}

impl std::error::Error for BindError {}

impl BindError {
    /// A number alone does not tell which of several servers it is about. A path that is too long is told as it is.
    fn at(self, place: String) -> BindError {
        match self {
            BindError::Os(errno) if errno != Errno::ENAMETOOLONG => BindError::At(errno, place),
            told @ (BindError::InUse
            | BindError::Os(_)
            | BindError::At(..)
            | BindError::UnknownHost(_)
            | BindError::NotASocket(_)
            | BindError::Chown { .. }) => told,
        }
    }
}

impl From<Errno> for BindError {
    fn from(errno: Errno) -> BindError {
        if errno == Errno::EADDRINUSE { BindError::InUse } else { BindError::Os(errno) }
    }
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> BindError {
        Errno::from_raw(error.raw_os_error().unwrap_or(0)).into()
    }
}

/// Opens one server's socket. It accepts connections into its backlog from here on.
pub fn bind(server: &ServerConfig) -> Result<Listener, BindError> {
    let (socket, path) = match &server.address {
        Address::Inet { host, port } => {
            let listener = inet(host, *port).map_err(|error| error.at(format!("port {port}")))?;
            (Socket::Inet(listener), None)
        }
        Address::Unix { path, mode, owner } => {
            let (listener, path) = unix(path, *mode, *owner).map_err(|error| error.at(path.clone()))?;
            (Socket::Unix(listener), Some(path))
        }
    };
    Ok(Listener { socket, path, credentials: Credentials::of(server), web: server.web.clone() })
}

/// The first IPv4 address of the host, else its first (HTTP-001, BUG-038); `None` if it has none. Asks the resolver:
/// this is why it should be done before there is a runtime to hold up.
pub fn resolve(host: &str, port: u16) -> Option<SocketAddr> {
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().ok()?.collect();
    found.iter().find(|address| address.is_ipv4()).or(found.first()).copied()
}

fn inet(host: &str, port: u16) -> Result<TcpListener, BindError> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let address = resolve(bare, port).ok_or_else(|| BindError::UnknownHost(host.to_string()))?;
    // The standard library sets SO_REUSEADDR.
    let listener = TcpListener::bind(address)?;
    // A second listen changes nothing but the backlog, which the standard library does not let one choose.
    socket::listen(&listener, Backlog::new(BACKLOG)?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Makes the socket under a name of its own, and links it to its path when it has its mode and its owner, so that
/// at the path there is never a socket that does not answer or that the wrong users can connect to (HTTP-002).
fn unix(
    path: &str,
    mode: u32,
    owner: (Option<u32>, Option<u32>),
) -> Result<(UnixListener, SocketPath), BindError> {
    let temporary = format!("{path}.{}", process::id());
    remove_socket(&temporary);
    let made = || {
        let listener = listen_at(&temporary, mode)?;
        give(&temporary, path, owner)?;
        Ok((listener, place(&temporary, path)?))
    };
    let made = made();
    remove_socket(&temporary);
    made
}

/// The mode is set before the socket has a name, and again after, when the umask no longer touches it.
fn listen_at(path: &str, mode: u32) -> Result<UnixListener, BindError> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd: OwnedFd = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let narrow = nix::sys::stat::Mode::from_bits_truncate(mode & 0o777);
    nix::sys::stat::fchmod(&fd, narrow)?;
    socket::bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    socket::listen(&fd, Backlog::new(BACKLOG)?)?;
    Ok(UnixListener::from(fd))
}

/// Links the socket to its path, in place of a stale one but of nothing else.
fn place(temporary: &str, path: &str) -> Result<SocketPath, BindError> {
    let made = fs::symlink_metadata(temporary)?;
    for _ in 0..STALE_ATTEMPTS {
        match link(temporary, path) {
            Ok(()) => return Ok(SocketPath { path: path.to_string(), file: (made.dev(), made.ino()) }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => clear(path)?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(BindError::InUse)
}

/// Gives the socket its path, if nothing is there. Some file systems know no second name for a file, and a kernel that
/// protects links refuses one for a socket that has been given away already, except to whoever has CAP_FOWNER.
fn link(temporary: &str, path: &str) -> io::Result<()> {
    let refused = match fs::hard_link(temporary, path) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EOPNOTSUPP | libc::ENOSYS)) => {
            error
        }
        done => return done,
    };
    match renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE) {
        Err(errno) if errno != Errno::EEXIST => Err(refused),
        done => Ok(done?),
    }
}

/// Removes a stale socket; anything that answers, or is no socket, is left alone and is an error.
fn clear(path: &str) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => (),
        Ok(_) => return Err(BindError::NotASocket(path.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if is_answered(path)? {
        return Err(BindError::InUse);
    }
    // Nobody may be reading standard error; that must not keep the daemon from starting.
    let _ = writeln!(io::stderr(), "Unlinking stale socket {path}");
    remove_socket(path);
    Ok(())
}

/// Whether a process has it open. A full backlog means that one listens, if slowly; the wrong type, that it
/// listens for something else.
fn is_answered(path: &str) -> Result<bool, BindError> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match socket::connect(fd.as_raw_fd(), &UnixAddr::new(path)?) {
        Ok(()) | Err(Errno::EAGAIN | Errno::EINPROGRESS | Errno::EPROTOTYPE) => Ok(true),
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Removes the file if it is a socket. What cannot be removed is reported by the link that comes after.
fn remove_socket(path: &str) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        let _ = fs::remove_file(path);
    }
}

/// The error names the path that the operator configured.
fn give(temporary: &str, path: &str, owner: (Option<u32>, Option<u32>)) -> Result<(), BindError> {
    let (uid, gid) = owner;
    if uid.is_none() && gid.is_none() {
        return Ok(());
    }
    match chown(temporary, uid.map(Uid::from_raw), gid.map(Gid::from_raw)) {
        Ok(()) => Ok(()),
        Err(Errno::EPERM) => {
            let number = |id: Option<u32>| id.map_or(-1, i64::from);
            let user = ourselves();
            Err(BindError::Chown { path: path.to_string(), uid: number(uid), gid: number(gid), user })
        }
        Err(errno) => Err(errno.into()),
    }
}
