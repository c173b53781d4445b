//! The switch for x86_64 with the System V calling convention (Linux, macOS, the BSDs).
//!
//! A suspended stack, `rsp` being the [`Context`] that names it:
//!
//! ```text
//!            higher addresses
//!          │                         │
//!          │ frames of the suspended │
//!  rsp ──▶ ├─────────────────────────┤
//!      -8  │ where it continues      │ ◀─ label 2 in `switch`, or `start` in a first frame
//!     -16  │ rbp                     │    0 in a first frame: ends a walk along frame pointers
//!     -24  │ rbx                     │    the entry function in a first frame
//!     -32  │ MXCSR │ x87 control     │ ◀─ only if it left by `switch`; it reloads them itself
//!          ├─────────────────────────┤
//!          │ free                    │
//!            lower addresses
//! ```
//!
//! The four words lie *below* the stack pointer, in the 128 bytes that the ABI calls the red zone and that signal
//! handlers leave alone. So nothing is pushed, `rsp` never moves within a stack, and the unwind tables that the
//! compiler writes for the function around stay right at every instruction. One place is the exception: the last four
//! instructions, which take over the other stack's registers and jump; there the tables say that there is no caller.
//! (So this needs tables: a build with `-C force-unwind-tables=no` stops at these directives.)
//!
//! `rbx` and `rbp` are saved by hand, because the compiler reserves them and refuses them as clobbers.

pub(crate) use super::x86_64_calls::{LONGEST_CALL, ends_with_call};
use crate::{Context, Stack};
use core::arch::{asm, naked_asm};

/// `rsp` must be a multiple of this at each `call`.
pub(crate) const STACK_ALIGNMENT: usize = 16;

/// What the ABI promises a new thread: all exceptions masked, round to nearest, denormals kept.
const INITIAL_MXCSR: u32 = 0x1f80;

/// What the ABI promises a new thread: all exceptions masked, round to nearest, 64-bit mantissas.
const INITIAL_X87_CONTROL_WORD: u16 = 0x037f;

/// Writes the first frame of a stack: three stores, see the picture above.
///
/// # Safety
///
/// The stack's top is a multiple of [`STACK_ALIGNMENT`], and the 24 bytes below it are writable and hold nothing of use.
#[inline(always)]
pub(crate) unsafe fn first_frame(stack: &Stack, entry: unsafe extern "C" fn(usize) -> !) -> Context {
    let top = stack.top();
    let frame = top.cast::<usize>();
    // SAFETY: the caller vouches for the three words below `top`, which is aligned for them.
    unsafe {
        frame.sub(1).write(start as *const () as usize);
        frame.sub(2).write(0);
        frame.sub(3).write(entry as *const () as usize);
    }
    Context(top)
}

/// The outermost frame of every stack: calls the entry function with the word that the first switch hands over.
///
/// Reached only by the jump of a switch, with `rdi` = the word, `rsi` = the top of this stack, `rbx` = the entry
/// function, and `ecx` = 1 if control words are kept.
///
/// # Safety
///
/// Not to be called: only the jump of a switch arrives with these registers.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".cfi_startproc",
        // There is no caller: unwinders and debuggers end here instead of reading past the top of the stack.
        ".cfi_undefined rip",
        // Without control words the whole thread shares one set of them: leave it alone.
        "test ecx, ecx",
        "jz 3f",
        // The words of whoever switched here are his; a new stack begins as a new thread does. The two stores reuse
        // the frame's own place below the top, which nobody reads any more.
        "mov dword ptr [rsp - 8], {mxcsr}",
        "ldmxcsr [rsp - 8]",
        "mov word ptr [rsp - 8], {x87_control_word}",
        "fldcw [rsp - 8]",
        "3:",
        // `rsp` is the top, a multiple of 16, as the ABI wants it at a call. The word is already the first argument.
        // A call by hand: a real one would leave an entry in the CPU's return stack that no return ever takes out, and
        // every later return of this thread would be predicted one frame off.
        "lea rax, [rip + 4f]",
        "push rax",
        "jmp rbx",
        // The entry function never returns.
        "4:",
        "ud2",
        ".cfi_endproc",
        mxcsr = const INITIAL_MXCSR,
        x87_control_word = const INITIAL_X87_CONTROL_WORD,
    )
}

