//! The counted region: from [`begin`] to [`end`].
//!
//! The two are marks that callgrind knows by their symbols: at the first one it forgets what it has counted, at the
//! second one it writes the counts down. Whatever thread goes on between them is counted, on whatever stack.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many marks were passed: the two functions must differ, or they could become one.
static MARKS: AtomicUsize = AtomicUsize::new(0);

/// Does `work` `warm_up` times uncounted and `operations` times counted, and returns the latter number.
pub fn counted(warm_up: usize, operations: usize, mut work: impl FnMut(usize)) -> usize {
    work(warm_up);
    begin();
    work(operations);
    end();
    operations
}

/// From here on instructions count.
#[unsafe(export_name = "fibra_gate_begin")]
#[inline(never)]
pub extern "C" fn begin() {
    assert_eq!(MARKS.swap(1, Relaxed), 0, "a process has one counted region");
}

/// Instructions no longer count.
#[unsafe(export_name = "fibra_gate_end")]
#[inline(never)]
pub extern "C" fn end() {
    assert_eq!(MARKS.swap(2, Relaxed), 1, "the counted region ends after it has begun");
}
