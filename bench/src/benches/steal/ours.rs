//! fibra's futures and green threads.

use super::Load;
use crate::bench::{Case, Measurement, Subject};
use crate::{root, work};

pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn future(case: &Case) -> Vec<Measurement> {
    async fn batch(Load { tasks, microseconds, .. }: Load) {
        let spawn = |_| fibra::future::spawn(async move { work::compute(microseconds) });
        let handles: Vec<_> = (0..tasks).map(spawn).collect();
        for handle in handles {
            handle.await.expect("computing doesn't panic");
        }
    }
    root::fibra_future(case.count("workers"), Load::of(case).measure_async(batch))
}

fn thread(case: &Case) -> Vec<Measurement> {
    fn batch(Load { tasks, microseconds, .. }: Load) {
        let spawn = |_| fibra::thread::spawn(move || work::compute(microseconds));
        let handles: Vec<_> = (0..tasks).map(spawn).collect();
        for handle in handles {
            handle.join().expect("computing doesn't panic");
        }
    }
    let load = Load::of(case);
    root::fibra_thread(load.workers, move || load.measure(batch))
}
