//! Signals: whoever hears of one is told of each, from wherever it waits, and leaves nothing behind.
//!
//! What the console says on Windows is in `signal_windows.rs`.
#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "support/patience.rs"]
mod patience;

use fibra::{
    cancel::Cancelled,
    future,
    signal::{Signal, Signals, ctrl_c, ctrl_c_async},
    thread, time,
};
use patience::eventually;
use std::{
    future::Future,
    io::ErrorKind,
    mem::MaybeUninit,
    os::unix::process::ExitStatusExt,
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    time::Duration,
};

const MOMENT: Duration = Duration::from_millis(2);

/// Signals are the process's: one test at a time. Who has the turn stands on its own OS thread, or is alone on its runtime.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has been handled when this returns.
fn raise(signal: Signal) {
    // SAFETY: it is handled by the library.
    assert_eq!(unsafe { libc::raise(signal.as_raw()) }, 0);
}

fn users() -> Signals {
    Signals::new([Signal::USER1, Signal::USER2]).unwrap()
}

#[test]
fn each_kind_is_told_of_once_and_to_everybody() {
    let _turn = turn();
    let (first, second) = (users(), Signals::new([Signal::USER2, Signal::USER2]).unwrap());
    for signal in [Signal::USER2, Signal::USER1, Signal::USER2] {
        raise(signal);
    }
    let mut heard: Vec<_> = std::iter::from_fn(|| first.try_recv()).collect();
    heard.sort_unstable();
    let mut expected = [Signal::USER1, Signal::USER2];
    expected.sort_unstable();
    assert_eq!(heard, expected);
    assert_eq!([second.try_recv(), second.try_recv()], [Some(Signal::USER2), None]);
    let late = users();
    assert_eq!(late.try_recv(), None);
}

#[fibra::test]
fn threads_futures_and_os_threads_wait() {
    let _turn = turn();
    let green = {
        let signals = users();
        thread::spawn(move || signals.recv())
    };
    let future = {
        let signals = users();
        future::spawn(async move { signals.recv_async().await })
    };
    let os = {
        let signals = users();
        std::thread::spawn(move || signals.recv())
    };
    thread::sleep(MOMENT);
    assert!(!green.is_finished() && !future.is_finished() && !os.is_finished());
    raise(Signal::USER1);
    assert_eq!(green.join().unwrap().unwrap(), Signal::USER1);
    assert_eq!(fibra::wait(future).unwrap().unwrap(), Signal::USER1);
    assert_eq!(os.join().unwrap().unwrap(), Signal::USER1);
}

#[fibra::test]
fn who_share_are_told_of_one_each() {
    let _turn = turn();
    let signals = users();
    for _ in 0..100 {
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| signals.recv())).collect();
            thread::yield_now();
            raise(Signal::USER1);
            raise(Signal::USER2);
            let heard: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect();
            assert!(heard.contains(&Signal::USER1) && heard.contains(&Signal::USER2), "{heard:?}");
        });
    }
    assert_eq!(signals.try_recv(), None);
}

#[fibra::test]
fn many_that_nobody_takes_hold_up_nothing() {
    let _turn = turn();
    let signals = users();
    // More than a socket has room for.
    (0..5_000).for_each(|_| raise(Signal::USER1));
    assert_eq!(signals.recv().unwrap(), Signal::USER1);
    let more = time::timeout(MOMENT, || signals.recv());
    assert!(!matches!(more, Ok(Ok(_))), "{more:?}");
    raise(Signal::USER2);
    assert_eq!(signals.recv().unwrap(), Signal::USER2);
}

#[fibra::test]
fn a_cancelled_wait_loses_nothing() {
    let _turn = turn();
    let signals = users();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| signals.recv());
        thread::sleep(MOMENT);
        waiting.cancel();
        assert!(Cancelled::caused(&waiting.join().unwrap().unwrap_err()));
    });
    let mut waiting = Box::pin(signals.recv_async());
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    raise(Signal::USER1);
    drop(waiting);
    assert_eq!(signals.recv().unwrap(), Signal::USER1);
    assert_eq!(signals.try_recv(), None);
}

#[fibra::test]
fn ctrl_c_is_waited_for() {
    let _turn = turn();
    let direct = thread::spawn(ctrl_c);
    let future = future::spawn(ctrl_c_async());
    // Nobody else hears of one that comes too early: it must not end the process.
    let signals = Signals::termination().unwrap();
    eventually("both have begun", || {
        raise(Signal::INTERRUPT);
        direct.is_finished() && future.is_finished()
    });
    direct.join().unwrap().unwrap();
    fibra::wait(future).unwrap().unwrap();
    assert_eq!(signals.try_recv(), Some(Signal::INTERRUPT));
    raise(Signal::TERMINATE);
    assert_eq!(signals.recv().unwrap(), Signal::TERMINATE);
}

#[test]
fn what_nobody_may_hear_of_is_refused() {
    let _turn = turn();
    for number in
        [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, 0, -1, 1_000]
    {
        let error = Signals::new([Signal::USER1, Signal::from_raw(number)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}: {error}");
    }
    assert_eq!(Signals::new([]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_handler_stands_on_the_stack_for_signals() {
    let _turn = turn();
    let _signals = Signals::new([Signal::WINDOW_CHANGE]).unwrap();
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: nothing is installed, and there is room for what is told.
    let action = unsafe {
        assert_eq!(libc::sigaction(libc::SIGWINCH, ptr::null(), action.as_mut_ptr()), 0);
        action.assume_init()
    };
    assert_ne!(action.sa_flags & libc::SA_ONSTACK, 0);
    assert_ne!(action.sa_flags & libc::SA_RESTART, 0);
}

#[test]
fn the_dropped_leave_no_descriptor() {
    let _turn = turn();
    // There are fewer descriptors than this.
    for _ in 0..10_000 {
        drop(users());
        drop(Signals::new([Signal::USER1, Signal::from_raw(libc::SIGKILL)]).unwrap_err());
    }
    // What nobody hears of any more does nothing.
    raise(Signal::USER1);
}

#[test]
fn the_default_action_is_the_systems() {
    let status = child::output(&mut child::running("child_ends_by_a_signal")).status;
    assert_eq!(status.signal(), Some(libc::SIGTERM), "{status}");
}

#[test]
#[ignore = "ends its process: another test runs it"]
fn child_ends_by_a_signal() {
    let signals = Signals::termination().unwrap();
    raise(Signal::TERMINATE);
    assert_eq!(signals.recv().unwrap(), Signal::TERMINATE);
    Signal::WINDOW_CHANGE.default_action().unwrap();
    Signal::TERMINATE.default_action().unwrap();
    unreachable!("it has ended");
}
