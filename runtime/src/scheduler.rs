//! Floor 3: workers that share their tasks.
//!
//! ```text
//!                     ┌────────── injector ──────────┐   from outside, and overflow
//!                     ▼                              ▼
//!   worker 0   next ▪ ring ▪▪▪▪   ◀─ steal half ─▶   worker 1   next ▪ ring ▪▪
//!              ready ▪▪ (parked stacks: home-only)              ready ▪▪▪
//!              inbox ◀── letters from any thread                inbox
//!              driver (its ring), timers                        driver
//!              placed ▪ (green threads to start here)           placed
//! ```
//!
//! A future, and a closure that has not started, can be run by any worker. A closure that has started stays
//! on its worker: a stack may hold addresses of that OS thread's locals.

pub(crate) mod alarm;
pub(crate) mod blocking;
pub(crate) mod clock;
pub(crate) mod completion;
pub(crate) mod counters;
pub(crate) mod idle;
pub(crate) mod injector;
pub(crate) mod local_queue;
pub(crate) mod monitor;
mod pace;
pub(crate) mod panicking;
pub(crate) mod parking;
pub(crate) mod placement;
pub(crate) mod plan;
mod queues;
pub(crate) mod register;
pub(crate) mod share;
pub(crate) mod shutdown;
mod spans;
mod spin;
pub(crate) mod stall;
pub(crate) mod start;
pub(crate) mod worker;

use crate::{
    primitive::{AtomicPtr, Relaxed, Release, SeqCst, fence},
    task::{
        Schedule,
        body::Body,
        header::{Header, UNLISTED},
        home::Home,
        join::{self, Join},
        runnable::Runnable,
    },
};
use clock::Time;
use counters::Counters;
use fibra_driver::{Birthplace, Offload};
use idle::Idle;
use injector::Injector;
use local_queue::LocalQueue;
use monitor::Monitor;
use placement::Placement;
use register::Register;
use shutdown::Shutdown;
use std::{
    ptr::{self, NonNull},
    sync::Arc,
};
use worker::Worker;

/// What the workers of one runtime share.
pub(crate) struct Scheduler {
    pub(crate) workers: Box<[Arc<Shared>]>,
    /// One for each worker, and the last one for everybody else.
    pub(crate) registers: Box<[Register]>,
    pub(crate) injector: Injector,
    pub(crate) idle: Idle,
    pub(crate) offload: Offload,
    pub(crate) shutdown: Shutdown,
    /// A green thread's stack in bytes, unless it asks for another size.
    pub(crate) stack_size: usize,
    pub(crate) time: Time,
    pub(crate) monitor: Monitor,
    birthplace: Birthplace,
}

/// The part of a worker that the other workers see. Its lines are its own: two workers would else take them from each other
/// with each task that either of them queues.
#[repr(align(128))]
pub(crate) struct Shared {
    pub(crate) home: Arc<Home>,
    queue: LocalQueue,
    /// The task that was woken last: its data is warm. Filled by its worker; thieves take it on a last pass,
    /// when nothing else is to be had anywhere.
    next: AtomicPtr<Header>,
    pub(crate) placement: Placement,
    pub(crate) counters: Counters,
}

impl Shared {
    pub(crate) fn new(home: Arc<Home>) -> Self {
        let next = AtomicPtr::new(ptr::null_mut());
        Self { home, queue: LocalQueue::new(), next, placement: Placement::new(), counters: Counters::new() }
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.next.load(Relaxed).is_null()
    }

