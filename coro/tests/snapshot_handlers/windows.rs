//! No handler is needed.

use super::child;
use fibra_coro::snapshot;
use std::io::ErrorKind;

pub const TESTS: &[child::Test] =
    &[("nobody_is_asked_before_a_thread_was_admitted", nobody_is_asked_before_a_thread_was_admitted)];

fn nobody_is_asked_before_a_thread_was_admitted() {
    let mut has_looked = false;
    // SAFETY: the function writes a flag of this frame.
    let error = unsafe { snapshot::take(1, &mut |_| has_looked = true) }.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!has_looked);
}
