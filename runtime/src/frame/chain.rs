//! Chains of frames that wait for each other, resumed and dropped in loops.
//!
//! ```text
//!   Call ──► root ──callee──► frame ──callee──► frame      `place` points back: Under(caller),
//!             │ Root { rest }                     ▲        or, for a root, to where the chain rests
//!             └───────────────────────────────────┘
//! ```
//!
//! A frame that awaits a [`Call`](super::Call) gets the callee linked under it and is suspended. [`drive`] then polls the callee, from its
//! loop; a frame that has ended is unlinked, and its caller polled, which finds the result. When nobody can go on, the root remembers
//! where the chain *rests*, and goes on right there the next time. The frames above wait for nothing else, so that nothing is missed.
//!
//! A frame that waits for something beside its callee (a timeout around a call, say) is a *joint*: it has to be polled as well, as in any
//! `select`. [`Turn`] finds out. The chain then rests at its outermost joint, and goes on below it after that has been polled.
//!
//! What a body does while it runs is arbitrary: it may drop, poll or forget calls, those of frames around it included. These hold:
//!
//! - **From a busy root down to the frame that is polled, nobody is touched.** Who wants to drop or poll such a frame is refused, since
//!   its root says that it is busy. A frame that is linked under the running one is at rest, and may be unlinked.
//! - **A frame is linked anew in each poll of its caller.** So a call that the caller has lost interest in is not driven any further.
//! - **Futures in an arena outlive it.** So a frame whose call was forgotten may be polled without harm. That is why a callee cannot borrow
//!   from its caller.

use super::{arena::Ground, stage::Stage, state::State, turn::Turn};
use std::{
    any::Any,
    cell::Cell,
    future::Future,
    mem::offset_of,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::NonNull,
    task::{Context, Poll, Waker},
    thread,
};

/// A frame in an arena: what is the same for all of them, and behind it the future.
pub(super) struct Header {
    pub(super) ground: NonNull<Ground>,
    /// The frame before it in the arena.
    pub(super) below: Option<Node>,
    kind: &'static Kind,
    place: Cell<Place>,
    /// The frame that it waits for.
    callee: Cell<Option<Node>>,
    pub(super) state: Cell<State>,
    /// It waits for something beside its callee.
    is_joint: Cell<bool>,
    /// It is a root, and its chain is being driven or dropped.
    is_busy: Cell<bool>,
    /// Its call is gone. Its memory goes with that of the frames above it.
    pub(super) is_vacant: Cell<bool>,
}

/// Where in a chain a frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At its top. If it is known where the chain rests, that is `rest`.
    Root { rest: Option<Node> },
    /// Awaited by this one.
    Under(Node),
}

/// What the frames of one type of future have in common.
struct Kind {
    /// The size of their blocks, in bytes.
    size: usize,
    /// Where in a block the stage is.
    stage: usize,
    poll: unsafe fn(NonNull<()>, &mut Context<'_>) -> Poll<()>,
    drop_future: unsafe fn(NonNull<()>),
}

/// What becomes of a frame's body.
pub(super) type Outcome<T> = thread::Result<T>;

/// The memory of one frame.
#[repr(C)]
pub(super) struct Block<F: Future> {
    header: Header,
    stage: Stage<F, Outcome<F::Output>>,
}

/// A pointer to a frame that is there.
///
/// They are kept in its call, in its caller's `callee`, its callee's `place`, its root's `rest`, and in the arena; and it leaves all of them
/// before its memory is used again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Node(NonNull<Header>);

impl Deref for Node {
    type Target = Header;

