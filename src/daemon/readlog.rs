//! Reading logs for clients, a piece at a time, so that a long log holds nobody else up.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};

use crate::api::{Fault, FaultCode, LogRead, Reply};

/// Bytes of a log in one answer, more than a log grows to with the stock settings. A longer part is cut: from
/// `offset` on these are its first bytes, from the end its last.
pub const READ_MAX: u64 = 64 * 1024 * 1024;

/// Bytes read before everybody else gets a turn.
const PIECE: usize = 256 * 1024;

/// The answer to a request about the log at `path`.
pub async fn read(path: &str, read: LogRead) -> Result<Reply, Fault> {
    match read {
        LogRead::Slice { offset, length } => slice(path, offset, length).await,
        LogRead::Tail { offset, length } => Ok(tail(path, offset, length).await),
        LogRead::Path => Ok(Reply::Text(path.to_string())),
    }
}

/// The checks come in the reference's order: the file, whether it can be read, the numbers (RPC-021, RPC-022).
async fn slice(path: &str, offset: i64, length: i64) -> Result<Reply, Fault> {
    let metadata = std::fs::metadata(path).map_err(|_| Fault::new(FaultCode::NoFile, path))?;
    let log = Log::open(path, &metadata).ok_or(FaultCode::Failed)?;
    if length < 0 || (offset < 0 && length != 0) {
        return Err(FaultCode::BadArguments.into());
    }
    let (start, end) = match u64::try_from(offset) {
        Err(_) => (log.size.saturating_sub(offset.unsigned_abs().min(READ_MAX)), log.size),
        Ok(start) if length == 0 => (start, log.size),
        Ok(start) => (start, start.saturating_add(length.unsigned_abs())),
    };
    log.text(start, end).await.map(Reply::Text)
}

/// The last `length` bytes if the log has anything past `offset`; a log that is not there is an empty one.
async fn tail(path: &str, offset: i64, length: i64) -> Reply {
    let Ok(metadata) = std::fs::metadata(path) else {
        return Reply::Tail { text: String::new(), size: 0, overflow: false };
    };
    let unreadable = Reply::Tail { text: String::new(), size: offset, overflow: false };
    let Some(log) = Log::open(path, &metadata) else { return unreadable };
    let size = i64::try_from(log.size).unwrap_or(i64::MAX);
    let wanted = if offset < size { length.max(0).unsigned_abs().min(READ_MAX) } else { 0 };
    match log.text(log.size.saturating_sub(wanted), log.size).await {
        Ok(text) => Reply::Tail { text, size, overflow: size > offset.saturating_add(length) },
        Err(_) => unreadable,
    }
}

/// A log that can be read anywhere, with its size when it was opened.
struct Log {
    /// `None` for `/dev/null`, which is as good as an empty file.
    file: Option<File>,
    size: u64,
}

impl Log {
    /// `None` if it is a pipe, a terminal or another thing without a past, or may not be read.
    fn open(path: &str, metadata: &Metadata) -> Option<Log> {
        if is_null(metadata) {
            return Some(Log { file: None, size: 0 });
        }
        if !metadata.is_file() {
            return None;
        }
        // Somebody might put a pipe in its place meanwhile: that must not stop us.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
        let size = file.metadata().ok()?.len();
        Some(Log { file: Some(file), size })
    }

