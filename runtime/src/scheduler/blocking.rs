//! Blocking work: on the pool's threads, so that a worker is never held up.

use super::{panicking::NeverLeft, start};
use crate::{task::home::Home, wait::wait_uncancellable};
use atomic_waker::AtomicWaker;
use std::{
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    thread,
};

/// Runs `work`, which may block its OS thread, on the runtime's pool, and waits for it. `work` may borrow: this returns
/// only when it has ended. What it spawns goes to the same runtime. Outside of a runtime's workers it simply runs right here.
///
/// Which calls should be moved away, and are not, a runtime finds out by itself: see [`stall`](crate::stall).
///
/// The pool grows with the work, to 512 threads unless
/// [`Builder::max_blocking_threads`](crate::Builder::max_blocking_threads) says otherwise; past its limit, work queues.
/// So `work` must not wait for other work of the pool: if all threads have such work, and what they wait for is queued
/// behind it, they wait for ever. A panic in `work` goes on in the caller.
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// fibra::run(|| {
///     let mut log = Vec::new();
///     fibra::unblock(|| log.push(std::fs::read_dir("/").is_ok()));
///     assert_eq!(log, [true]);
/// });
/// ```
pub fn unblock<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if Home::here().is_none() || thread::panicking() {
        return work();
    }
    let mut output = None;
    {
        let scheduler = start::with_scheduler_for_here(Arc::clone);
        let output = &mut output;
        let job: Box<dyn FnOnce() + Send + '_> =
            Box::new(move || *output = Some(start::within(&scheduler, work)));
        // SAFETY: only the lifetime changes. The job is run and dropped, or just dropped, before the future below is
        // ready; we wait for that, uncancellably, before anything that it borrows can end.
        let job: Box<dyn FnOnce() + Send + 'static> = unsafe { mem::transmute(job) };
        let bomb = NeverLeft("a thread of the pool");
        let outcome = wait_uncancellable(unblock_async(job));
        mem::forget(bomb);
        if let Err(payload) = outcome {
            resume_unwind(payload);
        }
    }
    output.expect("work that did not panic has an output")
}

/// Runs `work` on the pool; the future is ready when it has ended. Dropping the future lets the work go on unheard.
/// An error is the payload of its panic.
pub(crate) fn unblock_async<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = thread::Result<T>> + Send + Unpin {
    let slot = Arc::new(Slot { outcome: Mutex::new(None), waker: AtomicWaker::new() });
    let report = Arc::clone(&slot);
    let job = move || {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        *report.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        report.waker.wake();
    };
    if let Err(refused) = start::offload_here().execute(job) {
        // No thread can be had, and none is there to come back to it: rather here than never.
        refused.into_job()();
    }
    Pending(slot)
}

struct Slot<T> {
    outcome: Mutex<Option<thread::Result<T>>>,
    waker: AtomicWaker,
}

struct Pending<T>(Arc<Slot<T>>);

impl<T> Future for Pending<T> {
    type Output = thread::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.waker.register(context.waker());
        let outcome = self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.map_or(Poll::Pending, Poll::Ready)
    }
}
