//! The sockets of FastCGI programs. The daemon makes them and listens; the processes of one program in one group accept
//! from the same one, their descriptor 0 (PROC-061).

use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::rc::{Rc, Weak};

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr};
use nix::unistd::{Gid, Uid, chown};

use super::sys;
use crate::config::{FcgiAddress, FcgiSocket, ProcessConfig};
use crate::http::socket::{SocketPath, resolve};
use crate::names::{GroupName, ProgramName, reason};

/// A socket belongs to a program in a group: in another group the program has one of its own (BUG-015).
type Key = (GroupName, ProgramName);

/// All sockets of FastCGI programs.
#[derive(Debug, Default)]
pub struct Sockets {
    entries: HashMap<Key, Entry>,
}

/// A program whose socket has been tried.
#[derive(Debug)]
struct Entry {
    /// Where a TCP socket goes. Asked of the resolver once, since that may take its time.
    address: Option<SocketAddr>,
    open: Weak<Listening>,
}

/// A child's part in a socket. The last one that is dropped closes it.
#[derive(Debug)]
pub struct Share(Rc<Listening>);

impl Share {
    /// The socket, for the child's descriptor 0.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

/// A socket that listens.
#[derive(Debug)]
struct Listening {
    fd: OwnedFd,
    url: String,
    /// Removed with it.
    _path: Option<SocketPath>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        tracing::info!("Closing socket {}", self.url);
    }
}

impl Sockets {
    /// When the first process of a program joins, its socket is made and closed again, so that what is wrong with it
    /// is in the log before anything is started (PROC-061).
    pub fn try_once(&mut self, config: &ProcessConfig) {
        let Some(socket) = &config.socket else { return };
        let key = key(config);
        if self.entries.contains_key(&key) {
            return;
        }
        let mut entry = Entry { address: None, open: Weak::new() };
        if let Err(sentence) = entry.listen(socket) {
            tracing::error!("{sentence}");
        }
        self.entries.insert(key, entry);
    }

    /// The socket for a child that is about to be started: the one that the others have, or a new one. The error is a
    /// whole sentence.
    pub fn share(&mut self, config: &ProcessConfig) -> Result<Option<Share>, String> {
        let Some(socket) = &config.socket else { return Ok(None) };
        let entry =
            self.entries.entry(key(config)).or_insert_with(|| Entry { address: None, open: Weak::new() });
        let listening = match entry.open.upgrade() {
            Some(listening) => listening,
            None => entry.listen(socket)?,
        };
        Ok(Some(Share(listening)))
    }

    /// A process has left with its group. If the group returns, its sockets are tried anew.
    pub fn forget(&mut self, config: &ProcessConfig) {
        self.entries.remove(&key(config));
    }
}

fn key(config: &ProcessConfig) -> Key {
    (config.group.clone(), config.program.clone())
}

impl Entry {
    /// The error is a whole sentence.
    fn listen(&mut self, socket: &FcgiSocket) -> Result<Rc<Listening>, String> {
        let FcgiSocket { address, backlog, url } = socket;
        tracing::info!("Creating socket {url}");
        let (fd, path) = match address {
            FcgiAddress::Unix { path, mode, owner } => unix(path, *mode, *owner),
            FcgiAddress::Tcp { host, port } => self.tcp(host, *port),
        }
        .map_err(|trouble| format!("Could not create FastCGI socket {url}: {trouble}"))?;
        // The kernel takes no more than its own bound anyway.
        let backlog = backlog.map_or(libc::SOMAXCONN, |backlog| i32::try_from(backlog).unwrap_or(i32::MAX));
        let listens = sys::listen(&fd, backlog);
        let listening = Rc::new(Listening { fd, url: url.clone(), _path: path });
        listens.map_err(|errno| {
            format!(
                "Could not create FastCGI socket {url}: {}",
                reason(&io::Error::from_raw_os_error(errno.0))
            )
        })?;
        self.open = Rc::downgrade(&listening);
        Ok(listening)
    }

    fn tcp(&mut self, host: &str, port: u16) -> Result<Made, String> {
        let address = self.address.or_else(|| resolve(host, port));
        let address = address.ok_or_else(|| format!("host {host} has no address"))?;
        self.address = Some(address);
        // The standard library sets SO_REUSEADDR, and listens with a backlog of its own; the caller sets ours.
        let listener = TcpListener::bind(address).map_err(|error| reason(&error))?;
        Ok((listener.into(), None))
    }
}

/// A socket that is bound. It blocks, as programs that accept from it expect.
type Made = (OwnedFd, Option<SocketPath>);

