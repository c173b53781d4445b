//! How late a timer may be: a little, so that those that are due at about the same time end together.
//!
//! Each time that a worker is woken from its sleep costs several microseconds, as much as ending some twenty timers. So
//! deadlines are moved to the next line of a grid, and all that lie between two lines end with one wake. The grid is the
//! finer, the shorter the wait: a sixteenth of it at most.

use std::time::{Duration, Instant};

/// The least part of its length by which a timer may be late.
const SHARE: u64 = 16;

/// See the module.
pub(crate) struct Slack {
    /// A line of every grid.
    origin: Instant,
    /// In nanoseconds.
    most: u64,
}

impl Slack {
    /// What a runtime has unless it is told otherwise. With it, 100,000 timers a second wake their worker no more than
    /// 2,000 times.
    pub(crate) const DEFAULT: Duration = Duration::from_nanos(1 << 19);

    pub(crate) fn new(most: Duration) -> Self {
        Self { origin: Instant::now(), most: nanoseconds(most) }
    }

    /// When a timer ends that is started now, or has been started since, and must not end before `deadline`.
    #[inline]
    pub(crate) fn round_up(&self, now: Instant, deadline: Instant) -> Instant {
        let length = nanoseconds(deadline.saturating_duration_since(now));
        let Some(bits) = (length / SHARE).min(self.most).checked_ilog2() else { return deadline };
        let line_before = nanoseconds(deadline.saturating_duration_since(self.origin));
        let to_line_after = line_before.wrapping_neg() & ((1 << bits) - 1);
        deadline.checked_add(Duration::from_nanos(to_line_after)).unwrap_or(deadline)
    }
}

/// As far as they can be counted: 584 years.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Deadlines of all lengths, at odd moments.
    fn deadlines(slack: &Slack) -> impl Iterator<Item = (Instant, Instant)> {
        let now = slack.origin + Duration::from_nanos(123_456_789);
        (0..50).map(move |bits| (now, now + Duration::from_nanos((1 << bits) + 7)))
    }

    #[test]
    fn no_timer_is_early_or_later_than_it_may_be() {
        let slack = Slack::new(Slack::DEFAULT);
        for (now, deadline) in deadlines(&slack) {
            let late = slack.round_up(now, deadline).checked_duration_since(deadline).expect("not early");
            assert!(late <= Slack::DEFAULT && late <= (deadline - now) / SHARE as u32, "{late:?}");
        }
    }

    #[test]
    fn neighbours_end_together() {
        let slack = Slack::new(Duration::from_micros(100));
        let now = slack.origin;
        let ends = |spread: u64| {
            let mut ends: Vec<_> = (0..1_000)
                .map(|step| slack.round_up(now, now + Duration::from_nanos(1_000_000_000 + step * spread)))
                .collect();
            ends.dedup();
            ends.len()
        };
        // The grid is 65.5 µs wide.
        assert!((15..=17).contains(&ends(1_000)), "{}", ends(1_000));
    }

    #[test]
    fn without_slack_every_timer_is_exact() {
        let slack = Slack::new(Duration::ZERO);
        assert!(deadlines(&slack).all(|(now, deadline)| slack.round_up(now, deadline) == deadline));
    }

    #[test]
    fn a_deadline_in_the_past_or_at_the_end_of_time_stays() {
        let slack = Slack::new(Slack::DEFAULT);
        let later = slack.origin + Duration::from_secs(1);
        assert_eq!(slack.round_up(later, slack.origin), slack.origin);
        let mut last = later;
        for bits in (0..63).rev() {
            last = last.checked_add(Duration::from_secs(1 << bits)).unwrap_or(last);
        }
        assert!(slack.round_up(later, last) >= last);
    }
}
