//! What ARM64 lets a function keep.

use std::arch::{asm, naked_asm};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlWords(u64);

/// Rounds towards zero, flushes denormals.
pub const UNUSUAL: ControlWords = ControlWords(3 << 22 | 1 << 24);

pub fn control_words() -> ControlWords {
    let word;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, fpcr", out(reg) word) };
    ControlWords(word)
}

pub fn set_control_words(words: ControlWords) {
    // SAFETY: no reserved bits; nothing between this and the next call computes with floats.
    unsafe { asm!("msr fpcr, {}", in(reg) words.0) };
}

/// The callee-saved registers: x19 to x29 and d8 to d15.
pub const CALLEE_SAVED: usize = 19;

/// Calls `function(argument)` with the callee-saved registers as given, and stores what they hold afterwards.
#[unsafe(naked)]
pub extern "C" fn call_with<T>(
    function: extern "C" fn(*mut T),
    argument: *mut T,
    registers: &mut [u64; CALLEE_SAVED],
) {
    naked_asm!(
        // Keep the caller's, and the address of the array.
        "stp x29, x30, [sp, #-176]!",
        "stp x19, x20, [sp, #16]",
        "stp x21, x22, [sp, #32]",
        "stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]",
        "stp x27, x28, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "str x2, [sp, #160]",
        // Fill them.
        "ldp x19, x20, [x2]",
        "ldp x21, x22, [x2, #16]",
        "ldp x23, x24, [x2, #32]",
        "ldp x25, x26, [x2, #48]",
        "ldp x27, x28, [x2, #64]",
        "ldr x29, [x2, #80]",
        "ldp d8, d9, [x2, #88]",
        "ldp d10, d11, [x2, #104]",
        "ldp d12, d13, [x2, #120]",
        "ldp d14, d15, [x2, #136]",
        "mov x9, x0",
        "mov x0, x1",
        "blr x9",
        // Store them.
        "ldr x2, [sp, #160]",
        "stp x19, x20, [x2]",
        "stp x21, x22, [x2, #16]",
        "stp x23, x24, [x2, #32]",
        "stp x25, x26, [x2, #48]",
        "stp x27, x28, [x2, #64]",
        "str x29, [x2, #80]",
        "stp d8, d9, [x2, #88]",
        "stp d10, d11, [x2, #104]",
        "stp d12, d13, [x2, #120]",
        "stp d14, d15, [x2, #136]",
        // Give the caller's back.
        "ldp d14, d15, [sp, #144]",
        "ldp d12, d13, [sp, #128]",
        "ldp d10, d11, [sp, #112]",
        "ldp d8, d9, [sp, #96]",
        "ldp x27, x28, [sp, #80]",
        "ldp x25, x26, [sp, #64]",
        "ldp x23, x24, [sp, #48]",
        "ldp x21, x22, [sp, #32]",
        "ldp x19, x20, [sp, #16]",
        "ldp x29, x30, [sp], #176",
        "ret",
    )
}
