//! A task that waits for a worker: the queue's reference.

use super::{Task, body::ThreadSlot, header::Header, join::Failure};
use std::{mem::ManuallyDrop, ptr::NonNull};

/// A task in a queue. There is at most one per task; it must be run, failed, or queued again, for a task
/// whose `Runnable` is lost is never woken again. Dropping it fails the task as cancelled.
pub(crate) struct Runnable(ManuallyDrop<Task>);

impl Runnable {
    /// Takes over the queue's reference.
    ///
    /// # Safety
    ///
    /// `header` is a live task's whose state is `SCHEDULED`, and the caller gives up the queue's reference.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        // SAFETY: by contract.
        Self(ManuallyDrop::new(unsafe { Task::from_raw(header) }))
    }

    /// The reference as a pointer, for a queue's slot.
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0.as_raw()
    }

    pub(crate) fn header(&self) -> &Header {
        self.0.header()
    }

    /// Where the task is, to know it by.
    #[inline]
    pub(crate) fn address(&self) -> *const () {
        self.0.as_raw().as_ptr().cast_const().cast()
    }

    /// Runs the body on the stack that we stand on. `Some`: it was woken meanwhile; queue it again.
    pub(crate) fn run(self) -> Option<Runnable> {
        let header = self.into_raw();
        // SAFETY: the queue's reference is handed over.
        unsafe { (header.as_ref().table.run)(header) }
    }

    /// Asks for the end of the task: its run drops the body.
    pub(crate) fn cancel(&self) {
        self.0.cancel();
    }

    /// Ends the task without running it.
    pub(crate) fn fail(self, failure: Failure) {
        let header = self.into_raw();
        // SAFETY: the queue's reference is handed over.
        unsafe { (header.as_ref().table.fail)(header, failure) }
    }

    /// What a green thread has beside its closure; `None` for a future.
    pub(crate) fn thread(&self) -> Option<&ThreadSlot> {
        self.header().thread()
    }
}

impl Drop for Runnable {
    fn drop(&mut self) {
        let header = self.0.as_raw();
        // SAFETY: the queue's reference is handed over; the field, which stood for it, is not dropped after this.
        unsafe { (header.as_ref().table.fail)(header, Failure::cancelled()) }
    }
}

impl Header {
    /// What a green thread has beside its closure; `None` for a future.
    pub(crate) fn thread(&self) -> Option<&ThreadSlot> {
        // SAFETY: the header starts its cell, so a pointer to it is what the table asks for; the slot lives
        // as long as the task, which `self` borrows.
        self.table.thread.map(|slot| unsafe { slot(NonNull::from(self)).as_ref() })
    }

    /// What to call the task in a message.
    pub(crate) fn describe(&self) -> String {
        match self.thread() {
            None => "a future".into(),
            Some(slot) => match slot.handle.get().and_then(|thread| thread.name()) {
                None => "an unnamed green thread".into(),
                Some(name) => format!("green thread '{name}'"),
            },
        }
    }
}
