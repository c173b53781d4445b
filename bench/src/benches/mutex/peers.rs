//! The peers' locks for tasks.

use std::rc::Rc;

use super::{Contest, shared};
use crate::bench::{Case, Measurement, Subject};
use crate::stopwatch::Stopwatch;
use crate::{go, root};

/// Everybody else's ways of locking.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread).only(on_one_worker),
    Subject::new("smol", "smol", smol),
    Subject::new("smol local", "smol", smol_local).only(on_one_worker),
    Subject::new("may", "may", may),
    Subject::new("Go", "Go", |case| go::sample("mutex", case)).needs("go"),
];

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), tokio_root(Contest::new(case)))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(tokio_root(Contest::new(case)))
}

async fn tokio_root(contest: Contest) -> Vec<Measurement> {
    let mutex = shared(tokio::sync::Mutex::new(0));
    let lock = || mutex.lock();
    let since = Stopwatch::start();
    let body = || contest.take_part_async(lock, tokio::task::yield_now);
    let handles: Vec<_> = (0..contest.tasks).map(|_| tokio::spawn(body())).collect();
    for handle in handles {
        handle.await.expect("nobody panics");
    }
    contest.measurements(since, *lock().await)
}

/// smol brings async-lock along.
fn smol(case: &Case) -> Vec<Measurement> {
    let contest = Contest::new(case);
    let mutex = shared(smol::lock::Mutex::new(0));
    let lock = || mutex.lock();
    root::smol(case.count("workers"), async move {
        let since = Stopwatch::start();
        let body = || contest.take_part_async(lock, smol::future::yield_now);
        let tasks: Vec<_> = (0..contest.tasks).map(|_| root::SMOL.spawn(body())).collect();
        for task in tasks {
            task.await;
        }
        contest.measurements(since, *lock().await)
    })
}

fn smol_local(case: &Case) -> Vec<Measurement> {
    let contest = Contest::new(case);
    let mutex = shared(smol::lock::Mutex::new(0));
    let lock = || mutex.lock();
    root::smol_local(|executor: Rc<smol::LocalExecutor<'static>>| async move {
        let since = Stopwatch::start();
        let body = || contest.take_part_async(lock, smol::future::yield_now);
        let tasks: Vec<_> = (0..contest.tasks).map(|_| executor.spawn(body())).collect();
        for task in tasks {
            task.await;
        }
        contest.measurements(since, *lock().await)
    })
}

fn may(case: &Case) -> Vec<Measurement> {
    let contest = Contest::new(case);
    let mutex = shared(may::sync::Mutex::new(0));
    let lock = || mutex.lock().expect("nobody panics");
    root::may(case.count("workers"), move || {
        let since = Stopwatch::start();
        let body = move || contest.take_part(lock, may::coroutine::yield_now);
        let handles: Vec<_> = (0..contest.tasks).map(|_| may::go!(body)).collect();
        for handle in handles {
            handle.join().expect("nobody panics");
        }
        contest.measurements(since, *lock())
    })
}
