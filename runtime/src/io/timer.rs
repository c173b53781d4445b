//! A timer that a future owns.
//!
//! On a worker it is an entry in the driver's wheel, with the waker in it: nothing is allocated, and nothing waits for a
//! completion. It stays with the worker that it was started on. If its future is polled on another one, because its task
//! was stolen, it is stopped there by letter, and starts anew; a thread that is no worker has some worker start it, as an
//! operation.

use super::{OpFuture, Payload};
use crate::{
    scheduler::worker::Worker,
    task::{
        home::{Home, HomeId},
        inbox::Letter,
    },
};
use fibra_driver::{Moment, Op, TimerKey};
use std::{
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    ptr::{self, NonNull},
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

/// See the module. Dropping it stops it.
///
/// Two words, both zero in a new one: those are written at once, as they are read by whoever moves the future that has just been
/// made. What was written by halves, the processor can't read as a whole before both are in its cache.
///
/// A worker is named by its home's number: to start and to stop a timer changes no count that all of that worker's timers share.
#[repr(C)]
pub(crate) struct Timer {
    /// [`NOBODY`], [`ITSELF`], or the [`HomeId`] of the worker in whose wheel it is.
    keeper: u64,
    /// Of nobody's [`NEW`] or [`OVER`]; with a worker the [`TimerKey`]; of one that keeps itself the address of its [`Elsewhere`], in a
    /// box that is its own.
    word: u64,
    /// So it may go where that may.
    owns: PhantomData<Box<Elsewhere>>,
}

/// It does not run. No home's number.
const NOBODY: u64 = 0;
/// It was started on a thread which is no worker. No home's number.
const ITSELF: u64 = u64::MAX;

/// It can be started.
const NEW: u64 = 0;
/// It has done what it was for.
const OVER: u64 = 1;

/// The operation of a timer that keeps itself: some worker has it.
struct Elsewhere(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl Timer {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self::of(NOBODY, NEW)
    }

    #[inline]
    const fn of(keeper: u64, word: u64) -> Self {
        Self { keeper, word, owns: PhantomData }
    }

    /// Whether [`finish`](Self::finish) was called.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.keeper == NOBODY && self.word == OVER
    }

    /// It has done what it was for.
    #[inline]
    pub(crate) fn finish(&mut self) {
        *self = Self::of(NOBODY, OVER);
    }

    /// Has it wake the task of `context` at `deadline`, or as much later as timers may be; `worker` is the one that we are on.
    /// If the runtime that it was to run in is over, the task is woken at once, to try again in another one.
    #[inline]
    pub(crate) fn start(&mut self, worker: Option<&Worker>, deadline: Moment, context: &mut Context<'_>) {
        let Some(worker) = worker else { return self.start_elsewhere(deadline, context) };
        let waker = context.waker().clone();
        let key = worker.with_driver(|driver| driver.start_timer(deadline, waker));
        *self = Self::of(worker.home().id().to_bits(), key.to_bits());
    }

    #[cold]
    fn start_elsewhere(&mut self, deadline: Moment, context: &mut Context<'_>) {
        let mut operation = OpFuture::new(Timeout(deadline.into()));
        if Pin::new(&mut operation).poll(context).is_ready() {
            return context.waker().wake_by_ref();
        }
        let elsewhere = Elsewhere(Box::pin(async move { drop(operation.await) }));
        let word = Box::into_raw(Box::new(elsewhere)).expose_provenance() as u64;
        *self = Self::of(ITSELF, word);
    }

    /// Ready if it does not run: because it has expired, or since it must be started anew, here. Until then it wakes the task
    /// of `context`.
    #[inline]
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.keeper != NOBODY {
            ready!(self.poll_running(context));
            *self = Self::new();
        }
        Poll::Ready(())
    }

    fn poll_running(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(worker) = self.worker() else { return self.poll_elsewhere(context) };
        let (key, waker) = (TimerKey::from_bits(self.word), context.waker());
        match worker.with_driver(|driver| Some(driver.waker_of(key)?.will_wake(waker))) {
            None => Poll::Ready(()),
            Some(true) => Poll::Pending,
            Some(false) => {
                change_waker(worker, key, waker.clone());
                Poll::Pending
            }
        }
    }

    /// One of another worker's is over: it starts anew, here.
    #[cold]
    fn poll_elsewhere(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.elsewhere() {
            // SAFETY: the box is ours, and we are borrowed mutably.
            Some(elsewhere) => unsafe { &mut *elsewhere }.0.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }

    /// The worker in whose wheel it is, if we are on that.
    #[inline]
    fn worker<'a>(&self) -> Option<&'a Worker> {
        Worker::here_at(HomeId::from_bits(self.keeper)?)
    }

    /// What it has in a box, if it keeps itself.
    fn elsewhere(&self) -> Option<*mut Elsewhere> {
        (self.keeper == ITSELF).then(|| ptr::with_exposed_provenance_mut(self.word as usize))
    }

    /// Whoever has it is elsewhere.
    #[cold]
    fn stop_elsewhere(&mut self) {
        if let Some(elsewhere) = self.elsewhere() {
            // It stops when it is dropped.
            // SAFETY: the box was made by `start_elsewhere`, and is ours; who has called gives us up.
            return drop(unsafe { Box::from_raw(elsewhere) });
        }
        // A worker that has ended has stopped it.
        if let Some(home) = HomeId::from_bits(self.keeper).and_then(Home::find) {
            Stop::post(&home, TimerKey::from_bits(self.word));
        }
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        if self.keeper == NOBODY {
            return;
        }
        match self.worker() {
            Some(worker) => stop(worker, TimerKey::from_bits(self.word)),
            None => self.stop_elsewhere(),
        }
    }
}

// Wakers are cloned and dropped while nobody has the driver: that is foreign code, and one may be the last reference to a
// task, whose end needs the driver.

fn change_waker(worker: &Worker, key: TimerKey, waker: Waker) {
    let _before = worker.with_driver(|driver| Some(mem::replace(driver.waker_of(key)?, waker)));
}

fn stop(worker: &Worker, key: TimerKey) {
    let _waker = worker.with_driver(|driver| driver.stop_timer(key));
}

/// Asks a worker to stop a timer.
#[repr(C)]
struct Stop {
    /// First, so that a letter's address is its owner's.
    letter: Letter,
    key: TimerKey,
}

impl Stop {
    #[cold]
    fn post(home: &Home, key: TimerKey) {
        let stop = Box::into_raw(Box::new(Self { letter: Letter::new(Self::deliver), key }));
        // SAFETY: the letter is new, so it is in no inbox; it stays in its box until `deliver`, which a worker may do. If
        // the worker has ended, its timers have too, and the box is ours again.
        unsafe {
            if !home.leave(NonNull::from(&(*stop).letter)) {
                drop(Box::from_raw(stop));
            }
        }
    }

    /// # Safety
    ///
    /// As [`Letter`] says: on the home's thread, with the box that was posted.
    unsafe fn deliver(letter: NonNull<Letter>) {
        // SAFETY: the letter is the first field of a `repr(C)` `Stop` in a box, which is ours.
        let stop_timer = unsafe { Box::from_raw(letter.cast::<Self>().as_ptr()) };
        let worker = Worker::here().expect("letters are delivered by workers");
        stop(worker, stop_timer.key);
    }
}

/// A timer as an operation.
pub(crate) struct Timeout(Instant);

// SAFETY: a timeout points to nothing.
unsafe impl Payload for Timeout {
    const ANSWERS_CANCEL: bool = false;

    fn op(&mut self) -> Op {
        Op::Timeout { deadline: self.0 }
    }
}
