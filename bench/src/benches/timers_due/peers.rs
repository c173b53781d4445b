//! The peers' sleeping tasks.

use std::sync::Arc;

use super::Alarms;
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// Everybody else's ways of sleeping.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread).only(on_one_worker),
    Subject::new("smol", "smol", smol),
    Subject::new("may", "may", may),
    Subject::new("monoio", "monoio", monoio).only(on_one_worker),
    Subject::new("compio", "compio", compio).only(on_one_worker),
    Subject::new("glommio", "glommio", glommio).only(on_one_worker),
];

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), tokio_root(case.count("timers")))
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(tokio_root(case.count("timers")))
}

async fn tokio_root(timers: usize) -> Vec<Measurement> {
    use tokio::time::sleep_until;
    async fn body(alarms: Arc<Alarms>, number: usize) {
        alarms.falls_asleep();
        sleep_until(alarms.due(number).into()).await;
        alarms.wakes_up(number);
    }
    let alarms = Alarms::new(timers);
    let handles: Vec<_> = (0..timers).map(|number| tokio::spawn(body(Arc::clone(&alarms), number))).collect();
    sleep_until(alarms.first.into()).await;
    let firing_since = alarms.begin();
    for handle in handles {
        handle.await.expect("the body doesn't panic");
    }
    alarms.measurements(firing_since)
}

fn smol(case: &Case) -> Vec<Measurement> {
    async fn body(alarms: Arc<Alarms>, number: usize) {
        alarms.falls_asleep();
        smol::Timer::at(alarms.due(number)).await;
        alarms.wakes_up(number);
    }
    let timers = case.count("timers");
    root::smol(case.count("workers"), async move {
        let alarms = Alarms::new(timers);
        let spawn = |number| root::SMOL.spawn(body(Arc::clone(&alarms), number));
        let tasks: Vec<_> = (0..timers).map(spawn).collect();
        smol::Timer::at(alarms.first).await;
        let firing_since = alarms.begin();
        for task in tasks {
            task.await;
        }
        alarms.measurements(firing_since)
    })
}

fn may(case: &Case) -> Vec<Measurement> {
    use may::coroutine::sleep;
    fn body(alarms: &Alarms, number: usize) {
        sleep(alarms.falls_asleep_for(number));
        alarms.wakes_up(number);
    }
    let timers = case.count("timers");
    root::may(case.count("workers"), move || {
        let alarms = Alarms::new(timers);
        let spawn = |number| {
            let alarms = Arc::clone(&alarms);
            may::go!(move || body(&alarms, number))
        };
        let handles: Vec<_> = (0..timers).map(spawn).collect();
        sleep(alarms.first.saturating_duration_since(std::time::Instant::now()));
        let firing_since = alarms.begin();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
        alarms.measurements(firing_since)
    })
}

fn monoio(case: &Case) -> Vec<Measurement> {
    use monoio::time::{Instant, sleep_until};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        alarms.falls_asleep();
        sleep_until(Instant::from_std(alarms.due(number))).await;
        alarms.wakes_up(number);
    }
    let timers = case.count("timers");
    root::monoio(async move {
        let alarms = Alarms::new(timers);
        let spawn = |number| monoio::spawn(body(Arc::clone(&alarms), number));
        let handles: Vec<_> = (0..timers).map(spawn).collect();
        sleep_until(Instant::from_std(alarms.first)).await;
        let firing_since = alarms.begin();
        for handle in handles {
            handle.await;
        }
        alarms.measurements(firing_since)
    })
}

fn compio(case: &Case) -> Vec<Measurement> {
    use compio::{runtime::spawn, time::sleep_until};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        alarms.falls_asleep();
        sleep_until(alarms.due(number)).await;
        alarms.wakes_up(number);
    }
    let timers = case.count("timers");
    root::compio(async move {
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

fn glommio(case: &Case) -> Vec<Measurement> {
    use glommio::{spawn_local, timer::sleep};
    async fn body(alarms: Arc<Alarms>, number: usize) {
        sleep(alarms.falls_asleep_for(number)).await;
        alarms.wakes_up(number);
    }
    let timers = case.count("timers");
    root::glommio(async move {
        let alarms = Alarms::new(timers);
        let tasks: Vec<_> =
            (0..timers).map(|number| spawn_local(body(Arc::clone(&alarms), number))).collect();
        sleep(alarms.first.saturating_duration_since(std::time::Instant::now())).await;
        let firing_since = alarms.begin();
        for task in tasks {
            task.await;
        }
        alarms.measurements(firing_since)
    })
}
