//! What a descriptor can be ready for.

use std::fmt;
use std::ops::BitOr;

use crate::backend::os;

/// What an [`Op::Poll`](crate::Op::Poll) waits for: a set of `poll(2)` event bits. Errors and hang-ups always end it.
///
/// ```
/// use fibra_driver::Interest;
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.contains(Interest::READABLE));
/// assert_eq!(Interest::from_bits(both.bits()), both);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u32);

impl Interest {
    /// A read would not block.
    pub const READABLE: Interest = Interest(os::READABLE);
    /// A write would not block.
    pub const WRITABLE: Interest = Interest(os::WRITABLE);
    /// Out-of-band data is there.
    pub const PRIORITY: Interest = Interest(os::PRIORITY);

    /// The set with these `poll(2)` bits.
    ///
    /// ```
    /// assert_eq!(fibra_driver::Interest::from_bits(0).bits(), 0);
    /// ```
    pub const fn from_bits(bits: u32) -> Interest {
        Interest(bits)
    }

    /// The `poll(2)` bits of the set.
    ///
    /// ```
    /// assert_ne!(fibra_driver::Interest::READABLE.bits(), 0);
    /// ```
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `other` is in the set.
    ///
    /// ```
    /// use fibra_driver::Interest;
    /// assert!(!Interest::READABLE.contains(Interest::WRITABLE));
    /// ```
    pub const fn contains(self, other: Interest) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interest({:#x})", self.0)
    }
}
