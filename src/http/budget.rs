//! Bytes that clients make the daemon hold: what they are sending and what they have not yet read. Each has a budget
//! of its own, so that no crowd of unfinished requests keeps anybody from an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};

use crate::daemon::handle::LetGo;

/// Bytes of unfinished requests that all connections together may make the daemon hold; a request that would exceed
/// it is answered 503 instead.
pub(super) const REQUESTS_MAX: usize = 8 * 1024 * 1024;

/// The same for answers that have not been read. One alone may be larger: a long log is still read when nothing else is
/// under way.
pub(super) const ANSWERS_MAX: usize = 24 * 1024 * 1024;

/// Bytes of one request or answer that is never refused for what others hold.
pub(super) const SMALL_MAX: usize = 16 * 1024;

/// Bytes of one request or answer whose end is told, so that the memory can go back to the system.
pub(super) const LARGE_MIN: usize = 64 * 1024;

/// Counts what is held. Copies count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    requests: Arc<AtomicUsize>,
    answers: Arc<AtomicUsize>,
    let_go: LetGo,
}

impl Budget {
    /// One that tells when something large has been let go.
    pub(super) fn telling(let_go: LetGo) -> Budget {
        Budget { let_go, ..Budget::default() }
    }

    /// A claim on no bytes of a request, to be grown.
    pub(super) fn claim(&self) -> Claim {
        self.claim_on(&self.requests, REQUESTS_MAX)
    }

    fn claim_on(&self, held: &Arc<AtomicUsize>, most: usize) -> Claim {
        Claim { held: held.clone(), most, bytes: 0, let_go: self.let_go.clone() }
    }

    /// A text that counts until the last who sends it has sent it; `None` when too much is held.
    pub(super) fn hold(&self, text: impl Into<Arc<String>>) -> Option<Arc<Held>> {
        let (text, mut claim) = (text.into(), self.claim_on(&self.answers, ANSWERS_MAX));
        claim.grow(text.len()).then(|| Arc::new(Held { text, _claim: claim }))
    }

    /// Whether an answer of so many bytes could be held now: asked before a larger one is made of them.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.claim_on(&self.answers, ANSWERS_MAX).grow(bytes)
    }

    /// Where the end of what is large is told.
    pub(super) fn let_go(&self) -> &LetGo {
        &self.let_go
    }

    /// The same for a body that one client gets.
    pub(super) fn body(&self, text: String) -> Option<Body> {
        self.hold(text).map(body_of)
    }

    /// The same for a piece of a body that goes on.
    pub(super) fn piece(&self, text: String) -> Option<Bytes> {
        self.hold(text).map(bytes_of)
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.requests.load(Ordering::Relaxed) + self.answers.load(Ordering::Relaxed)
    }
}

/// A part of the budget, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    /// What all claims of this kind hold together, and how much that may be.
    held: Arc<AtomicUsize>,
    most: usize,
    bytes: usize,
    let_go: LetGo,
}

impl Claim {
    /// Takes so many bytes more, unless that exceeds the budget while others hold some of it.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        let others = held.saturating_sub(self.bytes);
        let is_small = self.bytes.saturating_add(bytes) <= SMALL_MAX;
        if !is_small && others > 0 && held.saturating_add(bytes) > self.most {
            return false;
        }
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        true
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
        if self.bytes >= LARGE_MIN {
            self.let_go.tell();
        }
    }
}

/// A text that is being sent, to one client or to several.
#[derive(Debug)]
pub(super) struct Held {
    text: Arc<String>,
    _claim: Claim,
}

/// A body that holds it until its last byte has been written.
pub(super) fn body_of(held: Arc<Held>) -> Body {
    Body::from(bytes_of(held))
}

fn bytes_of(held: Arc<Held>) -> Bytes {
    struct Sent(Arc<Held>);
    impl AsRef<[u8]> for Sent {
        fn as_ref(&self) -> &[u8] {
            self.0.text.as_bytes()
        }
    }
    Bytes::from_owner(Sent(held))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn what_is_too_much_beside_others_is_refused_and_alone_it_is_not() {
        let budget = Budget::default();
        let mut first = budget.claim();
        assert!(first.grow(REQUESTS_MAX + 1));
        let mut second = budget.claim();
        assert!(!second.grow(SMALL_MAX + 1));
        drop(first);
        assert!(second.grow(REQUESTS_MAX) && second.grow(1), "alone it may grow on");
        assert!(!budget.claim().grow(SMALL_MAX + 1));
        drop(second);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn small_ones_are_never_refused_nor_are_answers_for_what_is_being_asked() {
        let budget = Budget::default();
        let mut large = budget.claim();
        assert!(large.grow(REQUESTS_MAX + 1));
        let mut small = budget.claim();
        assert!(small.grow(SMALL_MAX - 1) && small.grow(1));
        assert!(!small.grow(1), "it is no longer small");
        assert!(budget.body("x".repeat(ANSWERS_MAX)).is_some());
        let _unread = budget.body("x".repeat(ANSWERS_MAX)).unwrap();
        assert!(budget.body("x".repeat(SMALL_MAX)).is_some());
        assert!(budget.body("x".repeat(SMALL_MAX + 1)).is_none());
    }

    #[tokio::test]
    async fn the_end_of_what_is_large_is_told() {
        let let_go = LetGo::default();
        let budget = Budget::telling(let_go.clone());
        drop(budget.body("x".repeat(LARGE_MIN - 1)));
        let told = tokio::time::timeout(std::time::Duration::ZERO, let_go.happened()).await;
        assert!(told.is_err(), "it was not large");
        let large = budget.body("x".repeat(LARGE_MIN));
        assert!(tokio::time::timeout(std::time::Duration::ZERO, let_go.happened()).await.is_err());
        drop(large);
        let_go.happened().await;
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
