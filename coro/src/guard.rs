//! How the pages below a stack are made untouchable.

use crate::os;
use std::fmt;
use std::io;

/// How a stack's guard is made.
///
/// ```
/// use fibra_coro::GuardKind;
///
/// for kind in [GuardKind::Install, GuardKind::Protect, GuardKind::PageGuard] {
///     match kind.probe() {
///         Ok(()) => println!("{kind} works"),
///         Err(error) => println!("{kind}: {error}"),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardKind {
    /// `madvise(MADV_GUARD_INSTALL)`, Linux 6.13 and later: marks in the page table. Splits no mapping, so the number
    /// of stacks isn't limited by `vm.max_map_count`. Impossible on locked memory.
    Install,
    /// `mprotect(PROT_NONE)`: works on every Unix, but each guard is a mapping of its own, and so is each stack between
    /// two guards. With Linux's default of 65,530 mappings a process that makes about 32,000 stacks.
    Protect,
    /// `PAGE_GUARD` on Windows, and there the only kind: the system moves the guarded page down as the stack grows, and
    /// raises an exception at its end.
    PageGuard,
}

impl GuardKind {
    /// Makes a guard of this kind for a moment, to see whether this process may.
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub fn probe(self) -> io::Result<()> {
        os::probe(self)
    }
}

impl fmt::Display for GuardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GuardKind::Install => "MADV_GUARD_INSTALL",
            GuardKind::Protect => "mprotect",
            GuardKind::PageGuard => "PAGE_GUARD",
        })
    }
}
