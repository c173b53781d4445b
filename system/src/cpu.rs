//! Which instruction sets the CPU has and the system lets programs use; and a hint for its cache.

use crate::os;
use std::fmt;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// An extension of an instruction set. Those of other architectures are absent.
        ///
        /// ```
        /// use fibra_system::cpu::Feature;
        ///
        /// assert_eq!(Feature::Avx512F.name(), "avx512f");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $($(#[$doc])* $variant,)*
        }

        impl Feature {
            /// Every feature that fibra knows of, whether it is here or not.
            ///
            /// ```
            /// use fibra_system::cpu::{Feature, Features};
            ///
            /// let absent: Vec<_> = Feature::ALL.iter().filter(|feature| !Features::detect().has(**feature)).collect();
            /// println!("not here: {absent:?}");
            /// ```
            pub const ALL: &'static [Feature] = &[$(Feature::$variant,)*];

            /// The name by which the compiler's option `target-feature` knows it.
            ///
            /// ```
            /// assert_eq!(fibra_system::cpu::Feature::Avx2.name(), "avx2");
            /// ```
            pub const fn name(self) -> &'static str {
                match self {
                    $(Feature::$variant => $name,)*
                }
            }
        }
    };
}

features! {
    /// x86-64: SSE3.
    Sse3 = "sse3",
    /// x86-64: supplemental SSE3.
    Ssse3 = "ssse3",
    /// x86-64: SSE4.1.
    Sse41 = "sse4.1",
    /// x86-64: SSE4.2, with the CRC32 instruction.
    Sse42 = "sse4.2",
    /// x86-64: count of set bits.
    Popcnt = "popcnt",
    /// x86-64: compare and exchange of 16 bytes.
    Cmpxchg16b = "cmpxchg16b",
    /// x86-64: extended state is saved by XSAVE, so the system keeps wide registers across switches of threads.
    Xsave = "xsave",
    /// x86-64: 256-bit floating point.
    Avx = "avx",
    /// x86-64: 256-bit integers.
    Avx2 = "avx2",
    /// x86-64: fused multiply and add.
    Fma = "fma",
    /// x86-64: conversion from and to 16-bit floating point.
    F16c = "f16c",
    /// x86-64: bit manipulation, first set.
    Bmi1 = "bmi1",
    /// x86-64: bit manipulation, second set.
    Bmi2 = "bmi2",
    /// x86-64: count of leading zeros.
    Lzcnt = "lzcnt",
    /// x86-64: AVX-512 foundation.
    Avx512F = "avx512f",
    /// x86-64: AVX-512 on vectors of 128 and 256 bits.
    Avx512Vl = "avx512vl",
    /// x86-64: AVX-512 on bytes and words.
    Avx512Bw = "avx512bw",
    /// x86-64: AVX-512 on 32 and 64-bit words.
    Avx512Dq = "avx512dq",
    /// x86-64: AVX-512 conflict detection.
    Avx512Cd = "avx512cd",
    /// x86-64: AVX-512 dot products of small integers.
    Avx512Vnni = "avx512vnni",
    /// x86-64: AVX-512 permutation of bytes.
    Avx512Vbmi = "avx512vbmi",
    /// x86-64 and AArch64: rounds of AES.
    Aes = "aes",
    /// x86-64: multiplication without carry.
    Pclmulqdq = "pclmulqdq",
    /// x86-64: SHA-1 and SHA-256.
    Sha = "sha",
    /// x86-64: random numbers.
    Rdrand = "rdrand",
    /// x86-64: seeds of random numbers.
    Rdseed = "rdseed",
    /// AArch64: 128-bit vectors.
    Neon = "neon",
    /// AArch64: vectors of scalable width.
    Sve = "sve",
    /// AArch64: the second set for vectors of scalable width.
    Sve2 = "sve2",
    /// AArch64: atomic operations in one instruction.
    Lse = "lse",
    /// AArch64: CRC-32.
    Crc = "crc",
    /// AArch64: SHA-256.
    Sha2 = "sha2",
    /// AArch64: SHA-512 and SHA-3.
    Sha3 = "sha3",
    /// AArch64: dot products of small integers.
    Dotprod = "dotprod",
    /// AArch64: 16-bit floating point.
    Fp16 = "fp16",
    /// AArch64: 16-bit brain floating point.
    Bf16 = "bf16",
    /// AArch64: multiplication of matrices of 8-bit integers.
    I8mm = "i8mm",
    /// AArch64: loads with the weaker acquire order that C++ and Rust ask for.
    Rcpc = "rcpc",
    /// AArch64: marked targets of branches.
    Bti = "bti",
    /// AArch64: pointer authentication.
    Paca = "paca",
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of [`Feature`]s.
///
/// ```
/// use fibra_system::cpu::{Feature, Features};
///
/// let features = Features::detect();
/// if features.has(Feature::Avx2) {
///     println!("the fast way");
/// }
/// println!("{features}"); // sse3 ssse3 sse4.1 …
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Features(u64);

const _: () = assert!(Feature::ALL.len() <= 64, "each feature needs a bit");

impl Features {
    /// The features of this CPU that the operating system lets programs use. Cheap: the CPU is asked once.
    ///
    /// ```
    /// use fibra_system::cpu::Features;
    ///
    /// assert_eq!(Features::detect(), Features::detect());
    /// ```
    pub fn detect() -> Features {
        Self::present(os::detected_features())
    }

    fn present(features: impl IntoIterator<Item = (Feature, bool)>) -> Features {
        features.into_iter().filter_map(|(feature, present)| present.then_some(feature)).collect()
    }

    /// Whether `feature` is in the set.
    ///
    /// ```
    /// use fibra_system::cpu::{Feature, Features};
    ///
    /// let features: Features = [Feature::Avx].into_iter().collect();
    /// assert!(features.has(Feature::Avx) && !features.has(Feature::Avx2));
    /// ```
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & 1 << feature as u32 != 0
    }

    /// The features in the set.
    ///
    /// ```
    /// for feature in fibra_system::cpu::Features::detect().iter() {
    ///     println!("{feature}");
    /// }
    /// ```
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(move |feature| self.has(*feature))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        Features(features.into_iter().fold(0, |bits, feature| bits | 1 << feature as u32))
    }
}

