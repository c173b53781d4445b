//! Why a frame, or an arena, can't be placed in some memory.

use super::Memory;
use std::{alloc::Layout, error::Error, fmt};

/// A future was not placed, since the memory is not fit for it. It has both of them.
///
/// ```
/// use fibra::frame::{Frame, Slot};
///
/// let slot = std::pin::pin!(Slot::<10>::new());
/// let error = Frame::new_in(slot, std::future::ready([0_u8; 100])).unwrap_err();
/// assert_eq!(error.to_string(), "101 bytes aligned to 1 are needed, and the memory has 10");
/// ```
pub struct PlaceError<'m, F> {
    memory: Memory<'m>,
    future: F,
    layout: Layout,
    reason: Unfit,
}

/// What is wrong with the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    TooSmall,
    Misaligned,
    Occupied,
}

impl<'m, F> PlaceError<'m, F> {
    pub(super) fn new(memory: Memory<'m>, future: F, layout: Layout, reason: Unfit) -> Self {
        Self { memory, future, layout, reason }
    }

    /// The size and alignment that are needed.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether the memory has fewer bytes than are needed.
    pub fn is_too_small(&self) -> bool {
        self.reason == Unfit::TooSmall
    }

    /// Whether the memory begins at an address that is not aligned as is needed.
    pub fn is_misaligned(&self) -> bool {
        self.reason == Unfit::Misaligned
    }

    /// Whether the memory still holds a frame whose handle was forgotten.
    pub fn is_occupied(&self) -> bool {
        self.reason == Unfit::Occupied
    }

    /// What was given: the memory, and the future, which has not been touched.
    pub fn into_parts(self) -> (Memory<'m>, F) {
        (self.memory, self.future)
    }
}

impl<F> fmt::Display for PlaceError<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, align) = (self.layout.size(), self.layout.align());
        write!(f, "{size} bytes aligned to {align} are needed, and the memory ")?;
        match self.reason {
            Unfit::TooSmall => write!(f, "has {}", self.memory.len()),
            Unfit::Misaligned => write!(f, "begins at {:p}", self.memory.start()),
            Unfit::Occupied => write!(f, "still holds a frame that was forgotten"),
        }
    }
}

impl<F> fmt::Debug for PlaceError<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlaceError({self})")
    }
}

impl<F> Error for PlaceError<'_, F> {}
