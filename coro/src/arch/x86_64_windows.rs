//! The switch for x86_64 with the calling convention of Windows.
//!
//! A suspended stack, `rsp` being the [`Context`] that names it:
//!
//! ```text
//!            higher addresses
//!          │                         │
//!          │ frames of the suspended │
//!          ├─────────────────────────┤ ◀─ rsp while it runs
//!     +64  │ where it continues      │ ◀─ label 2 in `leave`, or `start` in a first frame
//!     +56  │ rbp                     │    0 in a first frame
//!     +48  │ rbx                     │    the entry function in a first frame
//!     +40  │ gs:[0x00] exceptions    │    the list of handlers: -1, the empty one, in a first frame
//!     +32  │ gs:[0x08] base          │    where the stack begins, one past its highest byte
//!     +24  │ gs:[0x10] limit         │    how far down it has memory
//!     +16  │ gs:[0x20] fiber data    │    0 in a first frame
//!      +8  │ gs:[0x1478] allocation  │    how far down it may grow
//!      +0  │ MXCSR │ x87 │ kept?     │    kept: 1 if it left with its control words; 0 in a first frame
//!  rsp ──▶ ├─────────────────────────┤
//!          │ free                    │
//!            lower addresses
//! ```
//!
//! The five words of `gs` are the thread's own record of the stack that it stands on (the TIB). The system believes it:
//! it grows the stack by its limit, and takes an exception on a stack that lies elsewhere for a broken one. `__chkstk`,
//! which large frames call, starts touching pages at the limit. And an exception looks through the list of handlers,
//! which lie on the stack that made them.
//!
//! There is no red zone: what lies below `rsp` is lost to the next exception. So `rsp` must move, and the unwind tables
//! with it. That is written down in a naked function, [`exchange`]; before and after the two stacks change places the
//! frame looks the same, so the tables are right throughout. They are one word off at two instructions only: at the jump
//! there, after the return address has been pushed, and at the jump back, after it has been popped. Neither raises an
//! exception; a profiler that stops the thread right there loses a sample. A call and a `ret` would do without, and be
//! predicted wrongly at every switch.
//!
//! `rbx` and `rbp` are saved by hand, because the compiler reserves them and refuses them as clobbers. `rdi`, `rsi`,
//! `r12` to `r15` and `xmm6` to `xmm15` are callee-saved here: they are declared as lost, so the function around saves
//! those that it holds something in. (`clobber_abi` declares the latter, too, on account of their upper halves in AVX; the promise
//! is the list's.)

pub(crate) use super::x86_64_calls::{LONGEST_CALL, ends_with_call};
use crate::{Context, Stack, os};
use core::arch::{asm, naked_asm};

/// `rsp` must be a multiple of this at each `call`.
pub(crate) const STACK_ALIGNMENT: usize = 16;

/// What the ABI promises a new thread: all exceptions masked, round to nearest, denormals kept.
const INITIAL_MXCSR: u32 = 0x1f80;

/// What the ABI promises a new thread: all exceptions masked, round to nearest, 53-bit mantissas.
const INITIAL_X87_CONTROL_WORD: u16 = 0x027f;

/// The end of a list of exception handlers.
const NO_HANDLER: usize = usize::MAX;

/// What [`start`] finds above its stack pointer: room in which the entry function may keep its arguments, and a word that
/// makes up the alignment. Above it lies the return address of `start`: 0.
const HOME_WORDS: usize = 5;

/// Writes the first frame of a stack: see the picture above.
///
/// # Safety
///
/// The stack's top is a multiple of [`STACK_ALIGNMENT`], and the 120 bytes below it are writable and hold nothing of use.
#[inline]
pub(crate) unsafe fn first_frame(stack: &Stack, entry: unsafe extern "C" fn(usize) -> !) -> Context {
    let bounds = stack.bounds();
    let limit = os::lowest_committed(bounds.limit..bounds.top);
    let frame = [
        0,
        bounds.guard.addr(),
        0,
        limit.addr(),
        bounds.top.addr(),
        NO_HANDLER,
        entry as *const () as usize,
        0,
        start as *const () as usize,
    ];
    // SAFETY: the caller vouches for the memory: nine words, five of home and the return address; the top is aligned for
    // words.
    unsafe {
        let return_address = bounds.top.cast::<usize>().sub(1);
        // There is no caller: unwinders and debuggers end here instead of reading past the top of the stack.
        return_address.write(0);
        let frame_place = return_address.sub(HOME_WORDS + frame.len()).cast::<[usize; 9]>();
        frame_place.write(frame);
        Context(frame_place.cast())
    }
}

/// The outermost frame of every stack: calls the entry function with the word that the first switch hands over.
///
/// Reached only by the jump of a switch, with `rcx` = the word, `rbx` = the entry function, `r9d` = 1 if control words are
/// kept, and `rsp` = 48 bytes below the top.
///
/// # Safety
///
/// Not to be called: only the jump of a switch arrives with these registers.
#[unsafe(naked)]
unsafe extern "C" fn start() {
    naked_asm!(
        ".seh_proc {start}",
        ".seh_stackalloc 40",
        ".seh_endprologue",
        // Without control words the whole thread shares one set of them: leave it alone.
        "test r9d, r9d",
        "jz 3f",
        // The words of whoever switched here are his; a new stack begins as a new thread does.
        "mov dword ptr [rsp + 32], {mxcsr}",
        "ldmxcsr [rsp + 32]",
        "mov word ptr [rsp + 32], {x87_control_word}",
        "fldcw [rsp + 32]",
        "3:",
        // `rsp` is a multiple of 16, as the ABI wants it at a call. The word is already the first argument.
        // A call by hand: a real one would leave an entry in the CPU's return stack that no return ever takes out, and
        // every later return of this thread would be predicted one frame off.
        "lea rax, [rip + 4f]",
        "push rax",
        "jmp rbx",
        // The entry function never returns.
        "4:",
        "ud2",
        ".seh_endproc",
        start = sym start,
        mxcsr = const INITIAL_MXCSR,
        x87_control_word = const INITIAL_X87_CONTROL_WORD,
    )
}

