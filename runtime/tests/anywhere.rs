//! Waiting works from green threads, futures and OS threads, and inside of each other.

use fibra::{Builder, Runtime, future, thread, time};
use std::time::Duration;

#[test]
fn outside_of_a_runtime_the_default_one_serves() {
    assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
    assert_eq!(fibra::wait(future::spawn(async { 2 })).unwrap(), 2);
    fibra::wait(time::sleep(Duration::from_millis(1)));
    thread::sleep(Duration::from_millis(1));
    assert_eq!(fibra::block_on(async { future::spawn(async { 3 }).await.unwrap() }), 3);
}

#[fibra::test]
fn waits_nest() {
    let sum = fibra::wait(async {
        // A direct wait inside of a poll, inside of a wait.
        let inner = fibra::wait(async {
            thread::sleep(Duration::from_millis(1));
            time::sleep(Duration::from_millis(1)).await;
            thread::spawn(|| fibra::wait(future::spawn(async { 1 })).unwrap()).join().unwrap()
        });
        inner + future::spawn(async { thread::spawn(|| 2).join().unwrap() }).await.unwrap()
    });
    assert_eq!(sum, 3);
}

#[fibra::test]
fn a_wake_that_comes_during_a_direct_wait_inside_of_a_poll_is_not_lost() {
    for _ in 0..50 {
        let (sender, mut receiver) = fibra::sync::oneshot::channel();
        let mut sender = Some(sender);
        let value = fibra::wait(std::future::poll_fn(move |context| {
            // Registers the waker, then waits for something else; meanwhile the value is sent.
            let ready = std::pin::Pin::new(&mut receiver).poll(context);
            if let Some(sender) = sender.take() {
                thread::spawn(move || sender.send(7)).join().unwrap().unwrap();
                thread::sleep(Duration::from_micros(50));
            }
            ready
        }));
        assert_eq!(value, Ok(7));
    }
}

#[test]
fn block_on_nests_across_runtimes() {
    let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let sum = outer.block_on(async {
        let inner_sum = inner.block_on(async { inner.spawn(async { 1 }).await.unwrap() + 2 });
        outer.spawn(async move { inner_sum + 4 }).await.unwrap()
    });
    assert_eq!(sum, 7);
}

#[test]
fn a_runtime_inside_of_a_runtime_runs_its_own_tasks() {
    let workers = || thread::available_parallelism().unwrap().get();
    let counts = Builder::new().workers(1).run(move || {
        let inner = Builder::new().workers(3).build().unwrap();
        let task = inner.block_on(async { future::spawn(async move { workers() }).await.unwrap() });
        // Others of the outer worker are not in the inner runtime meanwhile.
        let beside = thread::spawn(move || {
            thread::sleep(Duration::from_millis(1));
            thread::spawn(workers).join().unwrap()
        });
        let beside = inner.block_on(async { beside.await.unwrap() });
        (inner.run(workers), task, beside)
    });
    assert_eq!(counts, (3, 3, 1));
}

#[test]
fn a_runtime_that_ends_on_a_worker_of_another_holds_nobody_up() {
    Builder::new().workers(1).run(|| {
        let (sender, receiver) = fibra::sync::mpsc::channel();
        let ticks = thread::spawn(move || {
            while sender.send(()).is_ok() {
                thread::sleep(Duration::from_micros(200));
            }
        });
        let (received, count) = std::sync::mpsc::channel();
        Builder::new().workers(1).run(move || {
            // Ends only after messages from the worker that waits for the end of this runtime.
            drop(thread::spawn(move || {
                let ticks = || (0..20).map(|_| receiver.recv().unwrap()).count();
                received.send(fibra::cancel::shield(ticks)).unwrap();
            }));
            thread::sleep(Duration::from_millis(1));
        });
        assert_eq!(count.try_recv(), Ok(20), "it was given up");
        ticks.join().unwrap();
    });
}

#[fibra::test]
fn a_wait_inside_of_a_poll_that_was_not_woken_does_not_repeat_the_poll() {
    let mut polls = 0;
    let late = time::timeout(Duration::from_millis(5), || {
        fibra::wait(std::future::poll_fn(|_| {
            polls += 1;
            fibra::wait(async {});
            std::task::Poll::<()>::Pending
        }));
    });
    assert!(late.is_err());
    assert!(polls <= 3, "{polls} polls");
}

#[test]
fn blocking_work_is_in_its_runtime() {
    let workers = || thread::available_parallelism().unwrap().get();
    let spawned =
        Builder::new().workers(3).run(move || fibra::unblock(|| thread::spawn(workers).join().unwrap()));
    assert_eq!(spawned, 3);
}

#[test]
fn a_future_is_polled_on_the_thread_that_blocks_and_need_not_be_send() {
    let local = std::rc::Rc::new(5);
    let here = std::thread::current().id();
    let number = Runtime::new().unwrap().block_on(async {
        time::sleep(Duration::from_millis(1)).await;
        assert_eq!(std::thread::current().id(), here);
        *local
    });
    assert_eq!(number, 5);
}

#[fibra::test]
fn blocking_work_borrows_and_panics_like_a_call() {
    let mut log = vec![1];
    let length = fibra::unblock(|| {
        std::thread::sleep(Duration::from_millis(1));
        log.push(2);
        log.len()
    });
    assert_eq!((length, &log[..]), (2, &[1, 2][..]));
    let outcome = std::panic::catch_unwind(|| fibra::unblock(|| panic!("in the pool")));
    assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"in the pool"));
}

#[fibra::test(workers = 1)]
fn blocking_work_does_not_hold_up_its_worker() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let blocked = thread::spawn(move || fibra::unblock(move || receiver.recv().unwrap()));
    thread::yield_now();
    // The worker is free to run this.
    thread::spawn(move || sender.send(9).unwrap()).join().unwrap();
    assert_eq!(blocked.join().unwrap(), 9);
}

#[fibra::test]
fn more_blocking_work_than_the_pool_has_threads_is_queued() {
    let work: Vec<_> = (0..2000u64).map(|n| thread::spawn(move || fibra::unblock(|| n))).collect();
    assert_eq!(work.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>(), 2000 * 1999 / 2);
}

#[fibra::test]
fn intervals_tick_for_threads_and_futures() {
    let start = std::time::Instant::now();
    let mut ticks = time::interval(Duration::from_millis(1));
    (0..3).for_each(|_| assert!(ticks.tick() <= std::time::Instant::now()));
    fibra::wait(async {
        for _ in 0..3 {
            ticks.tick_async().await;
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(5));
}
