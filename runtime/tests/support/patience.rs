//! Waiting for what comes in its own time, on machines that are slow at times.

use fibra::thread;
use std::time::Duration;

/// Looks again and again. What is not so after a minute never will be.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("never: {what}");
}
