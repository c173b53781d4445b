//! Everybody else.

use may::coroutine::Coroutine;

use super::{BATCH, LOT, fill, footprint};
use crate::bench::{Case, Measurement, Subject};
use crate::lot::Lot;
use crate::{go, root};

pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("smol", "smol", smol),
    Subject::new("monoio", "monoio", monoio),
    Subject::new("compio", "compio", compio),
    Subject::new("glommio", "glommio", glommio),
    Subject::new("may", "may", may),
    Subject::new("Go", "Go", |case| go::sample("memory", case)).needs("go"),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), fill(case.count("tasks"), || drop(tokio::spawn(LOT.park()))))
}

fn smol(case: &Case) -> Vec<Measurement> {
    let spawn = || root::SMOL.spawn(LOT.park()).detach();
    root::smol(case.count("workers"), fill(case.count("tasks"), spawn))
}

fn monoio(case: &Case) -> Vec<Measurement> {
    root::monoio(fill(case.count("tasks"), || drop(monoio::spawn(LOT.park()))))
}

fn compio(case: &Case) -> Vec<Measurement> {
    root::compio(fill(case.count("tasks"), || compio::runtime::spawn(LOT.park()).detach()))
}

fn glommio(case: &Case) -> Vec<Measurement> {
    root::glommio(fill(case.count("tasks"), || drop(glommio::spawn_local(LOT.park()).detach())))
}

/// Where the coroutines of may wait.
static COROUTINES: Lot<Coroutine> = Lot::new();

fn may(case: &Case) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    let park_batch = |parked: usize| {
        for _ in 0..BATCH {
            may::go!(|| COROUTINES.park());
        }
        COROUTINES.entered(parked + BATCH);
    };
    root::may(case.count("workers"), move || {
        COROUTINES.open(BATCH + tasks);
        park_batch(0);
        let before = footprint();
        for batch in 1..=tasks / BATCH {
            park_batch(batch * BATCH);
        }
        let after = footprint();
        COROUTINES.clear();
        COROUTINES.left(BATCH + tasks);
        before.growth_for_each(after, tasks, "task")
    })
}
