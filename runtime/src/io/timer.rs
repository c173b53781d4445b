//! A timer that a future owns.
//!
//! On a worker it is an entry in the driver's wheel, with the waker in it: nothing is allocated, and nothing waits for a
//! completion. It stays with the worker that it was started on. If its future is polled on another one, because its task
//! was stolen, it is stopped there by letter, and starts anew; a thread that is no worker has some worker start it, as an
//! operation.

use super::{OpFuture, Payload};
use crate::{
    scheduler::worker::Worker,
    task::{home::Home, inbox::Letter},
};
use fibra_driver::{Moment, Op, TimerKey};
use std::{
    future::Future,
    mem,
    pin::Pin,
    ptr::NonNull,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

/// See the module. Dropping it stops it.
pub(crate) enum Timer {
    /// In the wheel of that worker.
    Entry { home: Arc<Home>, key: TimerKey },
    /// Started from a thread that is no worker.
    Operation(OpFuture<Timeout>),
}

impl Timer {
    /// A timer that wakes the task of `context` at `deadline`, or as much later as timers may be; `worker` is the one that
    /// we are on. `None`: the runtime that it was to run in is over; the task was woken, to try again in another one.
    #[inline]
    pub(crate) fn start(
        worker: Option<&Worker>,
        deadline: Moment,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let Some(worker) = worker else { return Self::start_elsewhere(deadline, context) };
        let waker = context.waker().clone();
        let key = worker.with_driver(|driver| driver.start_timer(deadline, waker));
        Some(Self::Entry { home: Arc::clone(worker.home()), key })
    }

    #[cold]
    fn start_elsewhere(deadline: Moment, context: &mut Context<'_>) -> Option<Self> {
        let mut operation = OpFuture::new(Timeout(deadline.into()));
        if Pin::new(&mut operation).poll(context).is_ready() {
            context.waker().wake_by_ref();
            return None;
        }
        Some(Self::Operation(operation))
    }

    /// Ready once it has ended: because it has expired, or since it must be started anew, here. Until then it wakes the
    /// task of `context`.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Operation(operation) => Pin::new(operation).poll(context).map(drop),
            Self::Entry { home, key } => {
                let Some(worker) = worker_of(home) else { return Poll::Ready(()) };
                let waker = context.waker();
                match worker.with_driver(|driver| Some(driver.waker_of(*key)?.will_wake(waker))) {
                    None => Poll::Ready(()),
                    Some(true) => Poll::Pending,
                    Some(false) => {
                        change_waker(worker, *key, waker.clone());
                        Poll::Pending
                    }
                }
            }
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let Self::Entry { home, key } = self else { return };
        match worker_of(home) {
            Some(worker) => stop(worker, *key),
            None => Stop::post(home, *key),
        }
    }
}

/// The worker of this home, if we are on it.
#[inline]
fn worker_of<'a>(home: &Arc<Home>) -> Option<&'a Worker> {
    Worker::here().filter(|worker| Arc::ptr_eq(worker.home(), home))
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
