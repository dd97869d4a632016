//! Time as an argument. Deadlines live on [`Instant`], what people read on [`UnixTime`].

use std::ops::Sub;
use std::time::Duration;

/// Nanoseconds on a clock that never goes back; the origin means nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// This many seconds later; negative seconds are none, and the far future is the end of time.
    pub fn plus_seconds(self, seconds: i64) -> Instant {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Instant(self.0.saturating_add(seconds.saturating_mul(1_000_000_000)))
    }

    /// The first moment after this one, for rules that say "more than".
    pub fn just_after(self) -> Instant {
        Instant(self.0.saturating_add(1))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time since `earlier`, zero if that is later.
    fn sub(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Whole seconds since 1970 on the wall clock, for people only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnixTime(pub i64);

/// Both clocks at one moment. A wall clock set back cannot delay a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    pub at: Instant,
    pub unix: UnixTime,
    /// Nanoseconds of the wall clock past `unix`.
    pub nanos: u32,
}
