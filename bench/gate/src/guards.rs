//! Guards of stacks that valgrind survives.
//!
//! To see whether a guard that `madvise` has made works, fibra-coro has the kernel read a signal set there. Valgrind keeps
//! the signal masks of the threads that it runs, so it reads that set itself, and crashes. Here such guards are refused, as
//! by a kernel that doesn't know them, and guards are made by `mprotect`; nothing that is counted makes any.

use libc::{c_int, c_void, size_t};

/// `MADV_GUARD_INSTALL` of Linux 6.13.
const GUARD_INSTALL: c_int = 102;

/// The C library's function of this name: the linker prefers the program's own.
///
/// # Safety
///
/// As in C: the range is the caller's, and stands what `advice` does to it.
#[unsafe(no_mangle)]
unsafe extern "C" fn madvise(address: *mut c_void, len: size_t, advice: c_int) -> c_int {
    // The kernel knows no advice of this number, and says so in `errno`.
    let advice = if advice == GUARD_INSTALL { -1 } else { advice };
    // SAFETY: by contract.
    let status = unsafe { libc::syscall(libc::SYS_madvise, address, len, advice) };
    status as c_int
}
