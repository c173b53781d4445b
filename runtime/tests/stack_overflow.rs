//! Endless recursion in a green thread ends the process with a message that names the thread and its stack.

#[path = "support/child.rs"]
mod child;

use fibra::thread;

/// Runs one of the ignored tests below in a process of its own; returns its standard error.
fn dies(test: &str) -> String {
    let output = child::output(&mut child::running(test));
    assert!(!output.status.success(), "{test} survived");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Recurses for ever, as far as the compiler can tell.
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 16]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + frame[depth as usize % 16] }
}

#[test]
fn the_message_names_the_thread_and_its_stack_size() {
    let message = dies("child_overflows_a_named_thread");
    assert!(message.contains("bottomless"), "{message}");
    assert!(message.contains("256 KiB"), "{message}");
    assert!(message.contains("stack_size"), "the call that raises the size is named: {message}");
}

#[test]
fn a_thread_without_a_name_overflows_with_a_message_too() {
    let message = dies("child_overflows_an_unnamed_thread");
    assert!(message.contains("overflow") && message.contains("2048 KiB"), "{message}");
}

#[test]
fn a_poll_that_overflows_is_reported_like_a_thread() {
    let message = dies("child_overflows_in_a_future");
    assert!(message.contains("overflow"), "{message}");
}

#[test]
fn a_segmentation_fault_elsewhere_is_not_called_an_overflow() {
    let message = dies("child_reads_from_nowhere");
    assert!(!message.contains("overflow"), "{message}");
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_overflows_a_named_thread() {
    fibra::run(|| {
        let builder = thread::Builder::new().name("bottomless".into()).stack_size(256 << 10);
        builder.spawn(|| recurse(0)).unwrap().join().unwrap()
    });
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_overflows_an_unnamed_thread() {
    fibra::run(|| {
        let parked = thread::spawn(|| thread::sleep(std::time::Duration::from_secs(3600)));
        let overflows = thread::spawn(|| {
            thread::yield_now();
            recurse(0)
        });
        overflows.join().unwrap();
        drop(parked);
    });
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_overflows_in_a_future() {
    fibra::run(|| fibra::wait(fibra::future::spawn(async { recurse(0) })).unwrap());
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_reads_from_nowhere() {
    fibra::run(|| {
        let nowhere = std::hint::black_box(8 as *const u8);
        // SAFETY: none: the read faults, and the process ends, which is what the test is about.
        unsafe { nowhere.read_volatile() }
    });
}
