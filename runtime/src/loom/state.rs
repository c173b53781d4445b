//! The task's state word, with real tasks: wakes, runs, cancels, joins and drops in every order.

use super::tasks::{Dropped, Scheduler};
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};
use std::{
    future::poll_fn,
    sync::{Arc as StdArc, Mutex as StdMutex, atomic::AtomicUsize as StdAtomicUsize},
    task::{Poll, Waker},
};

/// A task that is ready once `ready` is set and whose waker lies in `waker`.
fn waits_for(
    ready: &Arc<AtomicUsize>,
    waker: &StdArc<StdMutex<Option<Waker>>>,
) -> impl Future<Output = usize> + Send + 'static {
    let (ready, waker) = (Arc::clone(ready), StdArc::clone(waker));
    poll_fn(move |context| {
        *waker.lock().unwrap() = Some(context.waker().clone());
        match ready.load(SeqCst) {
            0 => Poll::Pending,
            value => Poll::Ready(value),
        }
    })
}

#[test]
fn a_wake_during_a_run_is_never_lost() {
    loom::model(|| {
        let (ready, waker) = (Arc::new(AtomicUsize::new(0)), StdArc::default());
        let scheduler = Scheduler::new();
        let (runnable, join) = scheduler.task(waits_for(&ready, &waker));
        // The first run leaves the waker; the second one races with the wake.
        assert!(runnable.run().is_none());
        let waker = waker.lock().unwrap().clone().unwrap();
        waker.wake_by_ref();
        let runnable = scheduler.take();
        let waking = {
            let ready = Arc::clone(&ready);
            thread::spawn(move || {
                ready.store(7, SeqCst);
                waker.wake();
            })
        };
        scheduler.run_all(runnable);
        waking.join().unwrap();
        scheduler.run_all(None);
        assert!(join.is_complete(), "the task was not run after its wake");
        assert_eq!(scheduler.0.finished.load(SeqCst), 1);
    });
}

#[test]
fn two_wakes_queue_a_task_once() {
    loom::model(|| {
        let (ready, waker) = (Arc::new(AtomicUsize::new(0)), StdArc::default());
        let scheduler = Scheduler::new();
        let (runnable, join) = scheduler.task(waits_for(&ready, &waker));
        assert!(runnable.run().is_none());
        ready.store(1, SeqCst);
        let waker = waker.lock().unwrap().clone().unwrap();
        let other = thread::spawn({
            let waker = waker.clone();
            move || waker.wake()
        });
        waker.wake();
        other.join().unwrap();
        scheduler.run_all(None);
        assert!(join.is_complete());
    });
}

#[test]
fn a_join_gets_the_output_or_a_wake() {
    loom::model(|| {
        let scheduler = Scheduler::new();
        let (runnable, mut join) = scheduler.task(async { 42 });
        let running = thread::spawn(move || assert!(runnable.run().is_none()));
        let output = block_on(poll_fn(|context| join.poll(context.waker())));
        assert_eq!(output.ok(), Some(42));
        running.join().unwrap();
    });
}

#[test]
fn a_join_that_changes_its_waker_is_woken_by_the_last_one() {
    loom::model(|| {
        let scheduler = Scheduler::new();
        let (runnable, mut join) = scheduler.task(async { 42 });
        let running = thread::spawn(move || assert!(runnable.run().is_none()));
        // A waker that nobody listens to, and then one that somebody does.
        if join.poll(Waker::noop()).is_pending() {
            let output = block_on(poll_fn(|context| join.poll(context.waker())));
            assert_eq!(output.ok(), Some(42));
        }
        running.join().unwrap();
    });
}

#[test]
fn an_output_that_nobody_takes_is_dropped_once() {
    loom::model(|| {
        let drops = StdArc::new(StdAtomicUsize::new(0));
        let scheduler = Scheduler::new();
        let output = Dropped(StdArc::clone(&drops));
        let (runnable, join) = scheduler.task(async move { output });
        let running = thread::spawn(move || assert!(runnable.run().is_none()));
        drop(join);
        running.join().unwrap();
        assert_eq!(drops.load(SeqCst), 1);
        assert_eq!(scheduler.0.finished.load(SeqCst), 1);
    });
}

#[test]
fn a_cancel_ends_a_task_once_whenever_it_comes() {
    loom::model(|| {
        let (ready, waker) = (Arc::new(AtomicUsize::new(0)), StdArc::default());
        let drops = StdArc::new(StdAtomicUsize::new(0));
        let body = Dropped(StdArc::clone(&drops));
        let scheduler = Scheduler::new();
        let waiting = waits_for(&ready, &waker);
        let (runnable, join) = scheduler.task(async move {
            let _body = body;
            waiting.await
        });
        let task = join.task().clone();
        let cancelling = thread::spawn(move || task.cancel());
        scheduler.run_all(Some(runnable));
        cancelling.join().unwrap();
        scheduler.run_all(None);
        assert!(join.is_complete(), "a cancelled task is still alive");
        assert_eq!(drops.load(SeqCst), 1);
        assert_eq!(scheduler.0.finished.load(SeqCst), 1);
    });
}

#[test]
fn a_task_that_is_dropped_with_its_queue_ends_as_cancelled() {
    loom::model(|| {
        let drops = StdArc::new(StdAtomicUsize::new(0));
        let body = Dropped(StdArc::clone(&drops));
        let scheduler = Scheduler::new();
        let (runnable, mut join) = scheduler.task(async move { drop(body) });
        let dropping = thread::spawn(move || drop(runnable));
        let outcome = block_on(poll_fn(|context| join.poll(context.waker())));
        assert!(outcome.is_err());
        dropping.join().unwrap();
        assert_eq!(drops.load(SeqCst), 1);
        assert_eq!(scheduler.0.finished.load(SeqCst), 1);
    });
}

#[test]
fn a_task_that_nobody_can_wake_is_freed_once() {
    loom::model(|| {
        let (ready, waker) = (Arc::new(AtomicUsize::new(0)), StdArc::new(StdMutex::new(None)));
        let drops = StdArc::new(StdAtomicUsize::new(0));
        let body = Dropped(StdArc::clone(&drops));
        let scheduler = Scheduler::new();
        let waiting = waits_for(&ready, &waker);
        let (runnable, join) = scheduler.task(async move {
            let _body = body;
            waiting.await
        });
        let forgetting = {
            let waker = StdArc::clone(&waker);
            thread::spawn(move || drop(waker.lock().unwrap().take()))
        };
        assert!(runnable.run().is_none());
        drop(join);
        forgetting.join().unwrap();
        drop(waker.lock().unwrap().take());
        drop(waker);
        assert_eq!(drops.load(SeqCst), 1);
        assert_eq!(scheduler.0.finished.load(SeqCst), 1);
    });
}
