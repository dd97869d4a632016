//! A log file: appended to, rotated, reopened, cleared. What cannot be written comes back to the caller.

use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::stat::fstat;

use super::readlog;
use super::target::{Target, descriptor};

/// Backups of one log; a larger setting means this, since every rotation tries all the names.
const BACKUPS_MAX: i64 = 10_000;

/// How a log is created, before the umask (LOG-033).
const MODE: u32 = 0o666;

/// After a rotation that failed the file goes on growing, and so much later the next is tried.
const ROTATE_AGAIN: Duration = Duration::from_secs(1);

/// An open log.
#[derive(Debug)]
pub struct LogFile {
    path: Arc<str>,
    target: Target,
    /// Bytes at which the file is rotated; 0 means never.
    maxbytes: u64,
    backups: u32,
    /// The file was removed, and its name could not be opened yet.
    vanished: bool,
    /// A rotation failed; and whether the backups have been moved already.
    rotate_again: Option<Instant>,
    shifted: bool,
}

/// How far an append got.
#[derive(Debug)]
pub struct Appended {
    /// Bytes that need no second try.
    pub taken: usize,
    /// Why not all were taken.
    pub trouble: Option<io::Error>,
    /// How a rotation went, if one was due.
    pub rotated: Option<io::Result<()>>,
}

impl Appended {
    fn all(taken: usize) -> Appended {
        Appended { taken, trouble: None, rotated: None }
    }

    fn part(taken: usize, trouble: io::Error) -> Appended {
        Appended { taken, trouble: Some(trouble), rotated: None }
    }
}

impl LogFile {
    /// Opens for appending, creating what is missing with mode 0666 less the umask (LOG-033). Not positive
    /// `maxbytes` means never rotated, not positive `backups` that rotation truncates (LOG-019).
    pub fn open(path: &Arc<str>, maxbytes: i64, backups: i64) -> io::Result<LogFile> {
        Ok(LogFile {
            path: path.clone(),
            target: Target::open(path, MODE)?,
            maxbytes: u64::try_from(maxbytes).unwrap_or(0),
            backups: u32::try_from(backups.clamp(0, BACKUPS_MAX)).unwrap_or(0),
            vanished: false,
            rotate_again: None,
            shifted: false,
        })
    }

    /// The name it was opened under.
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// What the name has turned out to be.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Appends, and rotates when the file has grown to its limit (LOG-018).
    pub fn append(&mut self, bytes: &[u8]) -> Appended {
        if self.vanished
            && let Err(error) = self.reopen()
        {
            return Appended::part(0, error);
        }
        let appended = self.write_all(bytes);
        if appended.trouble.is_some() || !matches!(self.target, Target::File(_)) {
            return appended;
        }
        // Not counted but asked for: another process may write here too, or have cut the file (LOG-029).
        let Ok(now) = fstat(self.target.file()) else { return appended };
        if now.st_nlink == 0 {
            self.vanished = true;
            // These bytes are in a file that nobody can read any more. In a new one they are not.
            return match self.reopen() {
                Ok(()) => self.write_all(bytes),
                Err(error) => Appended::part(0, error),
            };
        }
        let rotated = self.rotate_if_due(u64::try_from(now.st_size).unwrap_or(0));
        Appended { rotated, ..appended }
    }

    /// Closes and opens again under the same name (SIG-004); keeps the old file if that fails.
    pub fn reopen(&mut self) -> io::Result<()> {
        if let Target::File(file) = &self.target {
            // A log that vanished was perhaps private.
            let mode = if self.vanished { file.metadata()?.permissions().mode() } else { MODE };
            self.replace(Target::open(&self.path, mode)?);
        }
        Ok(())
    }

    /// Removes the file and begins a new one (LOG-038, LOG-039). What is no regular file cannot be emptied, and is
    /// never removed (BUG-005).
    pub fn clear(&mut self) -> io::Result<()> {
        let mode = self.target.file().metadata()?.permissions().mode();
        clear(&self.path)?;
        if let Target::File(_) = self.target {
            self.replace(Target::open(&self.path, mode)?);
        }
        Ok(())
    }

    pub(super) fn replace(&mut self, target: Target) {
        self.target = target;
        self.vanished = false;
        self.shifted = false;
        self.rotate_again = None;
    }

    fn write_all(&self, bytes: &[u8]) -> Appended {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self.target.write(rest) {
                Ok(0) => return Appended::part(taken, ErrorKind::WriteZero.into()),
                Ok(count) => taken += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Appended::part(taken, error),
            }
        }
        Appended::all(taken)
    }

    fn rotate_if_due(&mut self, size: u64) -> Option<io::Result<()>> {
        let due = self.maxbytes > 0 && size >= self.maxbytes;
        if !due || self.rotate_again.is_some_and(|again| Instant::now() < again) {
            return None;
        }
        let rotated = self.rotate();
        if rotated.is_err() {
            self.rotate_again = Some(Instant::now() + ROTATE_AGAIN);
        }
        Some(rotated)
    }

    fn rotate(&mut self) -> io::Result<()> {
        let file = self.target.file();
        if self.backups == 0 {
            return file.set_len(0);
        }
        // An AUTO log stays as private as it was made.
        let mode = file.metadata()?.permissions().mode();
        // Without a descriptor to spare nothing is begun.
        drop(file.try_clone()?);
        if !self.shifted {
            for number in (1..self.backups).rev() {
                rename(&self.backup(number), &self.backup(number + 1))?;
            }
        }
        let (base, first) = (PathBuf::from(&*self.path), self.backup(1));
        rename(&base, &first)?;
        match Target::open(&self.path, mode) {
            Ok(target) => {
                self.replace(target);
                Ok(())
            }
            Err(error) => {
                // Back under the name that people look at. The others have been moved, and are not again.
                rename(&first, &base)?;
                self.shifted = true;
                Err(error)
            }
        }
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
    Target::open(path, metadata.permissions().mode()).map(drop)
}

/// A missing source has been removed by somebody else, which is no trouble (LOG-021).
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::os::unix::fs::{OpenOptionsExt, symlink};

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
            let appended = log.append(text.as_bytes());
            assert!(appended.taken == text.len() && appended.trouble.is_none(), "{appended:?}");
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
        write(&mut log, &["not lost"]);
        assert_eq!(dir.all(), "l=not lost l.1=a l.3=two l.7=seven");
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
}
