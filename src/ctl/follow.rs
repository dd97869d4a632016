//! Logs as they are written: `tail -f`, and the output half of `fg` (CTL-032).

use std::os::fd::BorrowedFd;

use super::failure::Failure;
use super::http::{Follow, Piece};
use super::session::Session;
use crate::cli;

/// What is said before logs are followed.
pub const BANNER: &str = "==> Press Ctrl-C to exit <==";

/// Shows logs as they are written, until Ctrl-C or until none is left.
pub fn until_interrupted(session: &mut Session, paths: &[String]) -> Result<(), Failure> {
    session.client.wait.catch_interrupts()?;
    session.out.line(BANNER);
    let mut logs = Logs::open(session, paths);
    let refused = loop {
        if logs.is_empty() || session.out.is_closed() {
            break logs.refused;
        }
        let ready = match session.client.wait.readable(&logs.fds()) {
            Err(Failure::Interrupted) => {
                session.out.line("");
                break false;
            }
            ready => ready?,
        };
        logs.show(session, &ready);
    };
    if refused {
        // The reference says so and exits with 0 (BUG-027).
        session.exit_status = super::session::exit::GENERIC;
    }
    Ok(())
}

/// Logs that are being followed, each with its URL for complaints.
#[derive(Debug, Default)]
pub struct Logs {
    open: Vec<(String, Follow)>,
    /// Whether one could not be opened.
    refused: bool,
}

impl Logs {
    /// Opens each; one that cannot be is complained of.
    pub fn open(session: &Session, paths: &[String]) -> Logs {
        let mut logs = Logs::default();
        for path in paths {
            let url = format!("{}{path}", session.client.url());
            match session.client.follow(path) {
                Ok(follow) => logs.open.push((url, follow)),
                Err(failure) => logs.complain_of(&url, &failure),
            }
        }
        logs
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// To wait on, in the order that [`Logs::show`] takes.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.open.iter().map(|(_, follow)| follow.as_fd()).collect()
    }

    /// Shows what came of those that have something, and lets go of those that ended.
    pub fn show(&mut self, session: &mut Session, ready: &[bool]) {
        let mut at = 0;
        for ready in ready {
            let Some((url, follow)) = self.open.get_mut(at) else { return };
            let piece = if *ready { follow.read() } else { Ok(Piece::Bytes(Vec::new())) };
            let url = url.clone();
            match piece {
                Ok(Piece::Bytes(bytes)) => {
                    session.out.bytes(&bytes);
                    at += 1;
                    continue;
                }
                Ok(Piece::End) => (),
                Ok(Piece::Refused(status)) => {
                    self.refused = true;
                    cli::complain(format_args!("{url} Cannot read, status code {status}"));
                }
                Err(failure) => self.complain_of(&url, &failure),
            }
            self.open.remove(at);
        }
    }

    fn complain_of(&mut self, url: &str, failure: &Failure) {
        let (class, message) = failure.parts();
        self.refused = true;
        cli::complain(format_args!("{url} Cannot connect, error: <class '{class}'> ({message})"));
    }
}
