//! Settings: the environment wins over the builder, and what makes no sense is an error that says what would.

use fibra::{Backend, Builder};
use std::{env, process::Command};

/// Runs the ignored test below with this environment; whether it passed, and what it wrote.
fn with_environment(variables: &[(&str, &str)]) -> (bool, String) {
    let this = env::current_exe().expect("a test runs from a file");
    let mut command = Command::new(this);
    command.args(["--exact", "child_reports", "--ignored", "--nocapture", "--test-threads=1"]);
    for name in ["FIBRA_BACKEND", "FIBRA_WORKERS", "FIBRA_STACK_SIZE"] {
        command.env_remove(name);
    }
    let output =
        command.envs(variables.iter().copied()).output().expect("the test's own file can be started");
    let written = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&written).into_owned())
}

#[test]
#[ignore = "what the tests above run in child processes"]
fn child_reports() {
    match Builder::new().workers(3).backend(Backend::IoUring).build() {
        Ok(runtime) => println!("report: {}", runtime.report()),
        Err(error) => panic!("refused: {error}"),
    }
}

#[test]
fn the_environment_wins_over_the_builder() {
    let (started, report) = with_environment(&[("FIBRA_BACKEND", "epoll"), ("FIBRA_WORKERS", "2")]);
    assert!(started && report.contains("report: 2 worker(s)") && report.contains("epoll"), "{report}");
    let (started, report) = with_environment(&[("FIBRA_BACKEND", ""), ("FIBRA_WORKERS", "")]);
    assert!(started && report.contains("report: 3 worker(s)") && report.contains("io_uring"), "{report}");
}

#[test]
fn a_bad_variable_is_an_error_that_names_it_and_what_is_expected() {
    for (name, value, expected) in [
        ("FIBRA_BACKEND", "kqueues", "io_uring"),
        ("FIBRA_WORKERS", "0", "from 1 to 4096"),
        ("FIBRA_WORKERS", "many", "from 1 to 4096"),
        ("FIBRA_STACK_SIZE", "big", "64K"),
        ("FIBRA_STACK_SIZE", "99999999999G", "64K"),
        ("FIBRA_STACK_SIZE", "1000000G", "stack size"),
    ] {
        let (started, message) = with_environment(&[(name, value)]);
        assert!(!started && message.contains("refused:"), "{name}={value} was accepted: {message}");
        assert!(message.contains(value) || message.contains("1073741824000000"), "{name}={value}: {message}");
        assert!(message.contains(expected), "{name}={value}: {message}");
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
