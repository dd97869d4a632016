//! `/logtail/NAME[/CHANNEL]` and `/mainlogtail`: the end of a log, and then all that is added to it, for as long as
//! the client listens.

use std::convert::Infallible;
use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::header::{HeaderName, LAST_MODIFIED};
use axum::http::{HeaderValue, Response, StatusCode};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::rpc::Rpc;
use super::watcher::Watcher;
use super::{refuse, with_type};
use crate::api::{Channel, LogName, LogRead, Reply, Request};
use crate::daemon::handle::Handle;

/// Bytes of the log that a stream begins with (HTTP-025).
const HEAD: u64 = 1024;

/// The same for the page that shows a log: some screens full.
const PAGE_HEAD: u64 = 64 * 1024;

/// Bytes of one read, and so of one chunk.
const CHUNK: usize = 64 * 1024;

/// How often a log is looked at that had nothing new. Somebody else may write, rotate or cut it, so the daemon
/// cannot know from its own writing.
const PERIOD: Duration = Duration::from_millis(100);

/// Backups among which the file is sought that came after the one just read to its end. If more have come
/// between two looks, the stream goes on in the newest.
const BACKUPS_SOUGHT: u32 = 64;

/// Tells nginx to pass on each chunk at once.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// `/logtail/NAME[/CHANNEL]`; `path` is decoded. What does not name a log that is there is 404 (HTTP-026).
pub(super) async fn process(rpc: &Rpc, path: &[u8], client: Option<&Watcher>) -> Response<Body> {
    let Some(log) = std::str::from_utf8(path).ok().and_then(named) else {
        return refuse(StatusCode::NOT_FOUND);
    };
    unbuffered(follow(rpc, log, HEAD, client).await)
}

/// For the page that shows a log.
pub(super) async fn page(rpc: &Rpc, log: LogName, client: Option<&Watcher>) -> Response<Body> {
    unbuffered(follow(rpc, log, PAGE_HEAD, client).await)
}

/// `/mainlogtail` (HTTP-027).
pub(super) async fn main(rpc: &Rpc, client: Option<&Watcher>) -> Response<Body> {
    follow(rpc, LogName::Main, HEAD, client).await
}

/// An answer that goes on, so that a proxy must not gather it.
pub(super) fn unbuffered(mut response: Response<Body>) -> Response<Body> {
    if response.status() == StatusCode::OK {
        let (name, value) = UNBUFFERED;
        response.headers_mut().insert(name, value);
    }
    response
}

/// `/logtail/NAME[/CHANNEL]`, whatever else stands before the second slash.
fn named(path: &str) -> Option<LogName> {
    let (_, rest) = path.strip_prefix('/')?.split_once('/')?;
    let (name, channel) = rest.split_once('/').unwrap_or((rest, "stdout"));
    let channel = [Channel::Stdout, Channel::Stderr].into_iter().find(|known| known.name() == channel)?;
    Some(LogName::Process { name: name.to_string(), channel })
}

async fn follow(rpc: &Rpc, log: LogName, head: u64, client: Option<&Watcher>) -> Response<Body> {
    let handle = rpc.handle();
    let path = match handle.call(Request::ReadLog { log, read: LogRead::Path }).await {
        Ok(Reply::Text(path)) => path,
        Ok(_) | Err(_) => return refuse(StatusCode::NOT_FOUND),
    };
    let Some((follower, modified)) = Follower::open(path, head) else { return refuse(StatusCode::NOT_FOUND) };
    let Some(seat) = rpc.seat() else { return refuse(StatusCode::SERVICE_UNAVAILABLE) };
    let listener = Listener { handle: handle.clone(), client: client.cloned(), _seat: seat };
    let chunks = stream::unfold((follower, listener), async |(mut follower, listener)| {
        let bytes = follower.next(&listener).await?;
        Some((Ok::<_, Infallible>(bytes), (follower, listener)))
    });
    let mut response = with_type(StatusCode::OK, "text/plain;charset=utf-8", Body::from_stream(chunks));
    // Digits and letters only: it is always a header.
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(modified)) {
        response.headers_mut().insert(LAST_MODIFIED, date);
    }
    response
}

/// Whom a stream is for, and for how long.
struct Listener {
    handle: Handle,
    client: Option<Watcher>,
    _seat: OwnedSemaphorePermit,
}

/// A log that is read as it grows, through rotation and truncation.
struct Follower {
    path: String,
    file: File,
    /// How much of the file has been read.
    at: u64,
    /// The daemon is going: what is in the file is all that will come.
    last: bool,
}

impl Follower {
    /// From so many bytes before the end, and when the file was last changed; `None` if there is no such file.
    fn open(path: String, head: u64) -> Option<(Follower, SystemTime)> {
        let (file, metadata) = open(&path)?;
        let at = metadata.len().saturating_sub(head);
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Some((Follower { path, file, at, last: false }, modified))
    }

    /// Waits for the next bytes; `None` when the daemon has ended and all is read, or nobody listens any more.
    async fn next(&mut self, listener: &Listener) -> Option<Vec<u8>> {
        loop {
            if let Some(bytes) = self.read() {
                return Some(bytes);
            }
            if self.last || listener.client.as_ref().is_some_and(Watcher::gone) {
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => (),
                () = listener.handle.closed() => self.last = true,
            }
        }
    }

