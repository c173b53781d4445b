//! An operation that a fiber waits for in direct style: where its result goes.
//!
//! It lies on the waiting stack. That is sound because the frame that holds it is never left before the
//! result has come: not by a cancel, which waits for the kernel's answer, and not by a panic, which aborts.

use super::fiber::Fiber;
use std::{
    cell::Cell,
    io,
    ptr::{self, NonNull},
};

/// See the module. Home-only.
pub(crate) struct Direct {
    fiber: *const Fiber,
    result: Cell<Option<io::Result<u32>>>,
    ended: Cell<bool>,
}

impl Direct {
    pub(crate) fn new(fiber: &Fiber) -> Self {
        Self { fiber: ptr::from_ref(fiber), result: Cell::new(None), ended: Cell::new(false) }
    }

    /// The word under which its completion comes back. Even: see [`scheduler::completion`](crate::scheduler::completion).
    pub(crate) fn word(&self) -> usize {
        ptr::from_ref(self) as usize
    }

    /// The fiber that waits, which lives as long.
    ///
    /// # Safety
    ///
    /// As for [`complete`](Self::complete).
    pub(crate) unsafe fn fiber(word: usize) -> *const Fiber {
        // SAFETY: by contract.
        unsafe { (*(word as *const Self)).fiber }
    }

    /// The operation has ended.
    ///
    /// # Safety
    ///
    /// `word` is from [`word`](Self::word) of a value that still exists, and this is its fiber's home.
    pub(crate) unsafe fn complete(word: usize, result: io::Result<u32>) {
        // SAFETY: by contract.
        let this = unsafe { NonNull::new_unchecked(word as *mut Direct).as_ref() };
        this.end(result);
        // SAFETY: the fiber's stack, on which `this` lies, belongs to the fiber, which lives as long.
        unsafe { &*this.fiber }.wake_here();
    }

    /// The same without a wake, for whoever stands on the fiber.
    pub(crate) fn end(&self, result: io::Result<u32>) {
        self.result.set(Some(result));
        self.ended.set(true);
    }

    /// Whether the operation has ended.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// The result, once.
    #[inline]
    pub(crate) fn take(&self) -> Option<io::Result<u32>> {
        self.result.take()
    }
}
