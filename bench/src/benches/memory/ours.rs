//! fibra's subjects.

use super::{LOT, fill};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra thread", "fibra", thread),
    Subject::new("fibra thread, 64 KiB stack", "fibra", thread_with_small_stack),
    Subject::new("fibra future", "fibra", future),
];

fn future(case: &Case) -> Vec<Measurement> {
    let spawn = || drop(fibra::future::spawn(LOT.park()));
    root::fibra_future(case.count("workers"), fill(case.count("tasks"), spawn))
}

fn thread(case: &Case) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    let spawn = || drop(fibra::thread::spawn(|| fibra::wait(LOT.park())));
    root::fibra_thread(case.count("workers"), move || fibra::wait(fill(tasks, spawn)))
}

fn thread_with_small_stack(case: &Case) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    let spawn = || {
        let builder = fibra::thread::Builder::new().stack_size(64 * 1024);
        drop(builder.spawn(|| fibra::wait(LOT.park())).expect("64 KiB are a valid size"));
    };
    root::fibra_thread(case.count("workers"), move || fibra::wait(fill(tasks, spawn)))
}
