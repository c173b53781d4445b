//! fibra's green threads and futures.

use super::{measure, measure_async};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's ways of spawning.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| fibra::thread::spawn(|| {})).collect();
        for handle in handles {
            handle.join().expect("an empty body doesn't panic");
        }
    }
    let in_flight = case.count("in_flight");
    root::fibra_thread(case.count("workers"), move || measure(in_flight, batch))
}

fn future(case: &Case) -> Vec<Measurement> {
    async fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| fibra::future::spawn(async {})).collect();
        for handle in handles {
            handle.await.expect("an empty body doesn't panic");
        }
    }
    root::fibra_future(case.count("workers"), measure_async(case.count("in_flight"), batch))
}
