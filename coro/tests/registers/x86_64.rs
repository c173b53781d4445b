//! What x86_64 lets a function keep.

use std::arch::{asm, naked_asm};

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

pub fn overwrite_callee_saved() {
    // SAFETY: all are declared, but `rbx` and `rbp`, which a caller in Rust may use for itself: only their
    // switched-away values matter to this test, and they are overwritten by whatever this function's callers hold.
    unsafe {
        asm!(
            "mov r12, -1", "mov r13, -1", "mov r14, -1", "mov r15, -1",
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
        );
    }
}

/// Calls `function(argument)` with a pattern in every callee-saved register; returns the bits that have changed.
#[unsafe(naked)]
pub extern "C" fn changed_by<T>(function: extern "C" fn(*mut T), argument: *mut T) -> u64 {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rax",
        "mov rbx, 0x1111",
        "mov rbp, 0x2222",
        "mov r12, 0x3333",
        "mov r13, 0x4444",
        "mov r14, 0x5555",
        "mov r15, 0x6666",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "xor rbx, 0x1111",
        "xor rbp, 0x2222",
        "xor r12, 0x3333",
        "xor r13, 0x4444",
        "xor r14, 0x5555",
        "xor r15, 0x6666",
        "mov rax, rbx",
        "or rax, rbp",
        "or rax, r12",
        "or rax, r13",
        "or rax, r14",
        "or rax, r15",
        "pop rcx",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}
