//! A timer that a future owns.
//!
//! On a worker it is an entry in the driver's wheel, with the waker in it: nothing is allocated, and nothing waits for a
//! completion. It stays with the worker that it was started on. If its future is polled on another one, because its task
//! was stolen, it is stopped there by letter, and starts anew; a thread that is no worker has some worker start it, as an
//! operation.

use super::{OpFuture, Payload};
use crate::{
    scheduler::{keeper::Keeper, worker::Worker},
    task::{home::Home, inbox::Letter},
};
use fibra_driver::{Moment, Op, TimerKey};
use std::{
    future::Future,
    mem,
    pin::Pin,
    ptr::NonNull,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

/// See the module. Dropping it stops it.
///
/// Two words, both zero in a new one: those are written at once, as they are read by whoever moves the future that has just been
/// made. What was written by halves, the processor can't read as a whole before both are in its cache.
#[repr(C)]
pub(crate) struct Timer {
    /// Who has it, while it runs.
    keeper: Option<Arc<Keeper>>,
    /// Without a keeper [`NEW`] or [`OVER`], with a worker the [`TimerKey`].
    word: u64,
}

/// It can be started.
const NEW: u64 = 0;
/// It has done what it was for.
const OVER: u64 = 1;

impl Timer {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { keeper: None, word: NEW }
    }

    /// Whether [`finish`](Self::finish) was called.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.keeper.is_none() && self.word == OVER
    }

    /// It has done what it was for.
    #[inline]
    pub(crate) fn finish(&mut self) {
        *self = Self { keeper: None, word: OVER };
    }

    /// Has it wake the task of `context` at `deadline`, or as much later as timers may be; `worker` is the one that we are on.
    /// If the runtime that it was to run in is over, the task is woken at once, to try again in another one.
    #[inline]
    pub(crate) fn start(&mut self, worker: Option<&Worker>, deadline: Moment, context: &mut Context<'_>) {
        let Some(worker) = worker else { return self.start_elsewhere(deadline, context) };
        let waker = context.waker().clone();
        let key = worker.with_driver(|driver| driver.start_timer(deadline, waker));
        *self = Self { keeper: Some(Arc::clone(worker.timer_keeper())), word: key.to_bits() };
    }

    #[cold]
    fn start_elsewhere(&mut self, deadline: Moment, context: &mut Context<'_>) {
        let mut operation = OpFuture::new(Timeout(deadline.into()));
        if Pin::new(&mut operation).poll(context).is_ready() {
            return context.waker().wake_by_ref();
        }
        let future = Box::pin(async move { drop(operation.await) });
        *self = Self { keeper: Some(Arc::new(Keeper::Future(future))), word: NEW };
    }

    /// Ready if it does not run: because it has expired, or since it must be started anew, here. Until then it wakes the task
    /// of `context`.
    #[inline]
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(keeper) = &mut self.keeper else { return Poll::Ready(()) };
        ready!(poll(keeper, TimerKey::from_bits(self.word), context));
        *self = Self::new();
        Poll::Ready(())
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            give_up(keeper, TimerKey::from_bits(self.word));
        }
    }
}

fn poll(keeper: &mut Arc<Keeper>, key: TimerKey, context: &mut Context<'_>) -> Poll<()> {
    let Some(worker) = keeper.worker() else {
        return match Arc::get_mut(keeper) {
            // It has no other timer.
            Some(Keeper::Future(future)) => future.as_mut().poll(context),
            _ => Poll::Ready(()),
        };
    };
    let waker = context.waker();
    match worker.with_driver(|driver| Some(driver.waker_of(key)?.will_wake(waker))) {
        None => Poll::Ready(()),
        Some(true) => Poll::Pending,
        Some(false) => {
            change_waker(worker, key, waker.clone());
            Poll::Pending
        }
    }
}

fn give_up(keeper: Arc<Keeper>, key: TimerKey) {
    match (keeper.worker(), &*keeper) {
        (Some(worker), _) => stop(worker, key),
        (None, Keeper::Worker(home)) => Stop::post(home, key),
        // It stops when it is dropped, and it has no other timer.
        (None, Keeper::Future(_)) => {}
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
