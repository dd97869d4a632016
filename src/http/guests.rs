//! The connections of one server, and which has to go when there are too many.

use std::collections::HashMap;

use tokio::task::{AbortHandle, Id};

use super::timed::Phase;
use super::watcher::Watcher;

/// Connections of one server. At this number the next one takes the place of another: of the one that has owed a
/// request for longest, else of the one that has been idle for longest, else of one whose client has closed its end
/// while its request is answered. If all are at work, the next one is answered 503.
pub(super) const CONNECTIONS_MAX: usize = 512;

/// Every connection there is.
#[derive(Debug, Default)]
pub(super) struct Guests(HashMap<Id, Guest>);

#[derive(Debug)]
struct Guest {
    phase: Phase,
    watcher: Watcher,
    task: AbortHandle,
}

impl Guests {
    /// Makes room for one more, at the cost of another if need be. False if nobody can be asked to leave.
    pub(super) fn make_room(&mut self) -> bool {
        if self.0.len() < CONNECTIONS_MAX {
            return true;
        }
        let dispensable = self.0.iter().filter_map(|(id, guest)| Some((guest.phase.dispensable()?, *id)));
        let leaver = dispensable.min().map(|(_, id)| id);
        // Asked last: it takes a call of the system for each.
        let gone = || self.0.iter().find(|(_, guest)| guest.watcher.gone()).map(|(id, _)| *id);
        let Some(leaver) = leaver.or_else(gone) else { return false };
        if let Some(guest) = self.0.remove(&leaver) {
            guest.task.abort();
        }
        true
    }

    /// One more.
    pub(super) fn came(&mut self, phase: Phase, watcher: Watcher, task: AbortHandle) {
        self.0.insert(task.id(), Guest { phase, watcher, task });
    }

    /// One less, unless it was asked to leave.
    pub(super) fn left(&mut self, id: Id) {
        self.0.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn who_owes_a_request_goes_first_then_who_is_idle_and_nobody_who_is_at_work() {
        let mut guests = Guests::default();
        let mut tasks = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            assert!(guests.make_room());
            let (phase, task) = (Phase::new(), tokio::spawn(pending::<()>()));
            phase.busy();
            guests.came(phase.clone(), Watcher::none(), task.abort_handle());
            tasks.push((phase, task));
        }
        assert!(!guests.make_room());
        tasks[7].0.idle();
        tasks[5].0.idle();
        let late = Phase::new();
        tasks[3].0.idle();
        for leaver in [7, 5, 3] {
            assert!(guests.make_room());
            assert!((&mut tasks[leaver].1).await.unwrap_err().is_cancelled(), "{leaver}");
            let task = tokio::spawn(pending::<()>());
            guests.came(late.clone(), Watcher::none(), task.abort_handle());
            late.busy();
            tasks.push((late.clone(), task));
        }
        assert!(!guests.make_room());
        tasks[0].0.idle();
        let owing = Phase::new();
        guests.left(tasks[9].1.id());
        let task = tokio::spawn(pending::<()>());
        guests.came(owing, Watcher::none(), task.abort_handle());
        assert!(guests.make_room());
        assert!(task.await.unwrap_err().is_cancelled(), "it owed a request");
    }

    #[tokio::test]
    async fn where_all_are_at_work_one_whose_client_has_gone_makes_room() {
        let mut guests = Guests::default();
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut leaver = None;
        for number in 0..CONNECTIONS_MAX {
            let (phase, task) = (Phase::new(), tokio::spawn(pending::<()>()));
            phase.busy();
            let watcher = if number == 0 { Watcher::new(&ours) } else { Watcher::none() };
            guests.came(phase, watcher, task.abort_handle());
            leaver = leaver.or(Some(task));
        }
        assert!(!guests.make_room());
        drop(theirs);
        assert!(guests.make_room());
        assert!(leaver.unwrap().await.unwrap_err().is_cancelled());
    }
}
