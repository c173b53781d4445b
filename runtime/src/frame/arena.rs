//! A stack of frames in given memory.
//!
//! ```text
//!   memory  ┌────────┬─────────┬──────────┬───┬─────────┬────────────────────────────┐
//!           │ Ground │ Block   │ Block    │pad│ Block   │            free            │
//!           └────────┴─────────┴──────────┴───┴─────────┴────────────────────────────┘
//!               last ───────────────────────────▲      top                            end
//! ```
//!
//! Each block is one frame: a header and the future. It is pushed by a call, and popped when the call is dropped, or, if others lie above
//! it, when these have gone as well. In a recursion the last one always goes first.

use super::{
    Memory, PlaceError,
    call::Call,
    chain::{Block, Node},
    memory::Count,
};
use std::{alloc::Layout, cell::Cell, error::Error, fmt, future::Future, marker::PhantomData, ptr::NonNull};

/// Memory for the frames of calls, so that `async` functions can call themselves without a heap, and to any depth without growing the
/// stack.
///
/// ```
/// use fibra::frame::{Arena, ArenaFull, Slot};
/// use std::pin::pin;
///
/// async fn factorial(arena: Arena<'_>, n: u64) -> Result<u64, ArenaFull> {
///     match n {
///         0 => Ok(1),
///         _ => Ok(n * arena.call(factorial(arena, n - 1))?.await?),
///     }
/// }
///
/// let slot = pin!(Slot::<4096>::new());
/// let arena = Arena::new_in(slot).unwrap();
/// assert_eq!(fibra::wait(factorial(arena, 10)), Ok(3_628_800));
/// ```
///
/// Frames that wait for each other are a chain. However deep it is, it is resumed right where it rests, in a loop, and dropped in a loop,
/// from the innermost frame outwards. A frame that waits for something beside its callee, such as a timeout, and has told its waker to
/// that, is polled at each resumption too. Of several calls that one frame awaits at the same time, all but the first are polled from
/// within its poll. [`Call`] says when a chain begins.
///
/// An arena is a small handle to what lies in the memory, to be passed to the callees. It stays on its thread.
///
/// A callee may borrow only what outlives the arena, not from its caller: the caller could forget the call, and the callee would still be
/// in the chain.
///
/// ```compile_fail,E0597
/// use fibra::frame::{Arena, Slot};
///
/// let slot = std::pin::pin!(Slot::<1024>::new());
/// let arena = Arena::new_in(slot).unwrap();
/// {
///     let local = String::from("mine");
///     let call = arena.call(async { println!("{local}") }).unwrap();
///     std::mem::forget(call); // while it is linked into a chain, say
/// }
/// arena.len();
/// ```
///
/// To hand something down or up, pass it by value, or borrow from outside of the arena.
///
/// ```
/// use fibra::frame::{Arena, ArenaFull, Slot};
/// use std::{cell::Cell, pin::pin};
///
/// struct Tree(u32, Vec<Tree>);
///
/// async fn sum<'a>(arena: Arena<'a>, tree: &'a Tree, nodes: &'a Cell<u32>) -> Result<u32, ArenaFull> {
///     nodes.set(nodes.get() + 1);
///     let mut total = tree.0;
///     for child in &tree.1 {
///         total += arena.call(sum(arena, child, nodes))?.await?;
///     }
///     Ok(total)
/// }
///
/// let (tree, nodes) = (Tree(1, vec![Tree(2, vec![]), Tree(3, vec![Tree(4, vec![])])]), Cell::new(0));
/// let slot = pin!(Slot::<4096>::new());
/// let arena = Arena::new_in(slot).unwrap();
/// assert_eq!(fibra::wait(sum(arena, &tree, &nodes)), Ok(10));
/// assert_eq!(nodes.get(), 4);
/// ```
#[derive(Clone, Copy)]
pub struct Arena<'m> {
    ground: NonNull<Ground>,
    /// Neither shorter nor longer: what its frames may borrow.
    lifetime: PhantomData<fn(&'m ()) -> &'m ()>,
}

