//! How often each method was called, and how long the calls took.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is known of one method.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Spent {
    pub(super) calls: u64,
    pub(super) faults: u64,
    pub(super) time: Duration,
}

/// Of all servers together. Only names of methods that exist come here, so there are never many.
#[derive(Debug, Default)]
pub(super) struct Times(Mutex<BTreeMap<String, Spent>>);

impl Times {
    /// One more call.
    pub(super) fn add(&self, method: &str, time: Duration, failed: bool) {
        let mut all = self.all();
        if !all.contains_key(method) {
            all.insert(method.to_string(), Spent::default());
        }
        if let Some(spent) = all.get_mut(method) {
            spent.calls += 1;
            spent.faults += u64::from(failed);
            spent.time += time;
        }
    }

    /// By name.
    pub(super) fn list(&self) -> Vec<(String, Spent)> {
        self.all().iter().map(|(method, spent)| (method.clone(), *spent)).collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Spent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
