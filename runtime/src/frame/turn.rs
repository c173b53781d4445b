//! One poll of a frame in an arena, and the waker that its body sees meanwhile.
//!
//! The body's waker is the executor's, in a wrapper that lies on the stack for the length of the poll. It tells two things. To a
//! [`Call`](super::Call) in the body, whose frame is being polled. And to the [chain](super::chain), whether the body waits for something
//! *beside* its callee: whoever wants to be polled again must clone the waker, or wake it, and both are seen here. A stored clone is
//! the executor's waker itself and never equals the wrapper, so nobody skips cloning because the right one is stored already.

use super::{arena::Ground, chain::Node};
use crate::primitive::unmodelled::{AtomicBool, Ordering};
use std::{
    mem::ManuallyDrop,
    ptr::{self, NonNull},
    task::{Context, RawWaker, RawWakerVTable, Waker},
};

pub(super) struct Turn<'a> {
    /// Whose poll it is.
    pub(super) node: Node,
    /// The arena that the frame lies in.
    pub(super) ground: NonNull<Ground>,
    waker: &'a Waker,
    /// Atomic, since wakers may be lent to other threads.
    is_shared: AtomicBool,
}

impl<'a> Turn<'a> {
    pub(super) fn new(node: Node, waker: &'a Waker) -> Self {
        Self { node, ground: node.ground, waker, is_shared: AtomicBool::new(false) }
    }

    /// The turn that `context` comes from, if it comes right from one.
    #[inline]
    pub(super) fn of<'c>(context: &'c Context<'_>) -> Option<&'c Turn<'c>> {
        let waker = context.waker();
        let is_ours = ptr::eq(waker.vtable(), &WRAPPER);
        // SAFETY: only `with_context` makes wakers with this table, of a turn that outlives them; a clone has another one.
        is_ours.then(|| unsafe { &*waker.data().cast::<Turn<'c>>() })
    }

    /// Calls `poll` with a context from this turn.
    pub(super) fn with_context<R>(&self, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let data = ptr::from_ref(self).cast();
        // SAFETY: the table's functions take a pointer to a turn, from any thread, and this one outlives the waker: it is never given
        // away, and a clone of it is another waker.
        let waker = ManuallyDrop::new(unsafe { Waker::new(data, &WRAPPER) });
        poll(&mut Context::from_waker(&waker))
    }

    /// The body waits for something beside its callee.
    fn share(&self) {
        self.is_shared.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed)
    }
}

static WRAPPER: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

/// # Safety
///
/// As of [`RawWakerVTable::new`]: `turn` is the data of a waker that [`Turn::with_context`] has made and that still exists.
unsafe fn clone(turn: *const ()) -> RawWaker {
    // SAFETY: the caller says that it is a turn.
    let turn = unsafe { &*turn.cast::<Turn<'_>>() };
    turn.share();
    let clone = ManuallyDrop::new(turn.waker.clone());
    RawWaker::new(clone.data(), clone.vtable())
}

/// By value or by reference: the wrapper owns nothing.
///
/// # Safety
///
/// As for [`clone`].
unsafe fn wake(turn: *const ()) {
    // SAFETY: the caller says that it is a turn.
    let turn = unsafe { &*turn.cast::<Turn<'_>>() };
    turn.share();
    turn.waker.wake_by_ref();
}
