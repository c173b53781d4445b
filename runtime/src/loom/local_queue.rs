//! The stealable ring (of four slots here): every task comes out once, whoever takes it.

use super::tasks::Scheduler;
use crate::{scheduler::local_queue::LocalQueue, task::join::Join};
use loom::{sync::Arc, thread};

/// Tasks that run by being taken.
fn tasks(scheduler: &Scheduler, count: usize) -> (Vec<crate::task::runnable::Runnable>, Vec<Join<()>>) {
    (0..count).map(|_| scheduler.task(async {})).unzip()
}

fn steal_and_run(victim: &LocalQueue) -> usize {
    let own = LocalQueue::new();
    let mut ran = 0;
    // SAFETY: `own` is this function's.
    if let Some(first) = unsafe { victim.steal_into(&own) } {
        assert!(first.run().is_none());
        ran += 1;
        // SAFETY: as above.
        while let Some(next) = unsafe { own.pop() } {
            assert!(next.run().is_none());
            ran += 1;
        }
    }
    ran
}

/// # Safety
///
/// The caller owns the queue.
unsafe fn pop_and_run(queue: &LocalQueue) -> usize {
    let mut ran = 0;
    // SAFETY: by contract.
    while let Some(task) = unsafe { queue.pop() } {
        assert!(task.run().is_none());
        ran += 1;
    }
    ran
}

#[test]
fn a_thief_and_the_owner_take_every_task_once() {
    loom::model(|| {
        let scheduler = Scheduler::new();
        let (runnables, joins) = tasks(&scheduler, 3);
        let queue = Arc::new(LocalQueue::new());
        let thief = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || steal_and_run(&queue))
        };
        let mut ran = 0;
        for runnable in runnables {
            // SAFETY: this thread owns the queue.
            unsafe { queue.push(runnable, |_| unreachable!("three fit into four slots")) };
        }
        // SAFETY: as above.
        ran += unsafe { pop_and_run(&queue) };
        ran += thief.join().unwrap();
        assert_eq!(ran, 3);
        assert!(joins.iter().all(Join::is_complete));
    });
}

#[test]
fn an_overflow_races_with_a_thief_and_loses_nothing() {
    loom::model(|| {
        let scheduler = Scheduler::new();
        let (mut runnables, joins) = tasks(&scheduler, 5);
        let queue = Arc::new(LocalQueue::new());
        let last = runnables.pop().unwrap();
        for runnable in runnables {
            // SAFETY: this thread owns the queue.
            unsafe { queue.push(runnable, |_| unreachable!("four fit into four slots")) };
        }
        let thief = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || steal_and_run(&queue))
        };
        let mut ran = 0;
        // SAFETY: as above.
        unsafe {
            queue.push(last, |overflow| {
                for task in overflow {
                    assert!(task.run().is_none());
                    ran += 1;
                }
            });
            ran += pop_and_run(&queue);
        }
        ran += thief.join().unwrap();
        assert_eq!(ran, 5);
        assert!(joins.iter().all(Join::is_complete));
    });
}

#[test]
fn two_thieves_never_take_the_same_task() {
    loom::model(|| {
        let scheduler = Scheduler::new();
        let (runnables, joins) = tasks(&scheduler, 2);
        let queue = Arc::new(LocalQueue::new());
        for runnable in runnables {
            // SAFETY: this thread owns the queue.
            unsafe { queue.push(runnable, |_| unreachable!("two fit into four slots")) };
        }
        let thieves: Vec<_> = (0..2)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || steal_and_run(&queue))
            })
            .collect();
        let stolen: usize = thieves.into_iter().map(|thief| thief.join().unwrap()).sum();
        // SAFETY: as above.
        let rest = unsafe { pop_and_run(&queue) };
        assert_eq!(stolen + rest, 2);
        assert!(joins.iter().all(Join::is_complete));
    });
}
