//! fibra's green threads and futures.

use super::{LOT, YIELDS, live, measure};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

pub const SUBJECTS: &[Subject] = &[
    // A million stacks of 2 MiB have 4 GiB of page tables: `memory` shows that.
    Subject::new("fibra thread", "fibra", thread).only(|case| case.get("tasks") < 1_000_000),
    Subject::new("fibra thread, 64 KiB stack", "fibra", thread_with_small_stack),
    Subject::new("fibra future", "fibra", future),
];

fn thread(case: &Case) -> Vec<Measurement> {
    on_threads(case, fibra::Builder::new())
}

fn thread_with_small_stack(case: &Case) -> Vec<Measurement> {
    on_threads(case, fibra::Builder::new().stack_size(64 * 1024))
}

fn on_threads(case: &Case, builder: fibra::Builder) -> Vec<Measurement> {
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
    builder.workers(case.count("workers")).run(move || fibra::wait(measure(tasks, spawn)))
}

fn future(case: &Case) -> Vec<Measurement> {
    let spawn = || {
        let task = fibra::future::spawn(live(fibra::future::yield_now));
        async { task.await.expect("the body doesn't panic") }
    };
    root::fibra_future(case.count("workers"), measure(case.count("tasks"), spawn))
}
