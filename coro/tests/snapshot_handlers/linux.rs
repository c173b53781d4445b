//! `SIGURG` and its other handlers.

use super::child;
use fibra_coro::snapshot;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering};

pub const TESTS: &[child::Test] = &[
    ("the_handler_before_ours_gets_what_is_not_for_us", the_handler_before_ours_gets_what_is_not_for_us),
    ("a_handler_that_takes_our_place_is_left_alone", a_handler_that_takes_our_place_is_left_alone),
    ("nobody_is_asked_before_a_thread_was_admitted", nobody_is_asked_before_a_thread_was_admitted),
];

/// In a process of its own.
#[track_caller]
fn succeeds(body: impl FnOnce()) {
    let outcome = child::run(body);
    assert!(outcome.status.success(), "{}", outcome.stderr);
}

static HEARD: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn hear(_: libc::c_int) {
    HEARD.fetch_add(1, Ordering::Relaxed);
}

fn install_another_handler() {
    // SAFETY: the handler is async-signal-safe.
    unsafe { libc::signal(libc::SIGURG, hear as *const () as usize) };
}

fn look_at_myself() -> io::Result<()> {
    // SAFETY: no arguments.
    let me = (unsafe { libc::syscall(libc::SYS_gettid) }) as u32;
    // SAFETY: the function does nothing.
    unsafe { snapshot::take(me, &mut |_| ()) }
}

fn the_handler_before_ours_gets_what_is_not_for_us() {
    succeeds(|| {
        install_another_handler();
        snapshot::admit().unwrap();
        look_at_myself().unwrap();
        assert_eq!(HEARD.load(Ordering::Relaxed), 0, "that one was ours");
        // SAFETY: takes a number.
        unsafe { libc::raise(libc::SIGURG) };
        assert_eq!(HEARD.load(Ordering::Relaxed), 1);
    });
}

fn a_handler_that_takes_our_place_is_left_alone() {
    succeeds(|| {
        snapshot::admit().unwrap();
        install_another_handler();
        assert_eq!(look_at_myself().unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(HEARD.load(Ordering::Relaxed), 0);
    });
}

fn nobody_is_asked_before_a_thread_was_admitted() {
    succeeds(|| {
        assert_eq!(look_at_myself().unwrap_err().kind(), ErrorKind::Unsupported);
    });
}
