//! Stackless frames: futures in memory that the caller gives, run step by step by whoever holds them. Nothing here allocates.
//!
//! An `async` body is compiled to a value that holds what lives across its waits: a *frame*, as a function's is on the stack. Usually an
//! executor boxes it. Here its size is known beforehand ([`frame_layout_of`] and its siblings), the memory comes from the caller, and
//! each [`resume`](Frame::resume) runs the body up to its next suspension:
//!
//! ```
//! use fibra::frame::{self, Frame, Resumed, Slot};
//! use std::{cell::Cell, pin::pin};
//!
//! async fn fibonacci(next: &Cell<u64>) {
//!     let (mut a, mut b) = (0, 1);
//!     while a < 10 {
//!         next.set(a);
//!         frame::suspend().await;
//!         (a, b) = (b, a + b);
//!     }
//! }
//!
//! let next = Cell::new(0);
//! let slot = pin!(Slot::<64>::new());
//! let frame = Frame::new_in(slot, fibonacci(&next)).unwrap();
//! let mut numbers = Vec::new();
//! while frame.resume().unwrap() == Resumed::Suspended {
//!     numbers.push(next.get());
//! }
//! assert_eq!(numbers, [0, 1, 1, 2, 3, 5, 8]);
//! ```
//!
//! # Life of a frame
//!
//! ```text
//!                         ┌───── Pending ──────┐
//!                         ▼                    │
//!  new_in ─► Created ─► Suspended ─ resume ─► Running ── Ready ──► Done ── take ──► Taken
//!               │         │   └──────────────▲ │
//!               └─ resume ┼──────────────────┘ └─── panic ──► Panicked
//!               └─ cancel ┴─► Cancelled
//! ```
//!
//! Whatever else is asked of it is [`Refused`]: resuming a frame that runs, or that has ended in any way; taking a result that there
//! is not yet, or no longer. Dropping a frame is fine in each of these states, and drops what it holds.
//!
//! # Memory
//!
//! A future may have told others where it lies, so its memory must not be used for anything else until it has been dropped. A borrow
//! can't promise that, since a handle may be forgotten ([`std::mem::forget`]) and then the borrow is over, but the future is not. So
//! memory comes in one of these ways, each a [`Memory`]:
//!
//! - a [`Slot`], pinned: so many bytes on the stack, in a struct, or wherever;
//! - bytes that nobody else will ever have: `&'static mut [MaybeUninit<u8>]`;
//! - borrowed bytes, for as long as a closure runs: [`scope`];
//! - and [`Memory::new_unchecked`], for who can promise it otherwise.
//!
//! # Calls
//!
//! `future.await` polls the inner future from the outer one's `poll`: a chain of a thousand waits is a thousand frames deep on the
//! *stack*, at each resumption, and again when it is dropped. A function that calls itself so overflows the stack, wherever its
//! futures lie. [`Arena::call`] is the other way: it places the callee in an arena of given memory, and the chain is resumed where it
//! rests, and dropped, in a loop. See [`Arena`].

mod arena;
mod call;
mod chain;
mod error;
mod layout;
mod memory;
mod stage;
mod state;
mod suspend;
mod turn;

pub use arena::{Arena, ArenaFull};
pub use call::Call;
pub use error::PlaceError;
pub use layout::{frame_layout_of, frame_layout_of_fn, frame_layout_of_val, frame_size_of};
pub use memory::{Memory, ScopeMemory, Slot, scope};
pub use state::{Refused, Resumed, State};
pub use suspend::{Suspend, suspend};

use self::{memory::Occupied, stage::Stage, state::Request};
use std::{
    cell::Cell,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll, Waker, ready},
};

/// A future in memory that the caller gave; see the [module](self).
///
/// It is a future itself, for any executor, which then does the resuming: a frame that wants to be awaited gets the executor's waker,
/// and one that is [resumed](Frame::resume) by hand a waker that does nothing. Both may be mixed.
///
/// Dropping it drops the future, or the result that nobody took. A forgotten one keeps its memory: see [`Slot`] and [`scope`].
///
/// ```
/// use fibra::frame::{Frame, Slot};
/// use std::pin::pin;
///
/// let slot = pin!(Slot::<64>::new());
/// let frame = Frame::new_in(slot, async { 6 * 7 }).unwrap();
/// assert_eq!(fibra::wait(frame), 42);
/// ```
///
/// Borrowed bytes alone are no memory for a frame:
///
/// ```compile_fail,E0597
/// use fibra::frame::Frame;
/// use std::mem::MaybeUninit;
///
/// let mut bytes = [MaybeUninit::uninit(); 64];
/// let frame = Frame::new_in(&mut bytes[..], std::future::pending::<()>()).unwrap();
/// std::mem::forget(frame);
/// bytes.fill(MaybeUninit::zeroed()); // would overwrite a future that others may point to
/// ```
#[must_use = "a frame does nothing unless it is resumed"]
pub struct Frame<'m, F: Future> {
    stage: NonNull<Stage<F, F::Output>>,
    state: Cell<State>,
    /// Dropped last, even if the future panics as it is dropped: only then is the memory free.
    memory: Occupied<'m>,
    owns: PhantomData<(F, F::Output)>,
}

