//! The overflow handler among other handlers of its signals.

use super::{child, locate, overflow_a_coroutine, touch_nothing};
use fibra_coro::{Coroutine, Resumed, Suspender, overflow};
use std::sync::atomic::{AtomicUsize, Ordering};

pub const TESTS: &[child::Test] = &[
    ("any_other_fault_goes_to_the_handler_before", any_other_fault_goes_to_the_handler_before),
    ("without_a_handler_before_a_fault_still_kills", without_a_handler_before_a_fault_still_kills),
    ("a_sent_signal_still_kills", a_sent_signal_still_kills),
    ("switched_off_it_is_gone_and_says_nothing", switched_off_it_is_gone_and_says_nothing),
    (
        "switched_off_it_passes_on_what_a_later_handler_gives_it",
        switched_off_it_passes_on_what_a_later_handler_gives_it,
    ),
    ("a_watched_thread_gets_its_signal_stack_back", a_watched_thread_gets_its_signal_stack_back),
];

fn any_other_fault_goes_to_the_handler_before() {
    unsafe extern "C" fn before(_: libc::c_int) {
        // SAFETY: ends the process.
        unsafe { libc::_exit(77) };
    }
    let outcome = child::run(|| {
        // SAFETY: the handler is async-signal-safe.
        unsafe { libc::signal(libc::SIGSEGV, before as *const () as usize) };
        let mut coroutine = Coroutine::new(|_: &Suspender<(), ()>, ()| touch_nothing()).unwrap();
        let _: Resumed<(), ()> = coroutine.resume(());
    });
    assert_eq!(outcome.status.code(), Some(77), "{outcome:?}");
}

fn without_a_handler_before_a_fault_still_kills() {
    let outcome = child::run(|| {
        // SAFETY: back to the default.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
        overflow::install().unwrap();
        touch_nothing();
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
    assert!(!outcome.stderr.contains("fibra"), "{outcome:?}");
}

fn a_sent_signal_still_kills() {
    let outcome = child::run(|| {
        // SAFETY: back to the default; then a signal to ourselves.
        unsafe {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            overflow::install().unwrap();
            libc::kill(libc::getpid(), libc::SIGSEGV);
        }
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
}

fn handler() -> libc::sighandler_t {
    // SAFETY: zeros are a value of this type; the call fills it.
    unsafe {
        let mut present: libc::sigaction = std::mem::zeroed();
        assert_eq!(libc::sigaction(libc::SIGSEGV, std::ptr::null(), &mut present), 0);
        present.sa_sigaction
    }
}

fn switched_off_it_is_gone_and_says_nothing() {
    let outcome = child::run(|| {
        // SAFETY: back to the default.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
        overflow::install().unwrap();
        assert_ne!(handler(), libc::SIG_DFL);
        overflow::disable().unwrap();
        assert_eq!(handler(), libc::SIG_DFL);
        overflow_a_coroutine();
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
    assert!(!outcome.stderr.contains("fibra"), "{outcome:?}");
}

fn switched_off_it_passes_on_what_a_later_handler_gives_it() {
    static OURS: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn later(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        // SAFETY: it is the handler that stood here before, and is called as the kernel would.
        unsafe {
            let ours: unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                std::mem::transmute(OURS.load(Ordering::Relaxed));
            ours(signal, info, context);
        }
    }
    let outcome = child::run(|| {
        // SAFETY: back to the default; then a handler of the type that the flag demands, on the thread's signal stack.
        unsafe {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            overflow::install().unwrap();
            OURS.store(handler(), Ordering::Relaxed);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = later as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            assert_eq!(libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()), 0);
        }
        overflow::disable().unwrap();
        assert_eq!(handler(), later as *const () as usize);
        overflow_a_coroutine();
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
    assert!(!outcome.stderr.contains("fibra"), "{outcome:?}");
}

fn a_watched_thread_gets_its_signal_stack_back() {
    fn signal_stack() -> (usize, usize) {
        // SAFETY: zeros are a value of this type; the call fills it.
        unsafe {
            let mut present: libc::stack_t = std::mem::zeroed();
            assert_eq!(libc::sigaltstack(std::ptr::null(), &mut present), 0);
            (present.ss_sp.addr(), present.ss_size)
        }
    }
    let before = signal_stack();
    // SAFETY: `locate` isn't called unless there is a fault.
    let watched = unsafe { overflow::watch_thread(locate, std::ptr::null()) }.unwrap();
    let (address, size) = signal_stack();
    assert_ne!(address, before.0);
    assert!(size >= 64 * 1024);
    drop(watched);
    assert_eq!(signal_stack(), before);
}
