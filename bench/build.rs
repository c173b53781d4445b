//! Hands the compiler's version to the benchmark, which prints it beside its figures.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = std::env::var("RUSTC").expect("cargo sets RUSTC for build scripts");
    let output =
        Command::new(compiler).arg("--version").output().expect("the compiler that cargo uses starts");
    let version = String::from_utf8(output.stdout).expect("the compiler prints UTF-8");
    println!("cargo::rustc-env=FIBRA_BENCH_RUSTC={}", version.trim());
}
