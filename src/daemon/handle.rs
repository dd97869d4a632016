//! How the rest of the daemon asks the supervisor: one call, one answer. And how it hears that something has changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, broadcast, mpsc, oneshot};

use crate::api::{Fault, FaultCode, Reply, Request};
use crate::names::{GroupName, ProcessName};
use crate::supervisor::Event;

/// Requests that may wait to be taken; past this a caller waits its turn.
pub const REQUESTS_WAITING_MAX: usize = 1_024;

/// Changes kept for a watcher that is busy; past this it is told that it has missed some, and looks at everything.
pub const CHANGES_MAX: usize = 256;

/// A request on its way to the supervisor, and where its answer goes.
#[derive(Debug)]
pub struct Call {
    pub request: Request,
    pub answer: oneshot::Sender<Result<Reply, Fault>>,
}

/// What is different from before. What it is now, the supervisor tells who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A process came to another state.
    Process { group: GroupName, process: ProcessName },
    /// Processes, groups or collections came, went or were changed.
    Everything,
}

impl Change {
    /// What an event changes of what a status page shows, if anything.
    pub fn of(event: &Event) -> Option<Change> {
        match event {
            Event::ProcessState { process, group, .. } => {
                Some(Change::Process { group: group.clone(), process: process.clone() })
            }
            Event::GroupAdded(_)
            | Event::GroupRemoved(_)
            | Event::CollectionAdded(_)
            | Event::CollectionRemoved(_)
            | Event::CollectionChanged(_) => Some(Change::Everything),
            Event::ProcessLog(..)
            | Event::ProcessCommunication(..)
            | Event::RemoteCommunication { .. }
            | Event::Tick(..)
            | Event::SupervisorRunning
            | Event::SupervisorStopping => None,
        }
    }
}

/// Where changes are told and counted. Telling costs nothing until somebody watches for the first time, and next to
/// nothing while nobody does.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    watched: Arc<OnceLock<broadcast::Sender<Change>>>,
    count: Arc<AtomicU64>,
}

impl Changes {
    /// Tells all who watch; `change` is worked out only if somebody does. Nobody is waited for.
    pub fn tell(&self, change: impl FnOnce() -> Option<Change>) {
        let Some(watched) = self.watched.get().filter(|watched| watched.receiver_count() > 0) else { return };
        if let Some(change) = change() {
            // The last one may have left since.
            let _ = watched.send(change);
        }
    }

    /// Something may be different from now on, whether it is told or not.
    pub fn advance(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Where this is the same as before, an answer would be the same, but for the time in it.
    pub fn revision(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Every change from now on.
    pub fn watch(&self) -> broadcast::Receiver<Change> {
        self.watched.get_or_init(|| broadcast::Sender::new(CHANGES_MAX)).subscribe()
    }
}

/// The news that much memory has been let go. Told again before anybody has heard, it is the same news.
#[derive(Clone, Debug, Default)]
pub struct LetGo(Arc<Notify>);

impl LetGo {
    /// Tells the one who waits, or who will.
    pub fn tell(&self) {
        self.0.notify_one();
    }

    /// Waits for the news; at once, if they have not been heard yet.
    pub async fn happened(&self) {
        self.0.notified().await;
    }
}

/// What the daemon's parts tell each other without an answer.
#[derive(Clone, Debug, Default)]
pub struct News {
    pub changes: Changes,
    pub let_go: LetGo,
}

/// Cloned by every HTTP connection.
#[derive(Clone, Debug)]
pub struct Handle {
    calls: mpsc::Sender<Call>,
    news: News,
}

impl Handle {
    /// The handle, and the end from which the daemon takes calls.
    pub fn new() -> (Handle, mpsc::Receiver<Call>) {
        let (calls, taken) = mpsc::channel(REQUESTS_WAITING_MAX);
        (Handle { calls, news: News::default() }, taken)
    }

    /// Where the daemon tells changes, and others hear of them.
    pub fn changes(&self) -> &Changes {
        &self.news.changes
    }

    /// What the daemon itself tells of.
    pub fn news(&self) -> &News {
        &self.news
    }

    /// Where the servers tell that a large answer has left.
    pub fn let_go(&self) -> &LetGo {
        &self.news.let_go
    }

    /// Waits for the daemon's end.
    pub async fn closed(&self) {
        self.calls.closed().await;
    }

    /// Asks, and waits for as long as the request takes. The daemon's end is SHUTDOWN_STATE.
    pub async fn call(&self, request: Request) -> Result<Reply, Fault> {
        let (answer, answered) = oneshot::channel();
        let call = Call { request, answer };
        if self.calls.send(call).await.is_err() {
            return Err(FaultCode::ShutdownState.into());
        }
        answered.await.unwrap_or_else(|_| Err(FaultCode::ShutdownState.into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::{RecvError, TryRecvError};

    use super::*;

    fn changed(process: &str) -> Change {
        Change::Process { group: "g".into(), process: process.into() }
    }

    #[test]
    fn nothing_is_worked_out_while_nobody_watches() {
        let changes = Changes::default();
        let unwatched = || -> Option<Change> { panic!("nobody wants to know") };
        changes.tell(unwatched);
        let mut watcher = changes.watch();
        changes.tell(|| Some(changed("a")));
        changes.tell(|| None);
        assert_eq!(watcher.try_recv(), Ok(changed("a")));
        assert_eq!(watcher.try_recv(), Err(TryRecvError::Empty));
        drop(watcher);
        changes.tell(unwatched);
    }

    #[tokio::test]
    async fn a_slow_watcher_loses_changes_and_is_told_so_and_the_others_lose_none() {
        let changes = Changes::default();
        let (mut slow, mut quick) = (changes.watch(), changes.watch());
        for number in 0..=CHANGES_MAX {
            let change = changed(&number.to_string());
            changes.tell(|| Some(change.clone()));
            assert_eq!(quick.recv().await, Ok(change));
        }
        assert_eq!(slow.recv().await, Err(RecvError::Lagged(1)));
        assert_eq!(slow.recv().await, Ok(changed("1")));
    }
}
