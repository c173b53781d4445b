//! fibra's green threads and futures.

use super::{LOT, YIELDS, live, measure};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    fn body() {
        fibra::wait(LOT.park());
        for _ in 0..YIELDS {
            fibra::thread::yield_now();
        }
        fibra::wait(LOT.park());
    }
    let tasks = case.count("tasks");
    let spawn = || {
        let thread = fibra::thread::spawn(body);
        async { thread.await.expect("the body doesn't panic") }
    };
    root::fibra_thread(case.count("workers"), move || fibra::wait(measure(tasks, spawn)))
}

fn future(case: &Case) -> Vec<Measurement> {
    let spawn = || {
        let task = fibra::future::spawn(live(fibra::future::yield_now));
        async { task.await.expect("the body doesn't panic") }
    };
    root::fibra_future(case.count("workers"), measure(case.count("tasks"), spawn))
}
