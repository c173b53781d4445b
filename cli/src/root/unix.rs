//! Errors that have no stable kind.

/// A link leads to itself.
pub const LOOP: i32 = libc::ELOOP;

/// There are no more descriptors.
pub const SHORTAGES: [i32; 2] = [libc::EMFILE, libc::ENFILE];
