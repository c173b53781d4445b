//! Floor 2: the task. A header plus a body; the body is a future or a closure, and only [`body`] knows which.
//!
//! A task is handed its scheduler ([`Schedule`]) and knows nothing else of it, so that the task and its
//! state word can be model-checked alone.

pub(crate) mod arrivals;
pub(crate) mod body;
pub(crate) mod cancellation;
pub(crate) mod direct;
pub(crate) mod ending;
pub(crate) mod fiber;
pub(crate) mod header;
pub(crate) mod home;
pub(crate) mod inbox;
pub(crate) mod join;
pub(crate) mod locals;
pub(crate) mod measure;
pub(crate) mod memory;
pub(crate) mod runnable;
pub(crate) mod shared;
pub(crate) mod state;
pub(crate) mod thread;
pub(crate) mod waker;

use header::Header;
use runnable::Runnable;
use state::Cancel;
use std::{ptr::NonNull, task::Waker};

/// Whether the waker is one of ours: a task's or a fiber's. To wake it runs no foreign code: it puts something into a queue,
/// and calls a worker if one sleeps.
#[inline]
pub(crate) fn is_ours(waker: &Waker) -> bool {
    waker::is_tasks(waker) || fiber::is_fibers(waker)
}

/// What a task needs of its scheduler.
pub(crate) trait Schedule: Clone + Send + Sync + 'static {
    /// Puts a task that was woken into a queue. By value: what lies in the task may be freed with it as soon as others see it
    /// there.
    fn schedule(self, runnable: Runnable);
    /// The task, which runs, is about to wait for the first time: nothing else will refer to it then but its wakers.
    fn waits(&self, header: &Header);
    /// The task is over, and so is all of its code: forget it. Called once a task, before it is freed.
    fn finished(&self, header: &Header);
}

/// One reference to a task.
pub(crate) struct Task(NonNull<Header>);

// SAFETY: bodies and outputs are `Send` (`spawn` asks for it), and what the header shares is atomic,
// under a lock, or handed over by the state word.
unsafe impl Send for Task {}
// SAFETY: as above.
unsafe impl Sync for Task {}

impl Task {
    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// `header` is a live task's, and the caller gives up one reference to it.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self(header)
    }

    /// Adds a reference, unless the last one has gone.
    ///
    /// # Safety
    ///
    /// `header`'s memory is alive: the caller holds the list that the task leaves before it is freed.
    pub(crate) unsafe fn upgrade(header: NonNull<Header>) -> Option<Self> {
        // SAFETY: by contract.
        unsafe { header.as_ref() }.state.try_retain().then_some(Self(header))
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: our reference keeps the task alive.
        unsafe { self.0.as_ref() }
    }

    /// The task, without a reference.
    fn as_raw(&self) -> NonNull<Header> {
        self.0
    }

    /// Asks for the end of the task: an idle future is dropped by a worker, a wait in direct style fails.
    pub(crate) fn cancel(&self) {
        match self.header().state.cancel() {
            // SAFETY: `cancel` added the reference that is handed over.
            Cancel::Schedule => unsafe { (self.header().table.schedule)(self.0) },
            Cancel::Interrupt => self.interrupt(),
            Cancel::Queued | Cancel::Nothing => {}
        }
    }

    /// As by a waker of the task: has its future polled again.
    pub(crate) fn wake(&self) {
        waker::wake_task(self);
    }

    /// What lies beside the body.
    pub(crate) fn meta(&self) -> NonNull<()> {
        // SAFETY: our reference keeps the task alive.
        unsafe { (self.header().table.meta)(self.0) }
    }

    /// Wakes the stack that the body is parked on, if it is, so that its wait looks around.
    pub(crate) fn interrupt(&self) {
        let fiber = self.header().fiber.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some(fiber) = fiber {
            fiber.wake();
        }
    }
}

impl Clone for Task {
    fn clone(&self) -> Self {
        self.header().state.retain();
        Self(self.0)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.header().state.release() {
            // SAFETY: it was the last reference.
            unsafe { (self.header().table.free)(self.0) }
        }
    }
}
