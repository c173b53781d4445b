//! Runs a piece of a test in a child process, for what ends the process.
//!
//! These tests run without the usual harness, one after the other, on the only thread of their process: see the two ways to
//! make a child.

#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use std::panic;
use std::process::{ExitCode, ExitStatus};
#[allow(unused_imports, reason = "not every test has a child on every system")]
pub use system::run;

/// How the child ended, and what it wrote to standard error.
#[derive(Debug)]
#[allow(dead_code, reason = "not every test looks at all of it")]
pub struct Outcome {
    pub status: ExitStatus,
    pub stderr: String,
}

/// A test and its name.
pub type Test = (&'static str, fn());

/// Runs the tests whose names contain one of the program's arguments, or all; what a test harness does, on one thread.
pub fn run_tests(tests: &[Test]) -> ExitCode {
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
        system::begin(name);
        let passed = panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    println!("\ntest result: {}. {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    ExitCode::from(u8::from(failed != 0))
}
