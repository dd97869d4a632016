//! Collects the dead: our children, and as process 1 everybody's orphans.

use super::sys;
use crate::names::{Errno, ExitStatus, Pid};

/// Hands every dead child to `give`, which answers whether it knew it; strangers are logged (PROC-057). One
/// SIGCHLD may stand for many deaths.
pub fn reap(mut give: impl FnMut(Pid, ExitStatus) -> bool) {
    loop {
        match sys::wait_any() {
            Ok(Some((pid, status))) => {
                let status = ExitStatus::from_wait(status);
                if !give(Pid(pid), status) {
                    tracing::info!("reaped unknown pid {pid} ({})", status.cause());
                }
            }
            Ok(None) => return,
            Err(Errno(libc::EINTR)) => (),
            Err(Errno(number)) => {
                tracing::error!(
                    target: super::log::CRITICAL,
                    "waitpid error {number}; a process may not be cleaned up properly"
                );
                return;
            }
        }
    }
}