    fn deref(&self) -> &Header {
        // SAFETY: it is there as long as this is, as said above. It is only ever shared, since what changes in it are cells.
        unsafe { self.0.as_ref() }
    }
}

impl Node {
    /// Puts `future` into `block`, as the frame above `below`.
    ///
    /// # Safety
    ///
    /// `block` points to memory of its size and alignment that is nobody else's until the frame has left the arena. `ground` is that arena,
    /// and the future outlives its lifetime.
    pub(super) unsafe fn place<F: Future>(
        block: NonNull<Block<F>>,
        future: F,
        ground: NonNull<Ground>,
        below: Option<Node>,
    ) -> Self {
        let header = Header {
            ground,
            below,
            kind: Kind::of::<F>(),
            place: Cell::new(Place::Root { rest: None }),
            callee: Cell::new(None),
            state: Cell::new(State::Created),
            is_joint: Cell::new(false),
            is_busy: Cell::new(false),
            is_vacant: Cell::new(false),
        };
        let frame = Self(block.cast());
        // SAFETY: the header is the first field of a `repr(C)` block, the stage lies where the kind says, and both are ours to write.
        unsafe {
            frame.0.write(header);
            Stage::put(frame.stage().cast::<Stage<F, Outcome<F::Output>>>(), future);
        }
        frame
    }

    /// The first byte behind its block.
    #[inline]
    pub(super) fn end(self) -> NonNull<u8> {
        // SAFETY: the block has this size.
        unsafe { self.0.cast::<u8>().add(self.kind.size) }
    }

    #[inline]
    fn stage(self) -> NonNull<()> {
        // SAFETY: that is an offset in its block.
        unsafe { self.0.byte_add(self.kind.stage).cast() }
    }

    /// The outcome, if the body has ended: that of a call that returns `T`.
    ///
    /// # Safety
    ///
    /// Its future's output is a `T`.
    pub(super) unsafe fn take<T>(self) -> Option<Outcome<T>> {
        if self.state.get() != State::Done {
            return None;
        }
        self.state.set(State::Taken);
        // SAFETY: a frame that is done holds its outcome, which begins where its stage does; the state says from now on that it
        // doesn't. The caller says that this is its type.
        Some(unsafe { self.stage().cast::<Outcome<T>>().read() })
    }

    /// Gives the body a turn. Whether it has ended.
    #[inline]
    fn poll(self, turn: &Turn<'_>) -> bool {
        self.state.set(State::Running);
        // SAFETY: a frame that is in a chain has not ended, so its stage holds its future, where it was put. Nobody else touches it: it is
        // not polled while it runs, and not dropped.
        let poll = turn.with_context(|context| unsafe { (self.kind.poll)(self.stage(), context) });
        self.state.set(if poll.is_ready() { State::Done } else { State::Suspended });
        poll.is_ready()
    }

    /// Links `callee` under this frame, whose body polls it. Whether it could: the frame may be waiting for another one already.
    #[inline]
    pub(super) fn adopt(self, callee: Node) -> bool {
        if self.callee.get() == Some(callee) {
            return true;
        }
        if self.callee.get().is_some() {
            return false;
        }
        callee.stand_alone();
        callee.place.set(Place::Under(self));
        self.callee.set(Some(callee));
        true
    }

    /// Unlinks it from its caller. Whether it could: it can't where its chain is being driven through it.
    #[inline]
    pub(super) fn leave_chain(self) -> bool {
        let Place::Under(caller) = self.place.get() else { return !self.is_busy.get() };
        if caller.state.get() != State::Running && !caller.root().forgets_where_it_rests() {
            return false;
        }
        self.leave_caller();
        true
    }

    #[inline]
    fn stand_alone(self) {
        assert!(self.leave_chain(), "a frame waits for one that waits for it");
    }

    /// Unlinks it from its caller, which is returned; a root has none.
    #[inline]
    fn leave_caller(self) -> Option<Node> {
        let Place::Under(caller) = self.place.get() else { return None };
        caller.callee.set(None);
        self.place.set(Place::Root { rest: None });
        Some(caller)
    }

    #[inline]
    fn leave_callee(self) {
        if let Some(callee) = self.callee.get() {
            callee.leave_caller();
        }
    }

