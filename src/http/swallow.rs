//! The body of a request that is refused before it is read.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::EXPECT;
use http_body_util::BodyExt;

/// So much of it is taken; the sender of more may find the connection closed before he reads the answer.
const BYTES_MAX: usize = 64 * 1024;

/// How long it is waited for; the sender of one that comes later, too.
const TIME_MAX: Duration = Duration::from_secs(2);

/// Takes it. A client that sends the body apart from the head, as Python's does, would find the connection closed
/// and never read why.
pub async fn body_of(request: Request) {
    // Such a client waits for the verdict first.
    if request.headers().contains_key(EXPECT) {
        return;
    }
    let mut body = request.into_body();
    let all = async {
        let mut left = BYTES_MAX;
        while left > 0
            && let Some(Ok(frame)) = body.frame().await
        {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
        }
    };
    // The request is refused either way.
    let _ = tokio::time::timeout(TIME_MAX, all).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures_util::{StreamExt, stream};
    use tokio::time::Instant;

    /// A body that comes in so many pieces and then ends, or never does.
    fn body(pieces: usize, ends: bool) -> Body {
        let all = stream::iter(0..pieces).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1024]));
        if ends { Body::from_stream(all) } else { Body::from_stream(all.chain(stream::pending())) }
    }

    async fn time_for(request: Request) -> Duration {
        let began = Instant::now();
        body_of(request).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_taken_to_its_end_its_bound_or_its_time() {
        assert_eq!(time_for(Request::new(body(3, true))).await, Duration::ZERO);
        assert_eq!(time_for(Request::new(body(1000, false))).await, Duration::ZERO);
        // The clock's grain is a millisecond.
        assert!(time_for(Request::new(body(3, false))).await >= TIME_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_word_gets_it_at_once() {
        let request = Request::builder().header(EXPECT, "100-continue").body(body(0, false)).unwrap();
        assert_eq!(time_for(request).await, Duration::ZERO);
    }
}
