//! A log file: appended to, rotated, reopened. Nothing that happens to it may stop the daemon.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::fd::{AsFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{readlog, sys};

/// How long a write waits for a terminal or pipe that takes no more; then its bytes are dropped.
const STALL_MAX_MILLIS: u16 = 1_000;

/// Backups of one log; a larger setting means this, since every rotation tries all the names.
const BACKUPS_MAX: i64 = 10_000;

/// How a log is created, before the umask (LOG-033).
const MODE: u32 = 0o666;

/// An open log.
#[derive(Debug)]
pub struct LogFile {
    path: Arc<str>,
    file: File,
    kind: Kind,
    /// Bytes at which the file is rotated; 0 means never.
    rotate_at: u64,
    maxbytes: u64,
    backups: u32,
    complained: bool,
}

/// What the path turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Regular,
    /// A terminal, a pipe, a socket, a device, or a descriptor that was handed to the daemon: never rotated,
    /// sought, renamed or removed (BUG-005, BUG-006).
    Stream,
    /// A named pipe, open without a reader as well: what nobody reads is dropped at once.
    Fifo,
}

impl LogFile {
    /// Opens for appending, creating what is missing with mode 0666 less the umask (LOG-033). Not positive
    /// `maxbytes` means never rotated, not positive `backups` that rotation truncates (LOG-019).
    pub fn open(path: &Arc<str>, maxbytes: i64, backups: i64) -> io::Result<LogFile> {
        let (file, kind) = open(path, MODE)?;
        let maxbytes = u64::try_from(maxbytes).unwrap_or(0);
        Ok(LogFile {
            path: path.clone(),
            file,
            kind,
            rotate_at: maxbytes,
            maxbytes,
            backups: u32::try_from(backups.clamp(0, BACKUPS_MAX)).unwrap_or(0),
            complained: false,
        })
    }

    /// The name it was opened under.
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// Appends, and rotates when the file has grown to its limit (LOG-018). What cannot be written is dropped;
    /// the sentence to log about it comes back once per spell of trouble.
    pub fn write(&mut self, bytes: &[u8]) -> Option<String> {
        let written = self.write_all(bytes).and_then(|()| self.rotate_if_due());
        match written {
            Ok(()) => {
                self.complained = false;
                None
            }
            Err(_) if self.complained => None,
            Err(error) => {
                self.complained = true;
                Some(format!("could not write to log {}: {}", self.path, reason(&error)))
            }
        }
    }

    /// Closes and opens again under the same name (SIG-004); keeps the old file if that fails.
    pub fn reopen(&mut self) -> io::Result<()> {
        if self.kind == Kind::Regular {
            let (file, kind) = open(&self.path, MODE)?;
            self.file = file;
            self.kind = kind;
            self.rotate_at = self.maxbytes;
        }
        Ok(())
    }

