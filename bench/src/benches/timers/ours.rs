//! fibra's sleeps.

use super::start_and_cancel;
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's timers.
pub const SUBJECTS: &[Subject] = &[Subject::new("fibra future", "fibra", future)];

fn future(case: &Case) -> Vec<Measurement> {
    root::fibra_future(case.count("workers"), start_and_cancel(case.count("timers"), fibra::time::sleep))
}
