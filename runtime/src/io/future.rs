//! An operation as a future: it owns its memory, so the future may be dropped at any moment.
//!
//! The record lies on the heap with everything that the operation points to, and has a reference for the future, one
//! for the driver, and one for a letter that is on its way. A future that is dropped asks for a cancel and
//! leaves the record to the driver; the completion then cleans up. Inside of an [`Ending`] it is waited for instead.

use super::{
    direct::is_cancellation,
    phase::{Abandoned, Phase},
};
use crate::{
    scheduler::{completion::Detached, share, start, worker::Worker},
    task::{
        cancellation::{Cancelled, Cause},
        ending::Ending,
        home::{Home, HomeId},
        inbox::Letter,
        shared::Shared,
    },
};
use fibra_driver::{Op, OpKey, Submission};
use std::{
    cell::{Cell, UnsafeCell},
    future::Future,
    io,
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll, ready},
};

/// What an operation owns.
///
/// # Safety
///
/// What the returned operation points to is owned by the payload, valid while the payload stays where it is, and
/// touched by nobody else until the operation has ended.
pub(crate) unsafe trait Payload: Send + 'static {
    /// Whether the operation ends by itself when the kernel is asked to stop it; a timer is forgotten then.
    const ANSWERS_CANCEL: bool = true;

    /// The operation. Called once, when the payload has its final place.
    fn op(&mut self) -> Op;

    /// The operation has ended, and its future had been dropped: what a result like a new descriptor needs.
    fn orphaned(&mut self, _result: io::Result<u32>) {}
}

/// Who wants an operation to stop before its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopper {
    /// Who awaits it, and knows how to read the kernel's answer.
    #[cfg(feature = "hyper")]
    Owner,
    /// The [`Ending`] that its future is polled inside of: to that future, this is a cancel.
    Ending,
}

#[repr(C)]
struct Record<P> {
    head: Detached,
    phase: Phase,
    /// Who had the kernel asked to stop. The future's.
    stopped: Cell<Option<Stopper>>,
    /// The home's until it is done, and then the future's; of a record without a future, the home's or the last owner's.
    stage: Cell<Stage>,
    /// Written while new, by the future, which reads it afterwards. It lies between the stage, part of which has no value at first,
    /// and the payload: side by side, both would be made elsewhere and moved here in one piece, by words of which most lie
    /// across what was written a moment before.
    home: Cell<Option<HomeId>>,
    /// The future's while new and once done; the home's and the kernel's in between.
    payload: UnsafeCell<Option<P>>,
}

/// What the driver has said.
enum Stage {
    /// Nothing; or what it has said was taken.
    Unknown,
    /// It is under way, under this key.
    InFlight(OpKey),
    Over(io::Result<u32>),
}

// SAFETY: the payload is `Send`; who may touch the other cells, and when, is said at each, and handed over by `phase`.
unsafe impl<P: Send> Send for Record<P> {}
// SAFETY: as above.
unsafe impl<P: Send> Sync for Record<P> {}

/// See the module. Its output is the result, and the payload back.
pub(crate) struct OpFuture<P: Payload> {
    /// `None` once the output was returned.
    record: Option<Shared<Record<P>>>,
}

impl<P: Payload> OpFuture<P> {
    #[inline]
    pub(crate) fn new(payload: P) -> Self {
        let record = Shared::new(|| Record {
            head: Detached::new(Record::<P>::deliver, Record::<P>::complete),
            phase: Phase::new(),
            stopped: Cell::new(None),
            stage: Cell::new(Stage::Unknown),
            home: Cell::new(None),
            payload: UnsafeCell::new(Some(payload)),
        });
        Self { record: Some(record) }
    }

    /// Asks the kernel to stop, and leaves the output to be awaited: it is what came first. Does nothing to an operation
    /// that has not been polled yet, or whose home has not heard of it. Not for timers, which end without one.
    #[cfg(feature = "hyper")]
    pub(crate) fn stop(&mut self) {
        if let Some(record) = &self.record {
            Record::stop(record, Stopper::Owner);
        }
    }

    /// Waits for the end of what nobody wants any more.
    async fn end(self) {
        let (result, mut payload) = self.await;
        if !result.as_ref().is_err_and(is_cancelled) {
            payload.orphaned(result);
        }
    }

    /// The same future with another output: what `map` makes of this one's.
    pub(crate) fn map<R, F: Fn(io::Result<u32>, P) -> R>(self, map: F) -> Mapped<P, F> {
        Mapped { operation: self, map }
    }

