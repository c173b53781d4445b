//! The end of a task as its handle sees it.

use super::{Task, body::Body, cancellation::Cancelled, header, home::Home, runnable::Runnable};
use std::{
    any::Any,
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    task::{Poll, Waker},
};

/// What a task ends with.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Why a task has no output: the payload that its unwinding carried, or would have carried.
pub(crate) struct Failure(Box<dyn Any + Send>);

impl Failure {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(payload)
    }

    /// It was cancelled before it ran, or while it was idle.
    pub(crate) fn cancelled() -> Self {
        Self(Box::new(Cancelled::request()))
    }

    pub(crate) fn is<T: 'static>(&self) -> bool {
        self.0.is::<T>()
    }

    /// The text of a panic, if it is one.
    pub(crate) fn message(&self) -> Option<&str> {
        let owned = self.0.downcast_ref::<String>().map(String::as_str);
        owned.or_else(|| self.0.downcast_ref::<&str>().copied())
    }

    pub(crate) fn into_payload(self) -> Box<dyn Any + Send> {
        self.0
    }
}

// SAFETY: a payload is `Send` only, and can't be reached through a shared `Failure` but to compare its type
// identifier, and to read the text of a `String` or a `str`, which are `Sync`.
unsafe impl Sync for Failure {}

/// Drops a panic's payload that nobody wants. A payload whose destructor panics in its turn is leaked,
/// since that panic would hit whoever happens to stand here.
pub(crate) fn forget_payload(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Runs foreign code that nobody waits for, such as a destructor: its panic, which the hook has reported, goes no
/// further than here. If what has ended it is the cancel of the body that we are in, that has yet to hear of it.
pub(crate) fn contain(foreign: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) {
        if payload.is::<Cancelled>()
            && let Some(fiber) = Home::here().and_then(Home::try_current)
        {
            fiber.cancellation.take_back();
        }
        forget_payload(payload);
    }
}

/// Wakes all of them, also if one panics: a waker is foreign code, and nobody else would wake the others. The panic goes on.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    struct Rest<I: Iterator<Item = Waker>>(I);
    impl<I: Iterator<Item = Waker>> Drop for Rest<I> {
        fn drop(&mut self) {
            self.0.by_ref().for_each(|waker| contain(|| waker.wake()));
        }
    }
    let mut rest = Rest(wakers.into_iter());
    for waker in rest.0.by_ref() {
        waker.wake();
    }
}

/// The join handle's reference. Dropping it detaches the task.
pub(crate) struct Join<T> {
    /// Given up by our own drop.
    task: ManuallyDrop<Task>,
    /// Whether our waker lies in the task's slot, and the slot belongs to the completer.
    offered: bool,
    output: PhantomData<fn() -> T>,
}

impl<T> Join<T> {
    pub(crate) fn task(&self) -> &Task {
        &self.task
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// The outcome, once; or `waker` is woken when it is there. Panics after the outcome was taken.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<Outcome<T>> {
        if self.is_complete() || !self.register(waker) {
            return Poll::Ready(self.take());
        }
        Poll::Pending
    }

    /// Leaves `waker` with the completer. `false`: there is none any more, the task is complete.
    fn register(&mut self, waker: &Waker) -> bool {
        let header = self.task.header();
        // SAFETY: `header` is a live task's; the slot lies in it.
        let slot = unsafe { (header.table.join_waker)(NonNull::from(header)).as_ref() };
        if self.offered {
            // SAFETY: while JOIN_WAKER is set both sides only read the slot.
            if unsafe { &*slot.get() }.as_ref().is_some_and(|current| current.will_wake(waker)) {
                return !self.is_complete();
            }
            if !header.state.reclaim_join_waker() {
                return false;
            }
            self.offered = false;
        }
        // SAFETY: JOIN_WAKER is clear, so the slot is the join handle's, which we are.
        unsafe { *slot.get() = Some(waker.clone()) };
        self.offered = header.state.offer_join_waker();
        self.offered
    }

    fn take(&mut self) -> Outcome<T> {
        let header = self.task.header();
        let mut outcome: Option<Outcome<T>> = None;
        // SAFETY: the task is complete, its output belongs to the join handle (JOIN is set until our
        // drop), and `outcome` has the type that this handle was made with.
        unsafe { (header.table.take_output)(NonNull::from(header), (&raw mut outcome).cast()) };
        outcome.expect("take_output fills it")
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        let header = self.task.header();
        if header.state.is_over() {
            // SAFETY: our reference is the last one, and is given up: the field is not dropped.
            return unsafe { (header.table.free)(self.task.as_raw()) };
        }
        if header.state.detach() {
            // SAFETY: the task is complete, and the output is the join handle's.
            unsafe { (header.table.drop_output)(NonNull::from(header)) }
        }
        // SAFETY: this is the end of the handle; the field is not used again.
        unsafe { ManuallyDrop::drop(&mut self.task) }
    }
}

/// Makes a task: what its queue gets, and what its handle gets.
pub(crate) fn task<B: Body, S: super::Schedule>(
    body: B,
    meta: B::Meta,
    scheduler: S,
) -> (Runnable, Join<B::Output>) {
    let header = header::allocate(body, meta, scheduler);
    // SAFETY: a new task is SCHEDULED and has two references, which go here.
    unsafe {
        (
            Runnable::from_raw(header),
            Join { task: ManuallyDrop::new(Task::from_raw(header)), offered: false, output: PhantomData },
        )
    }
}
