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

pub fn overwrite_callee_saved() {
    // SAFETY: all are declared, but `x19` and `x29`, which a caller in Rust may use for itself.
    unsafe {
        asm!(
            "mov x20, #-1", "mov x21, #-1", "mov x22, #-1", "mov x23, #-1", "mov x24, #-1", "mov x25, #-1",
            "mov x26, #-1", "mov x27, #-1", "mov x28, #-1",
            "fmov d8, x20", "fmov d9, x20", "fmov d10, x20", "fmov d11, x20",
            "fmov d12, x20", "fmov d13, x20", "fmov d14, x20", "fmov d15, x20",
            out("x20") _, out("x21") _, out("x22") _, out("x23") _, out("x24") _, out("x25") _,
            out("x26") _, out("x27") _, out("x28") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
        );
    }
}

/// The callee-saved registers: x19 to x29 and d8 to d15.
const CALLEE_SAVED: usize = 19;

/// Calls `function(argument)` with a pattern in every callee-saved register; returns the bits that have changed.
pub fn changed_by<T>(function: extern "C" fn(*mut T), argument: *mut T) -> u64 {
    let patterns: [u64; CALLEE_SAVED] = std::array::from_fn(|index| 0x1111_2222_3333 * (index as u64 + 1));
    let mut found = patterns;
    call_with_registers(function, argument, &mut found);
    patterns.iter().zip(found).fold(0, |changed, (pattern, found)| changed | (pattern ^ found))
}

/// Calls `function(argument)` with the callee-saved registers as given, and stores what they hold afterwards.
#[unsafe(naked)]
extern "C" fn call_with_registers<T>(
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
