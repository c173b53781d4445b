//! Looking out for a while before going to sleep.
//!
//! To sleep and be woken takes a core several microseconds, on a virtual machine more: it tells its host that it is idle,
//! and the peer has to have it started again. When the answer to what was just sent takes no longer, that is all the
//! time there is. So after some short waits in a row the driver keeps its eyes open, for as long as a short wait takes:
//! then it looks at memory that the kernel shares, and makes no system call. One wait that was not short after all ends
//! this, so that who waits for a slow peer, or for nothing, sleeps.
//!
//! What counts is what operations wait for. Another thread of this program that gives notice, or a timer, is no peer with a
//! core of its own. And if the peer hasn't one either, each look out holds it up: those in vain become ever rarer.

use std::time::Duration;

/// What waits for a peer on the same machine take. Those that sleep through it take longer: their own waking counts.
pub(super) const SHORT: Duration = Duration::from_micros(50);
/// So many in a row have to be short: the look out that was in vain costs no more than they did.
const LEAST_IN_A_ROW: u32 = 8;
/// What that becomes where look outs are in vain again and again.
const MOST_IN_A_ROW: u32 = 8192;

/// How the last waits were.
pub(super) struct Lookout {
    short_in_a_row: u32,
    needed: u32,
    /// How long the wait of this turn took, if there was one.
    waited: Option<Duration>,
}

impl Lookout {
    pub(super) fn new() -> Lookout {
        Lookout { short_in_a_row: 0, needed: LEAST_IN_A_ROW, waited: None }
    }

    /// Whether the next wait is likely to be short.
    pub(super) fn pays(&self) -> bool {
        self.short_in_a_row >= self.needed
    }

    /// A wait is over, in whatever way it was spent.
    pub(super) fn note_wait(&mut self, waited: Duration) {
        self.waited = Some(waited);
    }

    /// A look out was in vain.
    pub(super) fn give_up(&mut self) {
        self.short_in_a_row = 0;
        self.needed = (self.needed * 2).min(MOST_IN_A_ROW);
    }

    /// The turn is over, and has ended an operation or not.
    pub(super) fn settle(&mut self, has_ended_operations: bool) {
        let Some(waited) = self.waited.take() else { return };
        if waited >= SHORT || !has_ended_operations {
            self.short_in_a_row = 0;
        } else if self.pays() {
            self.needed = (self.needed / 2).max(LEAST_IN_A_ROW);
        } else {
            self.short_in_a_row += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(lookout: &mut Lookout, count: u32, waited: Duration, has_ended_operations: bool) {
        for _ in 0..count {
            lookout.note_wait(waited);
            lookout.settle(has_ended_operations);
        }
    }

    #[test]
    fn it_pays_after_short_waits_in_a_row_until_one_is_long_or_for_something_else() {
        let mut lookout = Lookout::new();
        for (waited, has_ended_operations) in [(SHORT, true), (SHORT / 2, false), (SHORT, true)] {
            waits(&mut lookout, LEAST_IN_A_ROW - 1, SHORT / 2, true);
            lookout.settle(true);
            assert!(!lookout.pays(), "a turn without a wait counts for nothing");
            waits(&mut lookout, 2, SHORT / 2, true);
            assert!(lookout.pays());
            waits(&mut lookout, 1, waited, has_ended_operations);
            assert!(!lookout.pays());
        }
    }

    #[test]
    fn those_in_vain_become_rare_and_those_that_pay_frequent_again() {
        let mut lookout = Lookout::new();
        for _ in 0..50 {
            let needed = lookout.needed;
            waits(&mut lookout, needed, SHORT / 2, true);
            assert!(lookout.pays());
            lookout.give_up();
            assert!(!lookout.pays());
        }
        assert_eq!(lookout.needed, MOST_IN_A_ROW);
        waits(&mut lookout, MOST_IN_A_ROW + 20, SHORT / 2, true);
        assert!(lookout.pays());
        assert_eq!(lookout.needed, LEAST_IN_A_ROW);
    }
}
