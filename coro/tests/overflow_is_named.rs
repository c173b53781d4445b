//! Who overflows a stack learns which one, how large it is, and what to do.

use fibra_coro::overflow::{self, Located};
use fibra_coro::{
    Context, Coroutine, GuardKind, Resumed, StackBounds, StackPool, StackPoolConfig, Suspender, switch,
};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

mod child;

fn main() -> ExitCode {
    child::run_tests(&[
        ("with_a_protected_guard", with_a_protected_guard),
        ("with_an_installed_guard", with_an_installed_guard),
        ("in_a_coroutine", in_a_coroutine),
        (
            "in_an_outer_coroutine_while_an_inner_one_is_suspended",
            in_an_outer_coroutine_while_an_inner_one_is_suspended,
        ),
        ("any_other_fault_goes_to_the_handler_before", any_other_fault_goes_to_the_handler_before),
        ("without_a_handler_before_a_fault_still_kills", without_a_handler_before_a_fault_still_kills),
        ("a_sent_signal_still_kills", a_sent_signal_still_kills),
        ("switched_off_it_is_gone_and_says_nothing", switched_off_it_is_gone_and_says_nothing),
        (
            "switched_off_it_passes_on_what_a_later_handler_gives_it",
            switched_off_it_passes_on_what_a_later_handler_gives_it,
        ),
        ("a_watched_thread_gets_its_signal_stack_back", a_watched_thread_gets_its_signal_stack_back),
    ])
}

/// Uses more and more stack.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + frame[63] }
}

unsafe extern "C" fn overflowing(_: usize) -> ! {
    black_box(recurse(0));
    std::process::exit(3)
}

unsafe fn locate(data: *const ()) -> Option<Located<'static>> {
    // SAFETY: `data` is the bounds in the test's frame.
    let bounds = unsafe { *data.cast::<StackBounds>() };
    Some(Located { bounds, name: Some("mapper"), advice: "Builder::stack_size" })
}

fn overflow_a_stack(guard: GuardKind) {
    let mut config = StackPoolConfig::default();
    config.guard = Some(guard);
    let stack = StackPool::new(config).allocate(64 * 1024).unwrap();
    let bounds = stack.bounds();
    overflow::install().unwrap();
    let mut outside = Context::null();
    // SAFETY: the bounds outlive the watch; the stack is fresh, and outlives its use since the pool leaks it.
    unsafe {
        let _watched = overflow::watch_thread(locate, (&raw const bounds).cast()).unwrap();
        switch(&raw mut outside, stack.prepare(overflowing), 0);
    }
}

fn names_the_stack(guard: GuardKind) {
    let outcome = child::run(|| overflow_a_stack(guard));
    assert!(outcome.ended_by(libc::SIGABRT), "{outcome:?}");
    let sentence = "thread 'mapper' (fibra green thread) has overflowed its stack of 64 KiB; \
                    raise it with Builder::stack_size\n";
    assert!(outcome.stderr.trim_start().starts_with(sentence), "{outcome:?}");
    let addresses: Vec<&str> =
        outcome.stderr.lines().filter(|line| line.starts_with("    program+0x")).collect();
    assert!(addresses.len() > 5, "{outcome:?}");
    // A recursion returns to one place again and again.
    assert!(
        addresses.iter().any(|address| addresses.iter().filter(|other| other == &address).count() > 3),
        "{outcome:?}"
    );
}

fn with_a_protected_guard() {
    names_the_stack(GuardKind::Protect);
}

fn with_an_installed_guard() {
    if let Err(error) = GuardKind::Install.probe() {
        println!("no such guards here: {error}");
        return;
    }
    names_the_stack(GuardKind::Install);
}

fn overflow_a_coroutine() {
    let mut coroutine =
        Coroutine::with_stack_size(128 * 1024, |_: &Suspender<(), ()>, ()| black_box(recurse(0))).unwrap();
    let _: Resumed<(), u64> = coroutine.resume(());
}

fn in_a_coroutine() {
    let outcome = child::run(overflow_a_coroutine);
    assert!(outcome.ended_by(libc::SIGABRT), "{outcome:?}");
    let sentence =
        "a fibra coroutine has overflowed its stack of 128 KiB; raise it with Coroutine::with_stack_size\n";
    assert!(outcome.stderr.trim_start().starts_with(sentence), "{outcome:?}");
}

fn in_an_outer_coroutine_while_an_inner_one_is_suspended() {
    let outcome = child::run(|| {
        let mut outer = Coroutine::with_stack_size(32 * 1024, |_: &Suspender<(), ()>, ()| {
            let mut inner = Coroutine::with_stack_size(256 * 1024, |suspender: &Suspender<(), ()>, ()| {
                suspender.suspend(());
            })
            .unwrap();
            assert_eq!(inner.resume(()), Resumed::Yielded(()));
            black_box(recurse(0))
        })
        .unwrap();
        let _: Resumed<(), u64> = outer.resume(());
    });
    assert!(outcome.stderr.contains("overflowed its stack of 32 KiB"), "{outcome:?}");
}

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

/// A fault that is no overflow.
fn touch_nothing() {
    // SAFETY: none: this is the fault.
    unsafe { black_box(std::ptr::without_provenance_mut::<u8>(8)).write_volatile(1) };
}

fn without_a_handler_before_a_fault_still_kills() {
    let outcome = child::run(|| {
        // SAFETY: back to the default.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
        overflow::install().unwrap();
        touch_nothing();
    });
    assert!(outcome.ended_by(libc::SIGSEGV), "{outcome:?}");
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
    assert!(outcome.ended_by(libc::SIGSEGV), "{outcome:?}");
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
    assert!(outcome.ended_by(libc::SIGSEGV), "{outcome:?}");
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
    assert!(outcome.ended_by(libc::SIGSEGV), "{outcome:?}");
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
