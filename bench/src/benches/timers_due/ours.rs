//! fibra's sleeping tasks.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Alarms;
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's ways of sleeping: as they are, and with timers that are more precise than the default.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra thread", "fibra", |case| thread(case, fibra::Builder::new())),
    Subject::new("fibra future", "fibra", |case| future(case, fibra::Builder::new())),
    Subject::new("fibra thread, precise", "fibra", |case| thread(case, precise())),
    Subject::new("fibra future, precise", "fibra", |case| future(case, precise())),
];

/// A runtime for those who want to be in time, and not to pay for each timer with a wake of its own.
fn precise() -> fibra::Builder {
    fibra::Builder::new().timer_slack(Duration::from_micros(10))
}

fn thread(case: &Case, builder: fibra::Builder) -> Vec<Measurement> {
    use fibra::thread::{sleep_until, spawn};
    fn body(alarms: &Alarms, number: usize) {
        let due = fibra::wait(alarms.due(number));
        sleep_until(due);
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    builder.workers(case.count("workers")).run(move || {
        let spawn_one = |number| {
            let alarms = Arc::clone(&alarms);
            spawn(move || body(&alarms, number))
        };
        let handles: Vec<_> = (0..alarms.timers).map(spawn_one).collect();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
        on_time(&alarms)
    })
}

fn future(case: &Case, builder: fibra::Builder) -> Vec<Measurement> {
    use fibra::{future::spawn, time::sleep_until};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        let due = alarms.due(number).await;
        sleep_until(due).await;
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    root::fibra_future_on(builder.workers(case.count("workers")), async move {
        let spawn_one = |number| spawn(body(Arc::clone(&alarms), number));
        let handles: Vec<_> = (0..alarms.timers).map(spawn_one).collect();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
        on_time(&alarms)
    })
}

/// What was measured. A timer that is early breaks a promise: then no other figure counts.
fn on_time(alarms: &Alarms) -> Vec<Measurement> {
    assert_eq!(alarms.early.load(Relaxed), 0, "timers were early");
    alarms.measurements()
}