    /// The bytes from `start` to `end`, no more than there are and than [`READ_MAX`]. What is no UTF-8, as where a
    /// character is cut, becomes U+FFFD (BUG-016).
    async fn text(&self, start: u64, end: u64) -> Result<String, Fault> {
        let end = end.min(self.size).min(start.saturating_add(READ_MAX));
        let wanted = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        let Some(file) = self.file.as_ref().filter(|_| wanted > 0) else { return Ok(String::new()) };
        let mut bytes = vec![0; wanted];
        let mut read = 0;
        while let Some(piece) =
            bytes.get_mut(read..wanted.min(read + PIECE)).filter(|piece| !piece.is_empty())
        {
            // Fewer than there were: somebody has cut the file.
            match file.read_at(piece, start + read as u64).map_err(|_| FaultCode::Failed)? {
                0 => break,
                count => read += count,
            }
            tokio::task::yield_now().await;
        }
        bytes.truncate(read);
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// Whether this is `/dev/null`.
pub fn is_null(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == libc::makedev(1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, wanted: LogRead) -> Result<Reply, Fault> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(read(path, wanted))
    }

    fn file(bytes: &[u8]) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, bytes).unwrap();
        let path = path.to_string_lossy().into_owned();
        (dir, path)
    }

    #[test]
    fn slices_are_those_of_rpc_021() {
        let (_dir, path) = file(b"0123456789");
        for (offset, length, expected) in [
            (0, 0, Ok("0123456789")),
            (0, 4, Ok("0123")),
            (8, 9, Ok("89")),
            (4, 0, Ok("456789")),
            (10, 5, Ok("")),
            (99, 0, Ok("")),
            (i64::MAX, i64::MAX, Ok("")),
            (-3, 0, Ok("789")),
            (-99, 0, Ok("0123456789")),
            (i64::MIN, 0, Ok("0123456789")),
            (-3, 2, Err(FaultCode::BadArguments)),
            (-3, -3, Err(FaultCode::BadArguments)),
            (0, -1, Err(FaultCode::BadArguments)),
        ] {
            let expected = expected.map(|text| Reply::Text(text.to_string())).map_err(Fault::from);
            assert_eq!(ask(&path, LogRead::Slice { offset, length }), expected, "{offset} {length}");
        }
    }

    #[test]
    fn tails_are_those_of_rpc_052() {
        let (_dir, path) = file(b"0123456789");
        for (offset, length, text, overflow) in [
            (0, 4, "6789", true),
            (6, 4, "6789", false),
            (9, 4, "6789", false),
            (10, 4, "", false),
            (0, 100, "0123456789", false),
            (0, 0, "", true),
            (-5, 3, "789", true),
            (0, -5, "", true),
            (11, -5, "", true),
            (i64::MAX, 1, "", false),
            (i64::MIN, i64::MIN, "", true),
            (0, i64::MAX, "0123456789", false),
        ] {
            let expected = Ok(Reply::Tail { text: text.to_string(), size: 10, overflow });
            assert_eq!(ask(&path, LogRead::Tail { offset, length }), expected, "{offset} {length}");
        }
    }

    #[test]
    fn what_is_not_there_or_has_no_past_is_refused_in_the_order_of_rpc_022() {
        let slice = LogRead::Slice { offset: -1, length: 1 };
        let tail = LogRead::Tail { offset: 7, length: 1 };
        let empty = |size| Ok(Reply::Tail { text: String::new(), size, overflow: false });
        assert_eq!(ask("/nowhere/x", slice), Err(Fault::new(FaultCode::NoFile, "/nowhere/x")));
        assert_eq!(ask("/nowhere/x", tail), empty(0));
        for path in ["/", "/dev/zero"] {
            assert_eq!(ask(path, slice), Err(FaultCode::Failed.into()), "{path}");
            assert_eq!(ask(path, tail), empty(7), "{path}");
        }
        let all = LogRead::Slice { offset: 0, length: 0 };
        assert_eq!(ask("/dev/null", all), Ok(Reply::Text(String::new())));
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(ask(fifo.to_str().unwrap(), all), Err(FaultCode::Failed.into()));
    }

    #[test]
    fn a_cut_character_becomes_a_replacement_and_no_error_bug_016() {
        let (_dir, path) = file("aé€z\u{fffd}".as_bytes());
        for (offset, length, expected) in [(0, 2, "a\u{fffd}"), (2, 3, "\u{fffd}\u{fffd}"), (0, 6, "aé€")]
        {
            let expected = Ok(Reply::Text(expected.to_string()));
            assert_eq!(ask(&path, LogRead::Slice { offset, length }), expected, "{offset} {length}");
        }
        let (_dir, path) = file(b"\xff\xfe x\n");
        let all = LogRead::Slice { offset: 0, length: 0 };
        assert_eq!(ask(&path, all), Ok(Reply::Text("\u{fffd}\u{fffd} x\n".to_string())));
    }

    #[test]
    fn a_longer_log_than_fits_an_answer_gives_the_part_asked_for() {
        let (_dir, path) = file(b"");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"end", READ_MAX + 7).unwrap();
        let text = |read| match ask(&path, read).unwrap() {
            Reply::Text(text) | Reply::Tail { text, .. } => text,
            other => panic!("{other:?}"),
        };
        let first = text(LogRead::Slice { offset: 0, length: 0 });
        assert!(first.len() as u64 == READ_MAX && first.starts_with("begin"));
        for wanted in
            [LogRead::Slice { offset: i64::MIN, length: 0 }, LogRead::Tail { offset: 0, length: i64::MAX }]
        {
            let last = text(wanted);
            assert!(last.len() as u64 == READ_MAX && last.ends_with("end"));
        }
    }
}