    /// What is there now. A file that has been replaced is read to its end before the next.
    fn read(&mut self) -> Option<Vec<u8>> {
        loop {
            let size = self.file.metadata().map_or(0, |metadata| metadata.len());
            if size < self.at {
                self.at = 0;
                // The reference's own words, which it never got to say (BUG-027).
                return Some(b"==> File truncated <==\n".to_vec());
            }
            let mut bytes = vec![0; CHUNK.min(usize::try_from(size - self.at).unwrap_or(CHUNK))];
            // Unreadable is as good as empty: the next look may find a new file.
            let count = self.file.read_at(&mut bytes, self.at).unwrap_or(0);
            if count > 0 {
                self.at += count as u64;
                bytes.truncate(count);
                return Some(bytes);
            }
            self.file = self.successor()?;
            self.at = 0;
        }
    }

    /// The file that was begun after the one being read, once that has been rotated away or removed.
    fn successor(&self) -> Option<File> {
        let ours = inode(&self.file.metadata().ok()?);
        let (newest, metadata) = open(&self.path)?;
        if inode(&metadata) == ours {
            return None;
        }
        let is_ours = |number: &u32| {
            std::fs::metadata(format!("{}.{number}", self.path)).is_ok_and(|found| inode(&found) == ours)
        };
        match (1..=BACKUPS_SOUGHT).find(is_ours) {
            Some(number) if number > 1 => Some(open(&format!("{}.{}", self.path, number - 1))?.0),
            Some(_) | None => Some(newest),
        }
    }
}

/// A regular file, or `/dev/null`, to which nothing is ever added. Nothing else: what has no past cannot be tailed.
fn open(path: &str) -> Option<(File, Metadata)> {
    // Looked at first, since merely opening a terminal or a pipe can mean something.
    std::fs::metadata(path).ok().filter(|it| it.is_file() || path == "/dev/null")?;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    Some((file, metadata))
}

fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_http_026() {
        let process = |name: &str, channel| Some(LogName::Process { name: name.to_string(), channel });
        for (path, expected) in [
            ("/logtail/a", process("a", Channel::Stdout)),
            ("/logtail/a/stderr", process("a", Channel::Stderr)),
            ("/logtail/g:a/stdout", process("g:a", Channel::Stdout)),
            ("/logtailx/a", process("a", Channel::Stdout)),
            ("/logtail", None),
            ("/logtail/", process("", Channel::Stdout)),
            ("/logtail/a/", None),
            ("/logtail/a/Stdout", None),
            ("/logtail/a/stdout/", None),
            ("/logtail//a", None),
        ] {
            assert_eq!(named(path), expected, "{path}");
        }
    }

    #[test]
    fn of_devices_only_the_empty_one_is_followed() {
        let (mut follower, _) = Follower::open("/dev/null".to_string(), HEAD).unwrap();
        assert_eq!(follower.read(), None);
        assert!(Follower::open("/dev/zero".to_string(), HEAD).is_none());
        assert!(Follower::open("/".to_string(), HEAD).is_none());
    }

    struct Log {
        dir: tempfile::TempDir,
    }

    impl Log {
        fn new(text: &str) -> (Log, Follower) {
            let log = Log { dir: tempfile::tempdir().unwrap() };
            log.write(text);
            let follower = Follower::open(log.path("log"), HEAD).unwrap().0;
            (log, follower)
        }

        fn path(&self, name: &str) -> String {
            self.dir.path().join(name).to_string_lossy().into_owned()
        }

        fn write(&self, text: &str) {
            use std::io::Write;
            let mut file = OpenOptions::new().append(true).create(true).open(self.path("log")).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn rotate(&self, backups: u32) {
            for number in (1..backups).rev() {
                let _ = std::fs::rename(
                    self.path(&format!("log.{number}")),
                    self.path(&format!("log.{}", number + 1)),
                );
            }
            std::fs::rename(self.path("log"), self.path("log.1")).unwrap();
            self.write("");
        }
    }

    fn all(follower: &mut Follower) -> String {
        let chunks = std::iter::from_fn(|| follower.read());
        String::from_utf8(chunks.flatten().collect()).unwrap()
    }

    #[test]
    fn a_stream_begins_1024_bytes_before_the_end_http_025() {
        let (log, mut follower) = Log::new(&format!("no{}", "x".repeat(1024)));
        assert_eq!(all(&mut follower), "x".repeat(1024));
        log.write("more");
        assert_eq!(all(&mut follower), "more");
        let (_log, mut follower) = Log::new("short");
        assert_eq!(all(&mut follower), "short");
    }

    #[test]
    fn nothing_is_left_out_however_often_the_log_is_rotated_http_028() {
        let (log, mut follower) = Log::new("a");
        log.write("b");
        for text in ["c", "d", "e"] {
            log.rotate(4);
            log.write(text);
        }
        assert_eq!(all(&mut follower), "abcde");
        log.rotate(4);
        assert_eq!(all(&mut follower), "");
        log.write("f");
        assert_eq!(all(&mut follower), "f");
        // One rotation more than there are backups: the file being read is gone, and all but the newest with it.
        for text in ["g", "h", "i"] {
            log.rotate(2);
            log.write(text);
        }
        assert_eq!(all(&mut follower), "i");
    }

    #[test]
    fn a_file_cut_in_place_is_said_to_be_and_read_anew_bug_027() {
        let (log, mut follower) = Log::new("old text");
        assert_eq!(all(&mut follower), "old text");
        OpenOptions::new().write(true).open(log.path("log")).unwrap().set_len(0).unwrap();
        log.write("new");
        assert_eq!(all(&mut follower), "==> File truncated <==\nnew");
    }

    #[test]
    fn a_file_that_is_removed_may_come_back() {
        let (log, mut follower) = Log::new("old");
        std::fs::remove_file(log.path("log")).unwrap();
        assert_eq!(all(&mut follower), "old");
        log.write("new");
        assert_eq!(all(&mut follower), "new");
    }
}
