//! What can go wrong, in words that say what to do about it.

use crate::GuardKind;
use std::error::Error;
use std::fmt;
use std::io;

/// Why a stack can't be had.
///
/// ```
/// use fibra_coro::StackPool;
///
/// let error = StackPool::check_size(3 << 30).unwrap_err();
/// assert_eq!(error.to_string(), "a stack of 3221225472 bytes is too large: at most 1073741824 bytes are possible");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StackError {
    /// The size is out of all proportion.
    TooLarge {
        /// What was asked for, in bytes.
        size: usize,
        /// The most that can be had, in bytes.
        largest: usize,
    },
    /// The system has no address space or memory left, or a limit of the process (`ulimit -v`) is reached.
    OutOfMemory {
        /// The usable size of the stack, in bytes.
        size: usize,
        /// What the system said.
        source: io::Error,
    },
    /// Each guard made by `mprotect` is a mapping of its own, and the process has used up its mappings.
    TooManyMappings {
        /// What the system said.
        source: io::Error,
    },
    /// No guard could be made, and a stack without one would be overrun silently.
    GuardUnavailable {
        /// How it was tried.
        kind: GuardKind,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StackError::TooLarge { size, largest } => {
                write!(f, "a stack of {size} bytes is too large: at most {largest} bytes are possible")
            }
            StackError::OutOfMemory { size, source } => {
                write!(f, "no address space or memory for stacks of {} KiB: {source}", size / 1024)
            }
            StackError::TooManyMappings { source } => write!(
                f,
                "the process has used up its memory mappings, of which each stack with a guard takes two: \
                 raise the sysctl vm.max_map_count, or use Linux 6.13 or later ({source})"
            ),
            StackError::GuardUnavailable { kind, source } => {
                write!(f, "no guard for a stack could be made by {kind}: {source}")
            }
        }
    }
}

impl Error for StackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StackError::TooLarge { .. } => None,
            StackError::OutOfMemory { source, .. }
            | StackError::TooManyMappings { source }
            | StackError::GuardUnavailable { source, .. } => Some(source),
        }
    }
}

impl From<StackError> for io::Error {
    /// `TooLarge` becomes `InvalidInput`, a guard that can't be had `Unsupported`, everything else `OutOfMemory`.
    fn from(error: StackError) -> io::Error {
        let kind = match error {
            StackError::TooLarge { .. } => io::ErrorKind::InvalidInput,
            StackError::OutOfMemory { .. } | StackError::TooManyMappings { .. } => io::ErrorKind::OutOfMemory,
            StackError::GuardUnavailable { .. } => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, error)
    }
}

/// Why a [`Coroutine`](crate::Coroutine) can't be made.
///
/// ```
/// use fibra_coro::{Coroutine, CoroutineError};
///
/// let result = Coroutine::with_stack_size(usize::MAX, |_: &fibra_coro::Suspender<(), ()>, ()| ());
/// assert!(matches!(result, Err(CoroutineError::Stack(_))));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CoroutineError {
    /// There is no stack to be had.
    Stack(StackError),
    /// Stacks can't be switched in this process.
    Unsupported(UnsupportedError),
    /// The handler that reports overflows can't be installed.
    OverflowHandler(io::Error),
}

impl fmt::Display for CoroutineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoroutineError::Stack(source) => source.fmt(f),
            CoroutineError::Unsupported(source) => source.fmt(f),
            CoroutineError::OverflowHandler(source) => {
                write!(f, "the handler for stack overflows can't be installed: {source}")
            }
        }
    }
}

impl Error for CoroutineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CoroutineError::Stack(source) => source.source(),
            CoroutineError::Unsupported(source) => source.source(),
            CoroutineError::OverflowHandler(source) => Some(source),
        }
    }
}

/// Why no stack can be switched in this process. See [`check_support`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsupportedError {
    /// The CPU checks every return against a hidden shadow stack.
    ShadowStack,
}

impl fmt::Display for UnsupportedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnsupportedError::ShadowStack => f.write_str(
                "this process runs under CPU shadow stacks (CET or GCS), under which switching stacks isn't supported \
                 yet: start it without them, for instance with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off",
            ),
        }
    }
}

impl Error for UnsupportedError {}

impl From<UnsupportedError> for io::Error {
    fn from(error: UnsupportedError) -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, error)
    }
}

/// Whether stacks can be switched on this thread.
///
/// # Errors
///
/// [`UnsupportedError::ShadowStack`] if the thread has a shadow stack: the first return after a switch would be killed
/// by the CPU.
///
/// ```
/// fibra_coro::check_support()?;
/// # Ok::<(), fibra_coro::UnsupportedError>(())
/// ```
pub fn check_support() -> Result<(), UnsupportedError> {
    if crate::os::shadow_stack_active() { Err(UnsupportedError::ShadowStack) } else { Ok(()) }
}
