//! What x86_64 lets a function keep, by the calling convention of Windows.

use std::arch::naked_asm;

#[path = "x86_64_control_words.rs"]
mod words;
pub use words::*;

/// The callee-saved registers: rbx, rbp, rdi, rsi and r12 to r15, and two words each of xmm6 to xmm15.
pub const CALLEE_SAVED: usize = 8 + 2 * 10;

/// Calls `function(argument)` with the callee-saved registers as given, and stores what they hold afterwards.
#[unsafe(naked)]
pub extern "C" fn call_with<T>(
    function: extern "C" fn(*mut T),
    argument: *mut T,
    registers: &mut [u64; CALLEE_SAVED],
) {
    naked_asm!(
        // Keep the caller's, and the address of the array. One word more: at the call the stack is a multiple of 16.
        "push rbx; push rbp; push rdi",
        "push rsi; push r12; push r13",
        "push r14; push r15; push r8",
        "sub rsp, 192; movups [rsp + 32], xmm6; movups [rsp + 48], xmm7",
        "movups [rsp + 64], xmm8; movups [rsp + 80], xmm9; movups [rsp + 96], xmm10",
        "movups [rsp + 112], xmm11; movups [rsp + 128], xmm12; movups [rsp + 144], xmm13",
        "movups [rsp + 160], xmm14; movups [rsp + 176], xmm15",
        // Fill them.
        "mov rbx, [r8 + 0]; mov rbp, [r8 + 8]; mov rdi, [r8 + 16]",
        "mov rsi, [r8 + 24]; mov r12, [r8 + 32]; mov r13, [r8 + 40]",
        "mov r14, [r8 + 48]; mov r15, [r8 + 56]; movups xmm6, [r8 + 64]",
        "movups xmm7, [r8 + 80]; movups xmm8, [r8 + 96]; movups xmm9, [r8 + 112]",
        "movups xmm10, [r8 + 128]; movups xmm11, [r8 + 144]; movups xmm12, [r8 + 160]",
        "movups xmm13, [r8 + 176]; movups xmm14, [r8 + 192]; movups xmm15, [r8 + 208]",
        "mov rax, rcx; mov rcx, rdx; call rax",
        // Store them.
        "mov r8, [rsp + 192]; mov [r8 + 0], rbx; mov [r8 + 8], rbp",
        "mov [r8 + 16], rdi; mov [r8 + 24], rsi; mov [r8 + 32], r12",
        "mov [r8 + 40], r13; mov [r8 + 48], r14; mov [r8 + 56], r15",
        "movups [r8 + 64], xmm6; movups [r8 + 80], xmm7; movups [r8 + 96], xmm8",
        "movups [r8 + 112], xmm9; movups [r8 + 128], xmm10; movups [r8 + 144], xmm11",
        "movups [r8 + 160], xmm12; movups [r8 + 176], xmm13; movups [r8 + 192], xmm14",
        "movups [r8 + 208], xmm15",
        // Give the caller's back.
        "movups xmm6, [rsp + 32]; movups xmm7, [rsp + 48]; movups xmm8, [rsp + 64]",
        "movups xmm9, [rsp + 80]; movups xmm10, [rsp + 96]; movups xmm11, [rsp + 112]",
        "movups xmm12, [rsp + 128]; movups xmm13, [rsp + 144]; movups xmm14, [rsp + 160]",
        "movups xmm15, [rsp + 176]; add rsp, 200; pop r15",
        "pop r14; pop r13; pop r12",
        "pop rsi; pop rdi; pop rbp",
        "pop rbx; ret",
    )
}
