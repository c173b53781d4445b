//! What x86_64 lets a function keep, by the System V calling convention.

use std::arch::naked_asm;

#[path = "x86_64_control_words.rs"]
mod words;
pub use words::*;

/// The callee-saved registers: rbx, rbp and r12 to r15.
pub const CALLEE_SAVED: usize = 6;

/// Calls `function(argument)` with the callee-saved registers as given, and stores what they hold afterwards.
#[unsafe(naked)]
pub extern "C" fn call_with<T>(
    function: extern "C" fn(*mut T),
    argument: *mut T,
    registers: &mut [u64; CALLEE_SAVED],
) {
    naked_asm!(
        // Keep the caller's, and the address of the array.
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdx",
        // Fill them.
        "mov rbx, [rdx]",
        "mov rbp, [rdx + 8]",
        "mov r12, [rdx + 16]",
        "mov r13, [rdx + 24]",
        "mov r14, [rdx + 32]",
        "mov r15, [rdx + 40]",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        // Store them.
        "pop rdx",
        "mov [rdx], rbx",
        "mov [rdx + 8], rbp",
        "mov [rdx + 16], r12",
        "mov [rdx + 24], r13",
        "mov [rdx + 32], r14",
        "mov [rdx + 40], r15",
        // Give the caller's back.
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}
