//! What a service manager is told: ready, reloading, stopping. It asks for that with `NOTIFY_SOCKET`, as systemd does
//! for `Type=notify`.
//!
//! The variable stays in the environment, and so children get it, as they do from the reference: a program that tells
//! the manager something by itself goes on doing so.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::sys;
use crate::api::SupervisorState;
use crate::names::reason;

/// The service manager, if there is one that listens.
#[derive(Default)]
pub struct Notify {
    manager: Option<(UnixDatagram, SocketAddr)>,
    told: Cell<Option<SupervisorState>>,
}

impl Notify {
    /// The manager that `NOTIFY_SOCKET` names: a path, or with `@` an abstract name.
    pub fn new(socket: Option<&OsStr>) -> Notify {
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Notify::default() };
        match connect(name) {
            Ok(manager) => Notify { manager: Some(manager), told: Cell::default() },
            Err(error) => {
                tracing::warn!("NOTIFY_SOCKET {} cannot be used: {}", name.display(), reason(&error));
                Notify::default()
            }
        }
    }

    /// Tells of the supervisor's state after a turn, if that is news.
    pub fn follow(&self, state: SupervisorState) {
        if self.told.replace(Some(state)) == Some(state) {
            return;
        }
        match state {
            SupervisorState::Running => self.ready(),
            SupervisorState::Restarting => self.reloading(),
            SupervisorState::Shutdown => self.send("STOPPING=1"),
        }
    }

    /// A reload was asked for and nothing came of it; a manager that asked for it waits for its end all the same.
    pub fn refused(&self) {
        self.reloading();
        self.ready();
    }

    fn ready(&self) {
        // After going to the background we are not whom the manager has started.
        self.send(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    /// With the time, since the manager must know it from one that was sent before.
    fn reloading(&self) {
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", sys::monotonic_micros()));
    }

    fn send(&self, text: &str) {
        let Some((socket, manager)) = &self.manager else { return };
        if let Err(error) = socket.send_to_addr(text.as_bytes(), manager) {
            tracing::warn!("could not tell the service manager {text:?}: {}", reason(&error));
        }
    }
}

/// A socket that never waits, and the address to send to.
fn connect(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(ErrorKind::InvalidInput.into()),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let count = manager.recv(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    #[test]
    fn each_state_is_told_once_at_a_path_and_at_an_abstract_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let abstract_name = format!("convoke-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        for (manager, name) in [
            (UnixDatagram::bind(&path).unwrap(), path.clone().into_os_string()),
            (UnixDatagram::bind_addr(&address).unwrap(), format!("@{abstract_name}").into()),
        ] {
            manager.set_nonblocking(true).unwrap();
            let notify = Notify::new(Some(&name));
            let ready = format!("READY=1\nMAINPID={}", std::process::id());
            notify.follow(SupervisorState::Running);
            notify.follow(SupervisorState::Running);
            assert_eq!((heard(&manager), heard(&manager)), (ready.clone(), String::new()));
            let before = sys::monotonic_micros();
            notify.follow(SupervisorState::Restarting);
            let reloading = heard(&manager);
            let micros =
                reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse::<u64>().unwrap();
            assert!((before..=sys::monotonic_micros()).contains(&micros));
            notify.follow(SupervisorState::Running);
            assert_eq!(heard(&manager), ready);
            notify.follow(SupervisorState::Shutdown);
            assert_eq!(heard(&manager), "STOPPING=1");
            notify.refused();
            assert!(heard(&manager).starts_with("RELOADING=1\n") && heard(&manager) == ready);
        }
    }

    #[test]
    fn without_a_manager_or_with_one_that_is_gone_nothing_happens() {
        for name in ["", "relative", "/nonexistent/notify", "@convoke-nobody-listens-here"] {
            Notify::new(Some(OsStr::new(name))).follow(SupervisorState::Running);
        }
        Notify::new(None).follow(SupervisorState::Running);
    }
}