/// Leaves this stack, continues `to`, and hands `word` over; returns the word of whoever continues us.
/// Keeps MXCSR and the x87 control word.
///
/// # Safety
///
/// See [`crate::switch`].
#[inline(always)]
pub(crate) unsafe fn switch(save: *mut Context, to: Context, word: usize) -> usize {
    let returned;
    // SAFETY: everything the other stacks may change is declared: all registers that the compiler lets us name, the
    // flags and memory. `rbx`, `rbp`, `rsp` and the control words are put back before the block ends. The block may
    // write the red zone, because it isn't marked `nostack`.
    unsafe {
        asm!(
            // Our control words. Reading MXCSR is slow on some CPUs (4 ns), so it comes first and overlaps the rest.
            "stmxcsr [rsp - 32]",
            "fnstcw [rsp - 28]",
            // Our frame: where we continue, and the two registers that can't be clobbers.
            "lea rax, [rip + 2f]",
            "mov [rsp - 8], rax",
            "mov [rsp - 16], rbp",
            "mov [rsp - 24], rbx",
            // From here on we are suspended.
            "mov [rdi], rsp",
            // Where the other continues. All loads hang on `rsi`, none on the new `rsp`: the CPU starts them early.
            "mov rax, [rsi - 8]",
            // The word goes where the other expects it, which is also the first argument of an entry function.
            "mov rdi, rdx",
            // Tells `start` that control words are kept.
            "mov ecx, 1",
            // For four instructions the code is ours and the registers are the other's: no caller can be named.
            ".cfi_remember_state",
            ".cfi_undefined rip",
            "mov rbp, [rsi - 16]",
            "mov rbx, [rsi - 24]",
            "mov rsp, rsi",
            "jmp rax",
            ".cfi_restore_state",
            // Somebody continued us; `rsp` is as we left it, and so is our frame. Take our control words back.
            "2:",
            // MXCSR is loaded always: comparing needs a second slow read and costs more than the load.
            "ldmxcsr [rsp - 32]",
            // The x87 control word is loaded only where it differs: writing it drains the pipeline.
            "fnstcw [rsp - 8]",
            "movzx eax, word ptr [rsp - 8]",
            "cmp ax, [rsp - 28]",
            "je 3f",
            "fldcw [rsp - 28]",
            "3:",
            inlateout("rdi") save => returned,
            inlateout("rsi") to.0 => _,
            inlateout("rdx") word => _,
            lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    returned
}

/// The same without control words: they stay as they are, for all stacks of the thread.
///
/// # Safety
///
/// See [`crate::switch_without_control_words`].
#[inline(always)]
pub(crate) unsafe fn switch_without_control_words(save: *mut Context, to: Context, word: usize) -> usize {
    let returned;
    // SAFETY: as in `switch`; that the control words come back unchanged is the caller's promise.
    unsafe {
        asm!(
            // Our frame: where we continue, and the two registers that can't be clobbers.
            "lea rax, [rip + 2f]",
            "mov [rsp - 8], rax",
            "mov [rsp - 16], rbp",
            "mov [rsp - 24], rbx",
            // From here on we are suspended.
            "mov [rdi], rsp",
            // Where the other continues. All loads hang on `rsi`, none on the new `rsp`: the CPU starts them early.
            "mov rax, [rsi - 8]",
            // The word goes where the other expects it.
            "mov rdi, rdx",
            // Tells `start` that control words are not kept.
            "xor ecx, ecx",
            // For four instructions the code is ours and the registers are the other's: no caller can be named.
            ".cfi_remember_state",
            ".cfi_undefined rip",
            "mov rbp, [rsi - 16]",
            "mov rbx, [rsi - 24]",
            "mov rsp, rsi",
            "jmp rax",
            ".cfi_restore_state",
            // Somebody continued us; `rsp`, `rbp` and `rbx` are as we left them.
            "2:",
            inlateout("rdi") save => returned,
            inlateout("rsi") to.0 => _,
            inlateout("rdx") word => _,
            lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    returned
}
