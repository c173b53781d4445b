//! Tests that end their process, or want an environment of their own: ignored, and run by another test as a child.
#![allow(dead_code, reason = "each test starts it in another way")]

use std::{
    env,
    process::{Command, Output},
};

/// What Wine says if a program that it started has not come up, which happens once in some thousand times.
const ERROR_INTERNAL_ERROR: i32 = 1359;

/// Runs a child to its end.
pub fn output(command: &mut Command) -> Output {
    let output = match command.output() {
        Err(error) if error.raw_os_error() == Some(ERROR_INTERNAL_ERROR) => command.output(),
        output => output,
    };
    output.expect("the test's own file can be started")
}

/// Runs one of the ignored tests of this file in a process of its own.
pub fn running(test: &str) -> Command {
    let mut command = this_program();
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// Whether the kernel is an emulator's, which tells nobody that a program can't be started, and knows no descriptors of processes.
pub fn is_emulated() -> bool {
    env::var_os("FIBRA_TEST_EMULATOR").is_some()
}

/// This program once more. One of another architecture's can't be started by the kernel, but by the emulator that the
/// environment names.
pub fn this_program() -> Command {
    let program = env::current_exe().expect("a test runs from a file");
    let Some(emulator) = env::var_os("FIBRA_TEST_EMULATOR") else { return Command::new(program) };
    let mut command = Command::new(emulator);
    command.arg(program);
    command
}
