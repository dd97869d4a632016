//! Carries out what the supervisor decides, and feeds the results back. One thread, one loop.

pub mod autolog;
pub mod boot;
pub mod capture;
pub mod check;
pub mod child;
pub mod command;
pub mod handle;
pub mod identity;
pub mod limits;
pub mod localtime;
pub mod log;
pub mod logfile;
pub mod logs;
pub mod machine;
pub mod memory;
pub mod model;
pub mod notes;
pub mod notify;
pub mod options;
pub mod output;
pub mod pidfile;
pub mod readlog;
pub mod reap;
pub mod recorder;
pub mod signals;
pub mod spawn;
pub mod start;
pub mod stdin;
pub mod sys;
pub mod syslog;
pub mod target;

use tokio::sync::mpsc;

use self::handle::Call;
use self::machine::{Machine, Performed};
use self::signals::SignalStream;
use crate::names::Signal;
use crate::supervisor::{Exit, Input, Supervisor};

/// Exits that may wait to be taken; past this a child's task waits its turn.
pub const INBOX_MAX: usize = 1_024;

/// Where the supervisor's inputs come from.
pub struct Sources<'a> {
    pub signals: &'a mut SignalStream,
    pub inbox: mpsc::Receiver<Input>,
    pub calls: mpsc::Receiver<Call>,
}

/// Runs until the supervisor says that everything has stopped.
pub async fn run(mut supervisor: Supervisor, mut machine: Machine, mut sources: Sources<'_>) -> Exit {
    let mut input = Input::Begin;
    loop {
        supervisor.handle(machine.now(), input);
        while let Some(effect) = supervisor.next_effect() {
            match machine.perform(effect) {
                Performed::Done => (),
                Performed::Gave(answer) => supervisor.handle(machine.now(), answer),
                Performed::Exit(exit) => return exit,
            }
        }
        machine.notify.follow(supervisor.state());
        input = next(&supervisor, &mut machine, &mut sources).await;
    }
}

/// The next thing to tell the supervisor. Its every turn also wakes what is due, so none of these can hold up a
/// timer.
async fn next(supervisor: &Supervisor, machine: &mut Machine, sources: &mut Sources<'_>) -> Input {
    loop {
        let deadline = supervisor.deadline().map(|at| machine.moment(at));
        tokio::select! {
            biased;
            signal = sources.signals.next() => match signal {
                Signal::CHLD => {
                    tracing::debug!("received SIGCHLD indicating a child quit");
                    machine.reap();
                }
                signal => return Input::Signal(signal),
            },
            Some(input) = sources.inbox.recv() => {
                if let Input::Exited(process, _) = &input {
                    machine.bury(*process);
                }
                return input;
            }
            Some(call) = sources.calls.recv() => return machine.accept(call),
            () = sleep_until(deadline) => return Input::Wake,
        }
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        // Already due, as when many are to be started: everybody else gets a turn between two of the
        // supervisor's.
        Some(deadline) if deadline <= tokio::time::Instant::now() => tokio::task::yield_now().await,
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
