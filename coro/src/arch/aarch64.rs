//! The switch for ARM64 with the AAPCS64 calling convention (Linux, the BSDs).
//!
//! A suspended stack, `sp` being the [`Context`] that names it:
//!
//! ```text
//!            higher addresses
//!          │                         │
//!          │ frames of the suspended │
//!          ├─────────────────────────┤ ◀─ sp while it runs
//!     +24  │ FPCR, or -1             │    -1 if it left without control words; also in a first frame
//!     +16  │ where it continues      │ ◀─ label 2 in `leave`, or `start` in a first frame
//!      +8  │ x29, the frame pointer  │    0 in a first frame: ends a walk along frame pointers
//!  sp ──▶  │ x19                     │    the entry function in a first frame
//!          ├─────────────────────────┤
//!          │ free                    │
//!            lower addresses
//! ```
//!
//! `x19` and `x29` are saved by hand, because the compiler reserves them and refuses them as clobbers. All others are
//! clobbered. The ABI has no red zone: what lies below `sp` is lost to the next signal, so `sp` must move, and the
//! unwind tables with it. That is written down exactly in a naked function, [`exchange`]; before and after the two
//! stacks change places the frame looks the same, so the tables are right at every instruction of it.
//!
//! `exchange` is jumped to, not called, and jumps back: the CPU's return stack stays as it was.

use crate::{Context, Stack};
use core::arch::{asm, naked_asm};

/// `sp` must be a multiple of this whenever memory is reached through it.
pub(crate) const STACK_ALIGNMENT: usize = 16;

/// Where FPCR is kept in a frame, if the frame's owner keeps none. No FPCR has all bits set.
const NO_CONTROL_WORD: u64 = u64::MAX;

/// Writes the first frame of a stack: four stores, see the picture above.
///
/// # Safety
///
/// The stack's top is a multiple of [`STACK_ALIGNMENT`], and the 32 bytes below it are writable and hold nothing of use.
#[inline(always)]
pub(crate) unsafe fn first_frame(stack: &Stack, entry: unsafe extern "C" fn(usize) -> !) -> Context {
    // SAFETY: the caller vouches for the four words below the top, which is aligned for them.
    unsafe {
        let frame = stack.top().cast::<u64>().sub(4);
        frame.write(entry as *const () as u64);
        frame.add(1).write(0);
        frame.add(2).write(start as *const () as u64);
        frame.add(3).write(NO_CONTROL_WORD);
        Context(frame.cast())
    }
}

/// The outermost frame of every stack: calls the entry function with the word that the first switch hands over.
///
/// Reached only by the jump of a switch, with `x0` = the word, `x19` = the entry function, `x3` = 1 if control words are
/// kept, and `sp` = the top.
///
/// # Safety
///
/// Not to be called: only the jump of a switch arrives with these registers.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        // There is no caller: unwinders and debuggers end here instead of reading past the top of the stack.
        ".cfi_undefined x30",
        // Where branch targets are checked (BTI), a jump may land here.
        "hint #36",
        // Without control words the whole thread shares one: leave it alone.
        "cbz x3, 3f",
        // FPCR is that of whoever switched here; a new stack begins as a new thread does: round to nearest, no traps.
        "msr fpcr, xzr",
        "3:",
        // The word is already the first argument. A call by hand: a real one would leave an entry in the CPU's return
        // stack that no return ever takes out. By way of x16, since a checked function start takes jumps from there.
        "adr x30, 4f",
        "mov x16, x19",
        "br x16",
        // The entry function never returns.
        "4:",
        "brk #1",
        ".cfi_endproc",
    )
}

