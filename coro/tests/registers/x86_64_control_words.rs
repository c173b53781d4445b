//! The words that say how x86_64 computes with floats.

use std::arch::asm;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlWords {
    mxcsr: u32,
    x87: u16,
}

/// Rounds towards zero, flushes denormals; x87 with 24-bit mantissas.
pub const UNUSUAL: ControlWords = ControlWords { mxcsr: 0x1f80 | 3 << 13 | 1 << 15, x87: 0x007f };

/// The bits of MXCSR that control; the others tell what has happened.
const MXCSR_CONTROL: u32 = 0xffc0;

pub fn control_words() -> ControlWords {
    let mut words = ControlWords { mxcsr: 0, x87: 0 };
    // SAFETY: stores two words.
    unsafe { asm!("stmxcsr [{}]", "fnstcw [{}]", in(reg) &raw mut words.mxcsr, in(reg) &raw mut words.x87) };
    words.mxcsr &= MXCSR_CONTROL;
    words
}

pub fn set_control_words(words: ControlWords) {
    // SAFETY: loads two words without reserved bits; nothing between this and the next call computes with floats.
    unsafe {
        asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &raw const words.mxcsr, in(reg) &raw const words.x87)
    };
}
