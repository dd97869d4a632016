//! The few system calls for which no safe function exists, each behind one.
#![allow(unsafe_code, reason = "system calls for which no safe function exists")]

use std::ffi::{CStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::names::{Errno, Signal};

/// Sends a signal of any number; a negative `pid` means a process group.
pub fn kill(pid: i32, signal: Signal) -> Result<(), Errno> {
    // SAFETY: takes and gives plain numbers.
    match unsafe { libc::kill(pid, signal.number()) } {
        0 => Ok(()),
        _ => Err(last_errno()),
    }
}

/// One dead child, whoever it is, and its wait status; `None` when nobody else has died.
pub fn wait_any() -> Result<Option<(i32, i32)>, Errno> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    match unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } {
        0 => Ok(None),
        -1 => match last_errno() {
            Errno(libc::ECHILD) => Ok(None),
            errno => Err(errno),
        },
        pid => Ok(Some((pid, status))),
    }
}

/// A copy of a descriptor known only by its number, closed on exec.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes a number, which the kernel checks.
    match unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the kernel has just made it, and nobody else knows it.
        copy => Ok(unsafe { OwnedFd::from_raw_fd(copy) }),
    }
}

/// Makes a bound socket listen. Safe functions exist, but refuse a backlog above what the kernel allows by default.
pub fn listen(socket: &OwnedFd, backlog: i32) -> Result<(), Errno> {
    // SAFETY: takes plain numbers, and the descriptor is open.
    match unsafe { libc::listen(socket.as_raw_fd(), backlog) } {
        0 => Ok(()),
        _ => Err(last_errno()),
    }
}

/// Goes on in a new process; the old one says its last words and ends here with status 0. To be called before any
/// thread exists.
pub fn fork_and_leave(last_words: impl FnOnce()) -> Result<(), Errno> {
    // SAFETY: there is one thread, so the new process is whole. The old one undoes nothing as it ends: what is open
    // belongs to the new one.
    unsafe {
        match libc::fork() {
            -1 => Err(last_errno()),
            0 => Ok(()),
            _ => {
                last_words();
                libc::_exit(0)
            }
        }
    }
}

/// The path of this program as it was executed. The first word of its command line is that path too, save where a shell
/// found the program in `PATH`: then it is the bare name, while the script that Supervisor is gets the path (CLI-019).
pub fn program(first_word: Option<OsString>) -> Option<String> {
    let word = first_word?.to_string_lossy().into_owned();
    if word.contains('/') {
        return Some(word);
    }
    // SAFETY: takes a plain number.
    let address = unsafe { libc::getauxval(libc::AT_EXECFN) };
    if address == 0 {
        return Some(word);
    }
    // SAFETY: the kernel has put a string with an end there, which stays as long as the process.
    let path = unsafe { CStr::from_ptr(address as *const libc::c_char) };
    Some(path.to_string_lossy().into_owned())
}

/// Microseconds on the clock that never goes back, as the service manager reads it.
pub fn monotonic_micros() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call, which cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000)
}

/// Forgets that pages of a file are in memory. The bounds are those of one whole private mapping that may not be written
/// and none of whose pages ever was, as /proc/self/smaps gives them.
pub fn drop_file_pages(start: usize, end: usize) {
    // SAFETY: such pages hold what is in the file, so the kernel reads the same again at the next touch. For bounds
    // that are no mapping it refuses.
    unsafe { libc::madvise(start as *mut libc::c_void, end.saturating_sub(start), libc::MADV_DONTNEED) };
}

/// Has a file that may not grow further (RLIMIT_FSIZE) fail the write that is too much, rather than end the daemon.
pub fn survive_full_files() {
    // SAFETY: takes plain numbers; there is no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Gives free heap back to the kernel.
pub fn trim_heap() {
    // SAFETY: it takes a number, and locks the heap itself.
    unsafe { libc::malloc_trim(0) };
}

/// The error of the call just made.
pub fn last_errno() -> Errno {
    Errno(io::Error::last_os_error().raw_os_error().unwrap_or(0))
}