/// Puts a frame on this stack and takes the other's from its stack.
///
/// Expects `x0` = where to save, `x1` = the other's context, `x2` = the word, `x3` = 1 if control words are kept, `x4` =
/// FPCR or -1, `x30` = where we continue. Leaves the word in `x0` and `x3` as it is.
///
/// # Safety
///
/// Not to be called: only [`leave`] jumps here, with these registers.
#[unsafe(naked)]
unsafe extern "C" fn exchange() {
    naked_asm!(
        // Until we touch `sp`, the caller's frame ends there and the return address is in `x30`: the tables' default.
        ".cfi_startproc",
        // Our frame.
        "sub sp, sp, #32",
        ".cfi_def_cfa_offset 32",
        "stp x19, x29, [sp]",
        ".cfi_offset x19, -32",
        ".cfi_offset x29, -24",
        "stp x30, x4, [sp, #16]",
        ".cfi_offset x30, -16",
        // From here on we are suspended.
        "mov x9, sp",
        "str x9, [x0]",
        // The other stack. Its frame has the same shape, so what the tables say goes on being true.
        "mov sp, x1",
        "ldp x30, x4, [sp, #16]",
        "ldp x19, x29, [sp]",
        "add sp, sp, #32",
        ".cfi_def_cfa_offset 0",
        ".cfi_restore x19",
        ".cfi_restore x29",
        ".cfi_restore x30",
        // If it keeps control words, it has them back, but only where they differ: writing FPCR waits for the pipeline.
        "cmn x4, #1",
        "b.eq 3f",
        "mrs x9, fpcr",
        "cmp x9, x4",
        "b.eq 3f",
        "msr fpcr, x4",
        "3:",
        // The word goes where the other expects it, which is also the first argument of an entry function.
        "mov x0, x2",
        "br x30",
        ".cfi_endproc",
    )
}

/// Jumps to [`exchange`].
///
/// # Safety
///
/// As for [`crate::switch`]; `control_word` is the present FPCR or [`NO_CONTROL_WORD`], and `keeps` says which, by 1 or
/// 0.
#[inline(always)]
unsafe fn leave(save: *mut Context, to: Context, word: usize, keeps: u64, control_word: u64) -> usize {
    let returned;
    // SAFETY: everything the other stacks may change is declared: all registers that the compiler lets us name, the
    // flags and memory. `exchange` puts `x19`, `x29` and `sp` back, and FPCR if it was given.
    unsafe {
        asm!(
            // Where we continue.
            "adr x30, 2f",
            "b {exchange}",
            // Somebody continued us. Where branch targets are checked (BTI), a jump may land here.
            "2:",
            "hint #36",
            exchange = sym exchange,
            inlateout("x0") save => returned,
            inlateout("x1") to.0 => _,
            inlateout("x2") word => _,
            inlateout("x3") keeps => _,
            inlateout("x4") control_word => _,
            lateout("x20") _, lateout("x21") _, lateout("x22") _, lateout("x23") _, lateout("x24") _,
            lateout("x25") _, lateout("x26") _, lateout("x27") _, lateout("x28") _,
            clobber_abi("C"),
        );
    }
    returned
}

/// Leaves this stack, continues `to`, and hands `word` over; returns the word of whoever continues us. Keeps FPCR.
///
/// # Safety
///
/// See [`crate::switch`].
#[inline(always)]
pub(crate) unsafe fn switch(save: *mut Context, to: Context, word: usize) -> usize {
    let control_word: u64;
    // SAFETY: reads a register and nothing else.
    unsafe { asm!("mrs {}, fpcr", out(reg) control_word, options(nomem, nostack, preserves_flags)) };
    // SAFETY: the caller's promise is the same, and the control word is the present one.
    unsafe { leave(save, to, word, 1, control_word) }
}

/// The same without the control word: it stays as it is, for all stacks of the thread.
///
/// # Safety
///
/// See [`crate::switch_without_control_words`].
#[inline(always)]
pub(crate) unsafe fn switch_without_control_words(save: *mut Context, to: Context, word: usize) -> usize {
    // SAFETY: the caller's promise is the same.
    unsafe { leave(save, to, word, 0, NO_CONTROL_WORD) }
}

/// Every instruction has four bytes.
pub(crate) const LONGEST_CALL: usize = 4;

/// Whether the code is a call: `bl`, or `blr` with or without authentication of the pointer.
pub(crate) fn ends_with_call(code: &[u8; LONGEST_CALL]) -> bool {
    let instruction = u32::from_le_bytes(*code);
    instruction >> 26 == 0b10_0101 || instruction & 0xfeff_f000 == 0xd63f_0000
}
