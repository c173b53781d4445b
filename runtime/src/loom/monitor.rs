//! The monitor's sleep: it never sleeps on while a worker is awake, unless that one has woken it.

use crate::task::home::Doze;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

struct World {
    workers: [Doze; 2],
    monitor: Doze,
    /// The monitor was woken.
    woken: AtomicBool,
}

impl World {
    /// Both workers doze.
    fn new() -> Arc<Self> {
        let world =
            Self { workers: [Doze::new(), Doze::new()], monitor: Doze::new(), woken: AtomicBool::new(false) };
        assert!(world.workers.iter().all(|worker| worker.prepare(|| true)));
        Arc::new(world)
    }

    /// As `Worker::end_sleep`.
    fn end_sleep(&self, worker: usize) {
        self.workers[worker].end();
        if self.monitor.disturb() {
            self.woken.store(true, SeqCst);
        }
    }
}

#[test]
fn the_monitor_is_awake_or_woken_when_a_worker_has_woken_up() {
    loom::model(|| {
        let world = World::new();
        let workers = [0, 1].map(|worker| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.end_sleep(worker))
        });
        let slept = world.monitor.prepare(|| world.workers.iter().all(Doze::is_on));
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert!(!slept || world.woken.load(SeqCst), "workers are awake, and the monitor sleeps");
    });
}
