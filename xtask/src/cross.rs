//! `cargo xtask cross PLATFORM`: the tests on other platforms, each as real as one machine can have it.
//!
//! | platform | how |
//! | --- | --- |
//! | `aarch64` | the tests run under user-mode emulation, which has no io_uring |
//! | `aarch64-kernel` | a whole ARM64 machine is emulated, and has io_uring |
//! | `kernels` | Linux 5.10, 6.1 and 6.12 are booted: probing, and what is done without |
//! | `windows` | the tests and the examples of documentation run under Wine |
//! | `macos`, `freebsd` | everything is linted and linked; nothing here can run it |

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::step::Run;
use crate::workspace::{Outcome, target_dir};

mod apt;
mod build;
mod kernel;
mod linked;
mod linux;
mod record;
mod toolchain;
mod windows;

use build::Build;

#[derive(Args)]
pub struct Options {
    /// The platform to run on
    #[arg(required_unless_present = "all")]
    platform: Option<Platform>,
    /// Every platform in turn, with `--record`
    #[arg(long, conflicts_with_all = ["platform", "package", "cargo_arguments", "runs"])]
    all: bool,
    /// Write what came of it to `PLATFORMS.md`
    #[arg(long, conflicts_with_all = ["package", "cargo_arguments"])]
    record: bool,
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Platform {
    Aarch64,
    Aarch64Kernel,
    Kernels,
    Windows,
    Macos,
    Freebsd,
}

impl Platform {
    /// Tries it once. Returns how many tests passed, or how many programs were linked.
    fn run(self, options: &Options) -> Outcome<u64> {
        match self {
            Platform::Aarch64 => linux::emulate(options),
            Platform::Aarch64Kernel => linux::boot_arm64(options),
            Platform::Kernels => linux::boot_others(options),
            Platform::Windows => windows::test(options),
            Platform::Macos => linked::check_macos(options),
            Platform::Freebsd => linked::check_freebsd(options),
        }
    }

    /// What is proven by it, and how.
    fn means(self) -> &'static str {
        match self {
            Platform::Aarch64 => "tests under `qemu-aarch64`",
            Platform::Aarch64Kernel => "tests on an emulated machine, with io_uring",
            Platform::Kernels => "the driver's tests on Linux 5.10, 6.1 and 6.12",
            Platform::Windows => "tests and examples of documentation under Wine",
            Platform::Macos => "linted, and test programs linked, for ARM64 and x86-64; not run",
            Platform::Freebsd => "linted, and test programs linked; not run",
        }
    }
}

impl Options {
    /// The arguments for cargo. By default everything is compiled in, and examples of documentation are left out: where they run,
    /// they do so by themselves.
    fn cargo_arguments(&self) -> Vec<String> {
        if self.is_whole() { WHOLE.map(str::to_owned).to_vec() } else { self.cargo_arguments.clone() }
    }

    fn is_whole(&self) -> bool {
        self.package.is_empty() && self.cargo_arguments.is_empty()
    }

    /// The packages that were named, or else these.
    fn packages_or(&self, all: &[&str]) -> Vec<String> {
        if self.package.is_empty() {
            all.iter().map(|&name| name.to_owned()).collect()
        } else {
            self.package.clone()
        }
    }
}

/// Everything that is below the command.
const PACKAGES: [&str; 4] = ["fibra-coro", "fibra-system", "fibra-driver", "fibra"];

const WHOLE: [&str; 3] = ["--all-features", "--tests", "--no-fail-fast"];

/// What a platform is called by whom, and what building for it needs. A further platform is one more of these.
pub struct Target {
    triple: &'static str,
    /// Debian's name of the architecture, if its std is a package of Debian's; otherwise std is built.
    debian_name: Option<&'static str>,
    /// Unless the tool that links brings its own.
    linker: Option<&'static str>,
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
    let Some(platform) = options.platform else { return all(options) };
    let mut result = Ok(0);
    for run in 1..=options.runs {
        println!("=== run {run} of {}", options.runs);
        result = platform.run(options);
        let Ok(passed) = &result else { break };
        println!("{passed} passed");
    }
    if options.record {
        record::note(platform, options.runs, &result)?;
    }
    result.map(|_| ())
}

/// Every platform, also after one has failed.
fn all(options: &Options) -> Outcome {
    let mut run = Run::new(true);
    for &platform in Platform::value_variants() {
        run.step(&record::name_of(platform), || {
            let result = platform.run(options);
            record::note(platform, 1, &result)?;
            result.map(|_| ())
        })?;
    }
    run.finish()
}