impl fmt::Display for Features {
    /// The names, with spaces between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, feature) in self.iter().enumerate() {
            write!(f, "{}{feature}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Has the CPU fetch the cache line at `address`, and go on meanwhile. Only a hint: nothing happens at an address where no
/// memory is, and the value can't be told from what happens.
///
/// For who is about to look at many places that are mostly not in the cache: fetched first, all of them come at the same
/// time.
///
/// ```
/// let scattered: Vec<Box<u64>> = (0..100).map(Box::new).collect();
/// for number in &scattered {
///     fibra_system::cpu::prefetch(&raw const **number);
/// }
/// assert_eq!(scattered.iter().map(|number| **number).sum::<u64>(), 4950);
/// ```
#[inline]
pub fn prefetch<T>(address: *const T) {
    os::prefetch(address.cast());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        for feature in Feature::ALL {
            let set = Features::from_iter([*feature]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [*feature]);
            assert_eq!(set.to_string(), feature.name());
        }
        assert_eq!(Features::from_iter(Feature::ALL.iter().copied()).iter().count(), Feature::ALL.len());
        assert_eq!(Features::default().to_string(), "");
    }

    #[test]
    fn only_what_is_present_is_detected() {
        let detected = Features::present([(Feature::Avx, true), (Feature::Avx2, false)]);
        assert!(detected.has(Feature::Avx) && !detected.has(Feature::Avx2));
    }

    #[test]
    fn no_two_features_share_a_name() {
        let names: std::collections::HashSet<_> = Feature::ALL.iter().map(|feature| feature.name()).collect();
        assert_eq!(names.len(), Feature::ALL.len());
    }
}
