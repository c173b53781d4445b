//! A sleep that is moved: later for nothing, earlier at once, and never early.

use fibra::{Builder, time};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(3600);

/// Polls `sleep` once; it must not be ready.
async fn begin(sleep: &mut time::Sleep) {
    poll_fn(|context| {
        assert!(pin!(&mut *sleep).poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[fibra::test]
async fn a_sleep_that_is_moved_later_is_never_early() {
    let start = Instant::now();
    let mut sleep = time::sleep_until(start + Duration::from_millis(2));
    begin(&mut sleep).await;
    sleep.reset(start + Duration::from_millis(30));
    (&mut sleep).await;
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(sleep.is_elapsed());
}

/// How long after the call that made it a sleep's time begins, after many tasks' worth of work without a look around: the
/// moments before and after the call, and the beginning.
fn beginnings(duration: Duration) -> Vec<(Instant, Instant, Instant)> {
    let one = |round: u32| {
        for _ in 0..round % 20_000 {
            std::hint::spin_loop();
        }
        let before = Instant::now();
        let sleep = time::sleep(duration);
        let after = Instant::now();
        (before, sleep.deadline() - duration, after)
    };
    (0..3_000).map(|round| one(round * 37)).collect()
}

#[fibra::test]
async fn a_sleep_begins_no_earlier_than_it_is_made_and_mostly_hardly_later() {
    let beginnings = beginnings(Duration::from_secs(10));
    let hardly_later = |&&(before, begin, after): &&(Instant, Instant, Instant)| {
        assert!(begin >= before, "{:?} too early", before - begin);
        begin <= after + Duration::from_micros(20)
    };
    assert!(beginnings.iter().filter(hardly_later).count() > beginnings.len() / 2);
}

#[fibra::test]
async fn short_sleeps_begin_when_they_are_made() {
    for (before, begin, after) in beginnings(Duration::from_micros(999)) {
        assert!(before <= begin && begin <= after);
    }
}

#[test]
fn where_timers_are_exact_all_sleeps_begin_when_they_are_made() {
    let beginnings = Builder::new()
        .timer_slack(Duration::ZERO)
        .run(|| fibra::wait(async { beginnings(Duration::from_secs(10)) }));
    for (before, begin, after) in beginnings {
        assert!(before <= begin && begin <= after);
    }
}

#[fibra::test]
async fn a_sleep_that_is_moved_earlier_ends_then() {
    let start = Instant::now();
    let mut sleep = time::sleep(LONG);
    begin(&mut sleep).await;
    sleep.reset(start + Duration::from_millis(2));
    sleep.await;
    assert!(start.elapsed() >= Duration::from_millis(2));
}

#[fibra::test]
async fn a_sleep_can_be_used_again() {
    let mut sleep = time::sleep(Duration::from_millis(1));
    (&mut sleep).await;
    let again = Instant::now() + Duration::from_millis(3);
    sleep.reset(again);
    assert!(!sleep.is_elapsed());
    begin(&mut sleep).await;
    sleep.await;
    assert!(Instant::now() >= again);
}

#[test]
fn moving_a_sleep_later_starts_no_timer() {
    let runtime = Builder::new().workers(1).build().unwrap();
    let task = runtime.spawn(async {
        let mut sleep = time::sleep(LONG);
        begin(&mut sleep).await;
        for _ in 0..10_000 {
            sleep.reset(Instant::now() + LONG);
            begin(&mut sleep).await;
        }
        // Lets the driver be turned, so that its counts are up to date.
        time::sleep(Duration::from_millis(1)).await;
    });
    runtime.block_on(task).unwrap();
    assert!(runtime.metrics().total().operations < 100, "{:?}", runtime.metrics());
}

/// Counts how often it is woken, and by its references who can still do so.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Polls a sleep for `bell`; it must not be ready.
fn begin_for(bell: &Arc<Bell>, sleep: &mut time::Sleep) {
    let waker = Waker::from(Arc::clone(bell));
    assert!(pin!(sleep).poll(&mut Context::from_waker(&waker)).is_pending());
}

#[fibra::test]
async fn a_sleep_wakes_whoever_polled_it_last() {
    let [first, last] = [Arc::new(Bell::default()), Arc::new(Bell::default())];
    let mut sleep = time::sleep(Duration::from_millis(1));
    begin_for(&first, &mut sleep);
    begin_for(&last, &mut sleep);
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&last)), (1, 2));
    while last.0.load(SeqCst) == 0 {
        time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(first.0.load(SeqCst), 0);
}

#[fibra::test]
async fn a_sleep_that_another_thread_drops_lets_go_of_its_waker() {
    let bell = Arc::new(Bell::default());
    let mut sleep = time::sleep(LONG);
    begin_for(&bell, &mut sleep);
    std::thread::spawn(move || drop(sleep)).join().unwrap();
    while Arc::strong_count(&bell) > 1 {
        time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(bell.0.load(SeqCst), 0);
}

#[test]
fn a_sleep_goes_on_in_another_runtime_when_its_own_ends() {
    let bell = Arc::new(Bell::default());
    let first = Builder::new().workers(1).build().unwrap();
    let begun = first.spawn({
        let bell = Arc::clone(&bell);
        async move {
            let mut sleep = time::sleep(Duration::from_millis(20));
            begin_for(&bell, &mut sleep);
            [sleep]
        }
    });
    let [sleep] = first.block_on(begun).unwrap();
    let deadline = sleep.deadline();
    drop(first);
    assert_eq!((bell.0.load(SeqCst), Arc::strong_count(&bell)), (1, 1), "whoever waits has to start anew");
    Builder::new().workers(1).run(move || fibra::wait(sleep));
    assert!(Instant::now() >= deadline);
}

#[test]
fn a_sleep_that_no_worker_has_started_wakes_whoever_polled_it_last_and_lets_go_of_the_others() {
    let [first, last, nobody] =
        [Arc::new(Bell::default()), Arc::new(Bell::default()), Arc::new(Bell::default())];
    let mut sleep = time::sleep(Duration::from_millis(200));
    begin_for(&first, &mut sleep);
    begin_for(&last, &mut sleep);
    let mut dropped = time::sleep(LONG);
    begin_for(&nobody, &mut dropped);
    drop(dropped);
    while last.0.load(SeqCst) == 0 || Arc::strong_count(&nobody) > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(Instant::now() >= sleep.deadline());
    assert_eq!((first.0.load(SeqCst), Arc::strong_count(&first), nobody.0.load(SeqCst)), (0, 1, 0));
}

#[test]
fn a_sleep_that_no_worker_has_started_goes_on_where_it_is_polled() {
    let bell = Arc::new(Bell::default());
    let mut sleep = time::sleep(Duration::from_millis(200));
    begin_for(&bell, &mut sleep);
    let deadline = sleep.deadline();
    sleep = Builder::new().workers(1).run(move || {
        fibra::wait(&mut sleep);
        sleep
    });
    assert!(Instant::now() >= deadline && sleep.is_elapsed());
    assert_eq!((bell.0.load(SeqCst), Arc::strong_count(&bell)), (0, 1));
}
