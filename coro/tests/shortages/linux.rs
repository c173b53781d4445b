//! Limits on address space, and locked memory.

use super::child;
use fibra_coro::{Stack, StackError, StackPool};
use std::io;

pub const TESTS: &[child::Test] = &[
    ("address_space_that_runs_out_is_named", address_space_that_runs_out_is_named),
    ("locked_memory_gets_protected_guards", locked_memory_gets_protected_guards),
];

/// Lets the process have `bytes` of address space more than it has; `false` if that isn't enforced (by an emulator).
fn limit_address_space(bytes: usize) -> bool {
    let pages: usize =
        std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = (pages * 4096 + bytes) as u64;
    // SAFETY: a plain limit; then a mapping beyond it, that nobody uses.
    unsafe {
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &libc::rlimit { rlim_cur: limit, rlim_max: limit }), 0);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        libc::mmap(std::ptr::null_mut(), 2 * bytes, libc::PROT_NONE, flags, -1, 0) == libc::MAP_FAILED
    }
}

fn address_space_that_runs_out_is_named() {
    const SPACE: usize = 64 << 20;
    const SIZE: usize = 2 << 20;
    let outcome = child::run(|| {
        let mut stacks = Vec::<Stack>::with_capacity(SPACE / SIZE);
        if !limit_address_space(SPACE) {
            eprintln!("not enforced");
            return;
        }
        let mut pool = StackPool::default();
        let error = loop {
            match pool.allocate(SIZE) {
                Ok(stack) => stacks.push(stack),
                Err(error) => break error,
            }
        };
        // A slab of the usual size is larger than what there is; smaller ones fill it.
        assert!(stacks.len() > SPACE / SIZE / 2, "{}", stacks.len());
        assert!(matches!(error, StackError::OutOfMemory { size: SIZE, .. }), "{error:?}");
        assert!(error.to_string().contains("no address space or memory for stacks of 2048 KiB"), "{error}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::OutOfMemory);
        // What was had is good, and goes back.
        stacks.drain(..).for_each(|stack| pool.release(stack));
        assert!(pool.allocate(SIZE).is_ok());
    });
    assert!(outcome.status.success(), "{outcome:?}");
}

fn locked_memory_gets_protected_guards() {
    let outcome = child::run(|| {
        let mut pool = StackPool::default();
        let _probed = pool.allocate(16 * 1024).unwrap();
        // SAFETY: locks what is touched from now on.
        if unsafe { libc::mlockall(libc::MCL_FUTURE | libc::MCL_ONFAULT) } != 0 {
            eprintln!("memory can't be locked here");
            // SAFETY: ends the child as the touch below would.
            unsafe { libc::raise(libc::SIGSEGV) };
        }
        let stack = pool.allocate(64 * 1024).unwrap();
        // SAFETY: the lowest usable byte.
        unsafe { stack.bounds().limit.write_volatile(1) };
        eprintln!("touches the guard");
        // SAFETY: none: this is the fault.
        unsafe { stack.bounds().limit.sub(1).write_volatile(1) };
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
    // And by the guard, not earlier.
    assert!(["guard", "here"].iter().any(|word| outcome.stderr.contains(word)), "{outcome:?}");
}
