//! Settings: the environment wins over the builder, and what makes no sense is an error that says what would.

#[path = "support/child.rs"]
mod child;

use fibra::{Backend, Builder};
use std::env;

/// Runs one of the ignored tests below with this environment; whether it passed, and what it wrote.
fn child_with(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = child::running(test);
    for name in ["FIBRA_BACKEND", "FIBRA_WORKERS", "FIBRA_STACK_SIZE"] {
        command.env_remove(name);
    }
    let output = child::output(command.envs(variables.iter().copied()));
    let written = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&written).into_owned())
}

fn with_environment(variables: &[(&str, &str)]) -> (bool, String) {
    child_with("child_reports", variables)
}

#[test]
#[ignore = "what tests here run in child processes"]
fn child_reports() {
    match Builder::new().workers(3).backend(Backend::ALL[0]).build() {
        Ok(runtime) => println!("report: {}", runtime.report()),
        Err(error) => panic!("refused: {error}"),
    }
}

/// Recurses for ever, as far as the compiler can tell.
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 16]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + frame[depth as usize % 16] }
}

#[test]
#[ignore = "dies: a test here runs it in a child process"]
fn child_overflows_its_stack() {
    let builder = Builder::new().stack_size(1 << 20);
    builder.run(|| fibra::thread::spawn(|| recurse(0)).join().unwrap());
}

#[test]
#[ignore = "what a test here runs in child processes"]
fn child_uses_the_default_runtime() {
    fibra::thread::spawn(|| ()).join().unwrap();
}

#[test]
fn the_environment_wins_over_the_builder() {
    let [first, .., last] = [Backend::ALL[0], Backend::ALL[Backend::ALL.len() - 1]].map(Backend::name);
    let (started, report) = with_environment(&[("FIBRA_BACKEND", last), ("FIBRA_WORKERS", "2")]);
    assert!(started && report.contains("report: 2 worker(s)") && report.contains(last), "{report}");
    let (started, report) = with_environment(&[("FIBRA_BACKEND", ""), ("FIBRA_WORKERS", "")]);
    assert!(started && report.contains("report: 3 worker(s)") && report.contains(first), "{report}");
}

#[test]
fn the_environment_s_stack_size_wins_over_the_builder_s() {
    // A stack's size shows when it overflows.
    for (size, shown) in [("128K", "128 KiB"), ("4194304", "4096 KiB"), ("", "1024 KiB")] {
        let (survived, message) = child_with("child_overflows_its_stack", &[("FIBRA_STACK_SIZE", size)]);
        assert!(!survived && message.contains(shown), "{size}: {message}");
    }
}

#[test]
fn the_default_runtime_heeds_the_environment_too() {
    let use_it = |workers| child_with("child_uses_the_default_runtime", &[("FIBRA_WORKERS", workers)]);
    let (survived, message) = use_it("0");
    assert!(!survived && message.contains("FIBRA_WORKERS=0: expected"), "{message}");
    let (survived, message) = use_it("1");
    assert!(survived, "{message}");
}

#[test]
fn a_bad_variable_is_an_error_that_names_it_and_what_is_expected() {
    for (name, value, expected) in [
        ("FIBRA_BACKEND", "rings", Backend::ALL[0].name()),
        ("FIBRA_WORKERS", "0", "from 1 to 4096"),
        ("FIBRA_WORKERS", "many", "from 1 to 4096"),
        ("FIBRA_STACK_SIZE", "big", "64K"),
        ("FIBRA_STACK_SIZE", "99999999999G", "64K"),
        ("FIBRA_STACK_SIZE", "1000000G", "FIBRA_STACK_SIZE=1073741824000000"),
    ] {
        let (started, message) = with_environment(&[(name, value)]);
        let refusal = message.lines().find(|line| line.contains("refused:"));
        let Some(refusal) = refusal.filter(|_| !started) else {
            panic!("{name}={value} was accepted: {message}")
        };
        assert!(refusal.contains(name) && refusal.contains(expected), "{name}={value}: {refusal}");
        assert!(refusal.contains(value) || refusal.contains("1073741824000000"), "{name}={value}: {refusal}");
    }
}

#[test]
fn a_builder_that_asks_for_nonsense_is_refused() {
    for builder in
        [Builder::new().workers(0), Builder::new().workers(1 << 20), Builder::new().stack_size(usize::MAX)]
    {
        if env::var_os("FIBRA_WORKERS").is_none() && env::var_os("FIBRA_STACK_SIZE").is_none() {
            assert!(builder.build().is_err());
        }
    }
}

#[test]
fn a_worker_for_each_usable_core_is_the_default() {
    if env::var_os("FIBRA_WORKERS").is_none() {
        let workers = fibra::Runtime::new().unwrap().report().workers();
        assert_eq!(workers, fibra_system::topology::usable_cores().get());
        assert_eq!(fibra::run(|| fibra::thread::available_parallelism().unwrap().get()), workers);
    }
}
