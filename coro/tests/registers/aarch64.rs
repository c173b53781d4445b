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

/// Calls `function(argument)` with a pattern in every callee-saved register; returns the bits that have changed.
#[unsafe(naked)]
pub extern "C" fn changed_by<T>(function: extern "C" fn(*mut T), argument: *mut T) -> u64 {
    naked_asm!(
        "stp x29, x30, [sp, #-160]!",
        "stp x19, x20, [sp, #16]",
        "stp x21, x22, [sp, #32]",
        "stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]",
        "stp x27, x28, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "mov x19, #0x1111",
        "mov x20, #0x2222",
        "mov x21, #0x3333",
        "mov x22, #0x4444",
        "mov x23, #0x5555",
        "mov x24, #0x6666",
        "mov x25, #0x7777",
        "mov x26, #0x8888",
        "mov x27, #0x9999",
        "mov x28, #0xaaaa",
        "mov x29, #0xbbbb",
        "fmov d8, x19",
        "fmov d9, x20",
        "fmov d10, x21",
        "fmov d11, x22",
        "fmov d12, x23",
        "fmov d13, x24",
        "fmov d14, x25",
        "fmov d15, x26",
        "mov x9, x0",
        "mov x0, x1",
        "blr x9",
        "mov x9, #0",
        // Each is compared with its pattern, and the differences are gathered in x9.
        "mov x10, #0x1111",
        "eor x11, x19, x10",
        "orr x9, x9, x11",
        "fmov x12, d8",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x2222",
        "eor x11, x20, x10",
        "orr x9, x9, x11",
        "fmov x12, d9",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x3333",
        "eor x11, x21, x10",
        "orr x9, x9, x11",
        "fmov x12, d10",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x4444",
        "eor x11, x22, x10",
        "orr x9, x9, x11",
        "fmov x12, d11",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x5555",
        "eor x11, x23, x10",
        "orr x9, x9, x11",
        "fmov x12, d12",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x6666",
        "eor x11, x24, x10",
        "orr x9, x9, x11",
        "fmov x12, d13",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x7777",
        "eor x11, x25, x10",
        "orr x9, x9, x11",
        "fmov x12, d14",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x8888",
        "eor x11, x26, x10",
        "orr x9, x9, x11",
        "fmov x12, d15",
        "eor x11, x12, x10",
        "orr x9, x9, x11",
        "mov x10, #0x9999",
        "eor x11, x27, x10",
        "orr x9, x9, x11",
        "mov x10, #0xaaaa",
        "eor x11, x28, x10",
        "orr x9, x9, x11",
        "mov x10, #0xbbbb",
        "eor x11, x29, x10",
        "orr x9, x9, x11",
        "mov x0, x9",
        "ldp d8, d9, [sp, #96]",
        "ldp d10, d11, [sp, #112]",
        "ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]",
        "ldp x19, x20, [sp, #16]",
        "ldp x21, x22, [sp, #32]",
        "ldp x23, x24, [sp, #48]",
        "ldp x25, x26, [sp, #64]",
        "ldp x27, x28, [sp, #80]",
        "ldp x29, x30, [sp], #160",
        "ret",
    )
}
