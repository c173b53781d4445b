//! `cargo xtask cross aarch64 -p PACKAGE`: a package's tests on another architecture, under user-mode emulation.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::step::{call, find_program, output_of};
use crate::workspace::{Outcome, cargo, target_dir};

mod debian;

use debian::PrivateToolchain;

#[derive(Args)]
pub struct Options {
    /// The architecture to run on
    architecture: Architecture,
    /// The package whose tests run
    #[arg(short, long)]
    package: String,
    /// Handed to `cargo test`: `--lib`, a filter, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo_arguments: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Architecture {
    Aarch64,
}

/// What an architecture is called by whom, and what emulating it needs. A further architecture is one more of these.
struct Target {
    triple: &'static str,
    /// Debian's name of the architecture.
    debian_name: &'static str,
    linker: &'static str,
    emulator: &'static str,
    /// Where the target's C library lies; the emulator looks up libraries there.
    sysroot: &'static str,
    /// The packages that hold the linker, the emulator and the C library.
    packages: &'static str,
}

const AARCH64: Target = Target {
    triple: "aarch64-unknown-linux-gnu",
    debian_name: "arm64",
    linker: "aarch64-linux-gnu-gcc",
    emulator: "qemu-aarch64",
    sysroot: "/usr/aarch64-linux-gnu",
    packages: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
};

pub fn command(options: &Options) -> Outcome {
    let target = match options.architecture {
        Architecture::Aarch64 => &AARCH64,
    };
    require(target)?;
    let home = target_dir().join(format!("cross-{}", target.debian_name));
    let mut command = cargo();
    if installed_std(target)? {
        println!("std for {}: of the toolchain in use", target.triple);
    } else {
        let toolchain = PrivateToolchain::obtain(&home.join("toolchain"), target.debian_name)?;
        println!("std for {}: of a private {}", target.triple, toolchain.version()?);
        toolchain.apply_to(&mut command)?;
    }
    let variable = format!("CARGO_TARGET_{}", target.triple.to_uppercase().replace('-', "_"));
    command
        .args(["test", "--target", target.triple, "--package", &options.package])
        .args(&options.cargo_arguments)
        // Another rustc would invalidate what the ordinary one has built.
        .env("CARGO_TARGET_DIR", home.join("build"))
        .env(format!("{variable}_LINKER"), target.linker)
        .env(format!("{variable}_RUNNER"), format!("{} -L {}", target.emulator, target.sysroot));
    call(&mut command)
}

/// Checks that linker, emulator and C library are here, before anything is downloaded or built.
fn require(target: &Target) -> Outcome {
    let mut missing: Vec<&str> = [target.linker, target.emulator]
        .into_iter()
        .filter(|program| find_program(program).is_none())
        .collect();
    if !Path::new(target.sysroot).join("lib/libc.so.6").exists() {
        missing.push("the target's C library");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = target.packages;
    Err(format!("missing: {}; apt-get install --no-install-recommends {packages}", missing.join(", ")).into())
}

/// Whether the toolchain in use has the target's std, as after `rustup target add`.
fn installed_std(target: &Target) -> Outcome<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut query = Command::new(rustc);
    let folder = output_of(query.args(["--print", "target-libdir", "--target", target.triple]))?;
    let Ok(entries) = fs::read_dir(folder.trim()) else {
        return Ok(false);
    };
    Ok(entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tools_are_named_with_the_command_that_installs_them() {
        let target = Target { emulator: "no-such-emulator", sysroot: "/no-such-sysroot", ..AARCH64 };
        let error = require(&target).unwrap_err().to_string();
        assert!(error.contains("no-such-emulator, the target's C library"), "{error}");
        assert!(error.ends_with("gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"), "{error}");
    }
}
