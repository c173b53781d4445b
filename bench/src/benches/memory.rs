//! `memory`: what a parked task keeps in memory.
//!
//! A task is the smallest that can wait for something: its first poll leaves a waker in the [`Lot`], whose memory is
//! there beforehand, and its second poll ends it. It captures one reference, returns nothing, and nobody keeps its
//! handle. So the figure is the runtime's own share: header, bookkeeping, the allocator's rounding, and for green
//! threads the stack. A green thread waits for the very same future; may and Go have no wakers, and wait as their users do.
//!
//! The process's resident memory and page tables are read when [`BATCH`] tasks have parked, which sets the runtime up,
//! and again when so many more have parked as the case says. Tasks come in batches, and a batch parks before the next
//! one comes: otherwise a queue of a million tasks that have yet to begin would be counted as well. In the end every
//! waker is used and every task must end, or there is no sample.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::lot::Lot;
use crate::memory::Footprint;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "memory",
    about: "what a parked task keeps in memory: resident pages (VmRSS) and page tables (VmPTE), summed and apart",
    reference: "tokio",
    cases: &[
        // So few that the kernel's default limit on mappings has room for two a stack.
        Case::new(&[("tasks", 30_000), ("workers", 1)]).rounds(3),
        Case::new(&[("tasks", 100_000), ("workers", 1)]).rounds(5),
        Case::new(&[("tasks", 1_000_000), ("workers", 1)]).rounds(3),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        at_most("fibra future", 128.0),
        at_most("fibra thread", 9.0 * 1024.0),
        at_most("fibra thread, 64 KiB stack", 4.7 * 1024.0),
    ],
};

/// So many bytes for each of a million tasks.
const fn at_most(subject: &'static str, bytes: f64) -> Target {
    Target {
        subject,
        metric: "memory",
        applies: |case| case.get("tasks") == 1_000_000,
        against: Against::Nothing,
        limit: Limit::AtMost(bytes),
    }
}

/// Tasks that are spawned at once; they park before the next ones are spawned.
const BATCH: usize = 1_000;

/// The lot of this process, which takes one sample.
static LOT: Lot = Lot::new();

/// Fills the lot with a batch and so many tasks, by calling `spawn`, and takes the measure. It runs as a task itself.
async fn fill(tasks: usize, spawn: impl Fn()) -> Vec<Measurement> {
    LOT.open(BATCH + tasks);
    let spawn_batch = || (0..BATCH).for_each(|_| spawn());
    spawn_batch();
    LOT.entered(BATCH).await;
    let before = footprint();
    for batch in 1..=tasks / BATCH {
        spawn_batch();
        LOT.entered(BATCH + batch * BATCH).await;
    }
    let after = footprint();
    LOT.clear();
    LOT.left(BATCH + tasks).await;
    before.growth_for_each(after, tasks, "task")
}

fn footprint() -> Footprint {
    Footprint::read().expect("the kernel tells the footprint")
}
