//! A child by `fork` alone, since under an emulator a program can't start itself again. It has only the thread that forked,
//! and would wait forever for locks that other threads held at that moment.

use super::Outcome;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitStatus;

impl Outcome {
    /// By `abort`.
    #[allow(dead_code, reason = "not every test looks for it")]
    pub fn aborted(&self) -> bool {
        self.status.signal() == Some(libc::SIGABRT)
    }

    /// By a touch of memory that the kernel refused.
    #[allow(dead_code, reason = "not every test looks for it")]
    pub fn ended_by_a_fault(&self) -> bool {
        self.status.signal() == Some(libc::SIGSEGV)
    }
}

/// Nothing to note: a child goes on where it was forked.
pub fn begin(_test: &'static str) {}

/// Forks, runs `body` in the child, which ends with status 0 if `body` returns, and waits for it.
#[allow(dead_code, reason = "not every test has a child")]
pub fn run(body: impl FnOnce()) -> Outcome {
    let mut pipe = [0; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    // SAFETY: this is the only thread.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: plain system calls on descriptors of ours; no core dump for an intended crash.
        unsafe {
            libc::dup2(pipe[1], libc::STDERR_FILENO);
            libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
        }
        let status = i32::from(panic::catch_unwind(AssertUnwindSafe(body)).is_err());
        // SAFETY: ends the process, and leaves the parent's files alone.
        unsafe { libc::_exit(status) };
    }
    // SAFETY: both descriptors were made above, and this is their only owner.
    let (reader, writer) = unsafe { (OwnedFd::from_raw_fd(pipe[0]), OwnedFd::from_raw_fd(pipe[1])) };
    drop(writer);
    let mut stderr = String::new();
    std::fs::File::from(reader).read_to_string(&mut stderr).unwrap();
    let mut status = 0;
    // SAFETY: the child is ours, and room for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    Outcome { status: ExitStatus::from_raw(status), stderr }
}
