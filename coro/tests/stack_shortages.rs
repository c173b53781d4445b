//! Where stacks can't be had as usual, they are had otherwise, or an error says what is missing.

use fibra_coro::{CoroutineError, GuardKind, Stack, StackError, StackPool, UnsupportedError};
use std::error::Error;
use std::io;
use std::process::ExitCode;

mod child;

fn main() -> ExitCode {
    child::run_tests(&[
        ("address_space_that_runs_out_is_named", address_space_that_runs_out_is_named),
        ("locked_memory_gets_protected_guards", locked_memory_gets_protected_guards),
        ("errors_keep_their_cause_and_their_kind", errors_keep_their_cause_and_their_kind),
    ])
}

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
    assert!(outcome.ended_by(libc::SIGSEGV), "{outcome:?}");
    // And by the guard, not earlier.
    assert!(["guard", "here"].iter().any(|word| outcome.stderr.contains(word)), "{outcome:?}");
}

fn errors_keep_their_cause_and_their_kind() {
    let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
    let guard = StackError::GuardUnavailable { kind: GuardKind::Protect, source: refused() };
    assert_eq!(guard.to_string(), "no guard for a stack could be made by mprotect: permission denied");
    assert_eq!(guard.source().unwrap().to_string(), "permission denied");
    assert_eq!(io::Error::from(guard).kind(), io::ErrorKind::Unsupported);
    let mappings = StackError::TooManyMappings { source: refused() };
    assert!(mappings.to_string().contains("vm.max_map_count"));
    assert_eq!(io::Error::from(mappings).kind(), io::ErrorKind::OutOfMemory);
    let unsupported = CoroutineError::Unsupported(UnsupportedError::ShadowStack);
    assert!(unsupported.to_string().contains("shadow stacks"), "{unsupported}");
    assert_eq!(io::Error::from(UnsupportedError::ShadowStack).kind(), io::ErrorKind::Unsupported);
}
