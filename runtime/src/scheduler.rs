//! Floor 3: workers that share their tasks.
//!
//! ```text
//!                     ┌────────── injector ──────────┐   from outside, and overflow
//!                     ▼                              ▼
//!   worker 0   next ▪ ring ▪▪▪▪   ◀─ steal half ─▶   worker 1   next ▪ ring ▪▪
//!              ready ▪▪ (parked stacks: home-only)              ready ▪▪▪
//!              inbox ◀── letters from any thread                inbox
//!              driver (its ring), timers                        driver
//! ```
//!
//! A future, and a closure that has not started, can be run by any worker. A closure that has started stays
//! on its worker: a stack may hold addresses of that OS thread's locals.

pub(crate) mod alarm;
pub(crate) mod blocking;
pub(crate) mod completion;
pub(crate) mod idle;
pub(crate) mod injector;
pub(crate) mod live;
pub(crate) mod local_queue;
pub(crate) mod panicking;
pub(crate) mod parking;
pub(crate) mod plan;
pub(crate) mod share;
pub(crate) mod shutdown;
pub(crate) mod start;
pub(crate) mod worker;

use crate::{
    primitive::{AtomicPtr, Relaxed, SeqCst, unmodelled::AtomicU64},
    task::{
        Schedule,
        body::Body,
        header::Header,
        home::Home,
        join::{self, Join},
        runnable::Runnable,
    },
};
use fibra_driver::Offload;
use idle::Idle;
use injector::Injector;
use live::Live;
use local_queue::LocalQueue;
use shutdown::Shutdown;
use std::{
    ptr::{self, NonNull},
    sync::Arc,
};
use worker::Worker;

/// What the workers of one runtime share.
pub(crate) struct Scheduler {
    pub(crate) workers: Box<[Shared]>,
    pub(crate) injector: Injector,
    pub(crate) idle: Idle,
    pub(crate) offload: Offload,
    pub(crate) shutdown: Shutdown,
    /// A green thread's stack in bytes, unless it asks for another size.
    pub(crate) stack_size: usize,
}

/// The part of a worker that the other workers see.
pub(crate) struct Shared {
    pub(crate) home: Arc<Home>,
    queue: LocalQueue,
    /// The task that was woken last: its data is warm. Filled by its worker; thieves take it on a last pass,
    /// when nothing else is to be had anywhere.
    next: AtomicPtr<Header>,
    pub(crate) counters: Counters,
}

/// What a worker's driver has done: written by the worker after each turn, read by whoever asks.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) operations: AtomicU64,
    pub(crate) enters: AtomicU64,
}

impl Shared {
    pub(crate) fn new(home: Arc<Home>) -> Self {
        let next = AtomicPtr::new(ptr::null_mut());
        Self { home, queue: LocalQueue::new(), next, counters: Counters::default() }
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.next.load(Relaxed).is_null()
    }

    /// Puts `runnable` into the next slot; returns the one that was there.
    fn replace_next(&self, runnable: Runnable) -> Option<Runnable> {
        Self::next(self.next.swap(runnable.into_raw().as_ptr(), SeqCst))
    }

    /// Empties the next slot.
    #[inline]
    fn take_next(&self) -> Option<Runnable> {
        if self.next.load(Relaxed).is_null() {
            return None;
        }
        Self::next(self.next.swap(ptr::null_mut(), SeqCst))
    }

    fn next(header: *mut Header) -> Option<Runnable> {
        // SAFETY: the slot holds a queue's reference or null, and the swap made it ours.
        NonNull::new(header).map(|header| unsafe { Runnable::from_raw(header) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.take_next());
    }
}

impl Scheduler {
    /// Puts a task into a queue: the calling worker's ring, if it is one of ours, or else the injector.
    pub(crate) fn push(&self, runnable: Runnable) {
        match self.worker_here() {
            Some(worker) => worker.push(runnable),
            None => self.inject(runnable),
        }
    }

    /// Puts a task that was woken into a queue.
    pub(crate) fn push_woken(&self, runnable: Runnable) {
        match self.worker_here() {
            Some(worker) => worker.push_next(runnable),
            None => self.inject(runnable),
        }
    }

    fn inject(&self, runnable: Runnable) {
        self.injector.push(runnable);
        self.notify();
    }

    /// After a push: wakes a sleeper, if that is needed.
    #[inline]
    pub(crate) fn notify(&self) {
        if let Some(index) = self.idle.pick() {
            self.workers[index].home.unpark();
        }
    }

    /// Whether any queue holds a task that any worker may run.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.workers.iter().any(Shared::has_work)
    }

    /// The calling thread's worker, if it is one of this scheduler's.
    #[inline]
    pub(crate) fn worker_here<'a>(&self) -> Option<&'a Worker> {
        let worker = Worker::here()?;
        ptr::eq(&raw const **worker.scheduler(), self).then_some(worker)
    }
}

/// A spawner's part of the scheduler: what a task is handed. One for each worker and one for everybody else, so
/// that the reference counts and the lists of live tasks are not shared by all cores.
pub(crate) struct Spawner {
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) live: Live,
}

impl Spawner {
    pub(crate) fn new(scheduler: Arc<Scheduler>) -> Arc<Self> {
        Arc::new(Self { scheduler, live: Live::new() })
    }

    /// Makes a task and puts it into a queue.
    pub(crate) fn spawn<B: Body>(self: &Arc<Self>, body: B, meta: B::Meta) -> Join<B::Output> {
        let (runnable, join) = join::task(body, meta, Arc::clone(self));
        self.live.insert(runnable.header());
        // After the insertion: a shutdown that does not find the task in the list has set this before.
        if self.scheduler.shutdown.is_stopping() {
            join.task().cancel();
        }
        self.scheduler.push(runnable);
        join
    }
}

impl Schedule for Arc<Spawner> {
    fn schedule(&self, runnable: Runnable) {
        self.scheduler.push_woken(runnable);
    }

    fn finished(&self, header: &Header) {
        self.live.remove(header);
        self.scheduler.shutdown.task_finished();
    }
}
