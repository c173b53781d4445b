//! No thread can be looked at.

use super::child;
use fibra_coro::snapshot;
use std::io::ErrorKind;

pub const TESTS: &[child::Test] =
    &[("nobody_is_admitted", nobody_is_admitted), ("nobody_is_asked", nobody_is_asked)];

fn nobody_is_admitted() {
    assert_eq!(snapshot::admit().unwrap_err().kind(), ErrorKind::Unsupported);
}

fn nobody_is_asked() {
    let mut has_looked = false;
    // SAFETY: the function writes a flag of this frame.
    let error = unsafe { snapshot::take(1, &mut |_| has_looked = true) }.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!has_looked);
}