    /// Removes the file and begins a new one (LOG-038, LOG-039). What is no regular file cannot be emptied, and is
    /// never removed (BUG-005).
    pub fn clear(&mut self) -> io::Result<()> {
        let mode = self.file.metadata()?.permissions().mode();
        clear(&self.path)?;
        if self.kind == Kind::Regular {
            let (file, kind) = open(&self.path, mode)?;
            self.file = file;
            self.kind = kind;
            self.rotate_at = self.maxbytes;
        }
        Ok(())
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.kind == Kind::Stream => {
                    // The other side of a shared terminal may have made it non-blocking.
                    let mut wait = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
                    if poll(&mut wait, PollTimeout::from(STALL_MAX_MILLIS)).unwrap_or(0) == 0 {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn rotate_if_due(&mut self) -> io::Result<()> {
        if self.maxbytes == 0 || self.kind != Kind::Regular {
            return Ok(());
        }
        // Not counted but asked for: another process may write here too, or have cut the file (LOG-029).
        let position = self.file.stream_position()?;
        if position < self.rotate_at {
            return Ok(());
        }
        let rotated = self.rotate();
        // After a failure the file goes on growing, and the next try is a whole file away.
        self.rotate_at = match rotated {
            Ok(()) => self.maxbytes,
            Err(_) => position.saturating_add(self.maxbytes),
        };
        rotated
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.backups == 0 {
            return self.file.set_len(0);
        }
        for number in (1..self.backups).rev() {
            rename(&self.backup(number), &self.backup(number + 1))?;
        }
        rename(Path::new(&*self.path), &self.backup(1))?;
        // An AUTO log stays as private as it was made.
        let mode = self.file.metadata()?.permissions().mode();
        let (file, kind) = open(&self.path, mode)?;
        self.file = file;
        self.kind = kind;
        Ok(())
    }

    fn backup(&self, number: u32) -> PathBuf {
        PathBuf::from(format!("{}.{number}", self.path))
    }
}

/// Removes the log at `path` and puts an empty one there, as private as the old. `/dev/null` is empty already;
/// other things that are no regular files cannot be emptied.
pub fn clear(path: &str) -> io::Result<()> {
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if readlog::is_null(&metadata) {
        return Ok(());
    }
    if !metadata.is_file() || descriptor(path).is_some() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    std::fs::remove_file(path)?;
    open(path, metadata.permissions().mode()).map(drop)
}

/// A missing source has been removed by somebody else, which is no trouble (LOG-021).
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn open(path: &str, mode: u32) -> io::Result<(File, Kind)> {
    if let Some(number) = descriptor(path) {
        if number > 2 && !inherited().contains(&number) {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        return Ok((File::from(sys::duplicate(number)?), Kind::Stream));
    }
    let is_fifo = std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo());
    if is_fifo {
        // Open for reading too, else this would wait, and the daemon with it, for somebody to read.
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        return Ok((file, Kind::Fifo));
    }
    let file =
        OpenOptions::new().append(true).create(true).mode(mode).custom_flags(libc::O_NOCTTY).open(path)?;
    let kind = if file.metadata()?.is_file() { Kind::Regular } else { Kind::Stream };
    Ok((file, kind))
}

/// The number behind `/dev/stdout`, `/dev/stderr`, `/dev/fd/N` and `/proc/self/fd/N`. These are taken from the
/// daemon itself: opened anew, a socket fails, and so does what only root may open (BUG-012).
fn descriptor(path: &str) -> Option<RawFd> {
    match path {
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        _ => {
            let number = path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"))?;
            number.parse().ok().filter(|number| *number >= 0)
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

/// An error as people read it, without the number Rust adds.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_string(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Dir(tempfile::TempDir);

    impl Dir {
        fn new() -> Dir {
            Dir(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> Arc<str> {
            Arc::from(self.0.path().join(name).to_string_lossy())
        }

        fn put(&self, name: &str, text: &str) {
            std::fs::write(self.0.path().join(name), text).unwrap();
        }

        /// Names and contents, sorted.
        fn all(&self) -> String {
            let mut all: Vec<(String, String)> = std::fs::read_dir(self.0.path())
                .unwrap()
                .map(|entry| {
                    let path = entry.unwrap().path();
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    (name, std::fs::read_to_string(path).unwrap())
                })
                .collect();
            all.sort();
            all.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join(" ")
        }
    }

    fn write(log: &mut LogFile, texts: &[&str]) {
        for text in texts {
            assert_eq!(log.write(text.as_bytes()), None);
        }
    }

    #[test]
    fn a_full_file_moves_on_and_no_record_is_split_log_018() {
        let dir = Dir::new();
        let mut log = LogFile::open(&dir.path("l"), 4, 2).unwrap();
        write(&mut log, &["ab", "cdef", "1234", "x"]);
        assert_eq!(dir.all(), "l=x l.1=1234 l.2=abcdef");
        write(&mut log, &["yyy", "z"]);
        assert_eq!(dir.all(), "l=z l.1=xyyy l.2=1234");
    }

    #[test]
    fn a_private_log_stays_private_when_rotated() {
        let dir = Dir::new();
        let path = dir.path("l");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&*path).unwrap();
        let mut log = LogFile::open(&path, 1, 1).unwrap();
        write(&mut log, &["abc", "def"]);
        assert_eq!(dir.all(), "l= l.1=def");
        assert_eq!(std::fs::metadata(&*path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_was_in_the_file_before_counts_log_023() {
        let dir = Dir::new();
        dir.put("l", "old");
        let mut log = LogFile::open(&dir.path("l"), 4, 1).unwrap();
        write(&mut log, &["n"]);
        assert_eq!(dir.all(), "l= l.1=oldn");
    }

    #[test]
    fn without_backups_the_file_is_cut_and_without_a_limit_it_grows_log_019() {
        let dir = Dir::new();
        let mut cut = LogFile::open(&dir.path("cut"), 4, 0).unwrap();
        let mut grows = LogFile::open(&dir.path("grows"), 0, 3).unwrap();
        for log in [&mut cut, &mut grows] {
            write(log, &["abcd", "ef"]);
        }
        assert_eq!(dir.all(), "cut=ef grows=abcdef");
    }

    #[test]
    fn backups_beyond_a_gap_move_too_and_higher_ones_stay_log_020_log_021() {
        let dir = Dir::new();
        for (name, text) in [("l.2", "two"), ("l.3", "three"), ("l.7", "seven")] {
            dir.put(name, text);
        }
        let mut log = LogFile::open(&dir.path("l"), 1, 3).unwrap();
        write(&mut log, &["a"]);
        assert_eq!(dir.all(), "l= l.1=a l.3=two l.7=seven");
        std::fs::remove_file(&*dir.path("l")).unwrap();
        write(&mut log, &["lost"]);
        assert_eq!(dir.all(), "l= l.2=a l.3=two l.7=seven");
    }

    #[test]
    fn a_file_cut_by_somebody_else_has_no_hole_and_rotates_by_its_true_size_log_022() {
        let dir = Dir::new();
        let mut log = LogFile::open(&dir.path("l"), 6, 1).unwrap();
        write(&mut log, &["abcdef", "123"]);
        std::fs::OpenOptions::new().write(true).open(&*dir.path("l")).unwrap().set_len(0).unwrap();
        write(&mut log, &["4567"]);
        assert_eq!(dir.all(), "l=4567 l.1=abcdef");
    }

    #[test]
    fn reopening_leaves_the_moved_file_alone() {
        let dir = Dir::new();
        let mut log = LogFile::open(&dir.path("l"), 0, 0).unwrap();
        write(&mut log, &["before"]);
        std::fs::rename(&*dir.path("l"), &*dir.path("moved")).unwrap();
        write(&mut log, &["-between"]);
        log.reopen().unwrap();
        write(&mut log, &["after"]);
        assert_eq!(dir.all(), "l=after moved=before-between");
    }

    #[test]
    fn devices_are_never_rotated_even_behind_a_link_bug_005() {
        let dir = Dir::new();
        symlink("/dev/null", &*dir.path("l")).unwrap();
        let mut log = LogFile::open(&dir.path("l"), 1, 3).unwrap();
        write(&mut log, &["abc", "def"]);
        log.reopen().unwrap();
        assert_eq!(std::fs::read_link(&*dir.path("l")).unwrap(), Path::new("/dev/null"));
        assert_eq!(std::fs::read_dir(dir.0.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_complained_of_once() {
        let mut log = LogFile::open(&Arc::from("/dev/full"), 10, 3).unwrap();
        assert_eq!(
            log.write(b"x").as_deref(),
            Some("could not write to log /dev/full: No space left on device")
        );
        assert_eq!(log.write(b"x"), None);
    }

    #[test]
    fn a_fifo_that_nobody_reads_stops_nobody() {
        let dir = Dir::new();
        let path = dir.path("fifo");
        nix::unistd::mkfifo(&*path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut log = LogFile::open(&path, 10, 3).unwrap();
        let lines = vec![b'x'; 1024 * 1024];
        assert!(log.write(&lines).is_some_and(|trouble| trouble.starts_with("could not write to log")));
    }

    #[test]
    fn only_what_was_handed_to_the_daemon_is_reached_by_number() {
        let ours = File::open("/dev/null").unwrap();
        inherited();
        let later = File::open("/dev/null").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&later).max(std::os::fd::AsRawFd::as_raw_fd(&ours));
        let error = LogFile::open(&Arc::from(format!("/dev/fd/{}", number + 100)), 0, 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        assert_eq!(descriptor("/dev/stdout"), Some(1));
        assert_eq!(descriptor("/proc/self/fd/7"), Some(7));
        assert_eq!(descriptor("/dev/fd/-1"), None);
        assert_eq!(descriptor("/dev/stdout.log"), None);
    }
}
