//! Work for a core: arithmetic in which every step needs the one before, so that it takes as long in every language.

use std::hint::black_box;

/// Steps that take about a microsecond on a core at 3 GHz.
const STEPS_PER_MICROSECOND: u64 = 500;

/// Computes for about so many microseconds: always the same work, however fast the core is.
#[inline(never)]
pub fn compute(microseconds: u64) {
    let mut word = black_box(0x9E37_79B9_7F4A_7C15_u64);
    for _ in 0..microseconds * STEPS_PER_MICROSECOND {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
    }
    black_box(word);
}
