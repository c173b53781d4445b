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
        let outcome = wait_uncancellable(offload(job));
        mem::forget(bomb);
        if let Err(payload) = outcome {
            resume_unwind(payload);
        }
    }
    output.expect("work that did not panic has an output")
}

/// As [`unblock`], for futures: runs `work`, which may block its OS thread, on the runtime's pool, and is ready with its result.
///
/// `work` begins as soon as the pool has a thread for it, whether the future is polled or not. It owns what it uses. What it
/// spawns goes to the runtime that this was called in: outside of any, to the default one, whose pool it is.
///
/// It is what the functions of [`fs`](crate::fs) for paths need that have no `_async` form of their own.
///
/// # Errors
///
/// None but those that `work` returns.
///
/// # Panics
///
/// A panic in `work` goes on in who awaits the future; nobody hears of it if that was dropped. The call panics if it needs the
/// default runtime, and that doesn't start. If the system gives no thread to a pool that has none, `work` runs in the
/// call.
///
/// # Cancellation
///
/// Dropping the future stops nothing: `work` goes on to its end, and its result is dropped.
///
/// ```
/// let path = std::env::temp_dir().join(format!("fibra-doc-unblock-{}", std::process::id()));
/// fibra::block_on(async {
///     let made = path.clone();
///     fibra::unblock_async(move || std::fs::create_dir(made)).await?;
///     fibra::unblock_async(move || std::fs::remove_dir(path)).await
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn unblock_async<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send + Unpin {
    let scheduler = start::with_scheduler_for_here(Arc::clone);
    Unblocking(offload(move || start::within(&scheduler, work)))
}

/// See [`unblock_async`].
struct Unblocking<T>(Offloaded<T>);

impl<T> Future for Unblocking<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|outcome| outcome.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

/// Runs `work` on the pool; the future is ready when it has ended. Dropping the future lets the work go on unheard.
/// An error is the payload of its panic.
pub(crate) fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Offloaded<T> {
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
    Offloaded(slot)
}

struct Slot<T> {
    outcome: Mutex<Option<thread::Result<T>>>,
    waker: AtomicWaker,
}

/// See [`offload`].
pub(crate) struct Offloaded<T>(Arc<Slot<T>>);

impl<T> Future for Offloaded<T> {
    type Output = thread::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.waker.register(context.waker());
        let outcome = self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.map_or(Poll::Pending, Poll::Ready)
    }
}
