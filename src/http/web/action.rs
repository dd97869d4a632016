//! What the links of the status page do, and the sentence that tells of it (WEB-009 to WEB-013).

use crate::api::answer::LocalTime;
use crate::api::{Fault, FaultCode, Reply, Request, Target};
use crate::daemon::handle::Handle;
use crate::http::unix_now;

/// Why there is no sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NoMessage {
    /// Nobody knows this action, or it is for a process and names none (WEB-013).
    UnknownAction,
    /// The daemon is on its way out (WEB-017).
    ShuttingDown,
    /// It went wrong in a way that the log tells.
    GivenUp,
}

/// What can be done with all that the page shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum All {
    Start,
    Stop,
    Restart,
}

impl All {
    fn done(self) -> &'static str {
        match self {
            All::Start => "started",
            All::Stop => "stopped",
            All::Restart => "restarted",
        }
    }
}

/// One press of a link.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) action: String,
    pub(super) process: Option<String>,
    pub(super) collection: Option<String>,
}

impl Asked {
    /// Whether it changes anything.
    pub(super) fn changes(&self) -> bool {
        self.action != "refresh"
    }

    /// Does it, waits until it is done, and says so. A client that leaves ends its own waiting alone: what is to be
    /// restarted is not left stopped.
    pub(super) async fn carry_out(&self, handle: &Handle, ctime: LocalTime) -> Result<String, NoMessage> {
        let (asked, handle) = (self.clone(), handle.clone());
        let work = tokio::spawn(async move { asked.perform(&handle, ctime).await });
        work.await.unwrap_or_else(|error| {
            tracing::error!("Web interface error: {error}");
            Err(NoMessage::GivenUp)
        })
    }

    async fn perform(&self, handle: &Handle, ctime: LocalTime) -> Result<String, NoMessage> {
        let now = || ctime(unix_now());
        let all = match self.action.as_str() {
            "refresh" => return Ok(format!("Page refreshed at {}", now())),
            "startall" => All::Start,
            "stopall" => All::Stop,
            "restartall" => All::Restart,
            action => {
                let process = self.process.as_deref().ok_or(NoMessage::UnknownAction)?;
                return one(handle, action, process).await;
            }
        };
        match self.collection.as_deref() {
            None => {
                everything(handle, all).await?;
                Ok(format!("All {} at {}", all.done(), now()))
            }
            Some(name) => match in_collection(handle, all, name).await {
                Ok(_) => Ok(format!("Collection {name} {} at {}", all.done(), now())),
                Err(fault) if fault.code == FaultCode::BadName => {
                    Ok(format!("No such collection named {name}"))
                }
                Err(fault) => Ok(unexpected(&fault)?),
            },
        }
    }
}

/// What single processes say to it the page shows; only a daemon on its way out refuses.
async fn everything(handle: &Handle, all: All) -> Result<(), NoMessage> {
    let target = Target::All;
    let stop = Request::Stop { target: target.clone(), wait: true };
    let start = Request::Start { target, wait: true };
    let steps = match all {
        All::Start => vec![start],
        All::Stop => vec![stop],
        All::Restart => vec![stop, start],
    };
    for step in steps {
        if let Err(fault) = handle.call(step).await {
            unexpected(&fault)?;
        }
    }
    Ok(())
}

async fn in_collection(handle: &Handle, all: All, name: &str) -> Result<Reply, Fault> {
    let collection = name.to_string();
    let target = Target::Collection(collection.clone());
    let request = match all {
        All::Start => Request::Start { target, wait: true },
        All::Stop => Request::Stop { target, wait: true },
        All::Restart => Request::Restart { collection, wait: true },
    };
    handle.call(request).await
}

async fn one(handle: &Handle, action: &str, name: &str) -> Result<String, NoMessage> {
    match handle.call(Request::ProcessInfo { name: name.to_string() }).await {
        Ok(_) => (),
        Err(fault) if fault.code == FaultCode::BadName => return Ok(format!("No such process named {name}")),
        Err(fault) => return unexpected(&fault),
    }
    let target = || Target::Namespec(name.to_string());
    let (start, stop) =
        (Request::Start { target: target(), wait: true }, Request::Stop { target: target(), wait: true });
    let (request, done) = match action {
        "start" => (start, format!("Process {name} started")),
        "stop" => (stop, format!("Process {name} stopped")),
        "clearlog" => (Request::ClearProcessLogs { target: target() }, format!("Log for {name} cleared")),
        "restart" => {
            // However either of the two went: the page shows what has become of it (WEB-012).
            let _ = handle.call(stop).await;
            let _ = handle.call(start).await;
            return Ok(format!("Process {name} restarted"));
        }
        _ => return Err(NoMessage::UnknownAction),
    };
    match handle.call(request).await {
        Ok(_) => Ok(done),
        Err(fault) if action == "start" => match why_not_started(fault.code) {
            Some(reason) => Ok(format!("ERROR: Process {name}: {reason}")),
            None => Ok(format!("ERROR: Process {name}: {}", unexpected(&fault)?)),
        },
        Err(fault) => unexpected(&fault),
    }
}

fn why_not_started(code: FaultCode) -> Option<&'static str> {
    match code {
        FaultCode::NoFile => Some("no such file"),
        FaultCode::NotExecutable => Some("file not executable"),
        FaultCode::AlreadyStarted => Some("already started"),
        FaultCode::SpawnError => Some("spawn error"),
        FaultCode::AbnormalTermination => Some("abnormal termination"),
        FaultCode::UnknownMethod
        | FaultCode::IncorrectParameters
        | FaultCode::BadArguments
        | FaultCode::SignatureUnsupported
        | FaultCode::ShutdownState
        | FaultCode::BadName
        | FaultCode::BadSignal
        | FaultCode::Failed
        | FaultCode::NotRunning
        | FaultCode::Success
        | FaultCode::AlreadyAdded
        | FaultCode::StillRunning
        | FaultCode::CantReread
        | FaultCode::NotInWhitelist => None,
    }
}

/// The sentence for a fault that has none of its own.
pub(super) fn unexpected(fault: &Fault) -> Result<String, NoMessage> {
    match fault.code {
        FaultCode::ShutdownState => Err(NoMessage::ShuttingDown),
        code => Ok(format!("unexpected rpc fault [{}] {fault}", code as i32)),
    }
}
