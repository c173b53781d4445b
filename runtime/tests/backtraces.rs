//! Backtraces of green threads end cleanly where the thread begins.

use std::backtrace::Backtrace;

#[inline(never)]
fn innermost() -> String {
    Backtrace::force_capture().to_string()
}

#[fibra::test]
fn a_backtrace_ends_at_the_start_of_the_stack() {
    let trace = fibra::thread::spawn(|| {
        fibra::thread::yield_now();
        innermost()
    });
    let trace = trace.join().unwrap();
    assert!(trace.contains("innermost"), "{trace}");
    // One loop beneath the body, and nothing beneath the loop but the stack's first frame.
    assert_eq!(trace.matches("loop_entry").count(), 1, "{trace}");
    let beneath = trace.split("loop_entry").nth(1).unwrap();
    assert!(!beneath.contains("worker_thread"), "the backtrace runs on into another stack: {trace}");
}
