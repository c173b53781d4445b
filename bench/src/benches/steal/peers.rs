//! The peers that share work between their workers.

use super::Load;
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root, work};

pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("smol", "smol", smol),
    Subject::new("may", "may", may),
    Subject::new("Go", "Go", |case| go::sample("steal", case)).needs("go"),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    async fn batch(Load { tasks, microseconds, .. }: Load) {
        let spawn = |_| tokio::spawn(async move { work::compute(microseconds) });
        let handles: Vec<_> = (0..tasks).map(spawn).collect();
        for handle in handles {
            handle.await.expect("computing doesn't panic");
        }
    }
    root::tokio(case.count("workers"), Load::of(case).measure_async(batch))
}

fn smol(case: &Case) -> Vec<Measurement> {
    async fn batch(Load { tasks, microseconds, .. }: Load) {
        let spawn = |_| root::SMOL.spawn(async move { work::compute(microseconds) });
        let tasks: Vec<_> = (0..tasks).map(spawn).collect();
        for task in tasks {
            task.await;
        }
    }
    root::smol(case.count("workers"), Load::of(case).measure_async(batch))
}

/// may keeps 1,000 stacks by default; with fewer pooled than are in flight it would map and unmap one for each task.
fn may(case: &Case) -> Vec<Measurement> {
    fn batch(Load { tasks, microseconds, .. }: Load) {
        let spawn = |_| may::go!(move || work::compute(microseconds));
        let handles: Vec<_> = (0..tasks).map(spawn).collect();
        for handle in handles {
            handle.join().expect("computing doesn't panic");
        }
    }
    let load = Load::of(case);
    may::config().set_pool_capacity(load.tasks + 1);
    root::may(load.workers, move || load.measure(batch))
}
