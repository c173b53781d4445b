//! `#[fibra::test]` runs a test on the backend of its name, and on that alone.
//!
//! It is seen by the rings that the process has open.
#![cfg(target_os = "linux")]

#[path = "support/fixture.rs"]
mod fixture;

use fixture::{run, run_fixture};
use std::fs;

/// How many rings this process has open.
fn rings() -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("readable");
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("io_uring")).count()
}

/// Tests that others run.
mod fixtures {
    use super::*;

    #[fibra::test]
    #[ignore = "another test runs it"]
    fn shows_its_rings() {
        println!("rings: {}", rings());
    }

    #[fibra::test(backend = "epoll")]
    #[ignore = "another test runs it"]
    fn only_on_epoll() {}
}

#[test]
fn a_test_for_one_backend_has_no_other() {
    let (_, list) = run(&["--list"], None);
    let tests: Vec<_> = list.lines().filter(|line| line.starts_with("fixtures::only_on_epoll")).collect();
    assert_eq!(tests, ["fixtures::only_on_epoll::epoll: test"]);
}

#[test]
fn each_test_runs_on_the_backend_of_its_name() {
    let (success, output) = run_fixture("shows_its_rings::epoll", None);
    assert!(success && output.contains("rings: 0\n"), "{output}");
    let (success, output) = run_fixture("shows_its_rings::io_uring", None);
    assert!(success && output.contains("rings: ") && !output.contains("rings: 0\n"), "{output}");
}

#[test]
fn the_environment_wins_over_the_attribute() {
    let (success, output) = run_fixture("shows_its_rings::io_uring", Some(("FIBRA_BACKEND", "epoll")));
    assert!(success && output.contains("rings: 0\n"), "{output}");
}
