//! Starts a child. Everything is prepared first; between `clone` and `execve` nothing is allocated.
//!
//! The child borrows the daemon's memory until it executes its program (`CLONE_VM | CLONE_VFORK`), so a spawn
//! costs the same however large the daemon has grown. The daemon has one thread and waits meanwhile.
#![allow(unsafe_code, reason = "fork and exec, and the calls of the child between them")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::sys::last_errno;
use crate::names::{Errno, Pid};

/// Bytes of stack for the child's few lines.
const STACK_SIZE: usize = 64 * 1024;

/// The highest signal number.
const SIGNAL_MAX: c_int = 64;

/// Where the kernel cannot close a range of descriptors, or may not: one inherited descriptor past these stays open in
/// children, as in the reference. All that are allowed may be a million, and a second's work for each child.
const INHERITED_END: c_int = 1024;

/// All that a child needs, ready to hand to the kernel.
pub struct Launch<'a> {
    pub file: CString,
    pub arguments: Vec<CString>,
    /// `NAME=value`.
    pub environment: Vec<CString>,
    /// What become the child's 0, 1 and 2.
    pub descriptors: [BorrowedFd<'a>; 3],
    pub identity: Option<Identity>,
    /// The child is to fail where it would change its identity, for a reason that is known already: from outside
    /// it must look as if it had tried.
    pub refused: bool,
    pub directory: Option<CString>,
    pub umask: Option<u32>,
    /// Soft and hard RLIMIT_NOFILE, where the child's differ from the daemon's.
    pub open_files: Option<(u64, u64)>,
}

/// Whom the child becomes; the groups replace the daemon's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

/// What a child could not do. It is gone, with status 127.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    pub step: Step,
    pub errno: Errno,
}

/// The steps that can fail, in the order they are taken (PROC-041).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Descriptors,
    Refused,
    Groups,
    Gid,
    Uid,
    Directory,
    Execute,
}

/// Where children run their first lines. One serves all: the daemon waits until a child has left it.
pub struct Spawner {
    stack: Box<[MaybeUninit<u8>]>,
}

impl Default for Spawner {
    fn default() -> Spawner {
        Spawner { stack: Box::new_uninit_slice(STACK_SIZE) }
    }
}

impl Spawner {
    /// Starts a child and returns once it runs its program, or has failed to and is dead but not reaped.
    pub fn spawn(&mut self, launch: &Launch<'_>) -> Result<(Pid, Option<Failure>), Errno> {
        let (arguments, environment) = (pointers(&launch.arguments), pointers(&launch.environment));
        let mut child = Child::new(launch, &arguments, &environment);
        // SAFETY: the stack is ours, grows down from a 16-byte boundary, and is used by nobody else while the
        // call lasts; `child` and all it points to outlive the call, which returns only when the child has left
        // this memory. Signals are blocked so that no handler of ours runs in the child.
        unsafe {
            let before = block_signals();
            let end = self.stack.as_mut_ptr_range().end;
            let top = end.sub(end as usize % 16).cast::<c_void>();
            let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
            let pid = libc::clone(begin, top, flags, ptr::from_mut(&mut child).cast());
            let errno = last_errno();
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
            // The child has written to it behind the compiler's back.
            let failure = ptr::read_volatile(&child.failure);
            if pid == -1 { Err(errno) } else { Ok((Pid(pid), failure)) }
        }
    }
}

/// Starts a child on a copy of the daemon's memory and waits for nothing, which takes longer: for one that may be held up
/// before it runs its program. Only the child learns of a failure, and writes `words` of it to its standard error.
pub fn spawn_apart(launch: &Launch<'_>, words: impl FnOnce(Failure) -> String) -> Result<Pid, Errno> {
    let (arguments, environment) = (pointers(&launch.arguments), pointers(&launch.environment));
    let child = Child::new(launch, &arguments, &environment);
    // SAFETY: there is one thread, so the child's memory is whole, and it may allocate. It ends here, in one way or
    // another. Signals are blocked so that no handler of ours runs in it.
    unsafe {
        let before = block_signals();
        let pid = libc::fork();
        if pid == 0 {
            let step = set_up(&child);
            let words = words(Failure { step, errno: Errno(errno()) });
            libc::write(2, words.as_ptr().cast(), words.len());
            libc::_exit(127);
        }
        let errno = last_errno();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
        if pid == -1 { Err(errno) } else { Ok(Pid(pid)) }
    }
}

