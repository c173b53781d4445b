//! `cargo xtask check` and `cargo xtask test`: the gate every change passes.

use clap::Args;

use crate::step::{Run, call};
use crate::tidy;
use crate::workspace::{Outcome, cargo};

/// The backends that this system has; each runs every test.
const BACKENDS: [&str; 2] = ["io_uring", "epoll"];

#[derive(Args)]
pub struct Options {
    /// Run the steps after a failed one too
    #[arg(long)]
    keep_going: bool,
    /// Check `fibra-bench` as well, which builds every peer
    #[arg(long)]
    full: bool,
}

#[derive(Args)]
pub struct TestOptions {
    /// Only this backend
    #[arg(long, value_parser = BACKENDS)]
    backend: Option<String>,
    /// Handed to `cargo test`: `-p PACKAGE`, a filter, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo_arguments: Vec<String>,
}

pub fn check(options: &Options) -> Outcome {
    let mut run = Run::new(options.keep_going);
    run.step("fmt", || cargo_with(&["fmt", "--all", "--", "--check"]))?;
    run.step("tidy", tidy::command)?;
    // `fibra` alone first: together with its dependents it always has some of its features.
    run.step("clippy without features", || clippy(&["--package", "fibra", "--no-default-features"]))?;
    run.step("clippy", || clippy(&["--workspace", "--exclude", "fibra-bench", "--all-features"]))?;
    if options.full {
        run.step("clippy of bench", || clippy(&["--package", "fibra-bench"]))?;
    }
    run.step("docs", docs)?;
    for backend in BACKENDS {
        let everything = ["--all-features".to_owned()];
        run.step(&format!("tests on {backend}"), || test_on(backend, &everything))?;
    }
    run.step("tests of xtask", || cargo_with(&["test", "--package", "xtask"]))?;
    if options.full {
        run.step("tests of bench", || cargo_with(&["test", "--package", "fibra-bench"]))?;
    }
    run.finish()
}

pub fn test(options: &TestOptions) -> Outcome {
    let mut run = Run::new(true);
    for backend in BACKENDS {
        if options.backend.as_deref().is_none_or(|only| only == backend) {
            run.step(&format!("tests on {backend}"), || test_on(backend, &options.cargo_arguments))?;
        }
    }
    run.finish()
}

fn cargo_with(arguments: &[&str]) -> Outcome {
    call(cargo().args(arguments))
}

fn clippy(selection: &[&str]) -> Outcome {
    call(cargo().arg("clippy").args(selection).args(["--all-targets", "--", "-D", "warnings"]))
}

fn docs() -> Outcome {
    let arguments = ["doc", "--workspace", "--exclude", "fibra-bench", "--lib", "--no-deps"];
    call(cargo().args(arguments).arg("--all-features").env("RUSTDOCFLAGS", "-D warnings"))
}

/// Every test of the default members, also those that do not name a backend, with `backend` forced.
fn test_on(backend: &str, cargo_arguments: &[String]) -> Outcome {
    call(cargo().arg("test").args(cargo_arguments).env("FIBRA_BACKEND", backend))
}
