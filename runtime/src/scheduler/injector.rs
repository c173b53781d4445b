//! An injector: a queue that any thread may put tasks into. One is shared by all workers: tasks from outside, and what overflowed
//! a worker's ring. And each worker has one for what others [place](super::placement) there.

use crate::{
    primitive::{AtomicUsize, Relaxed, Release},
    task::runnable::Runnable,
};
use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, PoisonError},
};

/// See the module. On lines of its own: what else workers share they only read.
#[repr(align(128))]
pub(crate) struct Injector {
    tasks: Mutex<Tasks>,
    /// How many there are, so that a look at an empty injector takes no lock.
    count: AtomicUsize,
}

#[derive(Default)]
struct Tasks {
    queue: VecDeque<Runnable>,
    /// The workers have gone: nobody takes a task out any more.
    is_closed: bool,
}

impl Injector {
    pub(crate) fn new() -> Self {
        Self { tasks: Mutex::default(), count: AtomicUsize::new(0) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are, or were just now.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    pub(crate) fn push(&self, runnable: Runnable) {
        self.push_all(&mut std::iter::once(runnable));
    }

    pub(crate) fn push_all(&self, runnables: &mut dyn Iterator<Item = Runnable>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.is_closed {
            // Not under the lock: a dropped task ends as cancelled, and its destructors are foreign code.
            drop(tasks);
            return runnables.for_each(drop);
        }
        tasks.queue.extend(runnables);
        self.count.store(tasks.queue.len(), Release);
    }

    /// Ends the tasks that are left, and those that come, as cancelled: the workers have gone.
    pub(crate) fn close(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.is_closed = true;
        let left = mem::take(&mut tasks.queue);
        self.count.store(0, Release);
        drop(tasks);
        drop(left);
    }

    /// Takes one worker's share of the tasks, at most `limit`, oldest first.
    pub(crate) fn pop_share(&self, workers: usize, limit: usize, mut take: impl FnMut(Runnable)) {
        if self.is_empty() {
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let share = tasks.queue.len().div_ceil(workers).min(limit);
        tasks.queue.drain(..share).for_each(&mut take);
        self.count.store(tasks.queue.len(), Release);
    }
}
