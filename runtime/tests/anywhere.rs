//! Waiting works from green threads, futures and OS threads, and inside of each other.

use fibra::{Runtime, future, thread, time};
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