/// Blocks every signal, and gives the mask that was.
///
/// # Safety
/// None beyond the C library's own.
unsafe fn block_signals() -> libc::sigset_t {
    // SAFETY: both sets are filled by the calls that take them.
    unsafe {
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

/// A list as `execve` takes it.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// A [`Launch`] in the kernel's terms.
struct Child {
    file: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    descriptors: [c_int; 3],
    /// uid, gid, and the groups.
    identity: Option<(u32, u32, usize, *const u32)>,
    refused: bool,
    directory: *const c_char,
    umask: Option<u32>,
    open_files: Option<libc::rlimit>,
    failure: Option<Failure>,
}

impl Child {
    /// Points into the launch and the two lists, which must outlive it.
    fn new(launch: &Launch<'_>, arguments: &[*const c_char], environment: &[*const c_char]) -> Child {
        let identity = launch.identity.as_ref();
        Child {
            file: launch.file.as_ptr(),
            arguments: arguments.as_ptr(),
            environment: environment.as_ptr(),
            descriptors: launch.descriptors.map(|fd| fd.as_raw_fd()),
            identity: identity.map(|who| (who.uid, who.gid, who.groups.len(), who.groups.as_ptr())),
            refused: launch.refused,
            directory: launch.directory.as_deref().map_or(ptr::null(), CStr::as_ptr),
            umask: launch.umask,
            open_files: launch.open_files.map(|(soft, hard)| libc::rlimit { rlim_cur: soft, rlim_max: hard }),
            failure: None,
        }
    }
}

/// The child's life until its program begins, or until it ends with 127.
extern "C" fn begin(child: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes its own `Child` and waits; nobody else touches it.
    unsafe {
        let child = child.cast::<Child>();
        let step = set_up(&*child);
        ptr::write_volatile(&raw mut (*child).failure, Some(Failure { step, errno: Errno(errno()) }));
        libc::_exit(127)
    }
}

/// Takes the steps of PROC-041 and returns the one that failed, its reason in `errno`.
///
/// # Safety
/// Runs in the child only, whose pointers are all valid. Calls only what is safe after `vfork`; the wrappers
/// that the C library would carry to other threads are passed by.
unsafe fn set_up(child: &Child) -> Step {
    // SAFETY: as above.
    unsafe {
        // A Ctrl-C in the daemon's terminal is not for its children.
        libc::setpgid(0, 0);
        for (target, source) in (0..).zip(child.descriptors) {
            if libc::dup2(source, target) == -1 {
                return Step::Descriptors;
            }
        }
        close_all_from_3();
        if let Some(limit) = &child.open_files {
            libc::setrlimit(libc::RLIMIT_NOFILE, limit);
        }
        if child.refused {
            return Step::Refused;
        }
        if let Some((uid, gid, count, groups)) = child.identity {
            if libc::syscall(libc::SYS_setgroups, count, groups) == -1 {
                return Step::Groups;
            }
            if libc::syscall(libc::SYS_setgid, gid) == -1 {
                return Step::Gid;
            }
            if libc::syscall(libc::SYS_setuid, uid) == -1 {
                return Step::Uid;
            }
        }
        if !child.directory.is_null() && libc::chdir(child.directory) == -1 {
            return Step::Directory;
        }
        if let Some(umask) = child.umask {
            libc::umask(umask);
        }
        reset_signals();
        libc::execve(child.file, child.arguments, child.environment);
        Step::Execute
    }
}

/// Everything of ours is closed on exec anyway; what the daemon inherited is not.
///
/// # Safety
/// Runs in the child only, which has its own table of descriptors.
unsafe fn close_all_from_3() {
    // SAFETY: as above; no descriptor above 2 is used afterwards.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, c_int::MAX, 0) == 0 {
            return;
        }
        for fd in 3..INHERITED_END {
            libc::close(fd);
        }
    }
}

/// SIGPIPE and SIGXFSZ ignored, as Python leaves them to its children, all others as they come; none blocked
/// (PROC-043). Handlers must be gone before the mask is, since they would run on the daemon's memory.
///
/// # Safety
/// Runs in the child only.
unsafe fn reset_signals() {
    // SAFETY: all-zero is a valid action without flags; numbers that cannot be set are refused harmlessly.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        for signal in 1..=SIGNAL_MAX {
            let ignored = signal == libc::SIGPIPE || signal == libc::SIGXFSZ;
            action.sa_sigaction = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
            libc::sigaction(signal, &action, ptr::null_mut());
        }
        let mut none = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

/// The reason of the call just made, without a detour through allocating code.
///
/// # Safety
/// None beyond the C library's own.
unsafe fn errno() -> c_int {
    // SAFETY: the location is always valid.
    unsafe { *libc::__errno_location() }
}
