//! A child by starting the program again with the name of the test: there the call that would make a child runs its body
//! instead, and ends.

use super::Outcome;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::process::{self, Command};
use windows_sys::Win32::Foundation::{ERROR_INTERNAL_ERROR, STATUS_STACK_BUFFER_OVERRUN};
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode,
};

/// Set in children.
#[allow(dead_code, reason = "not every test has a child")]
const CHILD: &str = "FIBRA_TEST_CHILD";

thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "it is; where thread-locals have no segment of their own the lint is wrong")]
    static TEST: Cell<&'static str> = const { Cell::new("") };
}

impl Outcome {
    /// By `abort`, which Windows calls by another name.
    #[allow(dead_code, reason = "not every test looks for it")]
    pub fn aborted(&self) -> bool {
        self.status.code() == Some(STATUS_STACK_BUFFER_OVERRUN)
    }

    /// By an exception that nobody has handled. With which code differs between Windows and Wine.
    #[allow(dead_code, reason = "not every test looks for it")]
    pub fn ended_by_a_fault(&self) -> bool {
        /// The two highest bits of a status: an error.
        const ERROR: i32 = 0b11 << 30;
        self.status.code().is_some_and(|code| code & ERROR == ERROR) && !self.aborted()
    }
}

/// Notes which test runs.
pub fn begin(test: &'static str) {
    TEST.set(test);
}

#[allow(dead_code, reason = "not every test has a child")]
/// Runs `body` in a child, which ends with status 0 if `body` returns, and waits for it. Once in each test.
pub fn run(body: impl FnOnce()) -> Outcome {
    if std::env::var_os(CHILD).is_some() {
        // SAFETY: takes a number: no dialog and no debugger for an intended crash.
        unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX) };
        process::exit(i32::from(panic::catch_unwind(AssertUnwindSafe(body)).is_err()));
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.arg(TEST.get()).env(CHILD, "1");
    let output = match child.output() {
        // What Wine says if a program that it started has not come up, which happens once in some thousand times.
        Err(error) if error.raw_os_error() == Some(ERROR_INTERNAL_ERROR as i32) => child.output(),
        output => output,
    }
    .unwrap();
    Outcome { status: output.status, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}
