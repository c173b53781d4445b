//! A debugger sees a green thread's stack from its end to its start.
//!
//! The debugger is gdb.
#![cfg(unix)]

use std::{env, process::Command};

#[test]
fn gdb_unwinds_a_green_thread_to_its_start() {
    if Command::new("gdb").arg("--version").output().is_err() {
        eprintln!("no gdb here: nothing to check");
        return;
    }
    let this = env::current_exe().expect("a test runs from a file");
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex", "handle SIGILL stop nopass"]);
    gdb.args(["-ex", "run", "-ex", "backtrace", "--args"]).arg(this);
    gdb.args(["--exact", "child_stops_in_a_green_thread", "--ignored", "--nocapture", "--test-threads=1"]);
    let output = gdb.output().expect("gdb was there a moment ago");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("SIGILL"),
        "gdb did not stop in the child: {text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("loop_entry"), "{text}");
    let lower = text.to_lowercase();
    assert!(!lower.contains("corrupt stack") && !lower.contains("previous frame"), "{text}");
}

#[test]
#[ignore = "stops with SIGILL, for gdb: a test above runs it"]
fn child_stops_in_a_green_thread() {
    fibra::run(|| {
        let stops = fibra::thread::spawn(|| {
            fibra::thread::yield_now();
            // SAFETY: raising a signal in this thread has no other precondition.
            unsafe { libc::raise(libc::SIGILL) }
        });
        stops.join().unwrap();
    });
}
