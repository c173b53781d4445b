//! fibra's sleeping tasks.

use std::sync::Arc;

use super::Alarms;
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// fibra's ways of sleeping.
pub const SUBJECTS: &[Subject] =
    &[Subject::new("fibra thread", "fibra", thread), Subject::new("fibra future", "fibra", future)];

fn thread(case: &Case) -> Vec<Measurement> {
    use fibra::thread::{sleep_until, spawn};
    fn body(alarms: &Alarms, number: usize) {
        let due = fibra::wait(alarms.due(number));
        sleep_until(due);
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    root::fibra_thread(case.count("workers"), move || {
        let spawn_one = |number| {
            let alarms = Arc::clone(&alarms);
            spawn(move || body(&alarms, number))
        };
        let handles: Vec<_> = (0..alarms.timers).map(spawn_one).collect();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
        alarms.measurements()
    })
}

fn future(case: &Case) -> Vec<Measurement> {
    use fibra::{future::spawn, time::sleep_until};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        let due = alarms.due(number).await;
        sleep_until(due).await;
        alarms.wakes_up(number, due);
    }
    let alarms = Alarms::new(case);
    root::fibra_future(case.count("workers"), async move {
        let spawn_one = |number| spawn(body(Arc::clone(&alarms), number));
        let handles: Vec<_> = (0..alarms.timers).map(spawn_one).collect();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
        alarms.measurements()
    })
}
