//! What a log's name turns out to be, and how bytes get in there without anybody waiting.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::OnceLock;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};

use super::sys;

/// Bytes that a pipe which says it has room takes at once, whole (PIPE_BUF).
const PIPE_PIECE: usize = 4096;

/// The same of a terminal, which does not say how much room it has.
const TERMINAL_PIECE: usize = 256;

/// An open log.
#[derive(Debug)]
pub enum Target {
    /// A regular file under the log's name: appended to, rotated, replaced.
    File(File),
    /// A device such as `/dev/null`, or a regular file that was handed to the daemon. Bytes are written and that
    /// is all: never sought, rotated, renamed or removed (BUG-005, BUG-006).
    Plain(File),
    /// A pipe, a terminal or a socket: the same, and it may take nothing for a while.
    Stream(File, Way),
}

/// How to write into a stream without waiting for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The description is ours alone and does not block.
    Own,
    /// Others share the description, so it stays as it is; a socket can be asked each time.
    Socket,
    /// Others share the description and it may not be opened anew, as after a change of user (BUG-012): no more at
    /// once than it takes for certain.
    Shared { piece: usize },
}

impl Target {
    /// Opens for appending, creating what is missing with `mode` less the umask.
    pub fn open(path: &str, mode: u32) -> io::Result<Target> {
        if let Some(number) = descriptor(path) {
            if number > 2 && !inherited().contains(&number) {
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
            return Target::handed(number);
        }
        if std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo()) {
            // Open for reading too, else it could not be opened before somebody reads, and would break when the
            // last reader leaves.
            let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
            return Ok(Target::Stream(file, Way::Own));
        }
        let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
        let file = OpenOptions::new().append(true).create(true).mode(mode).custom_flags(flags).open(path)?;
        let kind = file.metadata()?.file_type();
        Ok(match kind {
            kind if kind.is_file() => Target::File(file),
            kind if kind.is_fifo() || file.is_terminal() => Target::Stream(file, Way::Own),
            _ => Target::Plain(file),
        })
    }

    /// A descriptor that the daemon was started with. Opened anew by its name, a socket fails, and so does what
    /// only root may open (BUG-012).
    fn handed(number: RawFd) -> io::Result<Target> {
        let copy = File::from(sys::duplicate(number)?);
        let kind = copy.metadata()?.file_type();
        if kind.is_socket() {
            return Ok(Target::Stream(copy, Way::Socket));
        }
        let piece = match kind {
            kind if kind.is_fifo() => PIPE_PIECE,
            _ if copy.is_terminal() => TERMINAL_PIECE,
            _ => return Ok(Target::Plain(copy)),
        };
        let own =
            match PREPARED.get().and_then(|prepared| prepared.iter().find(|(known, _)| *known == number)) {
                Some((_, own)) => own.try_clone(),
                None => own_description(number),
            };
        Ok(match own {
            Ok(own) => Target::Stream(own, Way::Own),
            Err(_) => Target::Stream(copy, Way::Shared { piece }),
        })
    }

    /// The open file behind it.
    pub fn file(&self) -> &File {
        match self {
            Target::File(file) | Target::Plain(file) | Target::Stream(file, _) => file,
        }
    }

    /// Writes once, and says how much was taken. `WouldBlock` means that the stream takes nothing now.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File(file) | Target::Plain(file) | Target::Stream(file, Way::Own) => {
                (&*file).write(bytes)
            }
            Target::Stream(file, Way::Socket) => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                Ok(send(file.as_raw_fd(), bytes, flags)?)
            }
            Target::Stream(file, Way::Shared { piece }) => {
                if !has_room(file.as_fd(), PollTimeout::ZERO) {
                    return Err(ErrorKind::WouldBlock.into());
                }
                (&*file).write(bytes.get(..*piece).unwrap_or(bytes))
            }
        }
    }
}

/// Waits for room in a stream; whether there is some.
pub fn has_room(fd: BorrowedFd<'_>, timeout: PollTimeout) -> bool {
    let mut wait = [PollFd::new(fd, PollFlags::POLLOUT)];
    poll(&mut wait, timeout).is_ok_and(|ready| ready > 0)
}

/// Opens the pipe or terminal behind a descriptor once more, so that not to block is our affair alone.
fn own_description(number: RawFd) -> io::Result<File> {
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    OpenOptions::new().write(true).custom_flags(flags).open(format!("/proc/self/fd/{number}"))
}

static PREPARED: OnceLock<Vec<(RawFd, File)>> = OnceLock::new();

/// Opens standard output and error anew while we still may: to be called before the daemon becomes another user,
/// if it stays in the foreground.
pub fn prepare() {
    PREPARED.get_or_init(|| {
        let is_stream = |number: &RawFd| {
            let copy = sys::duplicate(*number).map(File::from);
            copy.is_ok_and(|copy| {
                copy.is_terminal() || copy.metadata().is_ok_and(|meta| meta.file_type().is_fifo())
            })
        };
        let streams = [1, 2].into_iter().filter(is_stream);
        streams.filter_map(|number| Some((number, own_description(number).ok()?))).collect()
    });
}

