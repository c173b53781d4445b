//! fibra's green threads and futures.

use std::sync::Arc;

use super::{Gathering, yielding, yielding_async};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's ways of yielding.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    use fibra::thread::{spawn, yield_now};
    let gathering = Gathering::new(case);
    let shared = Arc::clone(&gathering);
    root::fibra_thread(case.count("workers"), move || {
        let spawn_one = |_| {
            let shared = Arc::clone(&shared);
            spawn(move || yielding(&shared, yield_now))
        };
        let handles: Vec<_> = (0..shared.tasks).map(spawn_one).collect();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
    });
    gathering.measurements()
}

fn future(case: &Case) -> Vec<Measurement> {
    use fibra::future::{spawn, yield_now};
    let gathering = Gathering::new(case);
    let shared = Arc::clone(&gathering);
    root::fibra_future(case.count("workers"), async move {
        let spawn_one = |_| spawn(yielding_async(Arc::clone(&shared), yield_now));
        let handles: Vec<_> = (0..shared.tasks).map(spawn_one).collect();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
    });
    gathering.measurements()
}
