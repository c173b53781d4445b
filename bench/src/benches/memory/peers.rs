//! Everybody else.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use may::coroutine::{self, Coroutine};

use super::{BATCH, LOT, fill, footprint};
use crate::bench::{Case, Measurement, Subject};
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

/// Handles of parked coroutines, which `current` gives out at the cost of a count.
static PARKED: Mutex<Vec<Option<Coroutine>>> = Mutex::new(Vec::new());

/// Coroutines that have not ended.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// A coroutine of may waits without a waker: it parks, and its handle unparks it.
fn may(case: &Case) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    root::may(case.count("workers"), move || fill_with_coroutines(tasks))
}

fn fill_with_coroutines(tasks: usize) -> Vec<Measurement> {
    parked().resize_with(BATCH + tasks, || None);
    parked().clear();
    park_batch();
    let before = footprint();
    for _ in 0..tasks / BATCH {
        park_batch();
    }
    let after = footprint();
    let handles = mem::take(&mut *parked());
    handles.iter().flatten().for_each(Coroutine::unpark);
    sleep_until(|| ALIVE.load(Relaxed) == 0);
    before.growth_for_each(after, tasks, "task")
}

/// Spawns a batch and lets it run until all of it has parked.
fn park_batch() {
    fn body() {
        let me = coroutine::current();
        parked().push(Some(me));
        coroutine::park();
        ALIVE.fetch_sub(1, Relaxed);
    }
    let alive = ALIVE.fetch_add(BATCH, Relaxed) + BATCH;
    for _ in 0..BATCH {
        may::go!(body);
    }
    sleep_until(|| parked().len() == alive);
}

fn parked() -> MutexGuard<'static, Vec<Option<Coroutine>>> {
    PARKED.lock().expect("nobody panics while holding it")
}

/// Sleeps, since a yield of may lets those that have begun go on and nobody begin.
fn sleep_until(condition: impl Fn() -> bool) {
    while !condition() {
        coroutine::sleep(Duration::from_millis(1));
    }
}
