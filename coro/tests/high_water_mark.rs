//! How much of a stack was ever used can be read.

use fibra_coro::{Context, Stack, StackPool, switch};
use std::hint::black_box;

static mut OUTSIDE: Context = Context::null();
static mut INSIDE: Context = Context::null();

/// Descends until the stack pointer is about `bytes` below `from`.
#[inline(never)]
fn use_up(from: usize, bytes: usize) {
    let frame = black_box([0_u8; 1024]);
    if from - frame.as_ptr().addr() < bytes {
        use_up(from, bytes);
    }
    black_box(&frame);
}

unsafe extern "C" fn entry(bytes: usize) -> ! {
    let here = 0_u8;
    use_up((&raw const here).addr(), bytes);
    // SAFETY: back to the test; this file has one test that switches.
    unsafe { switch(&raw mut INSIDE, OUTSIDE, 0) };
    unreachable!("nobody continues us")
}

fn run(stack: &Stack, bytes: usize) {
    // SAFETY: the stack is fresh, or its frames are abandoned.
    unsafe { switch(&raw mut OUTSIDE, stack.prepare(entry), bytes) };
}

#[test]
fn it_grows_with_use_and_never_shrinks() {
    let mut pool = StackPool::default();
    let stack = pool.allocate(2 * 1024 * 1024).unwrap();
    assert_eq!(stack.high_water_mark().unwrap(), 0);
    run(&stack, 0);
    let little = stack.high_water_mark().unwrap();
    assert!((1..=64 * 1024).contains(&little), "{little}");
    run(&stack, 1024 * 1024);
    let much = stack.high_water_mark().unwrap();
    assert!((1024 * 1024..stack.size()).contains(&much), "{much}");
    run(&stack, 0);
    assert_eq!(stack.high_water_mark().unwrap(), much);
    pool.release(stack);
}
