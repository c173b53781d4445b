//! `steal`: one task spawns everything, and all workers have to get at it.
//!
//! A task of the measured runtime spawns tasks that compute and never wait, keeps their handles, and joins them in
//! order; time is counted from the first spawn to the last join. `busy` is how much of the cores the runtime made use of
//! ([`Occupancy`]); an idle worker that spins makes use of its core too, so the time has to agree. Green threads are
//! spawned and not started: what has started stays on its worker.
//!
//! `plain threads` is the limit: as many OS threads as workers, which take numbers from one counter. Runtimes that keep
//! a thread to itself never share their work and don't take part. may deals its tasks out at their spawn, to one
//! worker after the other.

mod occupancy;
mod ours;
#[cfg(feature = "peers")]
mod peers;
mod raw;

use occupancy::Occupancy;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "steal",
    about: "tasks that compute, all spawned by one task: time for each, and how much of the workers' cores was used",
    reference: "tokio",
    cases: &[
        Case::new(&[("tasks", 20_000), ("microseconds", 20), ("workers", 2)]),
        Case::new(&[("tasks", 20_000), ("microseconds", 2), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        raw::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[busy("fibra future"), busy("fibra thread")],
};

/// All cores at work, but for a twentieth.
const fn busy(subject: &'static str) -> Target {
    Target {
        subject,
        metric: "busy",
        applies: |case| case.get("microseconds") == 20,
        against: Against::Nothing,
        limit: Limit::AtLeast(95.0),
    }
}

/// What all tasks of a sample compute, in microseconds.
const WORK: u64 = 400_000;

/// The parameters of a case.
#[derive(Clone, Copy)]
struct Load {
    /// Tasks that are spawned before the first one is joined.
    tasks: usize,
    /// What each of them computes.
    microseconds: u64,
    workers: usize,
}

impl Load {
    fn of(case: &Case) -> Self {
        let [tasks, workers] = ["tasks", "workers"].map(|name| case.count(name));
        Self { tasks, microseconds: case.get("microseconds"), workers }
    }

    fn batches(self) -> usize {
        (WORK / (self.tasks as u64 * self.microseconds)) as usize
    }

    /// What a root task in direct style does; `batch` spawns so many tasks and joins them.
    fn measure(self, batch: impl Fn(Self)) -> Vec<Measurement> {
        batch(self.to_warm_up());
        let occupancy = Occupancy::start();
        for _ in 0..self.batches() {
            batch(self);
        }
        occupancy.stop(self.workers, self.batches() * self.tasks, "task")
    }

    /// The same for a root task that is a future.
    async fn measure_async<F: Future>(self, batch: impl Fn(Self) -> F) -> Vec<Measurement> {
        batch(self.to_warm_up()).await;
        let occupancy = Occupancy::start();
        for _ in 0..self.batches() {
            batch(self).await;
        }
        occupancy.stop(self.workers, self.batches() * self.tasks, "task")
    }

    fn to_warm_up(self) -> Self {
        Self { tasks: self.tasks / 10, ..self }
    }
}
