//! Tests that end their process, or want an environment of their own: ignored, and run by another test as a child.

use std::{env, process::Command};

/// Runs one of the ignored tests of this file in a process of its own.
pub fn running(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("a test runs from a file"));
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command
}
