//! The end of a future whose result is not wanted any more, because another one was first.
//!
//! Just dropped, it would leave its operations to the driver, which has the kernel stop them some time later; and a read that
//! the kernel had finished would be lost. So the future is polled once more *inside of* an [`Ending`], and each operation
//! that it waits for has itself stopped and says so:
//!
//! ```text
//!   poll inside ──► it waits for operations ──► they end ──► poll inside ──┐
//!        │          (awaited > 0)                                          │ as long as it waits for some
//!        │                ▲────────────────────────────────────────────────┘
//!        ├─ ready: it had ended too, or made something of the cancel
//!        └─ it waits for something else: it is dropped, inside; the operations that go with it are adopted,
//!           and waited for
//! ```
//!
//! An operation that begins inside is not stopped, so that one that is tried again and again ends: the second time, the
//! future waits for none that was told to stop, and is dropped.

use super::{
    cancellation::{Cancelled, Cause, Scope, Trigger},
    home::Home,
};
use crate::context;
use std::{
    any::Any,
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    ptr,
    task::{Context, Poll},
};

/// An operation whose future was dropped inside, until it has ended.
type Orphan = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
#[derive(Default)]
pub(crate) struct Ending {
    /// Operations that have been told to stop, and that the last poll found unfinished.
    awaited: Cell<usize>,
    orphans: RefCell<Vec<Orphan>>,
}

impl Ending {
    /// The one that the caller is polled, or dropped, inside of.
    #[inline]
    pub(crate) fn here<'a>() -> Option<&'a Self> {
        match Home::here() {
            Some(home) => home.current().cancellation.ending(),
            // SAFETY: `enter` has set it to an `Ending` that lives until it has set it back, which is after the caller, who
            // runs inside, has returned.
            None => unsafe { context::ending().cast::<Self>().as_ref() },
        }
    }

    /// Runs `inside`, whose direct waits fail, and whose operations stop.
    pub(crate) fn enter<T>(&self, inside: impl FnOnce() -> T) -> T {
        struct Restore(*const ());
        impl Drop for Restore {
            fn drop(&mut self) {
                context::replace_ending(self.0);
            }
        }
        if let Some(home) = Home::here() {
            return Scope::new(Trigger::Lost(self)).enter(home.current(), inside);
        }
        let _restore = Restore(context::replace_ending(ptr::from_ref(self).cast()));
        inside()
    }

    /// Before a poll inside.
    pub(crate) fn begin_poll(&self) {
        self.awaited.set(0);
    }

    /// An operation that was told to stop has not ended yet: it wakes whoever polls it when it has.
    pub(crate) fn await_operation(&self) {
        self.awaited.set(self.awaited.get() + 1);
    }

    /// Whether the last poll waits for operations that were told to stop.
    pub(crate) fn is_awaiting(&self) -> bool {
        self.awaited.get() > 0
    }

    /// Takes over an operation that was told to stop, and that nobody else waits for.
    pub(crate) fn adopt(&self, orphan: Orphan) {
        self.orphans.borrow_mut().push(orphan);
    }

    /// Ready when all that was adopted has ended.
    pub(crate) fn poll_orphans(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let orphans = self.orphans.get_mut();
        orphans.retain_mut(|orphan| orphan.as_mut().poll(context).is_pending());
        if orphans.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Whether a panic is a direct wait's that failed inside of an [`Ending`].
pub(crate) fn is_lost(payload: &(dyn Any + Send)) -> bool {
    payload.downcast_ref::<Cancelled>().is_some_and(|cancelled| cancelled.cause() == Cause::Lost)
}
