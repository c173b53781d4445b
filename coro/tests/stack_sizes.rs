//! A stack has at least the size that was asked for; a size out of all proportion is an error that says so.

use fibra_coro::{Context, GuardKind, Stack, StackBounds, StackError, StackPool, StackPoolConfig, switch};
use std::hint::black_box;

struct Descent {
    outside: Context,
    inside: Context,
    /// How much stack is used at least.
    bytes: usize,
    /// How deep it got.
    lowest: usize,
}

/// Descends to within a page of the limit; the frames in between are touched too.
#[inline(never)]
fn descend(descent: *mut Descent, from: usize) -> u64 {
    let frame = black_box([1_u64; 64]);
    let here = frame.as_ptr().addr();
    // SAFETY: the descent outlives this stack's use.
    let bytes = unsafe {
        (*descent).lowest = here;
        (*descent).bytes
    };
    if from - here < bytes { descend(descent, from) + black_box(&frame)[0] } else { 0 }
}

unsafe extern "C" fn entry(descent: usize) -> ! {
    let here = 0_u8;
    let descent = descent as *mut Descent;
    descend(descent, (&raw const here).addr());
    // SAFETY: back to the test.
    unsafe { switch(&raw mut (*descent).inside, (*descent).outside, 0) };
    unreachable!("nobody continues us")
}

/// Stands on the stack and uses it down to its limit, but for what a frame takes.
fn use_all_of(stack: &Stack) {
    const FRAME: usize = 2 * 1024;
    let (outside, inside) = (Context::null(), Context::null());
    let mut descent = Descent { outside, inside, bytes: stack.size() - 2 * FRAME, lowest: 0 };
    let place = &raw mut descent;
    // SAFETY: the stack is fresh, and its frames are abandoned.
    unsafe { switch(&raw mut (*place).outside, stack.prepare(entry), place as usize) };
    assert!(stack.bounds().top.addr() - descent.lowest >= stack.size() - 2 * FRAME);
    assert!(stack.bounds().contains(descent.lowest));
}

#[test]
fn at_least_what_was_asked_for() {
    let mut pool = StackPool::default();
    for size in [0, 1, 4096, 16_384, 16_385, 65_536, 100_000, 2 << 20, (2 << 20) + 1, 8 << 20, 1 << 30] {
        let stack = pool.allocate(size).unwrap();
        let StackBounds { top, limit, guard, .. } = stack.bounds();
        assert!(stack.size() >= size);
        assert!(top.addr() - limit.addr() >= stack.size());
        assert!(limit.addr() - guard.addr() >= 16 * 1024);
        assert!(size < 256 * 1024 || limit.addr() - guard.addr() >= 64 * 1024);
        assert_eq!(top.addr() % 16, 0);
        if stack.size() <= 8 << 20 {
            use_all_of(&stack);
        }
        pool.release(stack);
    }
}

#[test]
fn too_large_is_an_error_that_names_both_sizes() {
    for size in [(1 << 30) + 1, 1 << 40, usize::MAX / 2 + 2, usize::MAX] {
        let error = StackPool::default().allocate(size).unwrap_err();
        assert!(
            matches!(error, StackError::TooLarge { size: asked, largest } if asked == size && largest == 1 << 30)
        );
        assert_eq!(StackPool::check_size(size).unwrap_err().to_string(), error.to_string());
        let text = error.to_string();
        assert!(text.contains(&size.to_string()) && text.contains("1073741824"), "{text}");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[test]
fn tops_have_many_colours() {
    let mut pool = StackPool::default();
    let colours: std::collections::HashSet<usize> =
        (0..64).map(|_| pool.allocate(64 * 1024).unwrap().bounds().top.addr() % 4096).collect();
    assert_eq!(colours.len(), 16);
    // What is left of the first page is enough for a parked thread.
    assert!(colours.iter().all(|&colour| colour == 0 || colour >= 3 * 1024));
}

#[test]
fn a_guard_that_cannot_be_had_is_an_error_that_says_how_it_was_tried() {
    let mut config = StackPoolConfig::default();
    config.guard = Some(GuardKind::Install);
    let result = StackPool::new(config).allocate(64 * 1024);
    match GuardKind::Install.probe() {
        Ok(()) => assert!(result.is_ok()),
        Err(_) => {
            let text = result.unwrap_err().to_string();
            assert!(text.contains("MADV_GUARD_INSTALL"), "{text}");
        }
    }
}
