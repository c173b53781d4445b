//! The queue that everybody shares: tasks from outside of the workers, and what overflowed a worker's ring.

use crate::{
    primitive::{AtomicUsize, Relaxed, Release},
    task::runnable::Runnable,
};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// See the module.
pub(crate) struct Injector {
    tasks: Mutex<VecDeque<Runnable>>,
    /// How many there are, so that a look at an empty injector takes no lock.
    count: AtomicUsize,
}

impl Injector {
    pub(crate) fn new() -> Self {
        Self { tasks: Mutex::new(VecDeque::new()), count: AtomicUsize::new(0) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    pub(crate) fn push(&self, runnable: Runnable) {
        self.push_all(&mut std::iter::once(runnable));
    }

    pub(crate) fn push_all(&self, runnables: &mut dyn Iterator<Item = Runnable>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.extend(runnables);
        self.count.store(tasks.len(), Release);
    }

    /// Takes one worker's share of the tasks, at most `limit`, oldest first.
    pub(crate) fn pop_share(&self, workers: usize, limit: usize, mut take: impl FnMut(Runnable)) {
        if self.is_empty() {
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let share = tasks.len().div_ceil(workers).min(limit);
        tasks.drain(..share).for_each(&mut take);
        self.count.store(tasks.len(), Release);
    }
}
