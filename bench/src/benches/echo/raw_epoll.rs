//! The kernel's readiness without a runtime.

use crate::bench::Subject;

/// The limit with epoll.
pub const SUBJECTS: &[Subject] = &[];