    /// Of a root: has the next drive find out anew. Whether it could: not while there is one.
    fn forgets_where_it_rests(self) -> bool {
        if self.is_busy.get() {
            return false;
        }
        self.place.set(Place::Root { rest: None });
        true
    }

    fn root(self) -> Node {
        let mut at = self;
        while let Place::Under(caller) = at.place.get() {
            at = caller;
        }
        at
    }

    /// Whom to poll next, at or below this frame: its outermost joint, or else its innermost frame.
    #[inline]
    fn rest(self) -> Node {
        if let Place::Root { rest: Some(rest) } = self.place.get() {
            return rest;
        }
        let mut at = self;
        while let (Some(callee), false) = (at.callee.get(), at.is_joint.get()) {
            at = callee;
        }
        at
    }

    fn innermost(self) -> Node {
        let mut at = self;
        while let Some(callee) = at.callee.get() {
            at = callee;
        }
        at
    }
}

impl Kind {
    fn of<F: Future>() -> &'static Self {
        const {
            &Self {
                size: size_of::<Block<F>>(),
                stage: offset_of!(Block<F>, stage),
                poll: poll::<F>,
                drop_future: drop_future::<F>,
            }
        }
    }
}

/// Polls the future in `stage`. A panic is an outcome too: its caller gets to see it.
///
/// # Safety
///
/// As of [`Stage::poll`].
unsafe fn poll<F: Future>(stage: NonNull<()>, context: &mut Context<'_>) -> Poll<()> {
    let stage = stage.cast::<Stage<F, Outcome<F::Output>>>();
    // SAFETY: the caller says so.
    let poll = catch_unwind(AssertUnwindSafe(|| unsafe { Stage::poll(stage, context, Ok) }));
    poll.unwrap_or_else(|payload| {
        // SAFETY: after a panic the stage is empty, and it has room for an outcome.
        unsafe { stage.cast::<Outcome<F::Output>>().write(Err(payload)) };
        Poll::Ready(())
    })
}

/// # Safety
///
/// As of [`Stage::drop_future`].
unsafe fn drop_future<F: Future>(stage: NonNull<()>) {
    // SAFETY: the caller says so.
    unsafe { Stage::drop_future(stage.cast::<Stage<F, Outcome<F::Output>>>()) };
}

/// Runs the chain of `root` until `root` has ended, or nobody in it can go on.
///
/// # Panics
///
/// If it is being driven already, by one of its own frames.
pub(super) fn drive(root: Node, waker: &Waker) {
    root.stand_alone();
    root.is_busy.set(true);
    let mut at = root.rest();
    let mut joint = None;
    let rest = loop {
        at.leave_callee();
        let turn = Turn::new(at, waker);
        if at.poll(&turn) {
            // What it polled and then forgot.
            at.leave_callee();
            let Some(caller) = at.leave_caller() else { break None };
            joint = joint.filter(|joint| *joint != caller);
            at = caller;
        } else if let Some(callee) = at.callee.get() {
            at.is_joint.set(turn.is_shared());
            joint = joint.or(turn.is_shared().then_some(at));
            at = callee.rest();
        } else {
            break Some(joint.unwrap_or(at));
        }
    };
    root.place.set(Place::Root { rest });
    root.is_busy.set(false);
}

/// Drops the futures of the chain of `root`, which stands alone and has not ended: from the innermost frame outwards, as unwinding would.
///
/// # Panics
///
/// With the first panic of a destructor, when all have been dropped.
pub(super) fn cancel(root: Node) {
    root.is_busy.set(true);
    let mut panic: Option<Box<dyn Any + Send>> = None;
    let mut next = Some(root.innermost());
    while let Some(at) = next {
        next = at.leave_caller();
        at.state.set(State::Cancelled);
        // SAFETY: a frame that is in a chain has not ended, so its stage held its future; the state says from now on that it doesn't.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { (at.kind.drop_future)(at.stage()) }));
        panic = panic.or(dropped.err());
    }
    root.is_busy.set(false);
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}
