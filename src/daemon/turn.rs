//! Turns at work that a thousand children may have at once. Done in a row, all of it would come before anything that is
//! asked meanwhile.

use tokio::sync::Mutex;
use tokio::task::yield_now;

static TURN: Mutex<()> = Mutex::const_new(());

/// Does a piece of work when it is its turn: one in each round of the event loop. May be given up at any moment; the
/// work is then done whole or not at all.
pub async fn in_turn<T>(work: impl FnOnce() -> T) -> T {
    in_turn_of(&TURN, work).await
}

async fn in_turn_of<T>(turns: &Mutex<()>, work: impl FnOnce() -> T) -> T {
    let turn = turns.lock().await;
    let done = work();
    // Until everybody else had theirs.
    yield_now().await;
    drop(turn);
    done
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::Poll;

    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn what_comes_meanwhile_waits_for_one_piece_of_work_and_not_for_all() {
        const PIECES: u32 = 1_000;
        let done = Rc::new(Cell::new(0));
        let all = LocalSet::new();
        for _ in 0..PIECES {
            let done = done.clone();
            all.spawn_local(async move { in_turn(|| done.set(done.get() + 1)).await });
        }
        let seen = done.clone();
        let meanwhile = all.run_until(async move {
            // As a request goes from hand to hand.
            for _ in 0..4 {
                yield_now().await;
            }
            seen.get()
        });
        assert!(meanwhile.await <= 8);
        all.await;
        assert_eq!(done.get(), PIECES);
    }

    /// Looks whether it is still under way.
    async fn is_pending(future: &mut Pin<Box<impl Future>>) -> bool {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn who_gives_up_has_done_all_or_nothing_and_holds_up_nobody() {
        let (turns, done) = (Mutex::new(()), Cell::new(""));
        let mut first = Box::pin(in_turn_of(&turns, || done.set("first")));
        let mut second = Box::pin(in_turn_of(&turns, || done.set("second")));
        assert!(is_pending(&mut first).await && is_pending(&mut second).await);
        assert_eq!(done.get(), "first");
        // One in the queue, and one that has the turn.
        drop(second);
        drop(first);
        in_turn_of(&turns, || assert_eq!(done.get(), "first")).await;
    }
}
