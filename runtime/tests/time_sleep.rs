//! A sleep that is moved: later for nothing, earlier at once, and never early.

use fibra::{Builder, time};
use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
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
    assert!(runtime.metrics().operations < 100, "{:?}", runtime.metrics());
}
