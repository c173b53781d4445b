//! The future of a callee in an arena.

use super::{
    chain::{self, Node},
    state::State,
    turn::Turn,
};
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll},
};

/// What [`Arena::call`](super::Arena::call) returns: awaiting it runs the callee, in its own frame.
///
/// Awaited by a frame of the same arena, it is linked into the chain of that one, which is then resumed and dropped in a loop. Awaited
/// otherwise, by an executor, a [`Frame`](super::Frame), or a combinator that has wakers of its own, it is the root of a chain, and polled like any future.
///
/// A panic of the callee goes on where the call is awaited. Dropping the call drops the callee, and those that it waits for, innermost
/// first. It must not be dropped by one of them, while that runs: then it panics, and the frame stays in the arena for good.
///
/// It stays on its thread, since what is linked with it is.
///
/// ```compile_fail
/// fn spawn<F: Future + Send>(_: F) {}
/// fn call(arena: fibra::frame::Arena<'static>) {
///     spawn(async move { arena.call(async {}).unwrap().await });
/// }
/// ```
#[must_use = "the callee does nothing unless it is awaited"]
pub struct Call<'m, T> {
    node: Node,
    /// What the callee returns; and it borrows from the arena's memory.
    owns: PhantomData<(T, &'m ())>,
}

impl<T> Call<'_, T> {
    /// # Safety
    ///
    /// The frame's future returns a `T`, it has no other call, and the lifetime is the arena's.
    pub(super) unsafe fn new(node: Node) -> Self {
        Self { node, owns: PhantomData }
    }

    /// Whether it is a frame of the same arena that polls, and will be polled again when the callee has ended.
    fn is_awaited_in_turn(&self, context: &Context<'_>) -> bool {
        Turn::of(context).is_some_and(|turn| turn.ground == self.node.ground && turn.node.adopt(self.node))
    }

    fn outcome(&self) -> Poll<T> {
        // SAFETY: `new`'s caller has said that it is a `T`.
        match unsafe { self.node.take() } {
            None => Poll::Pending,
            Some(Ok(output)) => Poll::Ready(output),
            Some(Err(payload)) => resume_unwind(payload),
        }
    }
}

impl<T> Unpin for Call<'_, T> {}

impl<T> Future for Call<'_, T> {
    type Output = T;

    /// # Panics
    ///
    /// If the callee does, if it has returned before, and if it waits for itself.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match self.node.state.get() {
            State::Done => {}
            State::Created | State::Running | State::Suspended => {
                if self.is_awaited_in_turn(context) {
                    return Poll::Pending;
                }
                chain::drive(self.node, context.waker());
            }
            state => panic!("a call to a frame that {state} is polled"),
        }
        self.outcome()
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        assert!(self.node.leave_chain(), "a call is dropped by a frame that it waits for");
        let _vacated_last = Vacated(self.node);
        match self.node.state.get() {
            State::Created | State::Suspended => chain::cancel(self.node),
            // SAFETY: `new`'s caller has said that it is a `T`.
            _ => drop(unsafe { self.node.take::<T>() }),
        }
    }
}

/// Leaves the arena when it is dropped, even if what it held panics as it is.
struct Vacated(Node);

impl Drop for Vacated {
    fn drop(&mut self) {
        // SAFETY: made for a call that is being dropped, when its frame is in no chain and holds nothing any more.
        unsafe { super::arena::Ground::vacate(self.0) };
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("state", &self.node.state.get()).finish_non_exhaustive()
    }
}
