//! fibra's mutex, in green threads and in futures.

use super::{Contest, shared};
use crate::bench::{Case, Measurement, Subject};
use crate::root;
use crate::stopwatch::Stopwatch;

/// fibra's ways of locking.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", green_thread), Subject::new("fibra future", "fibra", future)];

fn green_thread(case: &Case) -> Vec<Measurement> {
    let contest = Contest::new(case);
    let mutex = shared(fibra::sync::Mutex::new(0));
    let lock = || mutex.lock().expect("nobody panics");
    root::fibra_thread(case.count("workers"), move || {
        let since = Stopwatch::start();
        let body = move || contest.take_part(lock, fibra::thread::yield_now);
        let handles: Vec<_> = (0..contest.tasks).map(|_| fibra::thread::spawn(body)).collect();
        for handle in handles {
            handle.join().expect("nobody panics");
        }
        contest.measurements(since, *lock())
    })
}

fn future(case: &Case) -> Vec<Measurement> {
    let contest = Contest::new(case);
    let mutex = shared(fibra::sync::Mutex::new(0));
    let lock = || async { mutex.lock_async().await.expect("nobody panics") };
    root::fibra_future(case.count("workers"), async move {
        let since = Stopwatch::start();
        let body = || contest.take_part_async(lock, fibra::future::yield_now);
        let handles: Vec<_> = (0..contest.tasks).map(|_| fibra::future::spawn(body())).collect();
        for handle in handles {
            handle.await.expect("nobody panics");
        }
        contest.measurements(since, *lock().await)
    })
}
