//! What the functions say against what the system says by another way.

use super::*;
use crate::cpu::{Feature, Features};
use crate::kernel::Limit;
use std::collections::HashSet;
use std::process::Command;

#[test]
fn the_release_is_what_uname_says() {
    let output = Command::new("uname").arg("-r").output().expect("every Linux has uname");
    assert_eq!(release().expect("readable"), String::from_utf8_lossy(&output.stdout).trim());
    crate::kernel::release().expect("every Linux has a version");
}

#[test]
fn the_mask_of_a_thread_is_what_proc_says() {
    let status = fs::read_to_string("/proc/thread-self/status").expect("readable");
    let listed =
        status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("every Linux has it");
    assert_eq!(affinity().expect("readable").to_string(), listed.trim());
}

#[test]
fn the_limits_are_what_proc_says() {
    let limits = fs::read_to_string("/proc/self/limits").expect("readable");
    let line = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("every Linux has it");
        let mut values = line.split_whitespace().map(|value| value.parse().ok());
        Limit { soft: values.next().expect("soft"), hard: values.next().expect("hard") }
    };
    assert_eq!(crate::os::limit_open_files().expect("readable"), line("Max open files"));
    assert_eq!(crate::os::limit_locked_memory().expect("readable"), line("Max locked memory"));
    let maximum = fs::read_to_string("/proc/sys/vm/max_map_count").expect("readable");
    assert_eq!(max_map_count().expect("readable").to_string(), maximum.trim());
}

#[test]
fn the_features_are_those_that_the_kernel_lists() {
    let info = fs::read_to_string("/proc/cpuinfo").expect("readable");
    let key = if std::env::consts::ARCH == "aarch64" { "Features" } else { "flags" };
    // QEMU's user mode passes the list of another architecture through: there is nothing to compare with then.
    let Some(flags) = info.lines().find_map(|line| line.strip_prefix(key)?.split_once(':')) else { return };
    let flags = flags.1;
    let flags: HashSet<&str> = flags.split_whitespace().collect();
    // Where the kernel's name is another.
    let name_of = |feature: Feature| match feature {
        Feature::Sse3 => "pni",
        Feature::Sse41 => "sse4_1",
        Feature::Sse42 => "sse4_2",
        Feature::Cmpxchg16b => "cx16",
        Feature::Lzcnt => "abm",
        Feature::Avx512Vnni => "avx512_vnni",
        Feature::Sha => "sha_ni",
        Feature::Neon => "asimd",
        Feature::Lse => "atomics",
        Feature::Crc => "crc32",
        Feature::Dotprod => "asimddp",
        Feature::Fp16 => "asimdhp",
        Feature::Rcpc => "lrcpc",
        feature => feature.name(),
    };
    let detected = Features::detect();
    for (feature, present) in crate::os::detected_features() {
        assert_eq!(present, flags.contains(name_of(feature)), "{feature}");
        assert_eq!(detected.has(feature), present);
    }
    assert!(detected.iter().count() > 0, "every CPU that fibra runs on has some");
}

#[test]
fn the_counter_is_constant_where_the_kernel_says_so() {
    let info = fs::read_to_string("/proc/cpuinfo").expect("readable");
    let x86 = info.contains("GenuineIntel") || info.contains("AuthenticAMD");
    assert_eq!(crate::cycles::is_constant(), !x86 || info.contains(" nonstop_tsc"));
}

#[test]
fn lists_of_cpus_are_read_as_they_are_printed() {
    for text in ["", "5", "0-1", "1-3,62-65,2000"] {
        assert_eq!(cpus_in(text).unwrap().to_string(), text);
    }
    for text in ["x", "1-", "-1", "1,,x"] {
        assert_eq!(cpus_in(text), None, "{text}");
    }
}

/// The memory that huge pages were asked for, by address.
fn huge_by_advice() -> Vec<std::ops::Range<usize>> {
    let mappings = fs::read_to_string("/proc/self/smaps").expect("readable");
    let mut current = 0..0;
    let mut advised = Vec::new();
    for line in mappings.lines() {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let parse = |number| usize::from_str_radix(number, 16).ok();
        if let Some((Some(start), Some(end))) = first.split_once('-').map(|(a, b)| (parse(a), parse(b))) {
            current = start..end;
        } else if first == "VmFlags:" && rest.split_whitespace().any(|flag| flag == "hg") {
            advised.push(current.clone());
        }
    }
    advised
}

#[test]
fn huge_pages_are_asked_for_where_whole_ones_fit_in() {
    const HUGE: usize = 2 << 20;
    let is_advised = |address| huge_by_advice().iter().any(|mapping| mapping.contains(&address));
    // Of its own: one that the allocator had before might have the advice already.
    let map = |length| {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, wherever there is room.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        start.cast::<u8>()
    };
    let probe = map(2 * HUGE);
    prefer_huge_pages(probe, 2 * HUGE);
    if !is_advised(probe as usize) {
        return eprintln!("this system takes no advice of that kind");
    }

    let start = map(8 * HUGE);
    let first = (start as usize).next_multiple_of(HUGE) + HUGE;
    // Almost three huge ones, beginning a page late: one fits in.
    let begin = start.wrapping_add(first - start as usize + 4096);
    // SAFETY: within the mapping, which lives for ever, and zeroed by the kernel.
    let memory = unsafe { std::slice::from_raw_parts_mut(begin, 3 * HUGE - 3 * 4096) };
    crate::memory::prefer_huge_pages(&mut memory[..HUGE]);
    assert!(!is_advised(first + HUGE), "none fits in");
    crate::memory::prefer_huge_pages(memory);
    let places = [first + HUGE - 1, first + HUGE, first + 2 * HUGE - 1, first + 2 * HUGE];
    assert_eq!(places.map(is_advised), [false, true, true, false]);
}