// SAFETY: a frame owns its future, or that one's output, and nobody else reaches them; the memory is only bytes.
unsafe impl<F: Future + Send> Send for Frame<'_, F> where F::Output: Send {}

// The future is pinned in its memory; this is only what points to it.
impl<F: Future> Unpin for Frame<'_, F> {}

impl<'m, F: Future> Frame<'m, F> {
    /// Places `future` in `memory`. It does not run yet.
    ///
    /// # Errors
    ///
    /// When the memory is too small, is not aligned as it needs to be, or still holds a frame that was forgotten. The error names the
    /// [layout](PlaceError::layout) that is needed, and [gives both back](PlaceError::into_parts).
    ///
    /// ```
    /// use fibra::frame::{Frame, Slot};
    /// use std::pin::pin;
    ///
    /// let slot = pin!(Slot::<4>::new());
    /// let error = Frame::new_in(slot, std::future::ready(7_u64)).unwrap_err();
    /// assert_eq!(error.layout(), fibra::frame::frame_layout_of::<std::future::Ready<u64>>());
    /// let (_slot, future) = error.into_parts();
    /// assert_eq!(fibra::wait(future), 7);
    /// ```
    pub fn new_in(memory: impl Into<Memory<'m>>, future: F) -> Result<Self, PlaceError<'m, F>> {
        let memory = memory.into();
        match memory.occupy(frame_layout_of::<F>()) {
            Err((memory, reason)) => Err(PlaceError::new(memory, future, frame_layout_of::<F>(), reason)),
            Ok(memory) => {
                let stage = memory.start().cast();
                // SAFETY: the memory has the size and alignment of a stage, and is ours until `memory` is dropped.
                unsafe { Stage::put(stage, future) };
                Ok(Self { stage, state: Cell::new(State::Created), memory, owns: PhantomData })
            }
        }
    }

    /// Where the frame is in its life.
    ///
    /// ```
    /// use fibra::frame::{Frame, Slot, State};
    ///
    /// let slot = std::pin::pin!(Slot::<8>::new());
    /// let frame = Frame::new_in(slot, async {}).unwrap();
    /// assert_eq!(frame.state(), State::Created);
    /// ```
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// Runs the body until it suspends itself or ends. A future in it that waits for something else is polled once more: it gets a waker
    /// that does nothing.
    ///
    /// # Errors
    ///
    /// When the frame runs already (its own body resumes it), or has ended.
    ///
    /// # Panics
    ///
    /// If the body does. The frame is [`Panicked`](State::Panicked) then, and what it held has been dropped.
    ///
    /// ```
    /// use fibra::frame::{Frame, Resumed, Slot, State, suspend};
    ///
    /// let slot = std::pin::pin!(Slot::<64>::new());
    /// let frame = Frame::new_in(slot, suspend()).unwrap();
    /// assert_eq!(frame.resume(), Ok(Resumed::Suspended));
    /// assert_eq!(frame.resume(), Ok(Resumed::Done));
    /// assert_eq!(frame.resume().unwrap_err().state(), State::Done);
    /// ```
    pub fn resume(&self) -> Result<Resumed, Refused> {
        self.check(Request::Resume)?;
        Ok(match self.run(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Resumed::Suspended,
            Poll::Ready(()) => Resumed::Done,
        })
    }

    /// Drops the future where it is suspended, or before it has begun.
    ///
    /// # Errors
    ///
    /// When the frame runs, or has ended.
    ///
    /// # Panics
    ///
    /// If a destructor does. The frame is [`Cancelled`](State::Cancelled) all the same.
    ///
    /// ```
    /// use fibra::frame::{Frame, Slot, State};
    ///
    /// let slot = std::pin::pin!(Slot::<8>::new());
    /// let frame = Frame::new_in(slot, std::future::pending::<()>()).unwrap();
    /// frame.cancel().unwrap();
    /// assert_eq!(frame.resume().unwrap_err().state(), State::Cancelled);
    /// ```
    pub fn cancel(&self) -> Result<(), Refused> {
        self.check(Request::Cancel)?;
        self.state.set(State::Cancelled);
        // SAFETY: the frame was created or suspended, so the stage holds the future; the state says from now on that it doesn't.
        unsafe { Stage::drop_future(self.stage) };
        Ok(())
    }

    /// The result, once.
    ///
    /// # Errors
    ///
    /// When the body has not ended, or not with a result, or when the result has been taken.
    ///
    /// ```
    /// use fibra::frame::{Frame, Slot, State};
    ///
    /// let slot = std::pin::pin!(Slot::<8>::new());
    /// let frame = Frame::new_in(slot, async { 7 }).unwrap();
    /// assert_eq!(frame.take().unwrap_err().state(), State::Created);
    /// frame.resume().unwrap();
    /// assert_eq!(frame.take(), Ok(7));
    /// assert_eq!(frame.take().unwrap_err().state(), State::Taken);
    /// ```
    pub fn take(&self) -> Result<F::Output, Refused> {
        self.check(Request::Take)?;
        self.state.set(State::Taken);
        // SAFETY: the frame was done, so the stage holds the output; the state says from now on that it doesn't.
        Ok(unsafe { Stage::take_output(self.stage) })
    }

    /// Drops the frame, as ever, and hands its memory back for another one: what lives as long as the program can be had but once.
    ///
    /// # Panics
    ///
    /// If a destructor does; the memory is lost then.
    ///
    /// ```
    /// use fibra::frame::{Frame, Resumed};
    /// use std::mem::MaybeUninit;
    ///
    /// let bytes: &'static mut [MaybeUninit<u8>] = Box::leak(Box::new_uninit_slice(256));
    /// let frame = Frame::new_in(bytes, async {}).unwrap();
    /// let another = Frame::new_in(frame.into_memory(), async { 7_u8 }).unwrap();
    /// assert_eq!(another.resume(), Ok(Resumed::Done));
    /// ```
    pub fn into_memory(self) -> Memory<'m> {
        // SAFETY: `self` is dropped, and leaves the memory, before anybody can use this.
        let memory = unsafe { self.memory.duplicate() };
        drop(self);
        memory
    }

