//! Collects the dead: our children, and as process 1 everybody's orphans.

use super::sys;
use crate::names::{Errno, ExitStatus, Pid};

/// Dead children collected at a time; then others get their turn, and the rest follow. The reference takes 100
/// (PROC-057), which is more than a request should wait for.
const REAPED_AT_ONCE: usize = 20;

/// Hands dead children to `give`, which answers whether it knew it; strangers are logged (PROC-057). One SIGCHLD may
/// stand for many deaths. Whether there may be more.
pub fn reap(mut give: impl FnMut(Pid, ExitStatus) -> bool) -> bool {
    for _ in 0..REAPED_AT_ONCE {
        match sys::wait_any() {
            Ok(Some((pid, status))) => {
                let status = ExitStatus::from_wait(status);
                if !give(Pid(pid), status) {
                    tracing::info!("reaped unknown pid {pid} ({})", status.cause());
                }
            }
            Ok(None) => return false,
            Err(Errno(libc::EINTR)) => (),
            Err(Errno(number)) => {
                tracing::error!(
                    target: super::log::CRITICAL,
                    "waitpid error {number}; a process may not be cleaned up properly"
                );
                return false;
            }
        }
    }
    true
}
