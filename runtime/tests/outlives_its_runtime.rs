//! What outlives its runtime does no harm, and nothing of the runtime stays behind.

#[cfg(unix)]
#[path = "support/census_of_unix.rs"]
mod census;
#[cfg(windows)]
#[path = "support/census_of_windows.rs"]
mod census;

use fibra::{Builder, Runtime, net::TcpListener, thread, time};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::Mutex,
    task::Poll,
    time::{Duration, Instant},
};

const MILLISECOND: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);
const ROUNDS: usize = 20;

/// The tests here count what the process has: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs `round` often, and expects that no descriptor is left behind by each.
fn leaves_no_descriptor(mut round: impl FnMut()) {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    round();
    let before = census::descriptors();
    (0..ROUNDS).for_each(|_| round());
    let after = census::descriptors();
    assert!(after < before + ROUNDS, "{before} → {after} descriptors");
}

/// Polls once, in `runtime`.
fn poll_in(runtime: &Runtime, sleeps: &mut [time::Sleep]) {
    runtime.block_on(poll_fn(|context| {
        for sleep in &mut *sleeps {
            assert!(Pin::new(sleep).poll(context).is_pending());
        }
        Poll::Ready(())
    }));
}

#[test]
fn a_thread_that_is_unparked_after_the_end() {
    leaves_no_descriptor(|| {
        let ended = fibra::run(|| {
            thread::park_timeout(MILLISECOND);
            thread::current()
        });
        ended.unpark();
    });
}

#[test]
fn a_handle_that_spawns_after_the_end() {
    leaves_no_descriptor(|| {
        let handle = Builder::new().workers(2).build().unwrap().handle();
        let (future, thread) = (handle.spawn(async {}), handle.spawn_thread(|| ()));
        drop(handle);
        assert!(fibra::wait(future).is_err() && thread.join().is_err());
    });
}

#[test]
fn operations_of_futures_that_the_end_cancels() {
    leaves_no_descriptor(|| {
        Builder::new().workers(2).run(|| {
            for _ in 0..4 {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                drop(fibra::future::spawn(async move { listener.accept_async().await.map(drop) }));
            }
            thread::sleep(MILLISECOND);
        });
    });
}

#[test]
fn a_timer_that_is_dropped_while_its_runtime_ends() {
    leaves_no_descriptor(|| {
        let runtime = Builder::new().workers(2).build().unwrap();
        let mut sleeps: Vec<_> = (0..10).map(|_| time::sleep(LONG)).collect();
        poll_in(&runtime, &mut sleeps);
        let dropping = std::thread::spawn(move || drop(sleeps));
        drop(runtime);
        dropping.join().unwrap();
    });
}

#[test]
fn a_timer_goes_on_in_another_runtime() {
    // Far enough away for a slow machine to get there before it.
    let deadline = Instant::now() + 500 * MILLISECOND;
    let mut sleep = [time::sleep_until(deadline)];
    let runtime = Runtime::new().unwrap();
    poll_in(&runtime, &mut sleep);
    drop(runtime);
    let [sleep] = sleep;
    fibra::wait(sleep);
    assert!(Instant::now() >= deadline);
}

#[test]
fn stacks_are_given_back() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mapped_mib = || census::mapped() >> 20;
    // Each round has 50 stacks of 2 MiB at once.
    let round = || {
        Builder::new().workers(1).run(|| {
            let threads: Vec<_> = (0..50).map(|_| thread::spawn(|| thread::sleep(MILLISECOND))).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    };
    round();
    let before = mapped_mib();
    (0..ROUNDS).for_each(|_| round());
    let after = mapped_mib();
    assert!(after < before + ROUNDS * 50, "{before} → {after} MiB of addresses");
}
