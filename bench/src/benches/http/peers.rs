//! Everybody else, each written as its users write it.

mod compio;
mod may;
mod monoio;
mod smol;
mod tokio;

use crate::bench::Subject;

/// The peers' subjects.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio::multi_thread),
    Subject::new("tokio current-thread", "tokio", tokio::current_thread)
        .only(|case| case.get("workers") == 1),
    Subject::new("smol", "smol", smol::sample),
    Subject::new("monoio", "monoio", monoio::sample),
    Subject::new("compio", "compio", compio::sample),
    Subject::new("may_minihttp", "may_minihttp", may::sample),
];
