//! There is no telling how much address space a process has, and no locking of what is touched alone.

use super::child;

pub const TESTS: &[child::Test] = &[];
