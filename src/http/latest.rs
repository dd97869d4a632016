//! The list of all processes, written once for all clients that are being answered at the same moment. Pages and
//! monitors ask for it again and again, and it is long.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use super::budget::Held;
use crate::daemon::handle::Changes;

/// The last one. It is not kept: when the last client has it, it is gone.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<Option<Written>>);

#[derive(Clone, Debug)]
struct Written {
    moment: Moment,
    document: Weak<Held>,
}

/// A time in which the answer is the same: nothing has changed, and no second has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment {
    revision: u64,
    second: u64,
}

impl Moment {
    pub(super) fn now(changes: &Changes) -> Moment {
        // Before 1970 all is one second.
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Moment { revision: changes.revision(), second }
    }
}

impl Latest {
    /// What somebody else is being sent at this moment, if anybody is.
    pub(super) fn at(&self, moment: Moment) -> Option<Arc<Held>> {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.as_ref().filter(|written| written.moment == moment)?.document.upgrade()
    }

    /// A new one, asked for at `from` and written at `to`: others may have it if those are the same.
    pub(super) fn put(&self, from: Moment, to: Moment, document: &Arc<Held>) {
        if from == to {
            let written = Written { moment: to, document: Arc::downgrade(document) };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;

    fn moment(revision: u64, second: u64) -> Moment {
        Moment { revision, second }
    }

    #[test]
    fn a_list_is_shared_only_while_it_is_true_and_somebody_has_it() {
        let (latest, budget) = (Latest::default(), Budget::default());
        let document = budget.hold("list".to_string()).unwrap();
        assert!(latest.at(moment(1, 5)).is_none());
        latest.put(moment(1, 5), moment(1, 5), &document);
        assert!(latest.at(moment(1, 5)).is_some_and(|shared| Arc::ptr_eq(&shared, &document)));
        assert!(latest.at(moment(2, 5)).is_none() && latest.at(moment(1, 6)).is_none());
        drop(document);
        assert!(latest.at(moment(1, 5)).is_none());
    }

    #[test]
    fn a_list_during_whose_writing_something_changed_is_not_shared() {
        let (latest, budget) = (Latest::default(), Budget::default());
        let document = budget.hold("list".to_string()).unwrap();
        latest.put(moment(1, 5), moment(2, 5), &document);
        latest.put(moment(1, 5), moment(1, 6), &document);
        assert!((1..3).all(|revision| (5..7).all(|second| latest.at(moment(revision, second)).is_none())));
    }

    #[test]
    fn a_change_ends_a_moment() {
        let changes = Changes::default();
        let before = Moment::now(&changes);
        changes.advance();
        assert_ne!(before.revision, Moment::now(&changes).revision);
    }
}
