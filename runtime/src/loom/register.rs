//! A shutdown against tasks that begin to wait, or end, at the same moment.

use super::tasks::Scheduler;
use crate::task::runnable::Runnable;
use loom::{sync::atomic::Ordering::SeqCst, thread};
use std::{future::pending, sync::Arc as StdArc};

/// What a shutdown does to the tasks.
fn stop(scheduler: &Scheduler) {
    scheduler.0.is_stopping.store(true, SeqCst);
    for task in scheduler.0.register.listed() {
        task.cancel();
        task.interrupt();
    }
}

/// Runs a task while a shutdown begins, and then what that has queued.
fn run_while_stopping(scheduler: &Scheduler, runnable: Runnable) {
    let stopping = thread::spawn({
        let scheduler = scheduler.clone();
        move || stop(&scheduler)
    });
    assert!(runnable.run().is_none());
    stopping.join().unwrap();
    scheduler.run_all(None);
}

#[test]
fn a_task_that_begins_to_wait_hears_of_a_shutdown() {
    loom::model(|| {
        let scheduler = Scheduler::new();
        let (runnable, join) = scheduler.task(pending::<()>());
        run_while_stopping(&scheduler, runnable);
        assert!(join.is_complete(), "nobody told the task");
        assert_eq!(scheduler.0.finished.load(SeqCst), 1);
    });
}

#[test]
fn a_shutdown_never_touches_a_task_that_has_been_freed() {
    loom::model(|| {
        let scheduler = Scheduler::new();
        let body = StdArc::new(());
        let kept = StdArc::clone(&body);
        let (runnable, join) = scheduler.task(async move {
            let _kept = kept;
            pending::<()>().await;
        });
        drop(join);
        // Without a handle and a waker, the task ends as soon as it waits.
        run_while_stopping(&scheduler, runnable);
        assert_eq!(scheduler.0.finished.load(SeqCst), 1);
        assert_eq!(StdArc::strong_count(&body), 1, "its body was not dropped");
    });
}
