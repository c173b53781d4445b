//! How many completions a wait asks for, and for how long one alone does not end it.
//!
//! Who is woken for each completion makes an enter for each. While turns bring many, more are on their way, and half as many as
//! usual are worth a moment. When they get fewer, so does this, down to waiting for one.
//!
//! Where [other threads want the core](super::core_use), more is at stake. Each wake takes the core from one of them, which may be
//! about to send more, and each sleep gives it back, maybe for a slice of some milliseconds. So as many as usual are gathered
//! then, even if those are few, and for longer.

use std::time::Duration;

use crate::ledger::Pause;

/// How long, while many come: what a busy driver adds to the first of them at most.
const MOMENT: Duration = Duration::from_micros(20);
/// The same where others want the core. A slice is ten times as long.
const CONTENDED_MOMENT: Duration = Duration::from_micros(300);
/// Fewer at once are not gathered: with so few, whoever sent them may be waiting for the answer.
const MANY: u32 = 4;
/// The same where others want the core.
const FEW: u32 = 2;
/// Beyond this, the cost of an enter is spread thinly enough.
const MOST: usize = 128;

/// See the module.
pub(super) struct Gathering {
    /// How many completions a turn brings at present: a running mean.
    usual: u32,
    /// Whether the kernel can do it.
    is_possible: bool,
}

impl Gathering {
    pub(super) fn new(is_possible: bool) -> Gathering {
        Gathering { usual: 0, is_possible }
    }

    /// A turn is over.
    pub(super) fn note_turn(&mut self, brought: usize) {
        self.usual = (self.usual + brought.min(MOST) as u32) / 2;
    }

    /// Whether turns bring many completions.
    pub(super) fn has_many(&self) -> bool {
        self.usual >= MANY
    }

    /// How many completions to wait for, and for how many microseconds until a single one is enough. `is_wanted`: the core is.
    #[inline]
    pub(super) fn plan(&self, pause: Pause, is_wanted: bool) -> (u32, u32) {
        match pause {
            Pause::Not => (0, 0),
            _ if self.usual < FEW || !self.is_possible => (1, 0),
            _ => self.plan_of_more(pause, is_wanted),
        }
    }

    fn plan_of_more(&self, pause: Pause, is_wanted: bool) -> (u32, u32) {
        let (wanted, moment) = match is_wanted {
            true => (self.usual, CONTENDED_MOMENT),
            false if self.has_many() => (self.usual / 2, MOMENT),
            false => return (1, 0),
        };
        match pause {
            Pause::For(duration) if duration < 4 * moment => (1, 0),
            _ => (wanted, moment.as_micros() as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Pause = Pause::For(Duration::from_secs(1));

    /// What is planned where a turn usually brings so many.
    fn plan(brought: usize, pause: Pause, is_wanted: bool) -> (u32, u32) {
        usually(brought, true).plan(pause, is_wanted)
    }

    fn usually(brought: usize, is_possible: bool) -> Gathering {
        let mut gathering = Gathering::new(is_possible);
        (0..16).for_each(|_| gathering.note_turn(brought));
        gathering
    }

    #[test]
    fn half_of_many_are_gathered_and_few_are_not() {
        for (brought, wanted) in [(0, 1), (1, 1), (4, 1), (5, 2), (33, 16), (1_000, 63)] {
            let plan = plan(brought, Pause::Forever, false);
            assert_eq!(plan.0, wanted, "of {brought}");
            assert_eq!(plan.1 > 0, wanted > 1, "of {brought}");
        }
    }

    #[test]
    fn as_many_as_usual_are_gathered_for_longer_where_others_want_the_core() {
        for (brought, wanted) in [(0, 1), (1, 1), (3, 2), (33, 32)] {
            let plan = plan(brought, LONG, true);
            assert_eq!(plan.0, wanted, "of {brought}");
            assert!(plan.0 == 1 || plan.1 > self::plan(33, LONG, false).1);
        }
    }

    #[test]
    fn nothing_is_gathered_before_a_timer_that_is_near_or_without_the_kernels_help() {
        for is_wanted in [false, true] {
            assert_eq!(plan(64, Pause::Not, is_wanted), (0, 0));
            assert_eq!(plan(64, Pause::For(2 * MOMENT), is_wanted), (1, 0));
            assert_eq!(usually(64, false).plan(LONG, is_wanted), (1, 0));
        }
        assert!(plan(64, Pause::For(5 * MOMENT), false).1 > 0);
    }
}