    /// As `poll`, for who wants only a part of what the operation owns. So the rest isn't moved, and that part is moved once: what
    /// was written by small words a moment before, and is read by large ones, the processor waits for.
    #[inline]
    pub(crate) fn poll_map<R>(
        &mut self,
        context: &mut Context<'_>,
        map: impl FnOnce(io::Result<u32>, P) -> R,
    ) -> Poll<R> {
        ready!(self.poll_done(context));
        let record = self.record.take().expect("looked at above");
        let result = record.take_result();
        // SAFETY: the operation has ended, and the future, which we are, has not gone: the payload is ours.
        let payload = unsafe { record.payload() }.take().expect("taken once");
        Poll::Ready(map(result, payload))
    }

    fn poll_done(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let record = self.record.as_mut().expect("an operation was polled after it was ready");
        let is_done = if record.phase.is_new() {
            let is_home = Record::start(record);
            if is_home { record.phase.poll_done_at_home(context) } else { record.phase.poll_done(context) }
        } else {
            let is_done = record.phase.poll_done(context);
            if is_done.is_pending() {
                Record::heed_ending(record);
            }
            is_done
        };
        ready!(is_done);
        share::poll_charge(context)
    }
}

impl<P: Payload> Future for OpFuture<P> {
    type Output = (io::Result<u32>, P);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_map(context, |result, payload| (result, payload))
    }
}

/// See [`OpFuture::map`].
pub(crate) struct Mapped<P: Payload, F> {
    operation: OpFuture<P>,
    map: F,
}

impl<P: Payload, R, F: Fn(io::Result<u32>, P) -> R + Unpin> Future for Mapped<P, F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let Self { operation, map } = &mut *self;
        operation.poll_map(context, &*map)
    }
}

impl<P: Payload> Drop for OpFuture<P> {
    fn drop(&mut self) {
        let Some(record) = self.record.take() else { return };
        if P::ANSWERS_CANCEL
            && let Some(ending) = Ending::here()
            && !record.phase.recall()
            && record.phase.is_pending()
        {
            Record::stop(&record, Stopper::Ending);
            return ending.adopt(Box::pin(Self { record: Some(record) }.end()));
        }
        match record.phase.abandon() {
            // Once: the letter that asks for it may still be on its way.
            Abandoned::Pending if record.stopped.get().is_some() => {}
            Abandoned::Pending => Record::request_cancel(&record),
            Abandoned::Done => record.clean_up(),
            Abandoned::Unknown => {}
        }
    }
}

impl<P: Payload> Record<P> {
    /// Submits the operation here, or has it submitted by some worker. Returns whether it was here.
    fn start(this: &mut Shared<Self>) -> bool {
        let here = Worker::here();
        match here {
            Some(worker) => {
                this.home.set(Some(worker.home().id()));
                this.phase.submit();
                let reference = Shared::clone_mut(this);
                Self::submit(this, reference, worker);
            }
            None => {
                let home = start::home_for_here();
                this.home.set(Some(home.id()));
                this.phase.post();
                if !Self::post(this, &home) {
                    // That runtime is over.
                    this.phase.submit();
                    this.stage.set(Stage::Over(Err(io::Error::from_raw_os_error(fibra_driver::CANCELED))));
                    this.phase.finish();
                }
            }
        }
        here.is_some()
    }

    /// On the home's thread, once it is pending. `reference` is the driver's.
    fn submit(this: &Shared<Self>, reference: Shared<Self>, worker: &Worker) {
        // SAFETY: it is pending, so the payload is the home's; it stays in the record.
        let op = unsafe { this.payload() }.as_mut().expect("taken only when it is done").op();
        let head = Shared::into_raw(reference).cast::<Detached>();
        // SAFETY: `Payload`'s contract: what `op` points to belongs to the payload, which the driver's reference keeps
        // until `complete`.
        match worker.with_driver(|driver| unsafe { driver.submit(&op, Detached::word(head)) }) {
            Submission::Pending(key) => this.stage.set(Stage::InFlight(key)),
            // SAFETY: no completion follows, so the driver's reference is ours to use up.
            Submission::Complete(result) => unsafe { Self::complete(head, result) },
        }
    }

    /// Has the kernel asked to stop, if the home has the operation, and once.
    fn stop(this: &Shared<Self>, stopper: Stopper) {
        if this.phase.is_pending() && this.stopped.get().is_none() {
            this.stopped.set(Some(stopper));
            Self::request_cancel(this);
        }
    }

    /// Stops the operation, if its future is polled inside of an [`Ending`], which then waits for it.
    #[inline]
    fn heed_ending(this: &Shared<Self>) {
        if let Some(ending) = Ending::here()
            && P::ANSWERS_CANCEL
        {
            Self::stop(this, Stopper::Ending);
            if this.stopped.get().is_some() {
                ending.await_operation();
            }
        }
    }

