//! Places in files.

use std::fmt;

/// Where in a file an operation starts.
///
/// ```
/// use fibra_driver::Offset;
/// assert_ne!(Offset::at(0), Offset::CURRENT);
/// assert_eq!(Offset::at(6).position(), Some(6));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Offset(u64);

impl Offset {
    /// At the file's own position, which moves along. For streams, which have none, the only choice.
    pub const CURRENT: Offset = Offset(u64::MAX);

    /// At this byte; the file's own position neither matters nor moves. Not for streams: what they do with it differs
    /// between backends. No file reaches 2^63; the kernel refuses what is beyond.
    ///
    /// ```
    /// assert_eq!(fibra_driver::Offset::at(u64::MAX).position(), Some(u64::MAX - 1));
    /// ```
    pub const fn at(position: u64) -> Offset {
        Offset(if position == u64::MAX { position - 1 } else { position })
    }

    /// The byte; `None` for the file's own position.
    ///
    /// ```
    /// assert_eq!(fibra_driver::Offset::CURRENT.position(), None);
    /// ```
    pub const fn position(self) -> Option<u64> {
        if self.0 == u64::MAX { None } else { Some(self.0) }
    }

    /// So many bytes further on; the file's own position has moved by itself.
    ///
    /// ```
    /// use fibra_driver::Offset;
    /// assert_eq!(Offset::at(6).after(4), Offset::at(10));
    /// assert_eq!(Offset::CURRENT.after(4), Offset::CURRENT);
    /// ```
    pub const fn after(self, bytes: usize) -> Offset {
        match self.position() {
            Some(position) => Offset::at(position.saturating_add(bytes as u64)),
            None => self,
        }
    }

    /// The kernel's word for it: −1 is the file's own position.
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position() {
            Some(position) => f.debug_tuple("At").field(&position).finish(),
            None => f.write_str("Current"),
        }
    }
}
