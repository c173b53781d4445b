//! One stack: a piece of a slab that a [`StackPool`](crate::StackPool) hands out.
//!
//! ```text
//!   higher addresses
//!  ├──────────────┤ ◀─ the next stack's guard, in the same page table as this stack's first page
//!  │ colour       │    0 to 960 bytes that shift the top, so that many stacks don't meet in the same cache sets
//!  ├──────────────┤ ◀─ top: where the first frame is written
//!  │ frames       │
//!  │      ↓       │    memory comes page by page, when it is first touched
//!  │              │
//!  ├──────────────┤ ◀─ limit: the lowest byte that may be used
//!  │ guard        │    touching it is an overflow, see `overflow`
//!  ├──────────────┤ ◀─ guard
//!   lower addresses
//! ```

use crate::origin::Origin;
use crate::size_class::colour;
use crate::{Context, arch, os};
use std::fmt;
use std::io;
use std::ptr::NonNull;

/// Where a stack lies. Plain numbers: they don't keep the stack alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackBounds {
    /// One past the highest usable byte, and aligned as the ABI wants a stack pointer. Stacks grow down from here.
    pub top: *mut u8,
    /// The lowest usable byte.
    pub limit: *mut u8,
    /// The lowest byte of the guard, which ends at `limit`.
    pub guard: *mut u8,
    /// The size that the stack promises, in bytes: at least what was asked for, at most `top - limit`.
    pub size: usize,
}

impl StackBounds {
    /// Whether an address lies in the guard, so that touching it means that the stack has overflowed.
    pub fn guard_contains(&self, address: usize) -> bool {
        (self.guard.addr()..self.limit.addr()).contains(&address)
    }

    /// Whether an address lies on the usable part of the stack.
    pub fn contains(&self, address: usize) -> bool {
        (self.limit.addr()..self.top.addr()).contains(&address)
    }
}

/// A stack with its guard.
///
/// It belongs to the [`StackPool`](crate::StackPool) that made it and goes back there by
/// [`release`](crate::StackPool::release). Dropping it instead *leaks* it, on purpose: somebody may still have frames
/// on it, and a stack whose frames were not unwound must never be used again.
///
/// ```
/// use fibra_coro::StackPool;
///
/// let mut pool = StackPool::default();
/// let stack = pool.allocate(64 * 1024)?;
/// assert!(stack.size() >= 64 * 1024);
/// pool.release(stack);
/// # Ok::<(), fibra_coro::StackError>(())
/// ```
#[must_use = "a dropped stack is leaked: give it back to its pool"]
pub struct Stack {
    top: NonNull<u8>,
    origin: Origin,
}

// SAFETY: the pointers name memory that only the owner of the `Stack` may use, on whatever thread; nothing in it is tied to one.
unsafe impl Send for Stack {}
// SAFETY: a shared `Stack` can only be asked for its bounds; `prepare` is unsafe and demands exclusive use.
unsafe impl Sync for Stack {}

impl Stack {
    /// Cuts a stack from the slab that begins at `base`, which is the slab that `origin` names.
    pub(crate) fn cut(base: NonNull<u8>, origin: Origin) -> Stack {
        let slots = usize::from(origin.index()) + 1;
        let distance = slots * origin.class().geometry().stride - colour(origin.index());
        // SAFETY: the slab has a slot of that index, and its end or somewhat below it is in or one past the slab.
        Stack { top: unsafe { base.add(distance) }, origin }
    }

    #[inline]
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// One past the highest usable byte.
    #[inline]
    pub(crate) fn top(&self) -> *mut u8 {
        self.top.as_ptr()
    }

    /// Where the stack lies.
    #[inline]
    pub fn bounds(&self) -> StackBounds {
        let geometry = self.origin.class().geometry();
        let top = self.top();
        let slot_end = top.wrapping_add(colour(self.origin.index()));
        let limit = slot_end.wrapping_sub(geometry.stride - geometry.guard);
        StackBounds { top, limit, guard: limit.wrapping_sub(geometry.guard), size: geometry.usable }
    }

    /// The usable size in bytes: at least what was asked for.
    #[inline]
    pub fn size(&self) -> usize {
        self.origin.class().usable()
    }

    /// The most bytes of the stack that were ever in use at once, in whole pages, as the kernel sees it.
    ///
    /// The count covers everybody who has used the stack since its memory was last given back, not the present user
    /// alone. Pages that have been swapped out may be missed.
    ///
    /// # Errors
    ///
    /// The kernel's, if it can't tell (`mincore`, `VirtualQuery`).
    pub fn high_water_mark(&self) -> io::Result<usize> {
        let StackBounds { top, limit, .. } = self.bounds();
        let lowest = os::lowest_resident(limit..top)?;
        Ok(lowest.map_or(0, |lowest| top.addr() - lowest.addr()))
    }

    /// Writes a first frame, so that the first [`switch`](crate::switch) to the returned [`Context`] calls
    /// `entry(word)` at the top of this stack. A handful of stores.
    ///
    /// On Windows also a question to the system: how far down the stack has memory.
    ///
    /// May be called again on a stack that has been used, if its frames are abandoned.
    ///
    /// # Safety
    ///
    /// Nobody stands on the stack, and nobody will again continue a context that rests on it: the frames there are
    /// overwritten without being unwound. While the returned context or frames built from it are in use, the stack
    /// isn't released to its pool. `entry` must not unwind.
    #[inline]
    pub unsafe fn prepare(&self, entry: unsafe extern "C" fn(usize) -> !) -> Context {
        // SAFETY: `top` is aligned (the pool cuts it so) and has the whole usable size below it, which the caller
        // gives up.
        unsafe { arch::first_frame(self, entry) }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("top", &self.top).field("size", &self.size()).finish_non_exhaustive()
    }
}
