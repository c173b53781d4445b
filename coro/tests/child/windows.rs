//! A child by starting the program again with the name of the test: there the call that would make a child runs its body
//! instead, and ends.

use super::Outcome;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::process::{self, Command};
use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_VIOLATION, STATUS_STACK_BUFFER_OVERRUN, STATUS_STACK_OVERFLOW,
};
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode,
};

/// Set in children.
const CHILD: &str = "FIBRA_TEST_CHILD";

thread_local!(static TEST: Cell<&'static str> = const { Cell::new("") });

impl Outcome {
    /// By `abort`, which Windows calls by another name.
    #[allow(dead_code, reason = "not every test looks for it")]
    pub fn aborted(&self) -> bool {
        self.status.code() == Some(STATUS_STACK_BUFFER_OVERRUN)
    }

    /// By a touch of memory that the system refused.
    #[allow(dead_code, reason = "not every test looks for it")]
    pub fn ended_by_a_fault(&self) -> bool {
        [STATUS_ACCESS_VIOLATION, STATUS_STACK_OVERFLOW].iter().any(|&code| self.status.code() == Some(code))
    }
}

/// Notes which test runs.
pub fn begin(test: &'static str) {
    TEST.set(test);
}

/// Runs `body` in a child, which ends with status 0 if `body` returns, and waits for it. Once in each test.
pub fn run(body: impl FnOnce()) -> Outcome {
    if std::env::var_os(CHILD).is_some() {
        // SAFETY: takes a number: no dialog and no debugger for an intended crash.
        unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX) };
        process::exit(i32::from(panic::catch_unwind(AssertUnwindSafe(body)).is_err()));
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg(TEST.get()).env(CHILD, "1").output().unwrap();
    Outcome { status: output.status, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}
