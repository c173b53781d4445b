//! ARM64, by emulating either a program or a whole machine; and other kernels.

use super::kernel::{ARM64, Kernel, OTHERS, Tests};
use super::{Build, Options, PACKAGES, Target};
use crate::workspace::Outcome;

static AARCH64: Target = Target {
    triple: "aarch64-unknown-linux-gnu",
    debian_name: Some("arm64"),
    linker: Some("aarch64-linux-gnu-gcc"),
    start_objects: &[],
    needs: &[
        ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        ("/usr/aarch64-linux-gnu/lib/libc.so.6", "libc6-dev-arm64-cross"),
        ("qemu-aarch64", "qemu-user"),
    ],
};

static X86_64: Target = Target {
    triple: "x86_64-unknown-linux-gnu",
    debian_name: Some("amd64"),
    linker: Some("cc"),
    start_objects: &[],
    needs: &[("cc", "gcc")],
};

const FOR_MACHINES: &[(&str, &str)] = &[
    ("qemu-system-aarch64", "qemu-system-arm"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("cpio", "cpio"),
    ("mke2fs", "e2fsprogs"),
    ("xz", "xz-utils"),
];

/// What an emulated program does not have as a machine of the architecture has it; there all of it runs, but for `gdb`.
const NOT_EMULATED: &[&str] = &[
    // The emulator knows no `io_uring_setup`, and these force a ring.
    "io_uring",
    "a_busy_ring",
    "in_steady_state",
    "random_programs_agree",
    "peers_of_different_backends",
    "each_test_runs_on_the_backend_of_its_name",
    "a_test_that_panics_fails",
    "a_test_that_returns_a_failure",
    "the_environment_wins_over_the_builder",
    "the_environment_wins_over_the_configuration",
    "the_readme_says_how_each_backend",
    "a_cancelled_accept_leaks",
    "a_driver_closes_what_it_opened",
    "a_driver_that_is_dropped_closes",
    "an_open_whose_driver",
    // Filters of system calls are not for an emulator's.
    "a_forbidden_ring",
    "a_forced_ring",
    "a_ring_that",
    "what_the_kernel_refuses_for_the_moment",
    "with_nothing_allowed",
    "without_a_filter",
    "without_a_precise_wait",
    "a_miss_is_left_to_the_driver",
    // Nor is the flag by which a read does not wait.
    "a_cached_read_is_short_only_at_the_end",
    "a_read_goes_with_what_is_queued",
    "what_is_in_the_page_cache_is_read_at_once",
    "it_makes_no_enter_of_its_own",
    // It has memory of its own for what a call is lent, of the full length.
    "a_length_beyond_32_bits",
    // `/proc` and debuggers see the emulator.
    "a_thread_that_waits_is_seen_to_wait_and_where",
    "a_lock_of_std_that_is_held_across_a_wait_is_named",
    "a_task_that_blocks_its_worker_is_named",
    "gdb_unwinds",
    // It starts no threads in the child of a fork.
    "a_child_is_told_that_a_runtime_is_not_its_own",
];

/// What a machine has no program for that we make of a kernel and a C library: there is no `gdb` and no `curl`.
const NO_PROGRAM: [&str; 3] = ["gdb_unwinds", "curl_", "what_is_no_websocket_is_refused"];

/// The tests as programs of another architecture on this kernel.
pub fn emulate(options: &Options) -> Outcome<u64> {
    let build = Build::prepare(&AARCH64)?;
    let packages = options.packages_or(&PACKAGES);
    let mut arguments = options.cargo_arguments();
    if !arguments.iter().any(|argument| argument == "--") {
        arguments.push("--".to_owned());
    }
    arguments.extend(skipping(NOT_EMULATED));
    // Tests that start their own program again start the emulator too, since the kernel can't start the program.
    let environment = "env QEMU_LD_PREFIX=/usr/aarch64-linux-gnu FIBRA_TEST_EMULATOR=qemu-aarch64";
    build.test(&packages, &arguments, &format!("{environment} qemu-aarch64"))
}

fn skipping(names: &[&str]) -> impl Iterator<Item = String> {
    names.iter().flat_map(|name| ["--skip".to_owned(), (*name).to_owned()])
}

/// The tests on a machine of another architecture.
pub fn boot_arm64(options: &Options) -> Outcome<u64> {
    boot(&AARCH64, &[ARM64], options, &PACKAGES)
}

/// The driver's tests on other kernels, which have more or fewer of a ring's features.
pub fn boot_others(options: &Options) -> Outcome<u64> {
    boot(&X86_64, &OTHERS, options, &["fibra-driver"])
}

fn boot(target: &'static Target, kernels: &[Kernel], options: &Options, packages: &[&str]) -> Outcome<u64> {
    super::build::require(FOR_MACHINES)?;
    let build = Build::prepare(target)?;
    let packages = options.packages_or(packages);
    let arguments = options.cargo_arguments();
    let at = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let (of_cargo, of_tests) = arguments.split_at(at);
    let tests = Tests {
        programs: build.test_programs(&packages, of_cargo)?,
        arguments: of_tests.iter().skip(1).cloned().chain(skipping(&NO_PROGRAM)).collect(),
        folders: vec![build.folder_for_tests()],
        seconds: 900,
    };
    let mut passed = 0;
    for kernel in kernels {
        let there = kernel.run(&tests)?;
        println!("Linux {}: {there} tests passed", kernel.name);
        passed += there;
    }
    Ok(passed)
}
