//! Looking out for a while before going to sleep.
//!
//! To sleep and be woken takes a core several microseconds, on a virtual machine more: it tells its host that it is idle,
//! and the peer has to have it started again. When the answer to what was just sent takes no longer, that is all the
//! time there is. So after some short waits in a row the driver keeps its eyes open, for as long as a short wait takes:
//! then it looks at memory that the kernel shares, and makes no system call. One wait that was not short after all ends
//! this, so that who waits for a slow peer, or for nothing, sleeps.

use std::time::Duration;

/// What waits for a peer on the same machine take. Those that sleep through it take longer: their own waking counts.
pub(super) const SHORT: Duration = Duration::from_micros(50);
/// So many in a row have to be short: the look out that was in vain costs no more than they did.
const IN_A_ROW: u32 = 8;

/// How the last waits were.
#[derive(Default)]
pub(super) struct Lookout {
    short_in_a_row: u32,
}

impl Lookout {
    /// Whether the next wait is likely to be short.
    pub(super) fn pays(&self) -> bool {
        self.short_in_a_row >= IN_A_ROW
    }

    /// A wait is over, in whatever way it was spent.
    pub(super) fn note_wait(&mut self, waited: Duration) {
        self.short_in_a_row = if waited < SHORT { (self.short_in_a_row + 1).min(IN_A_ROW) } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pays_after_short_waits_in_a_row_until_one_is_long() {
        let mut lookout = Lookout::default();
        for _ in 0..3 {
            for _ in 0..IN_A_ROW {
                assert!(!lookout.pays());
                lookout.note_wait(SHORT / 2);
            }
            assert!(lookout.pays());
            lookout.note_wait(SHORT / 2);
            assert!(lookout.pays());
            lookout.note_wait(SHORT);
        }
    }
}
