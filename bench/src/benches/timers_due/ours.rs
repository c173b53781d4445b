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
        alarms.falls_asleep();
        sleep_until(alarms.due(number));
        alarms.wakes_up(number);
    }
    let timers = case.count("timers");
    root::fibra_thread(case.count("workers"), move || {
        let alarms = Alarms::new(timers);
        let spawn_one = |number| {
            let alarms = Arc::clone(&alarms);
            spawn(move || body(&alarms, number))
        };
        let handles: Vec<_> = (0..timers).map(spawn_one).collect();
        sleep_until(alarms.first);
        let firing_since = alarms.begin();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
        alarms.measurements(firing_since)
    })
}

fn future(case: &Case) -> Vec<Measurement> {
    use fibra::{future::spawn, time::sleep_until};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        alarms.falls_asleep();
        sleep_until(alarms.due(number)).await;
        alarms.wakes_up(number);
    }
    let timers = case.count("timers");
    root::fibra_future(case.count("workers"), async move {
        let alarms = Alarms::new(timers);
        let handles: Vec<_> = (0..timers).map(|number| spawn(body(Arc::clone(&alarms), number))).collect();
        sleep_until(alarms.first).await;
        let firing_since = alarms.begin();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
        alarms.measurements(firing_since)
    })
}
