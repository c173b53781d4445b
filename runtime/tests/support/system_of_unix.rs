//! What tests have to know of Unix.
#![allow(dead_code, reason = "each test asks something else")]

/// What is always there, and always empty.
pub const NOTHING: &str = "/dev/null";

/// What the error of a name that nobody has says.
pub const NO_SUCH_NAME: &str = "failed to lookup address";

/// Whether a transfer at an offset leaves the file's position alone.
pub const OFFSETS_ARE_NO_POSITIONS: bool = true;

/// Whether a connection that is known to be broken goes on to say how it broke.
pub const SAYS_HOW_IT_BROKE: bool = false;

/// Whether it is always known in which system call a thread waits: not every kernel tells.
pub const ALWAYS_TELLS_THE_CALL: bool = false;

/// The system calls in which threads sleep.
pub const SLEEPS: &[&str] = &["nanosleep", "clock_nanosleep"];

/// The one in which they wait for locks.
pub const LOCK: &str = "futex";

/// Whether this is Windows as Wine has it.
pub fn is_wine() -> bool {
    false
}
