//! A signal has a thread looked at, also where signals are blocked, and nothing else notices.

#![cfg(target_os = "linux")]

mod subject;

use fibra_coro::snapshot::{self, Moment};
use std::hint::spin_loop;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use subject::{Subject, number, spin, take};

/// Looks at a thread that answers for sure.
fn answers(thread: u32) -> bool {
    // SAFETY: the function does nothing.
    unsafe { take(thread, &mut |_| ()) }.is_ok()
}

/// One that has blocked the signal, until it is told to end: then it comes, when its request has been taken back.
fn start_blocked() -> Subject {
    Subject::start_unadmitted(|over, ready| {
        snapshot::admit().unwrap();
        block_all_signals(true);
        ready.send(number()).unwrap();
        spin(over);
        block_all_signals(false);
    })
}

#[test]
fn a_thread_that_blocks_the_signal_is_given_up_and_may_answer_too_late() {
    let subject = start_blocked();
    let mut has_looked = false;
    // SAFETY: the function writes a flag of this frame.
    let error = unsafe { snapshot::take(subject.thread, &mut |_| has_looked = true) }.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    subject.end();
    assert!(!has_looked);
    let next = Subject::start(spin);
    assert!(answers(next.thread), "the slot is free again");
    next.end();
}

fn block_all_signals(blocked: bool) {
    let how = if blocked { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    // SAFETY: a set in this frame, which the first call fills.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        assert_eq!(libc::pthread_sigmask(how, &all, std::ptr::null_mut()), 0);
    }
}

#[test]
fn a_child_thread_of_one_that_blocks_all_signals_can_be_looked_at() {
    let subject = Subject::start_unadmitted(|over, ready| {
        block_all_signals(true);
        snapshot::admit().unwrap();
        ready.send(number()).unwrap();
        spin(over);
    });
    assert!(answers(subject.thread));
    subject.end();
}

#[test]
fn what_is_interrupted_finds_its_error_number_as_it_was() {
    static WRONG: AtomicU32 = AtomicU32::new(0);
    let subject = Subject::start(|over| {
        while !over.load(Ordering::Relaxed) {
            // SAFETY: this thread's error number.
            unsafe { *libc::__errno_location() = 4321 };
            (0..100).for_each(|_| spin_loop());
            // SAFETY: as above.
            if unsafe { *libc::__errno_location() } != 4321 {
                WRONG.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    for _ in 0..200 {
        let mut fail = |_: &Moment| {
            // SAFETY: a system call that fails, and changes the error number.
            unsafe { libc::close(-1) };
        };
        // SAFETY: the function makes a system call that a handler may make.
        unsafe { take(subject.thread, &mut fail) }.unwrap();
    }
    subject.end();
    assert_eq!(WRONG.load(Ordering::Relaxed), 0);
}

/// Children of a process with several threads may do little: no other fork at the same time.
static FORKS: Mutex<()> = Mutex::new(());

/// Whether the check holds in a forked child.
fn holds_in_child(check: impl FnOnce() -> bool) -> bool {
    let _one_at_a_time = FORKS.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the child calls what works after a fork with glibc, and ends at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let status = i32::from(!check());
        // SAFETY: ends the child.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: the call writes one number.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn a_child_that_was_forked_during_a_look_can_look_at_its_threads() {
    let blocked = start_blocked();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // It is asked for as long as this takes: the children find the slot taken.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // SAFETY: the function does nothing.
                assert!(unsafe { snapshot::take(blocked.thread, &mut |_| ()) }.is_err());
            }
        });
        thread::sleep(Duration::from_millis(20));
        for _ in 0..5 {
            // SAFETY: the function does nothing.
            assert!(holds_in_child(|| unsafe { snapshot::take(number(), &mut |_| ()) }.is_ok()));
        }
        over.store(true, Ordering::Relaxed);
    });
    blocked.end();
}