/// What an arena knows, at the beginning of its memory.
pub(super) struct Ground {
    last: Cell<Option<Node>>,
    bottom: NonNull<u8>,
    end: NonNull<u8>,
    /// Where its memory counts the frames in it.
    count: Count,
    len: Cell<usize>,
}

impl<'m> Arena<'m> {
    /// An empty arena in `memory`.
    ///
    /// # Errors
    ///
    /// When the memory has no room even for what the arena itself needs, 48 bytes, is not aligned to 8, or still holds a frame that was forgotten.
    ///
    /// ```
    /// use fibra::frame::{self, Arena};
    ///
    /// let mut bytes = vec![std::mem::MaybeUninit::uninit(); 1_000];
    /// let one = frame::scope(&mut bytes, |memory| {
    ///     let arena = Arena::new_in(memory).unwrap();
    ///     fibra::wait(arena.call(async { 1 }).unwrap())
    /// });
    /// assert_eq!(one, 1);
    /// ```
    pub fn new_in(memory: impl Into<Memory<'m>>) -> Result<Self, PlaceError<'m, ()>> {
        let memory = memory.into();
        let layout = Layout::new::<Ground>();
        if let Err(unfit) = memory.check(layout) {
            return Err(PlaceError::new(memory, (), layout, unfit));
        }
        let ground = memory.start().cast::<Ground>();
        // SAFETY: the memory is large enough for the ground, and whatever is behind it is in the memory or at its end.
        let (bottom, end) = unsafe { (ground.add(1).cast(), memory.start().add(memory.len())) };
        let content = Ground { last: Cell::new(None), bottom, end, count: memory.count(), len: Cell::new(0) };
        // SAFETY: it is large enough, it is aligned, and it is ours for `'m`.
        unsafe { ground.write(content) };
        Ok(Self { ground, lifetime: PhantomData })
    }

    /// Places `callee` in the arena. It begins when the [`Call`] is awaited.
    ///
    /// # Errors
    ///
    /// When there is no room. The callee is dropped then.
    ///
    /// ```
    /// use fibra::frame::{Arena, Slot};
    ///
    /// let slot = std::pin::pin!(Slot::<256>::new());
    /// let arena = Arena::new_in(slot).unwrap();
    /// let error = arena.call(std::future::pending::<[u8; 1_000]>()).unwrap_err();
    /// assert!(error.needed() > error.available());
    /// ```
    pub fn call<F: Future + 'm>(self, callee: F) -> Result<Call<'m, F::Output>, ArenaFull> {
        let ground = self.ground();
        let block = ground.room_for::<F>()?;
        // SAFETY: the room is free memory of the arena, which becomes the frame's as it is made the last one. The future outlives `'m`.
        let node = unsafe { Node::place(block, callee, self.ground, ground.last.get()) };
        ground.push(node);
        // SAFETY: it is a new frame, of this arena, and this is what its future returns.
        Ok(unsafe { Call::new(node) })
    }

    /// How many bytes are free.
    ///
    /// ```
    /// use fibra::frame::{Arena, Slot};
    ///
    /// let slot = std::pin::pin!(Slot::<1024>::new());
    /// let arena = Arena::new_in(slot).unwrap();
    /// let free = arena.available();
    /// let call = arena.call(async {}).unwrap();
    /// assert!(arena.available() < free);
    /// drop(call);
    /// assert_eq!(arena.available(), free);
    /// ```
    pub fn available(self) -> usize {
        let ground = self.ground();
        ground.end.addr().get() - ground.top().addr().get()
    }

    /// How many frames there are in it, one for each call.
    ///
    /// ```
    /// use fibra::frame::{Arena, Slot};
    ///
    /// let slot = std::pin::pin!(Slot::<1024>::new());
    /// let arena = Arena::new_in(slot).unwrap();
    /// let calls = [arena.call(async {}), arena.call(async {})];
    /// assert_eq!(arena.len(), 2);
    /// ```
    pub fn len(self) -> usize {
        self.ground().len.get()
    }

    /// Whether there is no frame in it.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How many bytes an arena needs for so many frames of what `callee` would return: it is not called, and a constant may ask.
    ///
    /// ```
    /// use fibra::frame::{Arena, ArenaFull, Slot};
    ///
    /// async fn count(arena: Arena<'_>, down: u32) -> Result<u32, ArenaFull> {
    ///     if down == 0 { Ok(0) } else { Ok(1 + arena.call(count(arena, down - 1))?.await?) }
    /// }
    ///
    /// const SIZE: usize = Arena::size_for(100, &|arena| count(arena, 0));
    /// let slot = std::pin::pin!(Slot::<SIZE>::new());
    /// let arena = Arena::new_in(slot).unwrap();
    /// assert_eq!(fibra::wait(count(arena, 100)), Ok(100));
    /// assert!(fibra::wait(count(arena, 101)).is_err());
    /// ```
    #[must_use]
    pub const fn size_for<C: FnOnce(Self) -> F, F: Future>(frames: usize, callee: &C) -> usize {
        let _ = callee;
        // A block's size is a multiple of its alignment: only before the first one there may be a gap.
        let gap = align_of::<Block<F>>() - align_of::<Ground>();
        size_of::<Ground>() + gap + frames * size_of::<Block<F>>()
    }

    #[inline]
    fn ground(&self) -> &Ground {
        // SAFETY: it was written when the arena was made, in memory that is the arena's for `'m`, and is shared from then on.
        unsafe { self.ground.as_ref() }
    }
}

impl Ground {
    /// The first byte that is free.
    #[inline]
    fn top(&self) -> NonNull<u8> {
        self.last.get().map_or(self.bottom, Node::end)
    }

