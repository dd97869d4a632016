//! Bytes that clients make the daemon hold: what they are sending and what they have not yet read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};

/// Bytes that all connections together may make the daemon hold; a request or an answer that would exceed it is
/// answered 503 instead. One alone may be larger: a long log is still read when nothing else is under way.
pub(super) const HELD_MAX: usize = 32 * 1024 * 1024;

/// Counts what is held. Copies count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// A claim on no bytes, to be grown.
    pub(super) fn claim(&self) -> Claim {
        Claim { budget: self.clone(), bytes: 0 }
    }

    /// A body that counts until the last of it has been written to the client; `None` when too much is held.
    pub(super) fn body(&self, text: String) -> Option<Body> {
        let mut claim = self.claim();
        claim.grow(text.len()).then(|| Body::from(Bytes::from_owner(Held { text, _claim: claim })))
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A part of the budget, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    budget: Budget,
    bytes: usize,
}

impl Claim {
    /// Takes so many bytes more, unless that exceeds the budget while others hold some of it.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let held = self.budget.0.load(Ordering::Relaxed);
        let others = held.saturating_sub(self.bytes);
        if others > 0 && held.saturating_add(bytes) > HELD_MAX {
            return false;
        }
        self.budget.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        true
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Held {
    text: String,
    _claim: Claim,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn what_is_too_much_beside_others_is_refused_and_alone_it_is_not() {
        let budget = Budget::default();
        let mut first = budget.claim();
        assert!(first.grow(HELD_MAX + 1));
        let mut second = budget.claim();
        assert!(!second.grow(1));
        drop(first);
        assert!(second.grow(HELD_MAX) && second.grow(1), "alone it may grow on");
        assert!(!budget.claim().grow(1));
        drop(second);
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    async fn an_answer_counts_until_its_last_byte_is_let_go() {
        let budget = Budget::default();
        let body = budget.body("x".repeat(100)).unwrap();
        let collected = body.collect().await.unwrap().to_bytes();
        assert_eq!((collected.len(), budget.held()), (100, 100));
        let part = collected.slice(90..);
        drop(collected);
        assert_eq!(budget.held(), 100);
        drop(part);
        assert_eq!(budget.held(), 0);
    }
}
