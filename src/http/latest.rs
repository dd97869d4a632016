//! The list of all processes, written once for all clients that ask in the same second while nothing changes. Pages and
//! monitors ask for it again and again, and it is long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::budget::{Budget, Held, LARGE_MIN};
use crate::daemon::handle::{Changes, LetGo};

/// Bytes of a list that is kept until its second is over; a longer one only while somebody is being sent it.
const KEPT_MAX: usize = 2 * 1024 * 1024;

/// How often a list that is kept is looked at, to drop it when its second is over.
const PERIOD: Duration = Duration::from_millis(300);

/// The last one.
#[derive(Debug, Default)]
pub(super) struct Latest(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    written: Option<Written>,
    /// There is a task that will drop what is kept.
    is_watched: bool,
}

#[derive(Debug)]
struct Written {
    moment: Moment,
    /// Not counted, as nobody is waited for. `None` for one that is too long to be kept.
    text: Option<Arc<String>>,
    /// While clients have it unread.
    sent: Weak<Held>,
}

/// A time in which the answer is the same: nothing has changed, and no second has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment {
    revision: u64,
    second: u64,
}

impl Moment {
    pub(super) fn now(changes: &Changes) -> Moment {
        Moment { revision: changes.revision(), second: second() }
    }
}

/// Before 1970 all is one second.
fn second() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Latest {
    /// The list of this moment, if it was written already.
    pub(super) fn at(&self, moment: Moment, budget: &Budget) -> Option<Arc<Held>> {
        let mut state = locked(&self.0);
        let written = state.written.as_mut().filter(|written| written.moment == moment)?;
        if let Some(sent) = written.sent.upgrade() {
            return Some(sent);
        }
        let held = budget.hold(written.text.clone()?)?;
        written.sent = Arc::downgrade(&held);
        Some(held)
    }

    /// A new one, asked for at `from` and written at `to`: others may have it if those are the same.
    pub(super) fn put(
        &self,
        (from, to): (Moment, Moment),
        text: String,
        budget: &Budget,
    ) -> Option<Arc<Held>> {
        let text = Arc::new(text);
        let held = budget.hold(text.clone())?;
        if from == to {
            let (kept, sent) = (text.len() <= KEPT_MAX, Arc::downgrade(&held));
            let mut state = locked(&self.0);
            state.written = Some(Written { moment: to, text: kept.then_some(text), sent });
            if kept && !state.is_watched {
                state.is_watched = true;
                tokio::spawn(drop_in_time(self.0.clone(), budget.let_go().clone()));
            }
        }
        Some(held)
    }
}

/// Drops what is kept when its second is over, and ends.
async fn drop_in_time(state: Arc<Mutex<State>>, let_go: LetGo) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let mut state = locked(&state);
        if state.written.as_ref().is_some_and(|written| written.moment.second == second()) {
            continue;
        }
        state.is_watched = false;
        let text = state.written.take().and_then(|written| written.text);
        if text.is_some_and(|text| text.len() >= LARGE_MIN) {
            let_go.tell();
        }
        return;
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn moment(revision: u64, second: u64) -> Moment {
        Moment { revision, second }
    }

    #[tokio::test]
    async fn a_list_is_shared_only_while_it_is_true() {
        let (latest, budget) = (Latest::default(), Budget::default());
        assert!(latest.at(moment(1, 5), &budget).is_none());
        let now = moment(1, second());
        let held = latest.put((now, now), "list".to_string(), &budget).unwrap();
        assert!(latest.at(now, &budget).is_some_and(|shared| Arc::ptr_eq(&shared, &held)));
        let (changed, later) = (Moment { revision: 2, ..now }, Moment { second: now.second + 1, ..now });
        assert!(latest.at(changed, &budget).is_none() && latest.at(later, &budget).is_none());
        drop(held);
        assert!(latest.at(now, &budget).is_some(), "it is kept for who comes next");
    }

    #[tokio::test]
    async fn a_list_during_whose_writing_something_changed_is_not_shared() {
        let (latest, budget) = (Latest::default(), Budget::default());
        let _sent = [((1, 5), (2, 5)), ((1, 5), (1, 6))].map(|(from, to)| {
            let moments = (moment(from.0, from.1), moment(to.0, to.1));
            latest.put(moments, "list".to_string(), &budget).unwrap()
        });
        let none = |revision, second| latest.at(moment(revision, second), &budget).is_none();
        assert!((1..3).all(|revision| (5..7).all(|second| none(revision, second))));
    }

    #[tokio::test]
    async fn a_list_too_long_to_be_kept_is_shared_while_somebody_is_sent_it() {
        let (latest, budget) = (Latest::default(), Budget::default());
        let now = moment(1, 5);
        let held = latest.put((now, now), "x".repeat(KEPT_MAX + 1), &budget).unwrap();
        assert!(latest.at(now, &budget).is_some());
        drop(held);
        assert!(latest.at(now, &budget).is_none());
    }

    #[tokio::test]
    async fn what_is_kept_is_dropped_when_its_second_is_over_and_told_if_it_was_large() {
        let let_go = LetGo::default();
        let (latest, budget) = (Latest::default(), Budget::telling(let_go.clone()));
        // Of a second long past.
        let past = moment(1, 5);
        let held = latest.put((past, past), "x".repeat(LARGE_MIN), &budget).unwrap();
        let text = Arc::downgrade(&locked(&latest.0).written.as_ref().unwrap().text.clone().unwrap());
        drop(held);
        let_go.happened().await;
        assert!(text.upgrade().is_some(), "kept although it has been sent");
        timeout(Duration::from_secs(60), let_go.happened()).await.expect("never told");
        assert!(text.upgrade().is_none() && !locked(&latest.0).is_watched);
    }

    #[test]
    fn a_change_ends_a_moment() {
        let changes = Changes::default();
        let before = Moment::now(&changes);
        changes.advance();
        assert_ne!(before.revision, Moment::now(&changes).revision);
    }
}
