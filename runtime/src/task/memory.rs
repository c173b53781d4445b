//! The memory of tasks: one that has ended leaves its memory to the next one of its size on the same worker.
//!
//! A task is one allocation, and many live for less than a microsecond. A general allocator pays for each with a search,
//! and gives the memory of a burst back to the system just before the next burst. A shelf is a stack of blocks for each
//! size. It belongs to one worker, is touched by that worker alone, and keeps [`KEPT_BYTES`] at most; whatever is more,
//! larger than [`LARGEST`], or freed elsewhere, goes to the allocator.

use super::home::Home;
use std::{
    alloc::{self, Layout},
    cell::Cell,
    ptr::NonNull,
};

/// What a worker keeps at most: ten thousand small tasks.
const KEPT_BYTES: usize = 1 << 20;
/// The smallest size that blocks have, and the step from one to the next: what an allocator with a header of 8 bytes and
/// a granularity of 16 can use without waste.
const SMALLEST: usize = 24;
const STEP: usize = 16;
/// What every allocator gives anyway.
const ALIGNMENT: usize = 16;
const CLASSES: usize = 32;
const LARGEST: usize = SMALLEST + (CLASSES - 1) * STEP;

/// Blocks that wait for a task. Home-only.
pub(crate) struct Shelf {
    stacks: [Cell<Option<NonNull<Block>>>; CLASSES],
    bytes: Cell<usize>,
}

/// A block on a shelf.
struct Block {
    below: Option<NonNull<Block>>,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self { stacks: [const { Cell::new(None) }; CLASSES], bytes: Cell::new(0) }
    }

    #[inline]
    fn take(&self, class: usize) -> Option<NonNull<u8>> {
        let block = self.stacks[class].get()?;
        // SAFETY: a block on a shelf was written by `put`, and nobody else knows it.
        self.stacks[class].set(unsafe { block.as_ref() }.below);
        self.bytes.set(self.bytes.get() - size(class));
        Some(block.cast())
    }

    /// Keeps `memory`. `false`: there is enough already.
    ///
    /// # Safety
    ///
    /// `memory` has the layout of `class`, and is given up by the caller.
    #[inline]
    unsafe fn put(&self, class: usize, memory: NonNull<u8>) -> bool {
        let bytes = self.bytes.get() + size(class);
        if bytes > KEPT_BYTES {
            return false;
        }
        let block = memory.cast::<Block>();
        // SAFETY: by contract it is ours, and every class is larger, and aligned more strictly, than a block.
        unsafe { block.write(Block { below: self.stacks[class].get() }) };
        self.stacks[class].set(Some(block));
        self.bytes.set(bytes);
        true
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        for class in 0..CLASSES {
            while let Some(memory) = self.take(class) {
                // SAFETY: what is on a shelf has the layout of its class, from the allocator.
                unsafe { alloc::dealloc(memory.as_ptr(), layout(class)) }
            }
        }
    }
}

/// Memory for a `T`.
#[inline]
pub(super) fn allocate<T>() -> NonNull<T> {
    const { assert!(size_of::<T>() > 0, "a task has a header") };
    let class = class(Layout::new::<T>());
    let kept = class.and_then(|class| Home::here()?.shelf().take(class));
    kept.unwrap_or_else(|| ask_allocator(class.map_or(Layout::new::<T>(), layout))).cast()
}

fn ask_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here is empty.
    let memory = unsafe { alloc::alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| alloc::handle_alloc_error(layout))
}

/// Gives the memory of a `T` back.
///
/// # Safety
///
/// `memory` is from [`allocate`] with the same `T`, which is no more, and nobody refers to it.
#[inline]
pub(super) unsafe fn free<T>(memory: NonNull<T>) {
    let class = class(Layout::new::<T>());
    if let (Some(class), Some(home)) = (class, Home::here())
        // SAFETY: by contract it is ours, and `allocate` has given it the layout of its class.
        && unsafe { home.shelf().put(class, memory.cast()) }
    {
        return;
    }
    // SAFETY: by contract; a block of any class came from the allocator with the layout of that class.
    unsafe { alloc::dealloc(memory.as_ptr().cast(), class.map_or(Layout::new::<T>(), layout)) }
}

/// The class of blocks that a task is put into, if it is none of the large ones.
#[inline]
const fn class(task: Layout) -> Option<usize> {
    if task.size() > LARGEST || task.align() > ALIGNMENT {
        return None;
    }
    Some(task.size().saturating_sub(SMALLEST).div_ceil(STEP))
}

const fn size(class: usize) -> usize {
    SMALLEST + class * STEP
}

fn layout(class: usize) -> Layout {
    Layout::from_size_align(size(class), ALIGNMENT).expect("small, and aligned to a power of two")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_task_fits_its_class_and_wastes_less_than_a_step() {
        for bytes in 1..=LARGEST {
            let class = class(Layout::from_size_align(bytes, 8).unwrap()).unwrap();
            assert!(class < CLASSES && size(class) >= bytes);
            assert!(class == 0 || size(class) - bytes < STEP);
        }
        assert_eq!(class(Layout::from_size_align(LARGEST + 1, 8).unwrap()), None);
        assert_eq!(class(Layout::from_size_align(64, 2 * ALIGNMENT).unwrap()), None);
    }

    #[test]
    fn a_shelf_gives_back_what_it_was_given_last_and_keeps_no_more_than_it_may() {
        let shelf = Shelf::new();
        let class = CLASSES - 1;
        assert_eq!(shelf.take(class), None);
        let mut kept = Vec::new();
        loop {
            let memory = ask_allocator(layout(class));
            // SAFETY: the memory is new, and of that class.
            if !unsafe { shelf.put(class, memory) } {
                // SAFETY: it was refused, so it is still ours.
                unsafe { alloc::dealloc(memory.as_ptr(), layout(class)) };
                break;
            }
            kept.push(memory);
        }
        assert_eq!(kept.len(), KEPT_BYTES / size(class));
        let last = shelf.take(class).unwrap();
        assert_eq!(Some(last), kept.pop());
        // SAFETY: it was taken, so it is ours again; the rest goes with the shelf.
        unsafe { alloc::dealloc(last.as_ptr(), layout(class)) };
    }
}
