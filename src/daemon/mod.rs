//! Carries out what the supervisor decides, and feeds the results back. One thread, one loop.

pub mod autolog;
pub mod boot;
pub mod capture;
pub mod check;
pub mod child;
pub mod command;
pub mod fcgi;
pub mod handle;
pub mod identity;
pub mod limits;
pub mod localtime;
pub mod log;
pub mod logfile;
pub mod logs;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod model;
mod mounts;
pub mod notes;
pub mod notify;
pub mod options;
pub mod output;
pub mod pidfile;
mod pipe;
pub mod readlog;
pub mod reap;
pub mod recorder;
pub mod settings;
pub mod signals;
pub mod spawn;
pub mod start;
pub mod stdin;
pub mod sys;
pub mod syslog;
pub mod target;
mod turn;

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use self::handle::Call;
use self::machine::{Machine, Performed};
use self::signals::SignalStream;
use crate::names::Signal;
use crate::supervisor::{Carried, Effect, Exit, Input, Supervisor};

/// Exits and pieces of output that may wait to be taken; past this a child's task waits for room.
pub const INBOX_MAX: usize = 1_024;

/// Where the supervisor's inputs come from.
pub struct Sources<'a> {
    signals: &'a mut SignalStream,
    arrivals: Arrivals,
    /// The last that came was a signal. Where there is always one more, all others get their turn in between.
    signalled: bool,
}

impl<'a> Sources<'a> {
    /// Sources of which nothing has come yet. The signals outlive a restart, the arrivals do not.
    pub fn new(signals: &'a mut SignalStream, arrivals: Arrivals) -> Sources<'a> {
        Sources { signals, arrivals, signalled: false }
    }
}

/// Rounds of the event loop between two turns that start children: one to accept a connection, one to read from it,
/// one to hand the request over and one for the rest. Without them every step of a request would wait for a turn.
const ROUNDS_AFTER_STARTS: usize = 4;

/// What children and clients send. They take turns: a thousand deaths at once hold up no client, nor a thousand
/// clients the news of a death.
pub struct Arrivals {
    inbox: mpsc::Receiver<Input>,
    calls: mpsc::Receiver<Call>,
    calls_first: bool,
}

enum Arrival {
    Input(Input),
    Call(Call),
}

impl Arrivals {
    /// What comes from children's tasks, and from [`handle::Handle`].
    pub fn new(inbox: mpsc::Receiver<Input>, calls: mpsc::Receiver<Call>) -> Arrivals {
        Arrivals { inbox, calls, calls_first: false }
    }

    async fn next(&mut self) -> Arrival {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        self.calls_first = !self.calls_first;
        for calls in [self.calls_first, !self.calls_first] {
            let arrival = if calls {
                self.calls.poll_recv(context).map(|call| call.map(Arrival::Call))
            } else {
                self.inbox.poll_recv(context).map(|input| input.map(Arrival::Input))
            };
            // One without senders has nothing to say, ever.
            if let Poll::Ready(Some(arrival)) = arrival {
                return Poll::Ready(arrival);
            }
        }
        Poll::Pending
    }
}

/// Runs until the supervisor says that everything has stopped; also gives what its next life is to begin with.
pub async fn run(
    mut supervisor: Supervisor,
    mut machine: Machine,
    mut sources: Sources<'_>,
) -> (Exit, Carried) {
    let mut input = Input::Begin;
    loop {
        let mut started = false;
        // A question, and nothing but its answer: whatever else was due would have had an effect.
        let mut unchanged = matches!(&input, Input::Request(_, request) if request.only_asks());
        supervisor.handle(machine.now(), input);
        while let Some(effect) = supervisor.next_effect() {
            started |= matches!(effect, Effect::Spawn(..));
            unchanged &= matches!(effect, Effect::Reply(..));
            match machine.perform(effect) {
                Performed::Done => (),
                Performed::Gave(answer) => supervisor.handle(machine.now(), answer),
                Performed::Exit(exit) => return (exit, supervisor.into_carried()),
            }
        }
        machine.end_turn(unchanged);
        machine.notify.follow(supervisor.state());
        if started {
            // It took its time: whoever else has something to do comes first.
            for _ in 0..ROUNDS_AFTER_STARTS {
                tokio::task::yield_now().await;
            }
        }
        input = next(&supervisor, &mut machine, &mut sources).await;
    }
}

/// The next thing to tell the supervisor. Its every turn also wakes what is due, so none of these can hold up a
/// timer.
async fn next(supervisor: &Supervisor, machine: &mut Machine, sources: &mut Sources<'_>) -> Input {
    loop {
        if machine.unreaped {
            machine.reap();
        }
        let deadline = supervisor.deadline().map(|at| machine.moment(at));
        let others_first = std::mem::take(&mut sources.signalled);
        tokio::select! {
            biased;
            signal = sources.signals.next(), if !others_first => {
                sources.signalled = true;
                if signal != Signal::CHLD {
                    return Input::Signal(signal);
                }
                tracing::debug!("received SIGCHLD indicating a child quit");
                machine.unreaped = true;
            }
            arrival = sources.arrivals.next() => return match arrival {
                Arrival::Call(call) => machine.accept(call),
                Arrival::Input(input) => {
                    if let Input::Exited(process, _) = &input {
                        machine.bury(*process);
                    }
                    input
                }
            },
            // Before the next of the dead is looked for: strangers may die without end, and give nobody a turn.
            () = sleep_until(deadline) => return Input::Wake,
            () = tokio::task::yield_now(), if others_first || machine.unreaped => (),
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::api::Request;

    #[tokio::test]
    async fn children_and_clients_take_turns() {
        let (inbox, inputs) = mpsc::channel(4);
        let (callers, calls) = mpsc::channel(4);
        for _ in 0..3 {
            inbox.try_send(Input::Wake).unwrap();
            let call = Call { request: Request::State, answer: oneshot::channel().0 };
            callers.try_send(call).unwrap();
        }
        let mut arrivals = Arrivals::new(inputs, calls);
        let mut order = Vec::new();
        for _ in 0..6 {
            order.push(matches!(arrivals.next().await, Arrival::Call(_)));
        }
        assert_eq!(order, [true, false, true, false, true, false]);
    }
}
