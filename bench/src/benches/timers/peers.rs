//! The peers. May's coroutines sleep one at a time each, so it is left out.

use super::start_and_cancel;
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// Everybody else's timers.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread),
    Subject::new("smol", "smol", smol),
    Subject::new("monoio", "monoio", monoio),
    Subject::new("compio", "compio", compio),
    Subject::new("glommio", "glommio", glommio),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), start_and_cancel(case.count("timers"), tokio::time::sleep))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(start_and_cancel(case.count("timers"), tokio::time::sleep))
}

fn smol(case: &Case) -> Vec<Measurement> {
    root::smol(case.count("workers"), start_and_cancel(case.count("timers"), smol::Timer::after))
}

fn monoio(case: &Case) -> Vec<Measurement> {
    root::monoio(start_and_cancel(case.count("timers"), monoio::time::sleep))
}

fn compio(case: &Case) -> Vec<Measurement> {
    root::compio(start_and_cancel(case.count("timers"), compio::time::sleep))
}

fn glommio(case: &Case) -> Vec<Measurement> {
    root::glommio(start_and_cancel(case.count("timers"), glommio::timer::Timer::new))
}
