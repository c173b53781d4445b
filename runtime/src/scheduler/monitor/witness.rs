//! What a worker that does not go on is asked: it is stopped in the middle of what it does, and answers from there (on Linux, by
//! a signal), or is looked at from here (on Windows).

use crate::{
    scheduler::{counters::Counters, stall::Backlog},
    task::home::Home,
};
use fibra_coro::snapshot::Moment;
use std::ptr;

/// How many addresses are noted: what the stack holds besides callers is sorted out later.
const MOST_ADDRESSES: usize = 64;
/// Up to where those who wait are counted: each costs the worker a look into its memory.
const MOST_COUNTED: usize = 10_000;

/// See the module.
pub(super) struct Witness<'a> {
    home: &'a Home,
    /// The task whose body runs: its address only, since it may be about to end.
    body: *const (),
    addresses: [usize; MOST_ADDRESSES],
    address_count: usize,
    ready_threads: usize,
    letters: usize,
}

// SAFETY: the pointer is compared, and nothing else. The home is `Sync`; its home-only part is looked at by `look`, on its thread or
// while that stands still.
unsafe impl Send for Witness<'_> {}

impl<'a> Witness<'a> {
    pub(super) fn new(home: &'a Home) -> Self {
        Self {
            home,
            body: ptr::null(),
            addresses: [0; MOST_ADDRESSES],
            address_count: 0,
            ready_threads: 0,
            letters: 0,
        }
    }

    /// Looks around. The worker may have been stopped at any instruction: this only reads what is consistent at each of them,
    /// and writes into itself.
    pub(super) fn look(&mut self, moment: &Moment) {
        // The number may be another thread's by now.
        if !self.home.is_thread(moment.thread()) {
            return;
        }
        let Some(fiber) = self.home.try_current() else { return };
        self.body = fiber.body_address();
        if self.body.is_null() {
            return;
        }
        self.note(moment.program_counter());
        let bounds = fiber.bounds();
        if bounds.contains(moment.stack_pointer()) {
            // SAFETY: the thread is stopped, and stands on this stack.
            let callers = unsafe { moment.return_addresses(bounds) };
            callers.take(MOST_ADDRESSES - 1).for_each(|address| self.note(address));
        }
        self.ready_threads = self.home.ready().count(MOST_COUNTED);
        self.letters = self.home.count_letters(MOST_COUNTED);
    }

    fn note(&mut self, address: usize) {
        self.addresses[self.address_count] = address;
        self.address_count += 1;
    }

    /// The task in whose body the worker is, to be compared with others.
    pub(super) fn body(&self) -> Option<*const ()> {
        (!self.body.is_null()).then_some(self.body)
    }

    /// The program counter, and then return addresses, innermost first.
    pub(super) fn addresses(&self) -> &[usize] {
        &self.addresses[..self.address_count]
    }

    /// What waits for the worker.
    pub(super) fn backlog(&self, counters: &Counters) -> Backlog {
        Backlog {
            ready_threads: self.ready_threads,
            letters: self.letters,
            timers: counters.timers.get() as usize,
            operations: counters.in_flight.get() as usize,
        }
    }
}