/// Puts a frame on this stack and takes the other's from its stack.
///
/// Expects `rcx` = where to save, `rdx` = the other's context, `r8` = the word, `r9d` = 1 if control words are kept, and on
/// the stack where we continue. Leaves the word in `rcx` and `r9` as it is.
///
/// # Safety
///
/// Not to be called: only [`leave`] jumps here, with these registers.
#[unsafe(naked)]
unsafe extern "C" fn exchange() {
    naked_asm!(
        ".seh_proc {exchange}",
        // Our frame.
        "push rbp",
        ".seh_pushreg rbp",
        "push rbx",
        ".seh_pushreg rbx",
        "sub rsp, 48",
        ".seh_stackalloc 48",
        ".seh_endprologue",
        "mov rax, gs:[0x00]",
        "mov [rsp + 40], rax",
        "mov rax, gs:[0x08]",
        "mov [rsp + 32], rax",
        "mov rax, gs:[0x10]",
        "mov [rsp + 24], rax",
        "mov rax, gs:[0x20]",
        "mov [rsp + 16], rax",
        "mov rax, gs:[0x1478]",
        "mov [rsp + 8], rax",
        "mov [rsp + 6], r9w",
        "test r9d, r9d",
        "jz 4f",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "4:",
        // From here on we are suspended.
        "mov [rcx], rsp",
        // What the thread knows of its stack.
        "mov rax, [rdx + 40]",
        "mov gs:[0x00], rax",
        "mov rax, [rdx + 32]",
        "mov gs:[0x08], rax",
        "mov rax, [rdx + 24]",
        "mov gs:[0x10], rax",
        "mov rax, [rdx + 16]",
        "mov gs:[0x20], rax",
        "mov rax, [rdx + 8]",
        "mov gs:[0x1478], rax",
        // The other stack. Its frame has the same shape, so what the tables say goes on being true.
        "mov rsp, rdx",
        // If it keeps control words, it has them back.
        "cmp word ptr [rsp + 6], 0",
        "je 3f",
        // MXCSR is loaded always: comparing needs a second slow read and costs more than the load.
        "ldmxcsr [rsp]",
        // The x87 control word is loaded only where it differs: writing it drains the pipeline. The frame is ours to write.
        "fnstcw [rsp + 8]",
        "movzx eax, word ptr [rsp + 8]",
        "cmp ax, [rsp + 4]",
        "je 3f",
        "fldcw [rsp + 4]",
        "3:",
        // The word goes where the other expects it, which is also the first argument of an entry function.
        "mov rcx, r8",
        "add rsp, 48",
        "pop rbx",
        "pop rbp",
        "pop rax",
        "jmp rax",
        ".seh_endproc",
        exchange = sym exchange,
    )
}

/// Jumps to [`exchange`].
///
/// # Safety
///
/// As for [`crate::switch`]; `keeps` is 1 or 0.
#[inline(always)]
unsafe fn leave(save: *mut Context, to: Context, word: usize, keeps: u32) -> usize {
    let returned;
    // SAFETY: everything the other stacks may change is declared: all registers that the compiler lets us name, the
    // flags and memory. `exchange` puts `rbx`, `rbp`, `rsp` and the words of the TIB back, and control words if they are
    // kept. The block may push, because it isn't marked `nostack`.
    unsafe {
        asm!(
            // Where we continue.
            "lea rax, [rip + 2f]",
            "push rax",
            "jmp {exchange}",
            // Somebody continued us.
            "2:",
            exchange = sym exchange,
            inlateout("rcx") save => returned,
            inlateout("rdx") to.0 => _,
            inlateout("r8") word => _,
            inlateout("r9") u64::from(keeps) => _,
            lateout("rdi") _, lateout("rsi") _,
            lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            lateout("xmm6") _, lateout("xmm7") _, lateout("xmm8") _, lateout("xmm9") _, lateout("xmm10") _,
            lateout("xmm11") _, lateout("xmm12") _, lateout("xmm13") _, lateout("xmm14") _, lateout("xmm15") _,
            clobber_abi("win64"),
        );
    }
    returned
}

/// Leaves this stack, continues `to`, and hands `word` over; returns the word of whoever continues us.
/// Keeps MXCSR and the x87 control word.
///
/// # Safety
///
/// See [`crate::switch`].
#[inline(always)]
pub(crate) unsafe fn switch(save: *mut Context, to: Context, word: usize) -> usize {
    // SAFETY: the caller's promise is the same.
    unsafe { leave(save, to, word, 1) }
}

/// The same without control words: they stay as they are, for all stacks of the thread.
///
/// # Safety
///
/// See [`crate::switch_without_control_words`].
#[inline(always)]
pub(crate) unsafe fn switch_without_control_words(save: *mut Context, to: Context, word: usize) -> usize {
    // SAFETY: the caller's promise is the same.
    unsafe { leave(save, to, word, 0) }
}
