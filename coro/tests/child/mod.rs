//! Runs a piece of a test in a child process, for what ends the process.
//!
//! The child is made by `fork` alone, since under an emulator a program can't start itself again. A child has only the
//! thread that forked, and would wait forever for locks that other threads held at that moment: so these tests run
//! without the usual harness, one after the other, on the only thread of their process.

use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe};
use std::process::{ExitCode, ExitStatus};

/// How the child ended, and what it wrote to standard error.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub stderr: String,
}

impl Outcome {
    #[allow(dead_code, reason = "not every test looks for it")]
    pub fn ended_by(&self, signal: i32) -> bool {
        self.status.signal() == Some(signal)
    }
}

/// Forks, runs `body` in the child, which ends with status 0 if `body` returns, and waits for it.
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

/// Runs the tests whose names contain one of the program's arguments, or all; what a test harness does, on one thread.
pub fn run_tests(tests: &[(&str, fn())]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            tests.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut failed = 0;
    for (name, test) in tests {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let passed = panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    println!("\ntest result: {}. {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    ExitCode::from(u8::from(failed != 0))
}
