//! `FIBRA_BACKEND` wins over the configuration.
//!
//! The environment is the process': each case runs in a child, which is this very program again.
//!
//! It goes from one backend to another, and Windows has but one.
#![cfg(unix)]
#![cfg(target_os = "linux")]

use std::env;
use std::process::Command;

use fibra_driver::{BackendKind, Config, Driver};

/// This program once more. One of another architecture's can't be started by the kernel, but by the emulator that the
/// environment names.
fn this_program() -> Command {
    let program = env::current_exe().expect("this program has a path");
    let Some(emulator) = env::var_os("FIBRA_TEST_EMULATOR") else { return Command::new(program) };
    let mut command = Command::new(emulator);
    command.arg(program);
    command
}

/// What a child with this value of the variable, whose configuration asks for epoll, says of its driver.
fn outcome(value: &str) -> String {
    let mut command = this_program();
    command.args(["--exact", "report_for_a_parent", "--ignored", "--nocapture"]).env("FIBRA_BACKEND", value);
    let output = command.output().expect("this program can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("outcome: "));
    line.unwrap_or_else(|| panic!("the child reports nothing: {text}")).to_owned()
}

#[test]
#[ignore = "runs in the children of the other tests"]
fn report_for_a_parent() {
    let mut config = Config::default();
    config.backend = Some(BackendKind::Epoll);
    match Driver::new(&config) {
        Ok(driver) => println!("\noutcome: {}", driver.choice().backend()),
        Err(error) => println!("\noutcome: {error}"),
    }
}

#[test]
fn the_environment_wins_over_the_configuration() {
    assert_eq!(outcome("io_uring"), "io_uring");
    assert_eq!(outcome("epoll"), "epoll");
}

#[test]
fn an_empty_value_forces_nothing() {
    assert_eq!(outcome(""), "epoll");
}

#[test]
fn a_bad_value_is_an_error_that_names_the_variable() {
    let outcome = outcome("rings");
    assert!(
        outcome.starts_with("FIBRA_BACKEND: `rings` is no backend: there are io_uring, epoll"),
        "{outcome}"
    );
}
