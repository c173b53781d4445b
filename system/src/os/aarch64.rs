//! AArch64: feature registers, as std reads them, and the virtual counter.

use crate::cpu::Feature;
use std::arch::{asm, is_aarch64_feature_detected};

pub(crate) fn detected_features() -> [(Feature, bool); 15] {
    [
        (Feature::Neon, is_aarch64_feature_detected!("neon")),
        (Feature::Sve, is_aarch64_feature_detected!("sve")),
        (Feature::Sve2, is_aarch64_feature_detected!("sve2")),
        (Feature::Lse, is_aarch64_feature_detected!("lse")),
        (Feature::Crc, is_aarch64_feature_detected!("crc")),
        (Feature::Aes, is_aarch64_feature_detected!("aes")),
        (Feature::Sha2, is_aarch64_feature_detected!("sha2")),
        (Feature::Sha3, is_aarch64_feature_detected!("sha3")),
        (Feature::Dotprod, is_aarch64_feature_detected!("dotprod")),
        (Feature::Fp16, is_aarch64_feature_detected!("fp16")),
        (Feature::Bf16, is_aarch64_feature_detected!("bf16")),
        (Feature::I8mm, is_aarch64_feature_detected!("i8mm")),
        (Feature::Rcpc, is_aarch64_feature_detected!("rcpc")),
        (Feature::Bti, is_aarch64_feature_detected!("bti")),
        (Feature::Paca, is_aarch64_feature_detected!("paca")),
    ]
}

#[inline]
pub(crate) fn cycles() -> u64 {
    let cycles: u64;
    // SAFETY: Linux, macOS and Windows let programs read this register. It touches neither memory nor flags.
    unsafe { asm!("mrs {}, cntvct_el0", out(reg) cycles, options(nomem, nostack, preserves_flags)) };
    cycles
}

#[inline]
pub(crate) fn cycles_in_order() -> u64 {
    let cycles: u64;
    // ISB waits until what precedes it is done, and fetches what follows anew. Without `nomem` the compiler keeps the
    // accesses to memory on their side as well.
    // SAFETY: as in `cycles`; ISB has no effect that the program could see.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", "isb", out(reg) cycles, options(nostack, preserves_flags)) };
    cycles
}

#[inline]
pub(crate) fn prefetch(address: *const u8) {
    // SAFETY: PRFM is a hint: at an address where nothing is, it does nothing, and the program can't see what it does elsewhere.
    unsafe { asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags)) };
}

pub(crate) const CLOCK_SOURCE: &str = "arch_sys_counter";

/// The architecture demands it.
pub(crate) fn cycles_are_constant() -> bool {
    true
}

pub(crate) fn cycle_frequency() -> Option<u64> {
    let frequency: u64;
    // SAFETY: as in `cycles`.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack, preserves_flags)) };
    // Firmware sets it, or forgets to.
    (frequency != 0).then_some(frequency)
}
