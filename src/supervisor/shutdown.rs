//! Orderly shutdown and restart: groups are stopped one at a time, the last in priority first (PROC-021).

use std::collections::BTreeSet;

use super::clock::Instant;
use super::event::{Event, SignalMeaning};
use super::{Effect, Note, ProcessKey, ReadFor, Step, Supervisor, process};
use crate::api::SupervisorState;
use crate::names::{GroupName, ProcessName, Signal};

/// Seconds between "waiting for x to die" lines (PROC-026).
pub const DIE_REPORT_PERIOD: i64 = 3;

/// Seconds that a pool whose turn it is to be stopped has left to answer what it was told; then it is stopped all the
/// same. The reference's slow loop leaves about as much, and without it a listener would not get to read of the end at
/// all.
pub const LAST_WORDS_TIME: i64 = 2;

/// How far a shutdown has come.
#[derive(Clone, Debug)]
pub enum Shutdown {
    /// Asked for; begins with the next turn, so that the reply to whoever asked leaves first (RPC-024).
    Asked,
    Under {
        /// Still to be stopped; the last is next.
        groups: Vec<GroupName>,
        /// Those of the group being stopped that have not stopped yet. Kept, and not asked for after each exit: the
        /// end of a group of ten thousand must not look at all of them for each that dies.
        waiting: BTreeSet<ProcessKey>,
        /// Until when the next group, a pool that is still at work, is left alone.
        last_words: Option<Instant>,
        report_at: Instant,
    },
    Over,
}

impl Shutdown {
    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Shutdown::Asked => Some(Instant(0)),
            Shutdown::Under { last_words: Some(until), report_at, .. } => Some(*until.min(report_at)),
            Shutdown::Under { last_words: None, report_at, .. } => Some(*report_at),
            Shutdown::Over => None,
        }
    }
}

impl Supervisor {
    pub(super) fn on_daemon_signal(&mut self, signal: Signal) {
        let meaning = match signal {
            Signal::TERM | Signal::INT | Signal::QUIT => SignalMeaning::Exit,
            Signal::HUP if self.state == SupervisorState::Shutdown => SignalMeaning::RestartIgnored,
            Signal::HUP => SignalMeaning::Restart,
            Signal::USR2 => SignalMeaning::ReopenLogs,
            _ => SignalMeaning::Nothing,
        };
        self.note(Note::ReceivedSignal { signal, meaning });
        match meaning {
            SignalMeaning::Exit => self.ask_shutdown(SupervisorState::Shutdown),
            // The configuration is read before anything is stopped (BUG-002).
            SignalMeaning::Restart if self.state == SupervisorState::Running => {
                self.added.push(Step::Do(Effect::ReadConfig(ReadFor::RestartSignal)));
            }
            SignalMeaning::ReopenLogs => self.added.push(Step::Do(Effect::ReopenLogs)),
            SignalMeaning::Restart | SignalMeaning::RestartIgnored | SignalMeaning::Nothing => (),
        }
    }

    /// A shutdown may take over a restart under way (SIG-003), not the other way round.
    pub(super) fn ask_shutdown(&mut self, state: SupervisorState) {
        self.state = self.state.min(state);
        if self.shutdown.is_none() {
            self.shutdown = Some(Shutdown::Asked);
        }
    }

    /// From here on nothing is started any more (PROC-015).
    pub(super) fn begin_shutdown(&mut self) {
        let Some(Shutdown::Asked) = self.shutdown else { return };
        let groups = self.groups.by_priority().iter().map(|group| group.config.name.clone()).collect();
        let waiting = BTreeSet::new();
        self.shutdown = Some(Shutdown::Under { groups, waiting, last_words: None, report_at: self.now.at });
        self.note(Note::Event(Event::SupervisorStopping));
        for key in self.groups.all_by_priority() {
            self.step(key, process::Input::Hold);
        }
    }

    /// Once the group whose turn it was has stopped, stops the next, and says who is still waited for.
    pub(super) fn advance_shutdown(&mut self) {
        while let Some(Shutdown::Under { groups, waiting, last_words, .. }) = &mut self.shutdown {
            // What was planned may change who has stopped.
            if !waiting.is_empty() || !self.added.is_empty() {
                break;
            }
            if groups.last().is_some_and(|name| self.listeners.is_at_work(name, &self.groups)) {
                let until = *last_words.get_or_insert(self.now.at.plus_seconds(self.last_words_time));
                if self.now.at < until {
                    break;
                }
            }
            *last_words = None;
            let Some(name) = groups.pop() else {
                self.shutdown = Some(Shutdown::Over);
                self.done = true;
                return;
            };
            let members = self.groups.get(name.as_str()).map_or_else(Vec::new, |group| group.members.clone());
            let unstopped = members
                .iter()
                .copied()
                .filter(|key| self.groups.process(*key).is_some_and(|process| !process.state().is_stopped()));
            *waiting = unstopped.collect();
            self.stop_members(&members);
        }
        self.report_unstopped();
    }

    /// All at once, in descending priority, equal ones last first; BACKOFF becomes FATAL (PROC-021, PROC-024).
    fn stop_members(&mut self, members: &[ProcessKey]) {
        for key in self.groups.in_request_order(members.iter().copied()).into_iter().rev() {
            self.step(key, process::Input::GiveUp);
            self.step(key, process::Input::Stop);
        }
    }

    /// A process has taken an input: a shutdown that waits for it may be able to go on.
    pub(super) fn note_stopped(&mut self, key: ProcessKey) {
        if let Some(Shutdown::Under { waiting, .. }) = &mut self.shutdown
            && self.groups.process(key).is_none_or(|process| process.state().is_stopped())
        {
            waiting.remove(&key);
        }
    }

    fn report_unstopped(&mut self) {
        let Some(Shutdown::Under { report_at, .. }) = &mut self.shutdown else { return };
        if self.now.at < *report_at {
            return;
        }
        *report_at = self.now.at.plus_seconds(DIE_REPORT_PERIOD).just_after();
        let mut processes: Vec<ProcessName> = Vec::new();
        for group in self.groups.by_activation() {
            let unstopped = group.members.iter().filter_map(|key| self.groups.process(*key));
            let unstopped = unstopped.filter(|process| !process.state().is_stopped());
            processes.extend(unstopped.map(|process| process.config.name.clone()));
        }
        if !processes.is_empty() {
            self.note(Note::WaitingToDie { processes });
        }
    }
}
