//! Who overflows a stack learns which one, how large it is, and what to do.

use fibra_coro::overflow::{self, Located};
use fibra_coro::{
    Context, Coroutine, GuardKind, Resumed, StackBounds, StackPool, StackPoolConfig, Suspender, switch,
};
use std::hint::black_box;
use std::process::ExitCode;

mod child;
#[cfg(unix)]
#[path = "overflow_handlers/unix.rs"]
mod handlers;
#[cfg(windows)]
#[path = "overflow_handlers/windows.rs"]
mod handlers;

fn main() -> ExitCode {
    let tests: &[child::Test] = &[
        ("with_a_protected_guard", || names_the_stack(GuardKind::Protect)),
        ("with_an_installed_guard", || names_the_stack(GuardKind::Install)),
        ("with_a_guard_that_moves", || names_the_stack(GuardKind::PageGuard)),
        ("in_a_coroutine", in_a_coroutine),
        (
            "in_an_outer_coroutine_while_an_inner_one_is_suspended",
            in_an_outer_coroutine_while_an_inner_one_is_suspended,
        ),
    ];
    child::run_tests(&[tests, handlers::TESTS].concat())
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
    if let Err(error) = guard.probe() {
        println!("no such guards here: {error}");
        return;
    }
    let outcome = child::run(|| overflow_a_stack(guard));
    assert!(outcome.aborted(), "{outcome:?}");
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

fn overflow_a_coroutine() {
    let mut coroutine =
        Coroutine::with_stack_size(128 * 1024, |_: &Suspender<(), ()>, ()| black_box(recurse(0))).unwrap();
    let _: Resumed<(), u64> = coroutine.resume(());
}

fn in_a_coroutine() {
    let outcome = child::run(overflow_a_coroutine);
    assert!(outcome.aborted(), "{outcome:?}");
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

/// A fault that is no overflow.
fn touch_nothing() {
    // SAFETY: none: this is the fault.
    unsafe { black_box(std::ptr::without_provenance_mut::<u8>(8)).write_volatile(1) };
}
