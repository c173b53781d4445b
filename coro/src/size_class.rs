//! Size classes: how much address space a stack of each size takes, and how it is divided.
//!
//! Slots follow each other in a slab with the guard at the bottom, so that a stack's first page lies right below the
//! next slot's guard. A guard needs entries in a page table, and so does a touched page; one page of table covers
//! 2 MiB of addresses. Lying side by side, both share one: a parked thread with a 2 MiB stack costs one page of
//! memory and one page of table. Apart, it would be two of table.
//!
//! ```text
//!  slot 0                       slot 1                       slot 2
//!  ┌───────┬──────────────────┬─┬───────┬──────────────────┬─┬───────┬───
//!  │ guard │ usable           │c│ guard │ usable           │c│ guard │ …      c = one page that holds the colour
//!  └───────┴──────────────────┴─┴───────┴──────────────────┴─┴───────┴───
//!                            ╰──┬──────╯                   ╰──┬──────╯
//!                         one page table               one page table
//! ```
//!
//! The stride of a 2 MiB stack is therefore 2 MiB + 64 KiB + one page. Slots drift against the 2 MiB grid of the page
//! tables, and about one pair in thirty lies across a boundary: 3 % of a table page for each stack.

use crate::{arch, os};

/// The smallest class. Less is of no use: formatting a panic message takes more than half of it.
const SMALLEST: usize = 16 * 1024;

/// The largest class.
pub(crate) const LARGEST: usize = 1 << 30;

/// How many classes there are: all powers of two from the smallest to the largest.
pub(crate) const COUNT: usize = (LARGEST.ilog2() - SMALLEST.ilog2()) as usize + 1;

/// How much address space a slab takes at most, unless one stack alone takes more.
const SLAB_LIMIT: usize = 128 * 1024 * 1024;

/// A slab keeps its free stacks in the bits of one word.
pub(crate) const MOST_STACKS_PER_SLAB: usize = u64::BITS as usize;

/// Bytes between two colours: a cache line.
const COLOUR_STEP: usize = 64;

// Slots end at page boundaries, so this keeps every top aligned.
const _: () = assert!(COLOUR_STEP.is_multiple_of(arch::STACK_ALIGNMENT));

/// How many colours there are. More would leave less of the first page for frames: it still has 3 KiB.
const COLOURS: u8 = 16;

/// How far below its slot's end the top of stack `index` lies, in bytes.
///
/// Without it all tops would have the same twelve lowest address bits, and a thousand suspended stacks would compete
/// for the same few cache sets.
pub(crate) fn colour(index: u8) -> usize {
    usize::from(index % COLOURS) * COLOUR_STEP
}

/// A power of two between [`SMALLEST`] and [`LARGEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeClass(u8);

impl SizeClass {
    /// The smallest class that holds `size` bytes; `None` if there is none.
    pub(crate) fn for_size(size: usize) -> Option<SizeClass> {
        if size > LARGEST {
            return None;
        }
        let class = size.max(SMALLEST).next_power_of_two().ilog2() - SMALLEST.ilog2();
        Some(SizeClass(class as u8))
    }

    /// All classes, by index.
    pub(crate) fn all() -> impl Iterator<Item = SizeClass> {
        (0..COUNT as u8).map(SizeClass)
    }

    /// The class with this number; numbers are those that [`number`](Self::number) gives.
    #[inline]
    pub(crate) fn from_number(number: u8) -> SizeClass {
        debug_assert!(usize::from(number) < COUNT);
        SizeClass(number)
    }

    /// Classes are numbered by size.
    #[inline]
    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// The position in a table of [`COUNT`] classes.
    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Usable bytes.
    #[inline]
    pub(crate) fn usable(self) -> usize {
        SMALLEST << self.0
    }

    /// How a slot is divided.
    #[inline]
    pub(crate) fn geometry(self) -> Geometry {
        let page = os::page_size();
        let usable = self.usable().next_multiple_of(page);
        // Rust code touches every page of a large frame in turn; C doesn't, and steps over a small guard. So several
        // pages, and 64 KiB where that is small beside the stack.
        let guard = (usable / 4).clamp(os::LEAST_GUARD, 64 * 1024).next_multiple_of(page);
        Geometry { usable, guard, stride: guard + usable + page }
    }

    /// How many stacks a slab of this class holds.
    pub(crate) fn stacks_per_slab(self) -> usize {
        (SLAB_LIMIT / self.geometry().stride).clamp(1, MOST_STACKS_PER_SLAB)
    }
}

/// How a slot is divided, in bytes; all are whole pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// What the stack promises.
    pub(crate) usable: usize,
    /// At the bottom of the slot.
    pub(crate) guard: usize,
    /// From slot to slot: guard, usable part and a page for the colour.
    pub(crate) stride: usize,
}
