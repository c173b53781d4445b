//! Sleepers and the searcher: a task that was pushed is seen by somebody who is awake, or wakes somebody.

use crate::{scheduler::idle::Idle, task::home::Doze};
use loom::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, Release, SeqCst},
        },
    },
    thread,
};

struct World {
    idle: Idle,
    dozes: [Doze; 2],
    /// Tasks in queues.
    tasks: AtomicUsize,
    /// Who was unparked.
    unparked: [AtomicBool; 2],
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            idle: Idle::new(2),
            dozes: [Doze::new(), Doze::new()],
            tasks: AtomicUsize::new(0),
            unparked: [AtomicBool::new(false), AtomicBool::new(false)],
        })
    }

    fn push(&self) {
        self.tasks.fetch_add(1, SeqCst);
        self.notify();
    }

    fn notify(&self) {
        if let Some(picked) = self.idle.pick()
            && self.dozes[picked].disturb()
        {
            self.unparked[picked].store(true, SeqCst);
        }
    }

    /// A worker without tasks, as in `Worker::search_or_sleep`. `true`: it sleeps.
    fn search_or_sleep(&self, worker: usize) -> bool {
        if self.idle.start_search() {
            let found = self.take();
            self.idle.end_search();
            if found {
                if self.tasks.load(SeqCst) > 0 {
                    self.notify();
                }
                return false;
            }
        }
        self.idle.add(worker);
        if self.dozes[worker].prepare(|| self.idle.may_sleep(worker, || self.tasks.load(SeqCst) > 0)) {
            return true;
        }
        if !self.idle.remove(worker) {
            self.idle.end_search();
        }
        false
    }

    fn take(&self) -> bool {
        self.tasks.fetch_update(SeqCst, SeqCst, |tasks| tasks.checked_sub(1)).is_ok()
    }

    fn is_asleep(&self, worker: usize, slept: bool) -> bool {
        slept && !self.unparked[worker].load(SeqCst)
    }
}

#[test]
fn a_task_from_outside_does_not_wait_for_a_worker_that_sleeps() {
    loom::model(|| {
        let world = World::new();
        let pusher = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.push())
        };
        let slept = world.search_or_sleep(0);
        pusher.join().unwrap();
        let waits = world.tasks.load(SeqCst) > 0;
        assert!(!(waits && world.is_asleep(0, slept)), "a task waits, and its only worker sleeps");
    });
}

#[test]
fn two_pushes_and_two_workers_leave_nobody_asleep_beside_a_task() {
    loom::model(|| {
        let world = World::new();
        let pusher = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.push())
        };
        let worker = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.search_or_sleep(1))
        };
        let slept = world.search_or_sleep(0);
        let other_slept = worker.join().unwrap();
        pusher.join().unwrap();
        let waits = world.tasks.load(SeqCst) > 0;
        let all_asleep = world.is_asleep(0, slept) && world.is_asleep(1, other_slept);
        assert!(!(waits && all_asleep), "a task waits, and all workers sleep");
    });
}

#[test]
fn a_worker_that_was_picked_does_not_sleep_though_its_task_was_taken() {
    loom::model(|| {
        let world = World::new();
        let busy = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.push();
                world.take();
            })
        };
        let slept = world.search_or_sleep(0);
        busy.join().unwrap();
        world.push();
        assert!(!world.is_asleep(0, slept), "a task waits, and its only worker sleeps");
    });
}

/// A green thread that is placed: as `Worker::place` and `Worker::search_or_sleep` do it, but for the lock of the queue.
#[test]
fn what_is_placed_on_a_worker_does_not_wait_for_its_sleep() {
    loom::model(|| {
        let world = World::new();
        let placed = Arc::new(AtomicUsize::new(0));
        let other = {
            let (world, placed) = (Arc::clone(&world), Arc::clone(&placed));
            thread::spawn(move || {
                placed.store(1, Release);
                if world.dozes[0].disturb() {
                    world.unparked[0].store(true, SeqCst);
                }
            })
        };
        let slept = world.dozes[0].prepare(|| placed.load(Relaxed) == 0);
        assert!(!slept || world.dozes[0].is_resting(), "who sleeps rests, even if it is unparked already");
        other.join().unwrap();
        assert!(!world.is_asleep(0, slept), "a green thread waits, and its worker sleeps");
    });
}
