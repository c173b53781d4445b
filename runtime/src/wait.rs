//! Waiting for a future in direct style, from anywhere.

use crate::{
    cancel::Cancelled,
    primitive::unmodelled::{AtomicBool, Ordering},
    scheduler::{alarm, clock, panicking::limit_of_wait, worker::Worker},
    task::{direct::Direct, fiber::Fiber},
};
use std::{
    future::{Future, IntoFuture},
    panic::resume_unwind,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Instant,
};

/// Runs `future` to its end, right here: a green thread parks meanwhile, and so does the stack of a future's `poll`;
/// on any other OS thread, that thread is blocked.
///
/// The future need not be `Send` or `'static`: it is polled in place. It may do all that a future does, whatever the
/// runtime or the crate that it comes from, as long as it wakes its waker.
///
/// # Cancellation
///
/// A cancellation point: when the green thread is cancelled, the future is dropped, and the wait unwinds with
/// [`Cancelled`] as its payload.
///
/// ```
/// let answer = fibra::run(|| {
///     let task = fibra::future::spawn(async { 6 * 7 });
///     fibra::wait(task).unwrap()
/// });
/// assert_eq!(answer, 42);
/// ```
pub fn wait<F: IntoFuture>(future: F) -> F::Output {
    // The future is dropped before a cancel unwinds: its destructor may wait.
    let outcome = wait_in(pin!(future.into_future()), Until::CancelledOr(None));
    match outcome {
        Ok(output) => output,
        Err(Ended::Cancelled(cancelled)) => resume_unwind(Box::new(cancelled)),
        Err(Ended::TimedOut) => unreachable!("there was no deadline"),
    }
}

/// Polls until there is a result, in direct style. A cancellation point, where a cancel is an error, as for any I/O.
pub(crate) fn wait_for_io<T>(
    poll: impl FnMut(&mut Context<'_>) -> Poll<std::io::Result<T>>,
) -> std::io::Result<T> {
    match wait_in(pin!(std::future::poll_fn(poll)), Until::CancelledOr(None)) {
        Ok(result) => result,
        Err(Ended::Cancelled(cancelled)) => Err(cancelled.into()),
        Err(Ended::TimedOut) => unreachable!("there was no deadline"),
    }
}

/// The same without being a cancellation point: for a lock, which is held when this returns.
pub(crate) fn wait_uncancellable<F: Future>(future: F) -> F::Output {
    match wait_in(pin!(future), Until::Ready) {
        Ok(output) => output,
        Err(_) => unreachable!("nothing ends this wait but the future"),
    }
}

/// The same with an end: `None` if `deadline` passed first. A cancellation point.
pub(crate) fn wait_until<F: Future + Unpin>(future: &mut F, deadline: Instant) -> Option<F::Output> {
    match wait_in(Pin::new(future), Until::CancelledOr(Some(deadline))) {
        Ok(output) => Some(output),
        Err(Ended::TimedOut) => None,
        Err(Ended::Cancelled(cancelled)) => resume_unwind(Box::new(cancelled)),
    }
}

/// What may end a wait before the future is ready.
#[derive(Clone, Copy)]
enum Until {
    Ready,
    CancelledOr(Option<Instant>),
}

/// What has ended a wait.
enum Ended {
    Cancelled(Cancelled),
    TimedOut,
}

// Inlined, so that each kind of wait is compiled by itself: one without a deadline knows of no alarm.
#[inline]
fn wait_in<F: Future>(future: Pin<&mut F>, until: Until) -> Result<F::Output, Ended> {
    match Worker::here() {
        None => wait_on_thread(future, until),
        Some(worker) if thread::panicking() => wait_in_panic(worker, future, until),
        Some(worker) => match until {
            Until::Ready => wait_on_fiber(worker, polls(future), false, || false),
            Until::CancelledOr(None) => wait_on_fiber(worker, polls(future), true, || false),
            Until::CancelledOr(Some(deadline)) => {
                let mut alarm = None;
                let start = || Alarm::start(worker, deadline);
                wait_on_fiber(worker, polls(future), true, || alarm.get_or_insert_with(start).has_rung())
            }
        },
    }
}

fn polls<F: Future>(mut future: Pin<&mut F>) -> impl FnMut(&Waker) -> Poll<F::Output> {
    move |waker| future.as_mut().poll(&mut Context::from_waker(waker))
}

/// Waits on a worker for something that is no future: `attempt` succeeds, or leaves the waker with whoever will wake it.
/// A cancellation point, if it has to wait.
///
/// # Errors
///
/// If the task was cancelled meanwhile. Then the waker is still where it was left.
///
/// # Panics
///
/// If the thread is panicking: it must not park.
#[inline]
pub(crate) fn wait_on_worker<T>(
    worker: &Worker,
    attempt: impl FnMut(&Waker) -> Poll<T>,
) -> Result<T, Cancelled> {
    wait_on_fiber(worker, attempt, true, || false).map_err(|ended| match ended {
        Ended::Cancelled(cancelled) => cancelled,
        Ended::TimedOut => unreachable!("there was no deadline"),
    })
}

#[inline]
fn wait_on_fiber<T>(
    worker: &Worker,
    mut attempt: impl FnMut(&Waker) -> Poll<T>,
    is_cancellable: bool,
    mut has_rung: impl FnMut() -> bool,
) -> Result<T, Ended> {
    let fiber = worker.home().current();
    let waker = fiber.borrowed_waker();
    let mut notices = Notices { fiber, any: false };
    loop {
        notices.consume();
        if let Poll::Ready(output) = attempt(&waker) {
            return Ok(output);
        }
        let interrupted = || is_cancellable && fiber.interruption().is_some();
        if interrupted() {
            worker.spend();
            return Err(Ended::Cancelled(fiber.check_cancelled().expect_err("looked at above")));
        }
        if has_rung() {
            return Err(Ended::TimedOut);
        }
        if fiber.is_notified() {
            // Woken while it was polled. Let others go first all the same, or a future that always wakes itself
            // would keep the worker.
            worker.yield_now();
            continue;
        }
        loop {
            worker.park();
            if fiber.is_notified() || interrupted() || has_rung() {
                break;
            }
        }
    }
}

/// An alarm on the heap, since it is started in the middle of a wait; stopped when it is dropped.
struct Alarm<'a> {
    worker: &'a Worker,
    direct: Box<Direct>,
    key: fibra_driver::OpKey,
}

