//! What a worker counts: written by it alone, read by whoever asks for the runtime's metrics.

use super::worker::Worker;
use crate::task::measure::{Counter, Sizes};

/// See the module. A line of its own: nobody else writes there.
#[repr(align(128))]
pub(crate) struct Counters {
    /// How often a task was run: a poll of a future, or the start of a green thread.
    pub(crate) polls: Counter,
    /// How often the worker went on, on another stack.
    pub(crate) switches: Counter,
    /// Tasks taken from other workers.
    pub(crate) steals: Counter,
    /// How often the worker slept.
    pub(crate) parks: Counter,
    pub(crate) run_times: Sizes,
    pub(crate) batches: Sizes,
    // As of the driver's last turn:
    pub(crate) operations: Counter,
    pub(crate) submissions: Counter,
    pub(crate) enters: Counter,
    pub(crate) in_flight: Counter,
    pub(crate) timers: Counter,
    pub(crate) stacks_pooled: Counter,
}

impl Counters {
    pub(crate) fn new() -> Self {
        let counter = Counter::default;
        Self {
            polls: counter(),
            switches: counter(),
            steals: counter(),
            parks: counter(),
            run_times: Sizes::new(),
            batches: Sizes::new(),
            operations: counter(),
            submissions: counter(),
            enters: counter(),
            in_flight: counter(),
            timers: counter(),
            stacks_pooled: counter(),
        }
    }
}

impl Counters {
    /// A number that changes whenever the worker goes on with a task, or with another one.
    pub(crate) fn progress(&self) -> u64 {
        self.polls.get().wrapping_add(self.switches.get())
    }
}

impl Worker {
    /// Publishes what the driver has done by its last turn.
    #[inline]
    pub(super) fn note_turn(&self) {
        let (done, in_flight, timers) = self
            .with_driver(|driver| (driver.stats(), driver.operations_in_kernel(), driver.timers_running()));
        let counters = &self.shared().counters;
        if done.enters != counters.enters.get() {
            counters.batches.note(done.submissions - counters.submissions.get());
            counters.submissions.set(done.submissions);
            counters.enters.set(done.enters);
        }
        counters.operations.set(done.operations);
        counters.in_flight.set(in_flight as u64);
        counters.timers.set(timers as u64);
        self.shared().placement.note(self.live_stacks(), self.pace.is_wary());
    }

    /// Publishes how many stacks are at hand.
    pub(super) fn note_stacks(&self) {
        let pooled = self.stacks.borrow().stats().pooled + self.free.borrow().len();
        self.shared().counters.stacks_pooled.set(pooled as u64);
    }
}
