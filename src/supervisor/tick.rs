//! The wall clock, cut into slices of 5, 60 and 3600 seconds (EVT-016).

use super::clock::{Instant, Now, UnixTime};
use crate::config::EventType;

/// How long a slice is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Period {
    Five,
    Minute,
    Hour,
}

/// In the order in which they tick.
pub const PERIODS: [Period; 3] = [Period::Five, Period::Minute, Period::Hour];

impl Period {
    /// Its length in seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Period::Five => 5,
            Period::Minute => 60,
            Period::Hour => 3600,
        }
    }

    /// What a listener subscribes to.
    pub fn kind(self) -> EventType {
        match self {
            Period::Five => EventType::Tick5,
            Period::Minute => EventType::Tick60,
            Period::Hour => EventType::Tick3600,
        }
    }
}

/// The slices that the clock was last seen in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ticks {
    last: [Option<i64>; 3],
}

impl Ticks {
    /// The slices that have begun since the last look, the latest of each period only; each with its beginning. The
    /// first look sees none begin. A clock set back has begun a slice, too.
    pub fn due(&mut self, now: UnixTime) -> Vec<(Period, UnixTime)> {
        let mut due = Vec::new();
        for (period, last) in PERIODS.into_iter().zip(&mut self.last) {
            let slice = now.0 - now.0.rem_euclid(period.seconds());
            if last.replace(slice).is_some_and(|last| last != slice) {
                due.push((period, UnixTime(slice)));
            }
        }
        due
    }
}

/// When the next slice of five seconds begins. Every longer one begins with one of these, and a clock that is set is
/// noticed by then.
pub fn next(now: Now) -> Instant {
    let seconds = 5 - now.unix.0.rem_euclid(5);
    let whole = now.at.plus_seconds(seconds);
    Instant(whole.0.saturating_sub(u64::from(now.nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_ticks_when_it_begins_and_the_first_not_evt_016() {
        let mut ticks = Ticks::default();
        let mut due = |unix| {
            let due = ticks.due(UnixTime(unix));
            due.into_iter().map(|(period, when)| (period.seconds(), when.0)).collect::<Vec<_>>()
        };
        assert_eq!(due(3598), []);
        assert_eq!(due(3599), []);
        assert_eq!(due(3601), [(5, 3600), (60, 3600), (3600, 3600)]);
        assert_eq!(due(3604), []);
        assert_eq!(due(3623), [(5, 3620)], "what was missed is not caught up");
        assert_eq!(due(3500), [(5, 3500), (60, 3480), (3600, 0)], "a clock set back");
        assert_eq!(due(3501), []);
    }

    #[test]
    fn the_next_slice_is_where_the_wall_clock_has_it() {
        let now = Now { at: Instant(7_000_000_000), unix: UnixTime(103), nanos: 250_000_000 };
        assert_eq!(next(now), Instant(8_750_000_000));
        let edge = Now { at: Instant(8_750_000_000), unix: UnixTime(105), nanos: 0 };
        assert_eq!(next(edge), Instant(13_750_000_000));
    }
}
