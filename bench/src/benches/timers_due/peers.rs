//! The peers' sleeping tasks.
//!
//! may is left out. Each of its stacks takes two of the 65,530 mappings that Linux lets a process have by default.

use std::sync::Arc;
use std::time::Instant;

use super::Alarms;
use crate::bench::{Case, Measurement, Subject};
use crate::{go, root};

/// Everybody else's ways of sleeping.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread).only(on_one_worker),
    Subject::new("smol", "smol", smol),
    Subject::new("monoio", "monoio", monoio).only(on_one_worker),
    Subject::new("compio", "compio", compio).only(on_one_worker),
    Subject::new("glommio", "glommio", glommio).only(on_one_worker),
    Subject::new("Go", "Go", |case| go::sample("timers-due", case)).needs("go"),
];

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), tokio_root(Alarms::new(case)))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(tokio_root(Alarms::new(case)))
}

async fn tokio_root(alarms: Arc<Alarms>) -> Vec<Measurement> {
    async fn body(alarms: Arc<Alarms>, number: usize) {
        let due = alarms.due(number).await;
        tokio::time::sleep_until(due.into()).await;
        alarms.wakes_up(number, due);
    }
    let spawn = |number| tokio::spawn(body(Arc::clone(&alarms), number));
    let handles: Vec<_> = (0..alarms.timers).map(spawn).collect();
    for handle in handles {
        handle.await.expect("the body doesn't panic");
    }
    alarms.measurements()
}

fn smol(case: &Case) -> Vec<Measurement> {
    async fn body(alarms: Arc<Alarms>, number: usize) {
        let due = alarms.due(number).await;
        smol::Timer::at(due).await;
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    root::smol(case.count("workers"), async move {
        let spawn = |number| root::SMOL.spawn(body(Arc::clone(&alarms), number));
        let tasks: Vec<_> = (0..alarms.timers).map(spawn).collect();
        for task in tasks {
            task.await;
        }
        alarms.measurements()
    })
}

fn monoio(case: &Case) -> Vec<Measurement> {
    use monoio::time::{Instant, sleep_until};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        let due = alarms.due(number).await;
        sleep_until(Instant::from_std(due)).await;
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    root::monoio(async move {
        let spawn = |number| monoio::spawn(body(Arc::clone(&alarms), number));
        let handles: Vec<_> = (0..alarms.timers).map(spawn).collect();
        for handle in handles {
            handle.await;
        }
        alarms.measurements()
    })
}

fn compio(case: &Case) -> Vec<Measurement> {
    use compio::{runtime::spawn, time::sleep_until};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        let due = alarms.due(number).await;
        sleep_until(due).await;
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    root::compio(async move {
        let spawn_one = |number| spawn(body(Arc::clone(&alarms), number));
        let handles: Vec<_> = (0..alarms.timers).map(spawn_one).collect();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
        alarms.measurements()
    })
}

fn glommio(case: &Case) -> Vec<Measurement> {
    async fn body(alarms: Arc<Alarms>, number: usize) {
        let due = alarms.due(number).await;
        glommio::timer::sleep(due.saturating_duration_since(Instant::now())).await;
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    root::glommio(async move {
        let spawn = |number| glommio::spawn_local(body(Arc::clone(&alarms), number));
        let tasks: Vec<_> = (0..alarms.timers).map(spawn).collect();
        for task in tasks {
            task.await;
        }
        alarms.measurements()
    })
}
