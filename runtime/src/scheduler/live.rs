//! The tasks that are alive: what a shutdown cancels, and what it names when they do not end.

use crate::task::{Task, header::Header};
use std::{
    ptr::NonNull,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A list without references: a task leaves it before it is freed. A task knows its place, so leaving is O(1).
pub(crate) struct Live {
    tasks: Mutex<Vec<Entry>>,
}

/// A task in the list.
struct Entry(NonNull<Header>);

// SAFETY: the list makes `Task`s of its entries, which are `Send`.
unsafe impl Send for Entry {}

impl Live {
    pub(crate) fn new() -> Self {
        Self { tasks: Mutex::new(Vec::new()) }
    }

    /// Adds a task that has just been made.
    pub(crate) fn insert(&self, header: &Header) {
        let mut tasks = self.lock();
        header.slot.set(u32::try_from(tasks.len()).expect("2^32 tasks are alive"));
        tasks.push(Entry(NonNull::from(header)));
    }

    /// Takes a task out, once, before it is freed.
    pub(super) fn remove(&self, header: &Header) {
        let mut tasks = self.lock();
        let place = header.slot.get() as usize;
        tasks.swap_remove(place);
        if let Some(moved) = tasks.get(place) {
            // SAFETY: an entry's task is alive while it is in the list, and its slot is under our lock.
            unsafe { moved.0.as_ref() }.slot.set(place as u32);
        }
        // A burst's list is given back: at a million tasks it is 8 MiB.
        if tasks.capacity() > 1024 && tasks.len() < tasks.capacity() / 8 {
            let half = tasks.capacity() / 2;
            tasks.shrink_to(half);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// References to all of them.
    pub(crate) fn snapshot(&self) -> Vec<Task> {
        let tasks = self.lock();
        // SAFETY: while we hold the lock, a task in the list cannot be freed.
        tasks.iter().filter_map(|entry| unsafe { Task::upgrade(entry.0) }).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
