//! What a crate does that keeps a pointer in a thread-local for the length of a scope, when such a scope waits.
//!
//! Ignored: it shows a limit of stacks in Rust, not a promise. The values here live for ever, so that the wrong one is
//! merely wrong; with a value on a stack, as `scoped-tls` is meant to be used, it would be a dangling pointer.
//!
//! ```text
//! cargo test -p fibra --test scoped_tls_hazard -- --ignored
//! ```

use fibra::thread;
use scoped_tls::scoped_thread_local;

scoped_thread_local!(static NUMBER: u64);

/// Enters a scope, waits inside of it, and says what the thread-local holds then, if anything.
fn number_after_a_wait(own: &'static u64, waits: usize) -> Option<u64> {
    NUMBER.set(own, || {
        (0..waits).for_each(|_| thread::yield_now());
        NUMBER.is_set().then(|| NUMBER.with(|number| *number))
    })
}

#[fibra::test(workers = 1)]
#[ignore = "shows a hazard of waiting inside of a scope of thread-locals"]
fn green_threads_that_wait_inside_of_such_scopes_see_each_others_values() {
    static FIRST: u64 = 1;
    static SECOND: u64 = 2;
    let first = thread::spawn(|| number_after_a_wait(&FIRST, 1));
    let second = thread::spawn(|| number_after_a_wait(&SECOND, 2));
    let seen = (first.join().unwrap(), second.join().unwrap());
    assert_ne!(seen, (Some(FIRST), Some(SECOND)), "each saw its own: then this crate is safe across waits");
}
