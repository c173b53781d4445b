//! The peers. may is left out: a coroutine of its has one timer at a time.

use super::Timers;
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root};

/// Everybody else's timers.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread),
    Subject::new("smol", "smol", smol),
    Subject::new("monoio", "monoio", monoio),
    Subject::new("compio", "compio", compio),
    Subject::new("glommio", "glommio", glommio),
    Subject::new("Go", "Go", |case| go::sample("timers", case)).needs("go"),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), Timers::new(case).start_and_cancel(tokio::time::sleep))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(Timers::new(case).start_and_cancel(tokio::time::sleep))
}

fn smol(case: &Case) -> Vec<Measurement> {
    root::smol(case.count("workers"), Timers::new(case).start_and_cancel(smol::Timer::after))
}

fn monoio(case: &Case) -> Vec<Measurement> {
    root::monoio(Timers::new(case).start_and_cancel(monoio::time::sleep))
}

fn compio(case: &Case) -> Vec<Measurement> {
    root::compio(Timers::new(case).start_and_cancel(compio::time::sleep))
}

fn glommio(case: &Case) -> Vec<Measurement> {
    root::glommio(Timers::new(case).start_and_cancel(glommio::timer::Timer::new))
}
