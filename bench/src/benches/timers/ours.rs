//! fibra's sleeps.

use super::Timers;
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's timers.
pub const SUBJECTS: &[Subject] = &[Subject::new("fibra future", "fibra", future)];

fn future(case: &Case) -> Vec<Measurement> {
    root::fibra_future(case.count("workers"), Timers::new(case).start_and_cancel(fibra::time::sleep))
}