impl<'a> Alarm<'a> {
    fn start(worker: &'a Worker, deadline: Instant) -> Self {
        let direct = Box::new(Direct::new(worker.home().current()));
        let key = alarm::start(worker, &direct, deadline);
        Self { worker, direct, key }
    }

    fn has_rung(&self) -> bool {
        self.direct.has_ended()
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        alarm::stop(self.worker, &self.direct, self.key);
    }
}

/// A thread that panics switches to nobody: its worker's driver is turned in place.
#[cold]
fn wait_in_panic<F: Future>(
    worker: &Worker,
    mut future: Pin<&mut F>,
    until: Until,
) -> Result<F::Output, Ended> {
    let waker = worker.home().current().borrowed_waker();
    let mut context = Context::from_waker(&waker);
    let deadline = if let Until::CancelledOr(deadline) = until { deadline } else { None };
    let alarm = deadline.map(|deadline| Alarm::start(worker, deadline));
    let mut output = None;
    worker.turn_in_panic("wait", limit_of_wait(deadline), || {
        if let Poll::Ready(ready) = future.as_mut().poll(&mut context) {
            output = Some(ready);
        }
        output.is_some() || alarm.as_ref().is_some_and(Alarm::has_rung)
    });
    output.ok_or(Ended::TimedOut)
}

fn wait_on_thread<F: Future>(mut future: Pin<&mut F>, until: Until) -> Result<F::Output, Ended> {
    let parked = Arc::new(ParkedThread { thread: thread::current(), notified: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&parked));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        while !parked.notified.swap(false, Ordering::Acquire) {
            match until {
                Until::CancelledOr(Some(deadline)) => {
                    let left = deadline.saturating_duration_since(clock::now());
                    if left.is_zero() {
                        return Err(Ended::TimedOut);
                    }
                    thread::park_timeout(left);
                }
                Until::Ready | Until::CancelledOr(None) => thread::park(),
            }
        }
    }
}

/// An OS thread that waits. std's own token may be used up by whoever parks in between, so there is a flag beside it.
struct ParkedThread {
    thread: thread::Thread,
    notified: AtomicBool,
}

impl Wake for ParkedThread {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.notified.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

/// The wakes that a wait consumes. A wait around it may have been meant by one of them: then that has to look again.
struct Notices<'a> {
    fiber: &'a Fiber,
    any: bool,
}

impl Notices<'_> {
    #[inline]
    fn consume(&mut self) {
        self.any |= self.fiber.is_notified();
        self.fiber.set_notified(false);
    }
}

impl Drop for Notices<'_> {
    #[inline]
    fn drop(&mut self) {
        self.fiber.set_notified(self.any || self.fiber.is_notified());
    }
}
