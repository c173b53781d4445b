//! How late a timer may be: a little, so that those that are due at about the same time end together.
//!
//! Each time that a thread is woken from its sleep costs several microseconds, as much as ending some twenty timers. So
//! deadlines are moved to the next line of a grid, and all that lie between two lines end with one wake. The grid is the
//! finer, the shorter the wait: a sixteenth of it at most.
//!
//! Times are in nanoseconds since the wheel was made, where every grid has a line.

use std::time::Duration;

/// The least part of its length by which a timer may be late.
const SHARE: u64 = 16;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Slack {
    most: u64,
}

impl Slack {
    /// Every timer is exact.
    pub(crate) const NONE: Slack = Slack { most: 0 };

    pub(crate) fn new(most: Duration) -> Self {
        Self { most: u64::try_from(most.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// When a timer ends that is started `now`, or has been started since, and must not end before `deadline`.
    #[inline]
    pub(crate) fn round_up(self, now: u64, deadline: u64) -> u64 {
        let length = deadline.saturating_sub(now);
        let Some(bits) = (length / SHARE).min(self.most).checked_ilog2() else { return deadline };
        let to_line_after = deadline.wrapping_neg() & ((1 << bits) - 1);
        deadline.saturating_add(to_line_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 123_456_789;

    /// Half a millisecond.
    fn slack() -> Slack {
        Slack::new(Duration::from_nanos(1 << 19))
    }

    /// Deadlines of all lengths, at odd moments.
    fn deadlines() -> impl Iterator<Item = u64> {
        (0..50).map(|bits| NOW + (1 << bits) + 7)
    }

    #[test]
    fn no_timer_is_early_or_later_than_it_may_be() {
        for deadline in deadlines() {
            let late = slack().round_up(NOW, deadline).checked_sub(deadline).expect("not early");
            assert!(late <= slack().most && late <= (deadline - NOW) / SHARE, "{late}");
        }
    }

    #[test]
    fn neighbours_end_together() {
        let slack = Slack::new(Duration::from_micros(100));
        let ends = |spread: u64| {
            let mut ends: Vec<_> =
                (0..1_000).map(|step| slack.round_up(NOW, NOW + 1_000_000_000 + step * spread)).collect();
            ends.dedup();
            ends.len()
        };
        // The grid is 65.5 µs wide.
        assert!((15..=17).contains(&ends(1_000)), "{}", ends(1_000));
    }

    #[test]
    fn without_slack_every_timer_is_exact() {
        assert!(deadlines().all(|deadline| Slack::NONE.round_up(NOW, deadline) == deadline));
    }

    #[test]
    fn a_deadline_in_the_past_or_at_the_end_of_time_stays() {
        assert_eq!(slack().round_up(NOW, NOW - 1), NOW - 1);
        for deadline in [u64::MAX - 1, u64::MAX] {
            assert!(slack().round_up(NOW, deadline) >= deadline);
        }
    }
}
