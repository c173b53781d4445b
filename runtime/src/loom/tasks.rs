//! Real tasks with a scheduler that only counts, for models that need something to queue.

use crate::scheduler::register::Register;
use crate::task::{
    Schedule,
    body::future::FutureBody,
    header::{Header, UNLISTED},
    join::{self, Join},
    runnable::Runnable,
};
use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};
use std::{future::Future, sync::Arc as StdArc};

/// A queue of one, and counters.
pub(super) struct Counting {
    queue: Mutex<Option<Runnable>>,
    pub(super) finished: AtomicUsize,
    pub(super) register: Register,
    pub(super) is_stopping: AtomicBool,
}

#[derive(Clone)]
pub(super) struct Scheduler(pub(super) Arc<Counting>);

impl Scheduler {
    pub(super) fn new() -> Self {
        Self(Arc::new(Counting {
            queue: Mutex::new(None),
            finished: AtomicUsize::new(0),
            register: Register::new(),
            is_stopping: AtomicBool::new(false),
        }))
    }

    pub(super) fn task<F>(&self, future: F) -> (Runnable, Join<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        join::task(FutureBody(future), (), self.clone())
    }

    /// What was scheduled and not taken yet.
    pub(super) fn take(&self) -> Option<Runnable> {
        self.0.queue.lock().unwrap().take()
    }

    /// Runs `runnable`, and what is scheduled, until nothing is.
    pub(super) fn run_all(&self, runnable: Option<Runnable>) {
        let mut next = runnable.or_else(|| self.take());
        while let Some(runnable) = next {
            next = runnable.run().or_else(|| self.take());
        }
    }
}

impl Schedule for Scheduler {
    fn schedule(self, runnable: Runnable) {
        let before = self.0.queue.lock().unwrap().replace(runnable);
        assert!(before.is_none(), "a task was queued twice");
    }

    fn waits(&self, header: &Header) {
        header.register.set(0);
        self.0.register.enter(header, || self.0.is_stopping.load(SeqCst));
    }

    fn finished(&self, header: &Header) {
        if header.register.get() != UNLISTED {
            self.0.register.leave(header);
        }
        self.0.finished.fetch_add(1, SeqCst);
    }
}

/// Says that it was dropped.
pub(super) struct Dropped(pub(super) StdArc<std::sync::atomic::AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}
