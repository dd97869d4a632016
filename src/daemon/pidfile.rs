//! The pid file: written over whatever is left of an earlier run, as the reference does, but never over a daemon that
//! lives (PROC-066, BUG-041).
//!
//! A lock on the open file says who lives; the number in it does not, since a pid may be anybody's by now. The lock
//! belongs to the open file and so goes with the daemon into the background. The kernel lets go of it however the
//! daemon ends. Locks of `flock` are another kind, so a wrapper's own lock on the same file does no harm.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use super::identity::reason_for_us;
use super::log;
use super::options::Stop;

/// How often a file that is removed while it is being locked is opened again. Past that there is no lock.
const TRIES_MAX: u32 = 10;

/// The pid file of one run.
pub struct PidFile {
    path: String,
    /// Open and locked, from the claim on if it was there, else from when it is written.
    file: Option<File>,
    /// It is ours to remove.
    written: bool,
}

/// What came of opening and locking it.
enum Opened {
    Ours(File),
    /// A daemon that lives has it.
    Held,
}

impl PidFile {
    /// Makes sure that no living daemon has this pid file, before anything of it could be touched. The file is not
    /// made yet: that is for when the umask is the daemon's.
    pub fn claim(path: &str) -> Result<PidFile, Stop> {
        let file = match open(path, false) {
            Ok(Opened::Ours(file)) => Some(file),
            Ok(Opened::Held) => return Err(held(path)),
            // It is not there, or cannot be written: that is told when it is to be.
            Err(_) => None,
        };
        Ok(PidFile { path: path.to_string(), file, written: false })
    }

    /// The claim of the next run. A file that keeps its name stays where it is, locked, so that nobody who looks
    /// meanwhile takes the daemon for dead; else this one is removed.
    pub fn claim_anew(self, path: &str) -> Result<PidFile, Stop> {
        let stays = self.path == path && self.file.as_ref().is_some_and(|file| is_at(file, path));
        if stays {
            return Ok(self);
        }
        drop(self);
        PidFile::claim(path)
    }

    /// Writes the pid. That it cannot be written is told and no more (CLI-038); that another daemon has taken the
    /// file since the claim ends this one.
    pub fn write(&mut self, pid: u32) -> Result<(), Stop> {
        let file = match self.file.take() {
            Some(file) => Ok(Opened::Ours(file)),
            None => open(&self.path, true),
        };
        let written = file.and_then(|opened| match opened {
            Opened::Ours(file) => fill(&file, pid).map(|()| Some(file)),
            Opened::Held => Ok(None),
        });
        match written {
            Ok(Some(file)) => {
                tracing::info!("supervisord started with pid {pid}");
                (self.file, self.written) = (Some(file), true);
            }
            Ok(None) => {
                let stop = held(&self.path);
                // Standard error may lead nowhere by now.
                tracing::error!(target: log::CRITICAL, "{stop}");
                return Err(stop);
            }
            Err(error) => {
                tracing::error!(
                    target: log::CRITICAL,
                    "could not write pidfile {}: {}", self.path, reason_for_us(&error)
                );
            }
        }
        Ok(())
    }
}

impl Drop for PidFile {
    /// Removes the file while it is still locked, so that nobody else's can be meant.
    fn drop(&mut self) {
        let ours = self.file.as_ref().filter(|_| self.written);
        if ours.is_some_and(|file| is_regular(file) && is_at(file, &self.path)) {
            // Somebody may have removed it a moment ago.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens it without emptying it, and locks it if it is a regular file: `/dev/null` is everybody's.
fn open(path: &str, create: bool) -> io::Result<Opened> {
    // A named pipe that nobody reads must not stop the daemon.
    let mut options = OpenOptions::new();
    options.write(true).create(create).truncate(false).mode(0o666).custom_flags(libc::O_NONBLOCK);
    for _ in 0..TRIES_MAX {
        let file = options.open(path)?;
        if !is_regular(&file) {
            return Ok(Opened::Ours(file));
        }
        match lock(&file) {
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(Opened::Held),
            // A file system without locks.
            Err(_) => return Ok(Opened::Ours(file)),
            // Else its last owner has removed it between our two calls.
            Ok(()) if is_at(&file, path) => return Ok(Opened::Ours(file)),
            Ok(()) => (),
        }
    }
    Err(ErrorKind::ResourceBusy.into())
}

fn lock(file: &File) -> Result<(), Errno> {
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole)).map(drop)
}

fn fill(mut file: &File, pid: u32) -> io::Result<()> {
    if is_regular(file) {
        file.set_len(0)?;
        file.rewind()?;
    }
    file.write_all(format!("{pid}\n").as_bytes())
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file())
}

/// Whether this open file is what the path leads to now.
fn is_at(file: &File, path: &str) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

/// In the form of the sentence about a port that is taken (CLI-034).
fn held(path: &str) -> Stop {
    let pid = std::fs::read_to_string(path).unwrap_or_default();
    let pid = match pid.trim() {
        "" => String::new(),
        pid => format!(", pid {pid},"),
    };
    Stop::Usage(format!(
        "Another supervisord{pid} is already running with the pid file {path}.  Shut this program down first before \
         starting supervisord."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(dir: &tempfile::TempDir) -> String {
        dir.path().join("d.pid").to_string_lossy().into_owned()
    }

    #[test]
    fn a_living_daemons_file_is_refused_and_a_dead_ones_overwritten_bug_041() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        std::fs::write(&path, "123456 and more\n").unwrap();
        let mut first = PidFile::claim(&path).unwrap();
        // From the claim on, though the number is still a dead one's.
        assert!(PidFile::claim(&path).is_err());
        first.write(7).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7\n");
        let told = PidFile::claim(&path).err().unwrap().to_string();
        assert!(told.starts_with("Error: Another supervisord, pid 7, is already running"), "{told}");
        drop(first);
        assert!(!std::path::Path::new(&path).exists());
    }

    #[test]
    fn a_restart_keeps_the_file_where_it_is_and_removes_it_where_it_moves() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (path(&dir), format!("{}.other", path(&dir)));
        let mut first = PidFile::claim(&path).unwrap();
        first.write(7).unwrap();
        std::fs::hard_link(&path, dir.path().join("seen")).unwrap();
        let mut second = first.claim_anew(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7\n");
        assert!(PidFile::claim(&path).is_err());
        second.write(8).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("seen")).unwrap(), "8\n");
        let mut moved = second.claim_anew(&other).unwrap();
        moved.write(9).unwrap();
        assert!(!std::path::Path::new(&path).exists());
        std::fs::remove_file(&other).unwrap();
        moved.claim_anew(&other).unwrap().write(10).unwrap();
    }

    #[test]
    fn of_two_that_found_no_file_one_writes_it_bug_041() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let (mut one, mut other) = (PidFile::claim(&path).unwrap(), PidFile::claim(&path).unwrap());
        assert!(!std::path::Path::new(&path).exists());
        one.write(7).unwrap();
        assert!(other.write(8).is_err());
        drop(other);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7\n");
    }

    #[test]
    fn what_is_not_our_file_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir);
        let mut ours = PidFile::claim(&path).unwrap();
        ours.write(7).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "somebody's\n").unwrap();
        drop(ours);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's\n");

        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        let (mut one, mut other) = (PidFile::claim(&path).unwrap(), PidFile::claim(&path).unwrap());
        one.write(7).and_then(|()| other.write(8)).unwrap();
        drop((one, other));
        assert!(std::fs::symlink_metadata(&path).is_ok());
    }
}
