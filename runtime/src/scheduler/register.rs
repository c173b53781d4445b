//! Who is alive: what a shutdown waits for, cancels, and names if it does not end.
//!
//! Every worker has a register, and so has everybody else together. All tasks are *counted*: that is one plain store at
//! a spawn, and one at an end. Only tasks that have waited are *listed*, with the worker that they first waited on: a shutdown
//! must find them, since nothing else does. The others are in a queue, or run, and learn of the shutdown from their
//! worker. So a task that never waits pays for no list.
//!
//! ```text
//!   task:      take the lock, enter the list, leave the lock     then look: is there a shutdown? cancel myself
//!   shutdown:  say so                                            then take the lock, and cancel what is listed
//! ```
//!
//! Whoever is second at the lock sees the other.

mod list;

use crate::{
    primitive::{Acquire, AtomicU64, Mutex, Relaxed, Release},
    task::{Task, header::Header, state::Cancel},
};
use list::List;
use std::{ops::DerefMut, sync::PoisonError};

/// See the module. A line of its own: the counts are written at every spawn.
#[repr(align(128))]
pub(crate) struct Register {
    spawned: AtomicU64,
    ended: AtomicU64,
    /// The green threads among them.
    threads_spawned: AtomicU64,
    threads_ended: AtomicU64,
    list: Mutex<List>,
}

/// See [`Register::tasks`].
pub(crate) struct Count {
    pub(crate) spawned: u64,
    pub(crate) alive: u64,
}

impl Count {
    fn of<'a>(
        registers: impl Iterator<Item = &'a Register> + Clone,
        counters: impl Fn(&'a Register) -> (&'a AtomicU64, &'a AtomicU64),
    ) -> Self {
        // All ends first: what is spawned meanwhile, and what ends, can only make it more. Acquire: an end that is
        // seen comes after its spawn, which then is seen too.
        let ended: u64 = registers.clone().map(|register| counters(register).1.load(Acquire)).sum();
        let spawned: u64 = registers.map(|register| counters(register).0.load(Acquire)).sum();
        Self { spawned, alive: spawned.wrapping_sub(ended) }
    }
}

impl Register {
    pub(crate) fn new() -> Self {
        let count = || AtomicU64::new(0);
        Self {
            spawned: count(),
            ended: count(),
            threads_spawned: count(),
            threads_ended: count(),
            list: Mutex::new(List::new()),
        }
    }

    /// A task was made. `alone`: nobody else counts here at the same time.
    #[inline]
    pub(crate) fn count_spawn(&self, alone: bool, is_thread: bool) {
        if is_thread {
            Self::count(&self.threads_spawned, alone);
        }
        Self::count(&self.spawned, alone);
    }

    /// A task has ended; its spawn was counted in any of the registers.
    #[inline]
    pub(crate) fn count_end(&self, alone: bool, is_thread: bool) {
        if is_thread {
            Self::count(&self.threads_ended, alone);
        }
        Self::count(&self.ended, alone);
    }

    #[inline]
    fn count(counter: &AtomicU64, alone: bool) {
        if alone {
            counter.store(counter.load(Relaxed) + 1, Release);
        } else {
            counter.fetch_add(1, Release);
        }
    }

    /// How many tasks were spawned, and how many are alive: 0 only if there was a moment, since this was called, at which none
    /// was.
    pub(crate) fn tasks<'a>(registers: impl Iterator<Item = &'a Register> + Clone) -> Count {
        Count::of(registers, |register| (&register.spawned, &register.ended))
    }

    /// The same of the green threads among them.
    pub(crate) fn threads<'a>(registers: impl Iterator<Item = &'a Register> + Clone) -> Count {
        Count::of(registers, |register| (&register.threads_spawned, &register.threads_ended))
    }

    /// Lists a task, which knows its place: leaving is O(1). The caller is its runner, or has just made it.
    pub(crate) fn enter(&self, header: &Header, is_stopping: impl FnOnce() -> bool) {
        self.lock().add(header);
        if is_stopping() {
            let cancel = header.state.cancel();
            debug_assert_ne!(cancel, Cancel::Schedule, "an idle task was listed late");
        }
    }

    /// Takes a task out, once, before it is freed.
    pub(crate) fn leave(&self, header: &Header) {
        // SAFETY: it was added by `enter`, and leaves once.
        unsafe { self.lock().remove(header) }
    }

    /// References to all that are listed.
    pub(crate) fn listed(&self) -> Vec<Task> {
        let list = self.lock();
        // SAFETY: while we hold the lock, a task in the list cannot be freed.
        list.iter().filter_map(|header| unsafe { Task::upgrade(header) }).collect()
    }

    /// What to call the task at an address, if it is in one of the lists.
    pub(crate) fn describe<'a>(
        registers: impl Iterator<Item = &'a Register>,
        task: *const (),
    ) -> Option<String> {
        registers.into_iter().find_map(|register| {
            let list = register.lock();
            let header = list.iter().find(|header| header.as_ptr().cast_const().cast() == task)?;
            // SAFETY: a task is alive while it is in the list, which it can't leave while we hold the lock.
            Some(unsafe { header.as_ref() }.describe())
        })
    }

    fn lock(&self) -> impl DerefMut<Target = List> + '_ {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
