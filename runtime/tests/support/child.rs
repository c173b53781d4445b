//! Tests that end their process, or want an environment of their own: ignored, and run by another test as a child.
#![allow(dead_code, reason = "each test starts it in another way")]

use std::{env, process::Command};

/// Runs one of the ignored tests of this file in a process of its own.
pub fn running(test: &str) -> Command {
    let mut command = this_program();
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command
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
