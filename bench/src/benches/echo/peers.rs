//! Everybody else, each written as its users write it.

mod tokio;

use crate::bench::Subject;

/// The peers' subjects.
pub const SUBJECTS: &[Subject] = tokio::SUBJECTS;
