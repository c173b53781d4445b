//! What the console says: whoever hears of it is told, and if nobody does, the system ends the process.
//!
//! What signals are on Unix is in `signal_unix.rs`.
#![cfg(windows)]

#[path = "support/child.rs"]
mod child;

use fibra::{
    cancel::Cancelled,
    future,
    signal::{Signal, Signals, ctrl_c, ctrl_c_async},
    thread,
};
use std::{io::ErrorKind, os::windows::process::CommandExt, process::Output, time::Duration};
use windows_sys::Win32::{
    Foundation::STATUS_CONTROL_C_EXIT,
    System::{
        Console::{CTRL_C_EVENT, GenerateConsoleCtrlEvent},
        Threading::CREATE_NO_WINDOW,
    },
};

const MOMENT: Duration = Duration::from_millis(20);

/// Whoever shares a console hears of what is pressed there.
fn in_its_own_console(test: &str) -> Output {
    child::output(child::running(test).creation_flags(CREATE_NO_WINDOW))
}

/// Wine has no other key.
fn press_ctrl_c() {
    // SAFETY: the call takes numbers; the console is this process' own.
    assert_ne!(unsafe { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) }, 0);
}

#[test]
fn threads_futures_and_os_threads_hear_of_the_console() {
    let output = in_its_own_console("child_hears");
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy);
    assert!(output.status.success() && said[0].contains("1 passed"), "{said:?}");
}

#[test]
#[ignore = "presses keys: another test runs it in a console of its own"]
fn child_hears() {
    let all = Signals::termination().unwrap();
    fibra::run(|| {
        let hears = || Signals::new([Signal::INTERRUPT, Signal::BREAK]).unwrap();
        let (first, second, third) = (hears(), hears(), hears());
        let green = thread::spawn(move || first.recv());
        let future = future::spawn(async move { second.recv_async().await });
        let os = std::thread::spawn(move || third.recv());
        thread::sleep(MOMENT);
        assert!(!green.is_finished() && !future.is_finished() && !os.is_finished());
        press_ctrl_c();
        assert_eq!(green.join().unwrap().unwrap(), Signal::INTERRUPT);
        assert_eq!(fibra::wait(future).unwrap().unwrap(), Signal::INTERRUPT);
        assert_eq!(os.join().unwrap().unwrap(), Signal::INTERRUPT);
    });
    assert_eq!([all.try_recv(), all.try_recv()], [Some(Signal::INTERRUPT), None]);
}

#[test]
fn ctrl_c_is_waited_for() {
    let output = in_its_own_console("child_waits_for_ctrl_c");
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy);
    assert!(output.status.success() && said[0].contains("1 passed"), "{said:?}");
}

#[test]
#[ignore = "presses keys: another test runs it in a console of its own"]
fn child_waits_for_ctrl_c() {
    fibra::run(|| {
        let signals = Signals::new([Signal::INTERRUPT]).unwrap();
        let (direct, future) = (thread::spawn(ctrl_c), future::spawn(ctrl_c_async()));
        while !direct.is_finished() || !future.is_finished() {
            // Until both have begun.
            press_ctrl_c();
            thread::sleep(MOMENT);
        }
        direct.join().unwrap().unwrap();
        fibra::wait(future).unwrap().unwrap();
        assert_eq!(signals.recv().unwrap(), Signal::INTERRUPT);
    });
}

#[test]
fn what_nobody_hears_of_ends_the_process() {
    // With another status in Wine than in Windows.
    let output = in_its_own_console("child_has_stopped_listening");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test") && !said.contains("test result"), "{output:?}");
}

#[test]
fn the_default_action_is_the_systems() {
    let output = in_its_own_console("child_does_what_the_system_would");
    assert_eq!(output.status.code(), Some(STATUS_CONTROL_C_EXIT), "{output:?}");
}

#[test]
#[ignore = "ends its process: another test runs it in a console of its own"]
fn child_has_stopped_listening() {
    drop(Signals::termination().unwrap());
    press_ctrl_c();
    std::thread::sleep(Duration::from_secs(10));
}

#[test]
#[ignore = "ends its process: another test runs it in a console of its own"]
fn child_does_what_the_system_would() {
    let signals = Signals::new([Signal::INTERRUPT]).unwrap();
    press_ctrl_c();
    signals.recv().and_then(Signal::default_action).unwrap();
}

#[fibra::test]
fn a_cancelled_wait_is_an_error() {
    let signals = Signals::new([Signal::CLOSE]).unwrap();
    let waiting = thread::spawn(move || signals.recv());
    thread::sleep(MOMENT);
    waiting.cancel();
    assert!(Cancelled::caused(&waiting.join().unwrap().unwrap_err()));
}

#[test]
fn what_there_is_not_is_refused() {
    for number in [3, 4, 7, 32, -1] {
        let error = Signals::new([Signal::INTERRUPT, Signal::from_raw(number)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}: {error}");
    }
    assert_eq!(Signals::new([]).unwrap_err().kind(), ErrorKind::InvalidInput);
}
