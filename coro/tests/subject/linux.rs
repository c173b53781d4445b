//! Threads of Linux.

/// What is said of a thread that is not there.
pub const NO_SUCH_THREAD: i32 = libc::ESRCH;

/// The calling thread's.
pub fn number() -> u32 {
    // SAFETY: no arguments.
    (unsafe { libc::syscall(libc::SYS_gettid) }) as u32
}

/// Some thread that is not of this process: the main thread of who has started it.
pub fn foreign_thread() -> u32 {
    std::os::unix::process::parent_id()
}