    /// Puts `runnable` into the next slot; returns the one that was there.
    fn replace_next(&self, runnable: Runnable) -> Option<Runnable> {
        if self.next.load(Relaxed).is_null() {
            // Only its worker fills the slot, so it stays empty until we do.
            self.next.store(runnable.into_raw().as_ptr(), Release);
            return None;
        }
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

    /// The same without an atomic exchange.
    ///
    /// # Safety
    ///
    /// Nobody else takes what is in the slot: the caller is its worker, and there are no others.
    #[inline]
    unsafe fn take_next_alone(&self) -> Option<Runnable> {
        let next = self.next.load(Relaxed);
        self.next.store(ptr::null_mut(), Relaxed);
        Self::next(next)
    }

    fn next(header: *mut Header) -> Option<Runnable> {
        // SAFETY: the slot holds a queue's reference or null, and whoever has emptied it has made it ours.
        NonNull::new(header).map(|header| unsafe { Runnable::from_raw(header) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.take_next());
    }
}

impl Scheduler {
    /// Whether this is a forked child of the process that has the workers.
    pub(crate) fn is_inherited(&self) -> bool {
        self.birthplace.is_elsewhere()
    }

    /// To be called before anything is left to the workers from outside.
    ///
    /// # Panics
    ///
    /// If there are none in this process: what is left to them would wait for ever.
    pub(crate) fn expect_workers(&self) {
        assert!(
            !self.is_inherited(),
            "this fibra runtime belongs to the parent process: after a fork, the child has to make its own"
        );
    }

    /// Leaves a task that was made and counted outside to the workers, or ends it as cancelled if they are about to
    /// end.
    fn inject_new(&self, runnable: Runnable) {
        // Between the count and the look: either a shutdown counts this task, and waits for it, or we see the shutdown.
        fence(SeqCst);
        if self.shutdown.is_stopping() {
            return drop(runnable);
        }
        self.inject(runnable);
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
        !self.injector.is_empty() || self.workers.iter().any(|worker| worker.has_work())
    }

    /// The calling thread's worker, if it is one of this scheduler's.
    #[inline]
    pub(crate) fn worker_here<'a>(&self) -> Option<&'a Worker> {
        let worker = Worker::here()?;
        ptr::eq(&raw const **worker.scheduler(), self).then_some(worker)
    }

    /// Makes a task and puts it into a queue.
    pub(crate) fn spawn<B: Body>(self: &Arc<Self>, body: B, meta: B::Meta) -> Join<B::Output> {
        let is_named = B::THREAD.is_some_and(|slot| slot(&meta).is_named());
        let here = self.worker_here();
        if here.is_none() {
            self.expect_workers();
        }
        let (runnable, join) = join::task(body, meta, Tie::to(self));
        self.register(here).count_spawn(here.is_some(), B::THREAD.is_some());
        if is_named {
            // So that a shutdown can name it even if it never waits.
            self.list(runnable.header());
        }
        match here {
            Some(worker) => worker.push(runnable),
            None => self.inject_new(runnable),
        }
        join
    }

    fn register(&self, worker: Option<&Worker>) -> &Register {
        &self.registers[self.index(worker)]
    }

    fn index(&self, worker: Option<&Worker>) -> usize {
        worker.map_or(self.workers.len(), |worker| worker.home().index())
    }

    /// Lists a task that a shutdown has to find. The caller is its runner, or has just made it.
    fn list(&self, header: &Header) {
        let index = self.index(self.worker_here());
        header.register.set(index as u16);
        self.registers[index].enter(header, || self.shutdown.is_stopping());
    }

    /// A task has ended, on the worker that calls, if it is one of ours.
    fn forget(&self, header: &Header, here: Option<&Worker>) {
        if header.register.get() != UNLISTED {
            self.registers[header.register.get() as usize].leave(header);
        }
        self.register(here).count_end(here.is_some(), header.is_thread());
        self.shutdown.task_finished();
    }
}

/// A task's tie to its scheduler. It is not counted: every core would write to the count at every spawn. A scheduler outlives
/// its unfinished tasks all the same, since its workers have it until none is alive, or else for ever.
#[derive(Clone, Copy)]
struct Tie(NonNull<Scheduler>);

// SAFETY: it stands for a shared reference to the scheduler, which is `Sync`.
unsafe impl Send for Tie {}
// SAFETY: as above.
unsafe impl Sync for Tie {}

impl Tie {
    fn to(scheduler: &Arc<Scheduler>) -> Self {
        // From the `Arc` rather than from a reference into it, so that `keep` may count with it.
        // SAFETY: an `Arc` points somewhere.
        Self(unsafe { NonNull::new_unchecked(Arc::as_ptr(scheduler).cast_mut()) })
    }

    /// The scheduler, which the caller may not use once the task may have been finished by another thread, unless it is one
    /// of the scheduler's workers: those it outlives.
    fn scheduler(&self) -> &Scheduler {
        // SAFETY: the task is not finished, so the scheduler is alive; see the type.
        unsafe { self.0.as_ref() }
    }

    #[cold]
    fn inject(&self, runnable: Runnable) {
        self.keep().inject(runnable);
    }

    /// The scheduler for a thread that is none of its workers: it stays alive for as long as this does.
    #[cold]
    fn keep(&self) -> Arc<Scheduler> {
        // SAFETY: the task is not finished, so the scheduler is alive, and the pointer is an `Arc`'s. The reference counted
        // up here is the one that is taken over.
        unsafe {
            Arc::increment_strong_count(self.0.as_ptr().cast_const());
            Arc::from_raw(self.0.as_ptr().cast_const())
        }
    }
}

impl Schedule for Tie {
    fn schedule(self, runnable: Runnable) {
        match self.scheduler().worker_here() {
            Some(worker) => worker.push_woken(runnable),
            None => self.inject(runnable),
        }
    }

    fn waits(&self, header: &Header) {
        // A task waits on one of its scheduler's workers.
        self.scheduler().list(header);
    }

    fn finished(&self, header: &Header) {
        match self.scheduler().worker_here() {
            Some(worker) => worker.scheduler().forget(header, Some(worker)),
            None => self.keep().forget(header, None),
        }
    }
}
