//! Collects the dead: our children, and as process 1 everybody's orphans.

use super::sys;
use crate::names::{Errno, ExitStatus, Pid};

/// Hands a dead child to `give`, which answers whether it knew it; strangers are logged. Whether there may be more: one
/// SIGCHLD may stand for many deaths. The reference takes up to 100 in a row (PROC-057), which is more than a request
/// should wait for.
pub fn reap_one(give: impl FnOnce(Pid, ExitStatus) -> bool) -> bool {
    match sys::wait_any() {
        Ok(Some((pid, status))) => {
            let status = ExitStatus::from_wait(status);
            if !give(Pid(pid), status) {
                tracing::info!("reaped unknown pid {pid} ({})", status.cause());
            }
            true
        }
        Ok(None) => false,
        Err(Errno(libc::EINTR)) => true,
        Err(Errno(number)) => {
            tracing::error!(
                target: super::log::CRITICAL,
                "waitpid error {number}; a process may not be cleaned up properly"
            );
            false
        }
    }
}
