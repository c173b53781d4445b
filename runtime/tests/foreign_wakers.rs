//! Wakers, and what is dropped with them, are foreign code that the worker itself runs: where one waits, yields or panics,
//! nobody else is held up, and nothing of theirs is lost.

use fibra::{
    Builder, cancel,
    sync::{Latch, channel, mpsc},
    thread, time,
};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Wake, Waker},
    time::{Duration, Instant},
};

const MILLISECOND: Duration = Duration::from_millis(1);

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> bool {
    Pin::new(future).poll(&mut Context::from_waker(waker)).is_ready()
}

/// What is left of a waker runs once.
struct Once<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send + 'static> Wake for Once<F> {
    fn wake(self: Arc<Self>) {
        let run = self.0.lock().unwrap().take();
        run.expect("woken once")();
    }
}

fn waker(run: impl FnOnce() + Send + 'static) -> Waker {
    Waker::from(Arc::new(Once(Mutex::new(Some(run)))))
}

/// An executor of one's own: its wakers put a number into a channel.
struct Post(channel::Sender<usize>, usize);

impl Wake for Post {
    fn wake(self: Arc<Self>) {
        _ = self.0.send(self.1);
    }
}

#[test]
fn who_yields_is_not_forgotten_while_wakers_use_channels() {
    Builder::new().workers(1).run(|| {
        let end = Instant::now() + 100 * MILLISECOND;
        // Uses up its share again and again, and so yields in the middle of looks at the world.
        let busy = thread::spawn(move || {
            let (sender, receiver) = channel::unbounded();
            while Instant::now() < end {
                (0..1000).for_each(|number| {
                    sender.send(number).unwrap();
                    receiver.recv().unwrap();
                });
            }
        });
        let (queue, woken) = channel::unbounded();
        let mut sleeps: Vec<_> = (0..200).map(|_| Box::pin(time::sleep(Duration::ZERO))).collect();
        (0..sleeps.len()).for_each(|number| queue.send(number).unwrap());
        while !busy.is_finished() {
            let number: usize = woken.recv().unwrap();
            if poll(&mut sleeps[number], &Waker::from(Arc::new(Post(queue.clone(), number)))) {
                sleeps[number].set(time::sleep(Duration::from_micros(50 + number as u64)));
                queue.send(number).unwrap();
            }
        }
        busy.join().unwrap();
    });
}

#[test]
fn who_yields_is_not_forgotten_while_wakers_yield() {
    Builder::new().workers(1).run(|| {
        let end = Instant::now() + 50 * MILLISECOND;
        let busy: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn(move || {
                    while Instant::now() < end {
                        thread::yield_now();
                    }
                })
            })
            .collect();
        while Instant::now() < end {
            let mut sleep = Box::pin(time::sleep(Duration::from_micros(20)));
            assert!(!poll(&mut sleep, &waker(thread::yield_now)));
            thread::sleep(Duration::from_micros(100));
        }
        busy.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_waker_may_wait_for_what_is_woken_with_it() {
    Builder::new().workers(1).run(|| {
        let due = Instant::now() + 5 * MILLISECOND;
        // One of the two that wait is woken before the one that it waits for, whatever the order is.
        let (early, late) = (mpsc::channel(), mpsc::channel());
        let all = Arc::new(Latch::new(4));
        let counted = |wake: Box<dyn FnOnce() + Send>| {
            let all = Arc::clone(&all);
            waker(move || {
                wake();
                all.count_down();
            })
        };
        let wakers = [
            counted(Box::new(move || early.1.recv().unwrap())),
            counted(Box::new(move || early.0.send(()).unwrap())),
            counted(Box::new(move || late.0.send(()).unwrap())),
            counted(Box::new(move || late.1.recv().unwrap())),
        ];
        let mut sleeps = wakers.each_ref().map(|_| Box::pin(time::sleep_until(due)));
        for (sleep, waker) in sleeps.iter_mut().zip(&wakers) {
            assert!(!poll(sleep, waker));
        }
        // All end in the same turn of the driver.
        while Instant::now() < due + MILLISECOND {}
        all.wait();
    });
}

#[test]
fn a_runtime_hears_of_new_tasks_while_a_waker_waits() {
    let runtime = Builder::new().workers(1).build().unwrap();
    let (sender, receiver) = mpsc::channel();
    let is_waiting = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&is_waiting);
    let busy = runtime.spawn(async move {
        let mut sleep = Box::pin(time::sleep(10 * MILLISECOND));
        let waits = waker(move || {
            says.store(true, SeqCst);
            receiver.recv().unwrap();
        });
        assert!(!poll(&mut sleep, &waits));
        thread::sleep(10 * MILLISECOND);
        // Goes on in the same turn, and doesn't let go of the worker for a while.
        let end = Instant::now() + 60 * MILLISECOND;
        while Instant::now() < end {}
    });
    while !is_waiting.load(SeqCst) {
        std::thread::sleep(MILLISECOND);
    }
    std::thread::sleep(20 * MILLISECOND);
    let beside = runtime.spawn(async {});
    runtime.block_on(async {
        busy.await.unwrap();
        beside.await.unwrap();
    });
    std::thread::sleep(50 * MILLISECOND);
    let last = runtime.spawn(async move { sender.send(()).unwrap() });
    runtime.block_on(last).unwrap();
}

/// Counts how often it is dropped, and panics.
struct PanicsWhenDropped(Arc<AtomicUsize>);

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {
        drop(self);
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        panic!("a waker's destructor");
    }
}

#[test]
fn a_worker_outlives_a_waker_whose_destructor_panics() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let waker = Waker::from(Arc::new(PanicsWhenDropped(Arc::clone(&dropped))));
    // On a thread that is no worker: a letter starts the timer, and another one stops it.
    let mut sleep = Box::pin(time::sleep(Duration::from_secs(3600)));
    assert!(!poll(&mut sleep, &waker));
    fibra::block_on(time::sleep(20 * MILLISECOND));
    drop(waker);
    // The last reference is the worker's or, if that is quick, ours.
    _ = catch_unwind(AssertUnwindSafe(|| drop(sleep)));
    while dropped.load(SeqCst) == 0 {
        fibra::block_on(time::sleep(MILLISECOND));
    }
    assert_eq!(fibra::wait(fibra::future::spawn(async { 7 })).unwrap(), 7);
}

#[fibra::test]
fn who_is_woken_together_with_a_waker_that_panics_is_woken() {
    let latch = Arc::new(Latch::new(1));
    let mut first = latch.wait_async();
    assert!(!poll(&mut first, &waker(|| panic!("a waker"))));
    let second = thread::spawn({
        let latch = Arc::clone(&latch);
        move || latch.wait()
    });
    thread::sleep(5 * MILLISECOND);
    assert!(catch_unwind(AssertUnwindSafe(|| latch.count_down())).is_err(), "its panic goes on");
    second.join().unwrap();
}

#[fibra::test]
fn a_cancel_that_ends_a_destructor_of_an_output_reaches_the_one_that_was_cancelled() {
    struct Sleeps;
    impl Drop for Sleeps {
        fn drop(&mut self) {
            thread::sleep(Duration::from_secs(3600));
        }
    }
    let cancelled = thread::spawn(|| {
        let ended = thread::spawn(|| Sleeps);
        while !ended.is_finished() || !cancel::is_requested() {
            thread::yield_now();
        }
        drop(ended);
        thread::sleep(Duration::from_secs(3600));
    });
    thread::sleep(MILLISECOND);
    cancelled.cancel();
    assert!(cancelled.join().unwrap_err().is::<cancel::Cancelled>());
}
