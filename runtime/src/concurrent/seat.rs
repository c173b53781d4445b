//! A member that is a task: its seat, which lies beside its body.
//!
//! ```text
//!   task ┌────────┬─────┬──────────────────────────┬───────────────┐
//!        │ header │ ... │ seat: link, index, place │ body → output │
//!        └────────┴─────┴───▲──────────────────────┴───────────────┘
//!                           │ ended: the output is stored
//!      Finished ──► link ──► link
//! ```
//!
//! The set keeps each task until it has popped the task's link, or closes the list before it lets go of its tasks. So a link in
//! the list is always alive, and one that comes later is refused.

use super::{
    finished::Finished,
    member::{InPlace, Member},
};
use crate::{
    future::JoinError,
    primitive::{AcqRel, Acquire, AtomicBool},
    scheduler::start,
    sync::OwnedSemaphorePermit,
    task::{
        Task,
        arrivals::Link,
        body::{Body, ThreadSlot},
        cancellation::{Cancelled, Scope, Trigger},
        home::Home,
        join::Join,
    },
};
use std::{
    any::Any,
    future::Future,
    marker::PhantomData,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    ptr::NonNull,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
};

/// Where a member finds the list.
pub(super) trait Hall: Send + Sync + 'static {
    fn finished(&self) -> &Finished;
}

impl Hall for Arc<Finished> {
    fn finished(&self) -> &Finished {
        self
    }
}

/// What lies beside a member's body.
#[repr(C)]
pub(super) struct Seat<H> {
    /// First, so that a link's address is its seat's.
    link: Link,
    /// When it was spawned, counted from 0.
    pub(super) index: usize,
    /// Where the set keeps its task.
    pub(super) place: usize,
    /// A future is to end. A green thread is told so by its task.
    is_cancelled: AtomicBool,
    pub(super) hall: H,
}

impl<H: Hall> Seat<H> {
    pub(super) fn new(index: usize, place: usize, hall: H) -> Self {
        Self { link: Link::new(), index, place, is_cancelled: AtomicBool::new(false), hall }
    }

    /// The member's output is stored.
    fn announce(&self) {
        // SAFETY: a task ends once. The set keeps it until it has popped the link, or has closed the list.
        unsafe { self.hall.finished().announce(NonNull::from(&self.link)) }
    }
}

/// A reference to a member's seat, and so to its task.
pub(super) struct SeatOf<H> {
    task: Task,
    hall: PhantomData<fn() -> H>,
}

impl<H: Hall> Deref for SeatOf<H> {
    type Target = Seat<H>;

    fn deref(&self) -> &Seat<H> {
        seat_of(&self.task)
    }
}

/// The seat of a task that `spawn` or `spawn_thread` has made, with such a hall.
fn seat_of<H: Hall>(task: &Task) -> &Seat<H> {
    // SAFETY: the callers' types say which hall it is; and what lies beside the bodies of this module is a seat, or starts
    // with one. Our reference keeps the task.
    unsafe { task.meta().cast::<Seat<H>>().as_ref() }
}

/// The set's handle to a member. Dropped, it lets the member go on.
pub(super) struct Seated<T, H> {
    /// Without an output: the member was asked to end, and had none.
    join: Join<Option<T>>,
    hall: PhantomData<fn() -> H>,
}

impl<T, H: Hall> Seated<T, H> {
    fn new(join: Join<Option<T>>) -> Self {
        Self { join, hall: PhantomData }
    }

    pub(super) fn seat(&self) -> SeatOf<H> {
        SeatOf { task: self.join.task().clone(), hall: PhantomData }
    }

    /// Asks the member to end.
    pub(super) fn cancel(&self) {
        let task = self.join.task();
        if task.header().is_thread() {
            return task.cancel();
        }
        // And then a wake: the member's next poll sees it. One that is parked in direct style looks again at once.
        seat_of::<H>(task).is_cancelled.swap(true, AcqRel);
        task.wake();
        task.interrupt();
    }

    /// What the member has ended with, once its link has come.
    pub(super) fn take(mut self) -> Result<T, JoinError> {
        let Poll::Ready(outcome) = self.join.poll(Waker::noop()) else {
            unreachable!("a member's link comes when its output is stored")
        };
        JoinError::or_output(outcome)
    }
}

/// What a member keeps until it has ended, so that another one may begin.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

/// Spawns a member that is a future.
pub(super) fn spawn<F, H: Hall>(future: F, permit: Permit, seat: Seat<H>) -> Seated<F::Output, H>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let body = FutureMember { future: InPlace::new(future), _permit: permit, hall: PhantomData };
    Seated::new(start::with_scheduler_for_here(|scheduler| scheduler.spawn(body, seat)))
}

/// Spawns a member that is a green thread.
pub(super) fn spawn_thread<F, T, H: Hall>(closure: F, permit: Permit, seat: Seat<H>) -> Seated<T, H>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let body = ThreadMember { closure: Some(closure), _permit: permit, hall: PhantomData };
    let slot = ThreadSlot { handle: OnceLock::new(), stack_size: None };
    let meta = ThreadSeat { seat, slot };
    Seated::new(start::with_scheduler_for_here(|scheduler| scheduler.spawn(body, meta)))
}

struct FutureMember<F: Future, H> {
    future: InPlace<F>,
    _permit: Permit,
    hall: PhantomData<fn() -> H>,
}

impl<F, H: Hall> Body for FutureMember<F, H>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = Option<F::Output>;
    type Meta = Seat<H>;
    const THREAD: Option<fn(&Seat<H>) -> &ThreadSlot> = None;

    unsafe fn poll(&mut self, seat: &Seat<H>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        // SAFETY: by contract the body is pinned, and the future is a field of it that is never moved out.
        let mut future = unsafe { Pin::new_unchecked(&mut self.future) };
        if seat.is_cancelled.load(Acquire) {
            return future.poll_end(context);
        }
        // What the future waits for in direct style fails when it is asked to end in the middle of this.
        let home = Home::here().expect("tasks run on workers");
        let scope = Scope::new(Trigger::Token(&seat.is_cancelled));
        let polled =
            catch_unwind(AssertUnwindSafe(|| scope.enter(home.current(), || future.as_mut().poll(context))));
        match polled {
            Ok(polled) => polled.map(Some),
            Err(payload) if is_tokens(&*payload) && seat.is_cancelled.load(Acquire) => {
                future.poll_end(context)
            }
            Err(payload) => resume_unwind(payload),
        }
    }

    fn ended(seat: &Seat<H>) {
        seat.announce();
    }
}

fn is_tokens(payload: &(dyn Any + Send)) -> bool {
    payload.downcast_ref::<Cancelled>().is_some_and(Cancelled::is_token)
}

struct ThreadMember<F, H> {
    closure: Option<F>,
    _permit: Permit,
    hall: PhantomData<fn() -> H>,
}

/// What lies beside a green thread's body.
#[repr(C)]
struct ThreadSeat<H> {
    /// First, so that its address is the whole's.
    seat: Seat<H>,
    slot: ThreadSlot,
}

impl<F, T, H: Hall> Body for ThreadMember<F, H>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = Option<T>;
    type Meta = ThreadSeat<H>;
    const THREAD: Option<fn(&ThreadSeat<H>) -> &ThreadSlot> = Some(|meta| &meta.slot);

    unsafe fn poll(&mut self, _: &ThreadSeat<H>, _: &mut Context<'_>) -> Poll<Option<T>> {
        let closure = self.closure.take().expect("a closure runs once");
        Poll::Ready(Some(closure()))
    }

    fn ended(meta: &ThreadSeat<H>) {
        meta.seat.announce();
    }
}