    fn check(&self, request: Request) -> Result<(), Refused> {
        request.check(self.state.get())
    }

    /// Polls the future, which there is.
    fn run(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut running = Running::begin(&self.state);
        // SAFETY: the frame was created or suspended, so the stage holds the future, which stays where it is. While the state is
        // `Running` nobody else touches it. If this panics, the stage is empty, as `Panicked` says.
        let poll = unsafe { Stage::poll(self.stage, context, |output| output) };
        running.next = if poll.is_ready() { State::Done } else { State::Suspended };
        poll
    }
}

/// While a body runs. At its end the frame gets its next state: if it unwinds, that is `Panicked`.
struct Running<'a> {
    state: &'a Cell<State>,
    next: State,
}

impl<'a> Running<'a> {
    fn begin(state: &'a Cell<State>) -> Self {
        state.set(State::Running);
        Self { state, next: State::Panicked }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.state.set(self.next);
    }
}

impl<F: Future> Future for Frame<'_, F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// If the body does, and if the frame has no result to give, now or later: it was cancelled, has panicked, its result has been
    /// taken, or it is its own body that polls it.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.check(Request::Resume).is_ok() {
            ready!(self.run(context));
        }
        Poll::Ready(self.take().unwrap_or_else(|refused| panic!("{refused}")))
    }
}

impl<F: Future> Drop for Frame<'_, F> {
    fn drop(&mut self) {
        match self.state.get() {
            // SAFETY: in these states the stage holds the future, and this is the last that is done with it.
            State::Created | State::Suspended => unsafe { Stage::drop_future(self.stage) },
            // SAFETY: in this state it holds the output.
            State::Done => drop(unsafe { Stage::take_output(self.stage) }),
            State::Running => unreachable!("who runs a frame borrows it"),
            State::Taken | State::Cancelled | State::Panicked => {}
        }
    }
}

impl<F: Future> fmt::Debug for Frame<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("state", &self.state()).finish_non_exhaustive()
    }
}
