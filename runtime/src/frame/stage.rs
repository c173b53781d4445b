//! What lies in a frame's memory: first the future, then, in the same place, what came of it.

use std::{
    future::Future,
    mem::ManuallyDrop,
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll},
};

/// Room for a future or its outcome. Which of them is there, if any, is for its owner to know.
///
/// It is only ever seen through pointers: while the future is in it, others may point into it.
#[repr(C)]
pub(super) union Stage<F, O> {
    future: ManuallyDrop<F>,
    outcome: ManuallyDrop<O>,
}

impl<F: Future, O> Stage<F, O> {
    /// Puts `future` into an empty stage.
    ///
    /// # Safety
    ///
    /// `stage` points to memory that is large enough for a stage, aligned for it, and nobody else's until the stage is empty again.
    pub(super) unsafe fn put(stage: NonNull<Self>, future: F) {
        // SAFETY: the fields of a `repr(C)` union lie at its beginning, and the caller says that it is there.
        unsafe { stage.cast::<F>().write(future) };
    }

    /// Polls the future. If it is ready, it is dropped, and its output, as made by `finish`, takes its place. If anything panics, the
    /// stage is empty afterwards.
    ///
    /// # Safety
    ///
    /// `stage` holds the future, which has not moved since it was put there, and nobody else touches it meanwhile.
    pub(super) unsafe fn poll(
        stage: NonNull<Self>,
        context: &mut Context<'_>,
        finish: impl FnOnce(F::Output) -> O,
    ) -> Poll<()> {
        let emptying = Emptying(stage);
        // SAFETY: the future is there, and it is pinned: the caller says that it has not moved, and `Emptying` drops it in place.
        let poll = unsafe { Pin::new_unchecked(stage.cast::<F>().as_mut()).poll(context) };
        match poll {
            Poll::Pending => {
                std::mem::forget(emptying);
                Poll::Pending
            }
            Poll::Ready(output) => {
                drop(emptying);
                // SAFETY: as for `put`; the stage has just become empty.
                unsafe { stage.cast::<O>().write(finish(output)) };
                Poll::Ready(())
            }
        }
    }

    /// Drops the future, where it lies. If that panics, the stage is empty all the same.
    ///
    /// # Safety
    ///
    /// As for [`poll`](Self::poll).
    pub(super) unsafe fn drop_future(stage: NonNull<Self>) {
        // SAFETY: the caller says that the future is there, and whole.
        unsafe { stage.cast::<F>().drop_in_place() };
    }

    /// Moves the outcome out. The stage is empty then.
    ///
    /// # Safety
    ///
    /// `stage` holds the outcome.
    pub(super) unsafe fn take_output(stage: NonNull<Self>) -> O {
        // SAFETY: the caller says that the outcome is there; it counts as moved from now on.
        unsafe { stage.cast::<O>().read() }
    }
}

/// Drops the future in a stage, unless it is forgotten.
struct Emptying<F: Future, O>(NonNull<Stage<F, O>>);

impl<F: Future, O> Drop for Emptying<F, O> {
    fn drop(&mut self) {
        // SAFETY: made by `poll` alone, whose caller says that the future is there; this is the last that is done with it.
        unsafe { Stage::drop_future(self.0) };
    }
}
