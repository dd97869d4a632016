//! The signals sent to the daemon, as one stream.

use std::io;

use futures_util::StreamExt;
use nix::sys::signal::SigSet;
use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
    SIGXFSZ,
};
use signal_hook_tokio::Signals;

use crate::names::Signal;

/// What means something to the daemon (SIG-001 to SIG-005).
const MEANT: [i32; 6] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2, SIGCHLD];

/// What would kill the daemon and orphan every child, and means nothing (BUG-036). The real-time signals belong
/// here too.
const MEANINGLESS: [i32; 9] =
    [SIGUSR1, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, libc::SIGPWR, libc::SIGSTKFLT, SIGXCPU, SIGXFSZ];

/// Signals as they come: several that wait together come sorted by number, so TERM and INT before CHLD, and each
/// once.
pub struct SignalStream {
    signals: Signals,
}

impl SignalStream {
    /// Takes the signals over, from now until this is dropped. SIGPIPE stays ignored, as the Rust runtime sets it.
    pub fn open() -> io::Result<SignalStream> {
        let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
        let all = MEANT.into_iter().chain(MEANINGLESS).chain(real_time);
        let signals = Signals::new(all)?;
        // A starter that waits for its signals by `signalfd`, say, may hand them on blocked: no death of a child and no
        // request to end would ever be heard of. The reference looks for the dead once a second.
        SigSet::all().thread_unblock()?;
        Ok(SignalStream { signals })
    }

    /// The next one; waits for it.
    pub async fn next(&mut self) -> Signal {
        match self.signals.next().await {
            Some(signal) => Signal::from_number(signal),
            // The stream ends only if its handle is closed, which nobody does.
            None => std::future::pending().await,
        }
    }
}
