//! `cargo xtask cross PLATFORM`: the tests on other platforms, each as real as one machine can have it.
//!
//! | platform | how |
//! | --- | --- |
//! | `aarch64` | the tests run under user-mode emulation, which has no io_uring |
//! | `aarch64-kernel` | a whole ARM64 machine is emulated, and has io_uring |
//! | `kernels` | Linux 5.10, 6.1 and 6.12 are booted: probing, and what is done without |
//! | `windows` | the tests run under Wine |

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::workspace::{Outcome, target_dir};

mod apt;
mod build;
mod kernel;
mod linux;
mod toolchain;
mod windows;

use build::Build;

#[derive(Args)]
pub struct Options {
    /// The platform to run on
    platform: Platform,
    /// A package whose tests run, and perhaps more; otherwise all that the platform has
    #[arg(short, long)]
    package: Vec<String>,
    /// How often they run
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Handed to `cargo test`: `--lib`, a filter, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo_arguments: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Platform {
    Aarch64,
    Aarch64Kernel,
    Kernels,
    Windows,
}

impl Options {
    /// The packages that were named, or else these.
    fn packages_or(&self, all: &[&str]) -> Vec<String> {
        if self.package.is_empty() {
            all.iter().map(|&name| name.to_owned()).collect()
        } else {
            self.package.clone()
        }
    }
}

/// What a platform is called by whom, and what building for it needs. A further platform is one more of these.
pub struct Target {
    triple: &'static str,
    /// Debian's name of the architecture, if its std is a package of Debian's; otherwise std is built.
    debian_name: Option<&'static str>,
    linker: &'static str,
    /// What programs of the platform begin and end with, which comes with std's source.
    start_objects: &'static [&'static str],
    /// Programs and files that have to be here, and the package that has each.
    needs: &'static [(&'static str, &'static str)],
}

/// The folder for everything that is fetched or built here, and kept.
fn home() -> PathBuf {
    target_dir().join("cross")
}

pub fn command(options: &Options) -> Outcome {
    for run in 1..=options.runs {
        if options.runs > 1 {
            println!("\n=== run {run} of {}", options.runs);
        }
        match options.platform {
            Platform::Aarch64 => linux::emulate(options)?,
            Platform::Aarch64Kernel => linux::boot_arm64(options)?,
            Platform::Kernels => linux::boot_others(options)?,
            Platform::Windows => windows::test(options)?,
        }
    }
    Ok(())
}
