//! A time limit may be a moment: what waits ends then, and not before.

use fibra::{
    thread,
    time::{self, Duration, Elapsed},
};

const HOUR: Duration = Duration::from_secs(3600);

#[fibra::test(start_paused)]
fn a_wait_ends_at_the_moment() {
    let deadline = time::now() + HOUR;
    assert_eq!(time::timeout_at(deadline, || thread::sleep(2 * HOUR)), Err(Elapsed::default()));
    assert_eq!(time::now(), deadline);
    let deadline = deadline + HOUR;
    let late = fibra::wait(time::timeout_at_async(deadline, time::sleep(2 * HOUR)));
    assert_eq!((late, time::now()), (Err(Elapsed::default()), deadline));
}

#[fibra::test(start_paused)]
fn what_is_done_before_the_moment_is_done() {
    let deadline = time::now() + HOUR;
    let slow = |value| {
        thread::sleep(HOUR / 4);
        value
    };
    assert_eq!(time::timeout_at(deadline, || slow(1)), Ok(1));
    assert_eq!(fibra::wait(time::timeout_at_async(deadline, async { slow(2) })), Ok(2));
    assert_eq!(time::now(), deadline - HOUR / 2);
}

#[fibra::test(start_paused)]
fn after_the_moment_the_first_wait_fails_and_what_need_not_wait_is_done() {
    let past = time::now();
    time::advance(HOUR);
    assert_eq!(time::timeout_at(past, || 1), Ok(1));
    assert_eq!(fibra::wait(time::timeout_at_async(past, async { 2 })), Ok(2));
    let late = time::timeout_at(past, || thread::sleep(HOUR));
    let late_async = fibra::wait(time::timeout_at_async(past, time::sleep(HOUR)));
    assert_eq!((late, late_async), (Err(Elapsed::default()), Err(Elapsed::default())));
    assert_eq!(time::now(), past + HOUR);
}
