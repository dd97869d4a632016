//! How the rest of the daemon asks the supervisor: one call, one answer.

use tokio::sync::{mpsc, oneshot};

use crate::api::{Fault, FaultCode, Reply, Request};

/// Requests that may wait to be taken; past this a caller waits its turn.
pub const REQUESTS_WAITING_MAX: usize = 1_024;

/// A request on its way to the supervisor, and where its answer goes.
#[derive(Debug)]
pub struct Call {
    pub request: Request,
    pub answer: oneshot::Sender<Result<Reply, Fault>>,
}

/// Cloned by every HTTP connection.
#[derive(Clone, Debug)]
pub struct Handle {
    calls: mpsc::Sender<Call>,
}

impl Handle {
    /// The handle, and the end from which the daemon takes calls.
    pub fn new() -> (Handle, mpsc::Receiver<Call>) {
        let (calls, taken) = mpsc::channel(REQUESTS_WAITING_MAX);
        (Handle { calls }, taken)
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
