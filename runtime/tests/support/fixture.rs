//! Tests that others run, each in a process of its own.

#[path = "child.rs"]
mod child;

use std::process::Output;

/// Runs this file's tests with these arguments, in an environment in which only `variable` is set of ours.
pub fn run(arguments: &[&str], variable: Option<(&str, &str)>) -> (bool, String) {
    let mut command = child::this_program();
    command
        .args(arguments)
        .env_remove("FIBRA_BACKEND")
        .env_remove("FIBRA_WORKERS")
        .env_remove("FIBRA_STACK_SIZE");
    let Output { status, stdout, stderr } = child::output(command.envs(variable));
    (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// Runs one fixture, and checks that there is such a test.
pub fn run_fixture(name: &str, variable: Option<(&str, &str)>) -> (bool, String) {
    let (success, output) =
        run(&["--exact", &format!("fixtures::{name}"), "--ignored", "--nocapture"], variable);
    assert!(output.contains("running 1 test"), "{output}");
    (success, output)
}
