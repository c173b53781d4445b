//! x86-64: CPUID and RDTSC.

use crate::cpu::Feature;
use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{__cpuid, _MM_HINT_T0, _mm_lfence, _mm_prefetch, _rdtsc};

/// CPUID's highest leaf for power management and addresses.
const EXTENDED_MAXIMUM: u32 = 0x8000_0000;
const ADVANCED_POWER_MANAGEMENT: u32 = 0x8000_0007;
const TIME_STAMP_COUNTER: u32 = 0x15;

pub(crate) fn detected_features() -> [(Feature, bool); 26] {
    [
        (Feature::Sse3, is_x86_feature_detected!("sse3")),
        (Feature::Ssse3, is_x86_feature_detected!("ssse3")),
        (Feature::Sse41, is_x86_feature_detected!("sse4.1")),
        (Feature::Sse42, is_x86_feature_detected!("sse4.2")),
        (Feature::Popcnt, is_x86_feature_detected!("popcnt")),
        (Feature::Cmpxchg16b, is_x86_feature_detected!("cmpxchg16b")),
        (Feature::Xsave, is_x86_feature_detected!("xsave")),
        (Feature::Avx, is_x86_feature_detected!("avx")),
        (Feature::Avx2, is_x86_feature_detected!("avx2")),
        (Feature::Fma, is_x86_feature_detected!("fma")),
        (Feature::F16c, is_x86_feature_detected!("f16c")),
        (Feature::Bmi1, is_x86_feature_detected!("bmi1")),
        (Feature::Bmi2, is_x86_feature_detected!("bmi2")),
        (Feature::Lzcnt, is_x86_feature_detected!("lzcnt")),
        (Feature::Avx512F, is_x86_feature_detected!("avx512f")),
        (Feature::Avx512Vl, is_x86_feature_detected!("avx512vl")),
        (Feature::Avx512Bw, is_x86_feature_detected!("avx512bw")),
        (Feature::Avx512Dq, is_x86_feature_detected!("avx512dq")),
        (Feature::Avx512Cd, is_x86_feature_detected!("avx512cd")),
        (Feature::Avx512Vnni, is_x86_feature_detected!("avx512vnni")),
        (Feature::Avx512Vbmi, is_x86_feature_detected!("avx512vbmi")),
        (Feature::Aes, is_x86_feature_detected!("aes")),
        (Feature::Pclmulqdq, is_x86_feature_detected!("pclmulqdq")),
        (Feature::Sha, is_x86_feature_detected!("sha")),
        (Feature::Rdrand, is_x86_feature_detected!("rdrand")),
        (Feature::Rdseed, is_x86_feature_detected!("rdseed")),
    ]
}

#[inline]
pub(crate) fn cycles() -> u64 {
    // SAFETY: every x86-64 CPU has RDTSC. A process could be forbidden to use it (prctl PR_SET_TSC), and would get a
    // signal, which is not undefined behaviour.
    unsafe { _rdtsc() }
}

#[inline]
pub(crate) fn cycles_in_order() -> u64 {
    // LFENCE waits until what precedes it is done, and holds back what follows.
    // SAFETY: LFENCE is part of SSE2, which every x86-64 CPU has; it touches no memory.
    unsafe { _mm_lfence() };
    let cycles = cycles();
    // SAFETY: as above.
    unsafe { _mm_lfence() };
    cycles
}

#[inline]
pub(crate) fn prefetch(address: *const u8) {
    // SAFETY: PREFETCHT0 is part of SSE, which every x86-64 CPU has. It is a hint: at an address where nothing is, it does
    // nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

pub(crate) const CLOCK_SOURCE: &str = "tsc";

pub(crate) fn cycles_are_constant() -> bool {
    const INVARIANT: u32 = 1 << 8;
    cpuid(EXTENDED_MAXIMUM).eax >= ADVANCED_POWER_MANAGEMENT
        && cpuid(ADVANCED_POWER_MANAGEMENT).edx & INVARIANT != 0
}

pub(crate) fn cycle_frequency() -> Option<u64> {
    if cpuid(0).eax < TIME_STAMP_COUNTER {
        return None;
    }
    let leaf = cpuid(TIME_STAMP_COUNTER);
    // The counter runs at `crystal × numerator / denominator`. Many CPUs give the ratio without the crystal's frequency.
    let (denominator, numerator, crystal) = (leaf.eax, leaf.ebx, leaf.ecx);
    if denominator == 0 || numerator == 0 || crystal == 0 {
        return None;
    }
    Some(u64::from(crystal) * u64::from(numerator) / u64::from(denominator))
}

#[allow(unused_unsafe, reason = "since Rust 1.94 `__cpuid` is safe, before it is not")]
fn cpuid(leaf: u32) -> std::arch::x86_64::CpuidResult {
    // SAFETY: every x86-64 CPU has CPUID; the leaves asked for are at most the maximum that it reports.
    unsafe { __cpuid(leaf) }
}