/// Does not listen yet: nobody can connect before owner and mode are set (PROC-062). Removes nothing but a socket
/// (BUG-009).
fn unix(path: &str, mode: u32, owner: (Option<u32>, Option<u32>)) -> Result<Made, String> {
    let told = |error: io::Error| reason(&error);
    match fs::symlink_metadata(path) {
        // Nobody is asked whether he answers: children that outlived a killed daemon do.
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path).map_err(told)?,
        Ok(_) => return Err("the path exists and is not a socket; remove it or change socket=".to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => (),
        Err(error) => return Err(told(error)),
    }
    let system = |errno: nix::errno::Errno| told(errno.into());
    let address = UnixAddr::new(path).map_err(system)?;
    let fd = socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    let fd = fd.map_err(system)?;
    socket::bind(fd.as_raw_fd(), &address).map_err(system)?;
    // From here on an error removes it.
    let made = SocketPath::of(path).map_err(told)?;
    let (uid, gid) = owner;
    if uid.is_some() || gid.is_some() {
        chown(path, uid.map(Uid::from_raw), gid.map(Gid::from_raw))
            .map_err(|errno| format!("Could not change ownership of socket file: {}", system(errno)))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| format!("Could not change permissions of socket file: {}", told(error)))?;
    Ok((fd, Some(made)))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::Arc;

    use super::*;
    use crate::supervisor::testing::process_config;

    fn program(group: &str, address: FcgiAddress) -> ProcessConfig {
        let mut config = process_config(group, "php");
        config.socket = Some(Arc::new(FcgiSocket { address, backlog: None, url: "the-url".to_string() }));
        config
    }

    fn at(path: &str) -> FcgiAddress {
        FcgiAddress::Unix { path: path.to_string(), mode: 0o640, owner: (None, None) }
    }

    struct Dir(tempfile::TempDir);

    impl Dir {
        fn new() -> Dir {
            Dir(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> String {
            self.0.path().join(name).to_string_lossy().into_owned()
        }
    }

    #[test]
    fn processes_of_one_program_in_one_group_share_a_socket_until_the_last_is_gone_proc_061() {
        let dir = Dir::new();
        let path = dir.path("s");
        let config = program("one", at(&path));
        let mut sockets = Sockets::default();
        sockets.try_once(&config);
        assert!(!fs::exists(&path).unwrap(), "tried, and gone again");
        let first = sockets.share(&config).unwrap().unwrap();
        let second = sockets.share(&config).unwrap().unwrap();
        assert!(Rc::ptr_eq(&first.0, &second.0));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        let other = sockets.share(&program("two", at(&dir.path("t")))).unwrap().unwrap();
        assert!(!Rc::ptr_eq(&first.0, &other.0));
        drop(first);
        UnixStream::connect(&path).unwrap();
        drop(second);
        assert!(!fs::exists(&path).unwrap());
        sockets.share(&config).unwrap().unwrap();
    }

    #[test]
    fn a_socket_at_the_path_is_replaced_and_nothing_else_is_bug_009() {
        let dir = Dir::new();
        let path = dir.path("s");
        let old = UnixListener::bind(&path).unwrap();
        let mut sockets = Sockets::default();
        let share = sockets.share(&program("one", at(&path))).unwrap().unwrap();
        UnixStream::connect(&path).unwrap();
        old.set_nonblocking(true).unwrap();
        assert_eq!(old.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "the new one was called");
        // What somebody else has put there since is not ours to remove.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        drop(share);
        let refused = sockets.share(&program("one", at(&path))).unwrap_err();
        assert_eq!(
            refused,
            "Could not create FastCGI socket the-url: the path exists and is not a socket; remove it or change socket="
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn what_fails_after_the_socket_is_made_leaves_none_behind() {
        let dir = Dir::new();
        let path = dir.path("s");
        let address =
            FcgiAddress::Unix { path: path.clone(), mode: 0o700, owner: (Some(u32::MAX - 1), None) };
        // As an ordinary user one may not give files away; root may, to anybody.
        if !nix::unistd::geteuid().is_root() {
            let refused = Sockets::default().share(&program("one", address)).unwrap_err();
            assert!(refused.contains("Could not change ownership of socket file: "), "{refused}");
            assert!(!fs::exists(&path).unwrap());
        }
        let refused = Sockets::default().share(&program("one", at(&dir.path("no/s")))).unwrap_err();
        assert!(refused.ends_with("No such file or directory"), "{refused}");
    }

    #[test]
    fn as_many_connections_wait_as_the_backlog_says_cfg_125() {
        let dir = Dir::new();
        let path = dir.path("s");
        let mut config = program("one", at(&path));
        Arc::make_mut(config.socket.as_mut().unwrap()).backlog = Some(2);
        let _share = Sockets::default().share(&config).unwrap().unwrap();
        let address = UnixAddr::new(&*path).unwrap();
        let mut waiting = Vec::new();
        let refused = loop {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let fd = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
            match socket::connect(fd.as_raw_fd(), &address) {
                Ok(()) => waiting.push(fd),
                Err(errno) => break errno,
            }
        };
        // Linux takes one more than it is told.
        assert_eq!((refused, waiting.len()), (nix::errno::Errno::EAGAIN, 3));
    }

    #[test]
    fn tcp_sockets_listen_on_either_kind_of_address_bug_038() {
        for host in ["127.0.0.1", "::1", "localhost"] {
            let Ok(free) = TcpListener::bind((host, 0)) else { continue };
            let port = free.local_addr().unwrap().port();
            let config = program("one", FcgiAddress::Tcp { host: host.to_string(), port });
            let mut sockets = Sockets::default();
            let refused = sockets.share(&config).unwrap_err();
            assert!(refused.ends_with("Address already in use"), "{refused}");
            drop(free);
            let share = sockets.share(&config).unwrap().unwrap();
            let accepted = share.as_fd().try_clone_to_owned().unwrap();
            let listener = TcpListener::from(accepted);
            let mut client = TcpStream::connect((host, port)).unwrap();
            client.write_all(b"x").unwrap();
            // It waits for connections: programs expect no less.
            let mut byte = [0];
            listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
            assert_eq!(&byte, b"x");
        }
    }
}