/// Links from one log's name to the next that are followed in search of a descriptor; a longer chain is opened like any
/// other file.
const LINKS_MAX: usize = 8;

/// The number behind `/dev/stdout`, `/dev/stderr`, `/dev/fd/N` and `/proc/self/fd/N`, or behind links to one of them,
/// as containers have them in the place of log files.
pub fn descriptor(path: &str) -> Option<RawFd> {
    let mut path = PathBuf::from(path);
    for _ in 0..LINKS_MAX {
        if let Some(number) = path.to_str().and_then(named) {
            return Some(number);
        }
        let there = std::fs::read_link(&path).ok()?;
        path = path.parent().map_or_else(|| there.clone(), |directory| directory.join(&there));
    }
    None
}

fn named(path: &str) -> Option<RawFd> {
    match path {
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        _ => {
            let (directory, number) = path.rsplit_once('/')?;
            let ours = match directory {
                "/dev/fd" | "/proc/self/fd" => true,
                // As process 1 of a container, the daemon is the one that `/proc/1` is about.
                directory => directory == format!("/proc/{}/fd", std::process::id()),
            };
            number.parse().ok().filter(|number| ours && *number >= 0)
        }
    }
}

static INHERITED: OnceLock<Vec<RawFd>> = OnceLock::new();

/// The descriptors above 2 that the daemon was started with. Its own, opened later, are nobody's log. The first
/// call decides, so it comes before anything is opened.
pub fn inherited() -> &'static [RawFd] {
    INHERITED.get_or_init(|| {
        let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let open: Vec<RawFd> = numbers.filter(|number| *number > 2).collect();
        // The directory just read was among them; it is closed now.
        open.into_iter().filter(|number| sys::duplicate(*number).is_ok()).collect()
    })
}

#[cfg(test)]
mod tests {
    use nix::fcntl::{FcntlArg, fcntl};

    use super::*;

    #[test]
    fn only_what_was_handed_to_the_daemon_is_reached_by_number() {
        inherited();
        let file = tempfile::tempfile().unwrap();
        // A number that was free when the daemon began; it stays open until the tests end.
        let own = fcntl(&file, FcntlArg::F_DUPFD_CLOEXEC(200)).unwrap();
        let refused = Target::open(&format!("/dev/fd/{own}"), 0o600).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EBADF));
        assert_eq!(descriptor("/dev/stdout"), Some(1));
        assert_eq!(descriptor("/proc/self/fd/7"), Some(7));
        assert_eq!(descriptor("/dev/fd/-1"), None);
        assert_eq!(descriptor("/dev/stdout.log"), None);
    }

    #[test]
    fn a_link_to_a_descriptor_is_that_descriptor_bug_012() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        std::fs::write(path("plain"), "").unwrap();
        for (target, name) in [
            ("/dev/stdout", "direct"),
            ("direct", "once_more"),
            ("plain", "to_a_file"),
            ("round", "round"),
            ("/dev/null", "null"),
        ] {
            std::os::unix::fs::symlink(target, path(name)).unwrap();
        }
        let found = |name: &str| descriptor(&path(name));
        assert_eq!([found("direct"), found("once_more")], [Some(1); 2]);
        assert_eq!(["plain", "to_a_file", "round", "null", "nowhere"].map(found), [None; 5]);
        assert_eq!(descriptor(&format!("/proc/{}/fd/2", std::process::id())), Some(2));
        assert_eq!(descriptor(&format!("/proc/{}/fd/2", nix::unistd::getppid())), None);
    }

    #[test]
    fn a_target_is_known_by_what_it_is_bug_006() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        nix::unistd::mkfifo(&*path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("/dev/null", path("null")).unwrap();
        let is = |name: &str| match Target::open(&path(name), 0o600).unwrap() {
            Target::File(_) => "file",
            Target::Plain(_) => "plain",
            Target::Stream(..) => "stream",
        };
        assert_eq!([is("new"), is("new"), is("null"), is("fifo")], ["file", "file", "plain", "stream"]);
    }

    /// A full stream takes nothing, whichever way it is written to, and nobody waits.
    #[test]
    fn a_full_stream_is_not_waited_for() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let (_peer, socket) = std::os::unix::net::UnixStream::pair().unwrap();
        let pipe = File::from(write);
        let again = own_description(pipe.as_raw_fd()).unwrap();
        for target in [
            Target::Stream(pipe, Way::Shared { piece: PIPE_PIECE }),
            Target::Stream(again, Way::Own),
            Target::Stream(File::from(std::os::fd::OwnedFd::from(socket)), Way::Socket),
        ] {
            let mut taken = 0;
            let error = loop {
                match target.write(&[b'x'; 10_000]) {
                    Ok(count) => taken += count,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{target:?} after {taken}");
        }
        // The description that others share is as it was.
        let flags = nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_GETFL).unwrap();
        assert_eq!(flags & libc::O_NONBLOCK, 0);
    }
}
