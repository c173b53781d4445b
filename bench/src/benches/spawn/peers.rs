//! The peers: those that steal work with every number of workers, the others with one.

use std::rc::Rc;

use super::{measure, measure_async, on_one_worker};
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root};

/// Everybody else's ways of spawning.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread).only(on_one_worker),
    Subject::new("smol", "smol", smol),
    Subject::new("smol local", "smol", smol_local).only(on_one_worker),
    Subject::new("may", "may", may),
    Subject::new("monoio", "monoio", monoio).only(on_one_worker),
    Subject::new("compio", "compio", compio).only(on_one_worker),
    Subject::new("glommio", "glommio", glommio).only(on_one_worker),
    Subject::new("Go", "Go", |case| go::sample("spawn", case)).needs("go"),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), measure_async(case.count("in_flight"), tokio_batch))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(measure_async(case.count("in_flight"), tokio_batch))
}

async fn tokio_batch(in_flight: usize) {
    let handles: Vec<_> = (0..in_flight).map(|_| tokio::spawn(async {})).collect();
    for handle in handles {
        handle.await.expect("an empty body doesn't panic");
    }
}

fn smol(case: &Case) -> Vec<Measurement> {
    async fn batch(in_flight: usize) {
        let tasks: Vec<_> = (0..in_flight).map(|_| root::SMOL.spawn(async {})).collect();
        for task in tasks {
            task.await;
        }
    }
    root::smol(case.count("workers"), measure_async(case.count("in_flight"), batch))
}

fn smol_local(case: &Case) -> Vec<Measurement> {
    async fn batch(executor: Rc<smol::LocalExecutor<'static>>, in_flight: usize) {
        let tasks: Vec<_> = (0..in_flight).map(|_| executor.spawn(async {})).collect();
        for task in tasks {
            task.await;
        }
    }
    let in_flight = case.count("in_flight");
    root::smol_local(|executor| measure_async(in_flight, move |count| batch(Rc::clone(&executor), count)))
}

/// may keeps 1,000 stacks by default; with fewer pooled than are in flight it would map and unmap one for each task.
fn may(case: &Case) -> Vec<Measurement> {
    fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| may::go!(|| {})).collect();
        for handle in handles {
            handle.join().expect("an empty body doesn't panic");
        }
    }
    let in_flight = case.count("in_flight");
    may::config().set_pool_capacity(in_flight + 1);
    root::may(case.count("workers"), move || measure(in_flight, batch))
}

fn monoio(case: &Case) -> Vec<Measurement> {
    async fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| monoio::spawn(async {})).collect();
        for handle in handles {
            handle.await;
        }
    }
    root::monoio(measure_async(case.count("in_flight"), batch))
}

fn compio(case: &Case) -> Vec<Measurement> {
    async fn batch(in_flight: usize) {
        let handles: Vec<_> = (0..in_flight).map(|_| compio::runtime::spawn(async {})).collect();
        for handle in handles {
            handle.await.expect("an empty body doesn't panic");
        }
    }
    root::compio(measure_async(case.count("in_flight"), batch))
}

fn glommio(case: &Case) -> Vec<Measurement> {
    async fn batch(in_flight: usize) {
        let tasks: Vec<_> = (0..in_flight).map(|_| glommio::spawn_local(async {})).collect();
        for task in tasks {
            task.await;
        }
    }
    root::glommio(measure_async(case.count("in_flight"), batch))
}
