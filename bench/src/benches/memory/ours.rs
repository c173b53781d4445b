//! fibra's subjects.

use super::{LOT, fill};
use crate::bench::{Case, Measurement, Subject};

pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra future", "fibra", future),
    Subject::new("fibra thread", "fibra", thread),
    Subject::new("fibra thread, 64 KiB stack", "fibra", thread_with_small_stack),
];

fn future(case: &Case) -> Vec<Measurement> {
    on_one_worker(case, || drop(fibra::future::spawn(LOT.park())))
}

fn thread(case: &Case) -> Vec<Measurement> {
    on_one_worker(case, || drop(fibra::thread::spawn(|| fibra::wait(LOT.park()))))
}

fn thread_with_small_stack(case: &Case) -> Vec<Measurement> {
    on_one_worker(case, || {
        let builder = fibra::thread::Builder::new().stack_size(64 * 1024);
        drop(builder.spawn(|| fibra::wait(LOT.park())).expect("64 KiB are a valid size"));
    })
}

fn on_one_worker(case: &Case, spawn: impl Fn() + Send + 'static) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    fibra::Builder::new().workers(1).run(move || fibra::wait(fill(tasks, spawn)))
}
