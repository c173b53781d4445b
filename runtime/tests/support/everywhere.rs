//! All kinds of callers, one after the other.

/// Runs `test` on the green thread that we are, on an OS thread, and in a future's poll.
pub fn everywhere(test: impl Fn() + Copy + Send + 'static) {
    test();
    fibra::unblock(test);
    fibra::wait(fibra::future::spawn(async move { test() })).expect("no panic");
}
