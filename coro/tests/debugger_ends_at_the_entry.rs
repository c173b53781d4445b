//! gdb's backtrace of a running coroutine ends at the entry of its stack, without a complaint.
#![cfg(target_os = "linux")]

use fibra_coro::{Coroutine, Resumed, Suspender};
use std::process::Command;

/// Set in the process that gdb runs.
const DEBUGGED: &str = "FIBRA_TEST_DEBUGGED";

#[inline(never)]
fn stops_here() {
    // SAFETY: stops the process, for the debugger.
    let status = unsafe { libc::raise(libc::SIGTRAP) };
    // Something to do after the call: else it would be a jump, and this function not in the backtrace.
    assert_eq!(status, 0);
}

#[test]
fn its_backtrace_is_complete() {
    if std::env::var_os(DEBUGGED).is_some() {
        let mut coroutine = Coroutine::new(|_: &Suspender<(), ()>, ()| stops_here()).unwrap();
        assert_eq!(coroutine.resume(()), Resumed::Returned(()));
        return;
    }
    let program = std::env::current_exe().unwrap();
    if Command::new("gdb").arg("--version").output().is_err() {
        println!("there is no gdb here");
        return;
    }
    if !Command::new(&program).arg("--list").output().is_ok_and(|output| output.status.success()) {
        println!("this program can't start itself: it runs in an emulator, and so would gdb's child");
        return;
    }
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", "run", "-ex", "bt", "--args"])
        .arg(&program)
        .args(["--exact", "its_backtrace_is_complete", "--nocapture"])
        .env(DEBUGGED, "1")
        .output()
        .unwrap();
    let (text, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let frames: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    assert!(frames.iter().any(|frame| frame.contains("stops_here")), "{text}\n{complaints}");
    assert!(
        frames.last().is_some_and(|frame| frame.contains("fibra_coro::arch::current::start")),
        "{text}\n{complaints}"
    );
    assert!(
        !text.contains("Backtrace stopped") && !complaints.contains("Backtrace stopped"),
        "{text}\n{complaints}"
    );
}