    /// The result of an operation that is done.
    fn take_result(&self) -> io::Result<u32> {
        let result = self.take_answer();
        if self.stopped.get() == Some(Stopper::Ending) && result.as_ref().is_err_and(is_cancellation) {
            return Err(Cancelled::new(Cause::Lost).into());
        }
        result
    }

    /// Has the kernel asked to stop, by the home.
    fn request_cancel(this: &Shared<Self>) {
        let home = this.home.get().expect("a pending operation has a home");
        if Worker::here_at(home).is_some() {
            return Self::cancel_here(this);
        }
        // If that worker has ended, it has cancelled the operation before.
        if let Some(home) = Home::find(home) {
            Self::post(this, &home);
        }
    }

    /// Posts the letter: once to submit, and then, when that letter was delivered, for it is pending, once to cancel.
    /// `false`: the worker has ended.
    fn post(this: &Shared<Self>, home: &Home) -> bool {
        let reference = Shared::into_raw(Shared::clone(this));
        // SAFETY: the letter, which starts the head, which starts the `repr(C)` record, is in no inbox, as said above. The reference
        // goes with it, or is given up.
        unsafe {
            let posted = home.post(reference.cast::<Letter>());
            if !posted {
                drop(Shared::from_raw(reference));
            }
            posted
        }
    }

    /// On the home's thread.
    fn cancel_here(this: &Shared<Self>) {
        // Once it is done, the stage is the future's, which may be on another thread: this letter has come too late.
        if this.phase.is_done() {
            return;
        }
        let (Some(key), Some(worker)) = (this.key(), Worker::here()) else { return };
        if worker.with_driver(|driver| driver.withdraw(key)) {
            // It was a timer, and no completion follows.
            this.stage.set(Stage::Unknown);
            // SAFETY: the driver's reference is ours to use up, since the driver has forgotten it.
            return drop(unsafe { Shared::from_raw(Shared::as_raw(this)) });
        }
        worker.with_driver(|driver| driver.cancel(key));
    }

    /// The letter has reached the home: submits, or cancels.
    ///
    /// # Safety
    ///
    /// As [`Letter`] says; the reference that was posted is ours.
    unsafe fn deliver(letter: NonNull<Letter>) {
        // SAFETY: the letter starts the head, which starts the `repr(C)` record, and a reference was posted.
        let record = unsafe { Shared::from_raw(letter.cast::<Record<P>>()) };
        if record.phase.receive() {
            let worker = Worker::here().expect("letters are delivered by workers");
            Self::submit(&record, Shared::clone(&record), worker);
        } else {
            // Abandoned, or stopped. If it was never submitted there is no key, and nothing to do.
            Self::cancel_here(&record);
        }
    }

    /// The operation has ended.
    ///
    /// # Safety
    ///
    /// As [`Detached`] says: on the home's thread, with the driver's reference.
    unsafe fn complete(head: NonNull<Detached>, result: io::Result<u32>) {
        // SAFETY: the head starts the record; the reference is ours.
        let record = unsafe { Shared::from_raw(head.cast::<Record<P>>()) };
        record.stage.set(Stage::Over(result));
        if !record.phase.finish() {
            record.clean_up();
        }
    }

    /// The operation has ended, and nobody will take its result.
    fn clean_up(&self) {
        let result = self.take_answer();
        if !result.as_ref().is_err_and(is_cancellation) {
            // SAFETY: the operation has ended and the future has gone: the payload is ours.
            unsafe { self.payload() }.as_mut().expect("the future did not take it").orphaned(result);
        }
    }

    /// The key of an operation in flight, for its home.
    fn key(&self) -> Option<OpKey> {
        let stage = self.stage.replace(Stage::Unknown);
        let key = if let Stage::InFlight(key) = stage { Some(key) } else { None };
        self.stage.set(stage);
        key
    }

    /// The operation has ended, and the stage is the caller's.
    fn take_answer(&self) -> io::Result<u32> {
        match self.stage.replace(Stage::Unknown) {
            Stage::Over(result) => result,
            _ => unreachable!("the result comes before the phase, and is taken once"),
        }
    }

    /// # Safety
    ///
    /// The payload is the caller's, as the field says, and no other reference to it exists.
    #[expect(clippy::mut_from_ref, reason = "the state word hands the payload from one owner to the next")]
    unsafe fn payload(&self) -> &mut Option<P> {
        // SAFETY: by contract.
        unsafe { &mut *self.payload.get() }
    }
}

/// Whether an operation ended since it was told to: as the kernel says it, or as its future is told.
fn is_cancelled(error: &io::Error) -> bool {
    is_cancellation(error) || Cancelled::caused(error)
}