    fn room_for<F: Future>(&self) -> Result<NonNull<Block<F>>, ArenaFull> {
        let top = self.top();
        let gap = top.as_ptr().align_offset(align_of::<Block<F>>());
        let needed = gap.saturating_add(size_of::<Block<F>>());
        let available = self.end.addr().get() - top.addr().get();
        if needed > available {
            return Err(ArenaFull { needed, available });
        }
        // SAFETY: the gap ends before `end`, in the same memory.
        Ok(unsafe { top.add(gap) }.cast())
    }

    #[inline]
    fn push(&self, node: Node) {
        self.last.set(Some(node));
        self.len.set(self.len.get() + 1);
        // SAFETY: who calls something has the arena, which borrows the memory.
        unsafe { self.count.enter() };
    }

    /// Gives the memory of `node` back, and of those below it that have only waited for that.
    ///
    /// # Safety
    ///
    /// Its call is being dropped, and the frame is in no chain and holds nothing.
    #[inline]
    pub(super) unsafe fn vacate(node: Node) {
        // SAFETY: a call borrows the memory, and so the ground is there.
        let ground = unsafe { node.ground.as_ref() };
        node.is_vacant.set(true);
        while let Some(last) = ground.last.get().filter(|last| last.is_vacant.get()) {
            ground.last.set(last.below);
        }
        ground.len.set(ground.len.get() - 1);
        // SAFETY: as above, and this frame was counted.
        unsafe { ground.count.leave() };
    }
}

impl fmt::Debug for Arena<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("len", &self.len()).field("available", &self.available()).finish()
    }
}

/// There is no room for another frame in an [`Arena`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaFull {
    needed: usize,
    available: usize,
}

impl ArenaFull {
    /// How many bytes the frame needs.
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// How many there were.
    pub fn available(&self) -> usize {
        self.available
    }
}

impl fmt::Display for ArenaFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a frame needs {} bytes of an arena that has {} left", self.needed, self.available)
    }
}

impl Error for ArenaFull {}
