//! Destructors and wakers are foreign code: they may wait, and they may panic.

use fibra::{Builder, cancel, future, thread, time};
use std::{
    future::{Future, pending},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Waits in its destructor, and counts the destructors that came to their end.
struct Waits(Arc<AtomicUsize>);

impl Drop for Waits {
    fn drop(&mut self) {
        cancel::shield(|| (0..3).for_each(|_| thread::sleep(MILLISECOND)));
        self.0.fetch_add(1, SeqCst);
    }
}

/// Runs `main` on a runtime; how many destructors had come to their end when that was over.
fn ended_destructors(main: impl FnOnce(&Arc<AtomicUsize>) + Send + 'static) -> usize {
    let ended = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ended);
    fibra::run(move || main(&counter));
    ended.load(SeqCst)
}

#[test]
fn a_runtime_waits_for_the_destructor_of_an_output_that_nobody_takes() {
    let ended = ended_destructors(|counter| {
        let output = Waits(Arc::clone(counter));
        drop(thread::spawn(|| output));
        thread::sleep(MILLISECOND);
    });
    assert_eq!(ended, 1);
}

#[test]
fn a_runtime_waits_for_the_destructor_of_a_future_that_nobody_can_wake() {
    let ended = ended_destructors(|counter| {
        let local = Waits(Arc::clone(counter));
        drop(future::spawn(async move {
            let _local = local;
            pending::<()>().await;
        }));
        thread::sleep(MILLISECOND);
    });
    assert_eq!(ended, 1);
}

#[fibra::test]
fn what_a_cancelled_future_leaves_may_wait_in_its_destructor() {
    struct Sleeps(Arc<AtomicUsize>);
    impl Drop for Sleeps {
        fn drop(&mut self) {
            thread::sleep(MILLISECOND);
            self.0.fetch_add(1, SeqCst);
        }
    }
    let ended = Arc::new(AtomicUsize::new(0));
    let local = Sleeps(Arc::clone(&ended));
    let task = future::spawn(async move {
        let _local = local;
        pending::<()>().await;
    });
    thread::sleep(MILLISECOND);
    task.cancel();
    assert!(fibra::wait(task).unwrap_err().is_cancelled());
    assert_eq!(ended.load(SeqCst), 1);
}

/// Is ready at once; panics when it is dropped.
struct Grenade<T>(Option<T>);

impl<T: Unpin> Future for Grenade<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        Poll::Ready(self.0.take().expect("polled once"))
    }
}

impl<T> Drop for Grenade<T> {
    fn drop(&mut self) {
        panic!("a future's destructor");
    }
}

#[test]
fn a_future_whose_destructor_panics_has_an_output_that_waits() {
    let ended = ended_destructors(|counter| {
        let futures: Vec<_> =
            (0..20).map(|_| future::spawn(Grenade(Some(Waits(Arc::clone(counter)))))).collect();
        for (n, future) in futures.into_iter().enumerate() {
            match n % 2 {
                // Nobody but its run keeps the task.
                0 => drop(future),
                _ => assert!(fibra::wait(future).is_err_and(|error| error.is_panic())),
            }
        }
    });
    assert_eq!(ended, 20);
}

struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

struct WaitsAndPanicsWhenDropped;

impl Wake for WaitsAndPanicsWhenDropped {
    fn wake(self: Arc<Self>) {
        drop(self);
    }
}

impl Drop for WaitsAndPanicsWhenDropped {
    fn drop(&mut self) {
        thread::sleep(MILLISECOND);
        panic!("a waker's destructor");
    }
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    Builder::new().workers(1).run(|| {
        let mut task = future::spawn(future::yield_now());
        let mut sleep = time::sleep(MILLISECOND);
        let waker = Waker::from(Arc::new(PanicsWhenWoken));
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut task).poll(&mut context).is_pending());
        assert!(Pin::new(&mut sleep).poll(&mut context).is_pending());
        thread::sleep(3 * MILLISECOND);
        fibra::wait(task).unwrap();
        fibra::wait(sleep);
    });
}

#[test]
fn a_waker_whose_destructor_waits_and_panics_harms_nobody() {
    Builder::new().workers(1).run(|| {
        let mut task = future::spawn(future::yield_now());
        let waker = Waker::from(Arc::new(WaitsAndPanicsWhenDropped));
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
        // The task's is the last one, and goes with the task.
        drop(waker);
        drop(task);
        thread::sleep(3 * MILLISECOND);
        assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
    });
}

#[fibra::test]
fn a_future_that_a_cancelled_thread_waits_for_may_wait_in_its_destructor() {
    struct NotWhilePanicking(Arc<AtomicUsize>);
    impl Drop for NotWhilePanicking {
        fn drop(&mut self) {
            self.0.fetch_add(usize::from(!std::thread::panicking()), SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let local = NotWhilePanicking(Arc::clone(&drops));
    let thread = thread::spawn(move || {
        fibra::wait(async move {
            let _local = local;
            pending::<()>().await;
        });
    });
    thread::sleep(MILLISECOND);
    thread.cancel();
    let outcome = catch_unwind(AssertUnwindSafe(|| thread.join())).unwrap();
    assert!(outcome.unwrap_err().is::<cancel::Cancelled>());
    // A thread that was cancelled before it started has dropped its closure elsewhere, not while panicking either.
    assert_eq!(drops.load(SeqCst), 1);
}
