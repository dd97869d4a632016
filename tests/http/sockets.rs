//! Opening and closing sockets beside others' (HTTP-001 to HTTP-006, BUG-004, BUG-009).

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;

use convoke::config::Address;
use convoke::http::socket::{BindError, bind};
use tempfile::TempDir;

use crate::world::{World, inet, unix};

const IN_USE: &str = "Another program is already listening on a port that one of our HTTP servers is configured \
    to use.  Shut this program down first before starting supervisord.";

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A socket nobody listens on, as a killed daemon leaves it.
fn leave_stale(path: &Path) -> u64 {
    drop(UnixListener::bind(path).unwrap());
    fs::symlink_metadata(path).unwrap().ino()
}

#[test]
fn a_unix_socket_appears_at_its_path_alone_and_answers_at_once() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.sock");
    let listener = bind(&unix(&path)).unwrap();
    assert_eq!(names(dir.path()), ["s.sock"], "no temporary name is left");
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    UnixStream::connect(&path).unwrap();
    drop(listener);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn the_mode_is_the_configured_one_whatever_the_umask() {
    let dir = TempDir::new().unwrap();
    for mode in [0o700, 0o777, 0o770, 0o600] {
        let path = dir.path().join("s.sock");
        let mut server = unix(&path);
        server.address =
            Address::Unix { path: path.to_str().unwrap().to_string(), mode, owner: (None, None) };
        let _listener = bind(&server).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode, "{mode:o}");
    }
}

#[test]
fn a_stale_socket_is_replaced_http_003() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.sock");
    let stale = leave_stale(&path);
    let _listener = bind(&unix(&path)).unwrap();
    assert_ne!(fs::symlink_metadata(&path).unwrap().ino(), stale);
    UnixStream::connect(&path).unwrap();
    assert_eq!(names(dir.path()), ["s.sock"]);
}

#[test]
fn what_is_no_socket_is_refused_and_left_alone_bug_009() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("precious");
    fs::write(&path, "data").unwrap();
    let error = bind(&unix(&path)).unwrap_err();
    assert_eq!(error, BindError::NotASocket(path.to_str().unwrap().to_string()));
    assert!(error.to_string().contains(" exists and is not a socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    assert_eq!(names(dir.path()), ["precious"]);

    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path().join("nowhere"), &link).unwrap();
    assert!(matches!(bind(&unix(&link)), Err(BindError::NotASocket(_))));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_socket_of_another_kind_is_in_use_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    let _other = UnixDatagram::bind(&path).unwrap();
    assert_eq!(bind(&unix(&path)).unwrap_err(), BindError::InUse);
    UnixDatagram::unbound().unwrap().connect(&path).unwrap();
}

#[test]
fn a_second_bind_is_refused_and_the_first_is_unharmed_bug_004() {
    let world = World::new();
    let before = fs::symlink_metadata(&world.socket).unwrap().ino();
    for server in [unix(&world.socket), inet(world.port, None)] {
        let error = bind(&server).unwrap_err();
        assert_eq!((&error, error.to_string().as_str()), (&BindError::InUse, IN_USE));
    }
    assert_eq!(fs::symlink_metadata(&world.socket).unwrap().ino(), before);
    assert_eq!(names(world.dir.path()), ["s.sock"]);
    UnixStream::connect(&world.socket).unwrap();
    assert!(crate::wire::exchange(world.port, "GET /ok.html HTTP/1.0\r\n\r\n").ends_with("OK"));
}

#[test]
fn a_listener_that_does_not_accept_is_still_in_use() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.sock");
    let _first = bind(&unix(&path)).unwrap();
    assert_eq!(bind(&unix(&path)).unwrap_err(), BindError::InUse);
    UnixStream::connect(&path).unwrap();
}

#[test]
fn closing_removes_the_path_unless_another_has_taken_it() {
    let mut world = World::new();
    world.close();
    assert!(!world.socket.exists());
    assert!(TcpListener::bind(("127.0.0.1", world.port)).is_ok(), "the port is free again");

    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.sock");
    let first = bind(&unix(&path)).unwrap();
    fs::remove_file(&path).unwrap();
    let _second = bind(&unix(&path)).unwrap();
    drop(first);
    UnixStream::connect(&path).expect("the second one's path stays");
}

#[test]
fn other_errors_read_as_cli_035_says() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("no/s.sock");
    let missing = bind(&unix(&path)).unwrap_err();
    let text = "Cannot open an HTTP server: socket.error reported errno.ENOENT (2)";
    let text = format!("{text}; {}: No such file or directory", path.display());
    assert_eq!(missing.to_string(), text);
    let long = bind(&unix(&dir.path().join("x".repeat(120)))).unwrap_err();
    let text = "Cannot open an HTTP server: socket.error reported AF_UNIX path too long";
    assert_eq!(long.to_string(), text);
    let mut server = inet(0, None);
    server.address = Address::Inet { host: "no such host".to_string(), port: 9001 };
    let unknown = bind(&server).unwrap_err().to_string();
    let text = "Cannot open an HTTP server: socket.error reported -2";
    assert!(unknown.starts_with(text), "{unknown}");
}

#[test]
fn an_empty_host_means_every_ipv4_interface() {
    let mut server = inet(0, None);
    server.address = Address::Inet { host: String::new(), port: 0 };
    let listener = bind(&server).unwrap();
    assert_eq!(listener.local_addr().unwrap().ip().to_string(), "0.0.0.0");
}

#[test]
fn addresses_of_ipv6_are_listened_on_cfg_068_bug_038() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    for (host, expected) in [("[::1]", "::1"), ("::1", "::1"), ("[::]", "::")] {
        let mut server = inet(0, None);
        server.address = Address::Inet { host: host.to_string(), port: 0 };
        let listener = bind(&server).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(address.ip().to_string(), expected);
        std::net::TcpStream::connect(("::1", address.port())).unwrap();
        // All interfaces of IPv6 are those of IPv4 too.
        let by_ipv4 = std::net::TcpStream::connect(("127.0.0.1", address.port()));
        assert_eq!(by_ipv4.is_ok(), expected == "::", "{host}");
    }
}

#[test]
fn a_socket_is_given_to_the_owner_that_is_asked_for() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.sock");
    let mut server = unix(&path);
    let root = nix::unistd::geteuid().is_root();
    let owner = if root { (Some(65_534), Some(65_534)) } else { (Some(0), None) };
    server.address = Address::Unix { path: path.to_str().unwrap().to_string(), mode: 0o700, owner };
    match bind(&server) {
        Ok(_listener) => {
            let found = fs::metadata(&path).unwrap();
            assert_eq!((root, found.uid(), found.gid()), (true, 65_534, 65_534));
        }
        Err(error) => {
            let begin = format!("Not permitted to chown {} to uid/gid (0, -1);", path.display());
            assert!(!root && error.to_string().starts_with(&begin), "{error}");
            assert!(names(dir.path()).is_empty(), "nothing is left behind");
        }
    }
}
