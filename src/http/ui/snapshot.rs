//! Everything that the page shows, as it is at one moment.

use serde::Serialize;

use super::row::Row;
use crate::api::answer::LocalTime;
use crate::api::{CollectionInfo, Fault, FaultCode, ProcessInfo, Reply, Request};
use crate::daemon::handle::Handle;
use crate::http::unix_now;

/// All processes and all collections.
#[derive(Clone, Serialize, Debug)]
pub(super) struct Snapshot {
    /// The daemon's `identifier`.
    pub(super) name: String,
    /// Unix seconds, by the daemon's clock.
    pub(super) now: i64,
    pub(super) rows: Vec<Row>,
    pub(super) collections: Vec<Collection>,
}

/// A collection and the namespecs of its members, in start order.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) members: Vec<String>,
}

impl Snapshot {
    /// Asks for all of it. Fails when the daemon is on its way out.
    pub(super) async fn take(handle: &Handle, local: LocalTime) -> Result<Snapshot, Fault> {
        let infos = processes(handle, Request::AllProcessInfo).await?;
        let collections = match handle.call(Request::ListCollections).await? {
            Reply::Collections(infos) => infos.into_iter().map(Collection::of).collect(),
            other => return Err(odd(&other)),
        };
        let name = match handle.call(Request::Identification).await? {
            Reply::Text(name) => name,
            other => return Err(odd(&other)),
        };
        let rows = infos.iter().map(|info| Row::of(info, local)).collect();
        Ok(Snapshot { name, now: unix_now(), rows, collections })
    }

    pub(super) fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.iter().find(|collection| collection.name == name)
    }
}

impl Collection {
    fn of(info: CollectionInfo) -> Collection {
        Collection { name: info.name.to_string(), members: info.processes }
    }
}

/// What a request answers that is about several processes.
pub(super) async fn processes(handle: &Handle, request: Request) -> Result<Vec<ProcessInfo>, Fault> {
    match handle.call(request).await? {
        Reply::Processes(infos) => Ok(infos),
        Reply::Process(info) => Ok(vec![*info]),
        other => Err(odd(&other)),
    }
}

/// The supervisor answers each request with its own kind of reply; should it not, one request fails.
fn odd(reply: &Reply) -> Fault {
    Fault::new(FaultCode::Failed, format!("unexpected answer {reply:?}"))
}
