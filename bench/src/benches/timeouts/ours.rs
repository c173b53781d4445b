//! fibra's time limits.

use fibra::time::{timeout, timeout_async};

use super::{LIMIT, measure, measure_async};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's ways of limiting a wait.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    let wait = || timeout(LIMIT, fibra::thread::yield_now).expect("30 s are enough");
    root::fibra_thread(case.count("workers"), move || measure(wait))
}

fn future(case: &Case) -> Vec<Measurement> {
    let wait = || async { timeout_async(LIMIT, fibra::future::yield_now()).await.expect("30 s are enough") };
    root::fibra_future(case.count("workers"), measure_async(wait))
}
