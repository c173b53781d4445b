//! A signal may come at any instruction of a switch, and its handler may walk the stack (profilers do). The unwind
//! tables are right at each of them: the walk shows functions of this file or of the crate, and ends.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

use fibra_coro::{Context, StackPool, switch, switch_without_control_words};
use std::arch::naked_asm;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

unsafe extern "C" {
    // glibc's, which walks by the unwind tables.
    fn backtrace(buffer: *mut *mut c_void, size: libc::c_int) -> libc::c_int;
}

/// Deeper than any stack here.
const MOST_FRAMES: usize = 64;

/// How many frames at the outer end of a walk are compared.
const OUTERMOST: usize = 2;

/// A stack, and what the instructions seen there showed.
struct Seen {
    /// The outer end of every complete walk on this stack: return addresses, outermost last.
    outermost: [AtomicUsize; OUTERMOST],
    complete: AtomicUsize,
    /// Walks that ended at the instruction itself.
    without_caller: AtomicUsize,
    wrong: AtomicUsize,
}

impl Seen {
    const fn new() -> Seen {
        Seen {
            outermost: [const { AtomicUsize::new(0) }; OUTERMOST],
            complete: AtomicUsize::new(0),
            without_caller: AtomicUsize::new(0),
            wrong: AtomicUsize::new(0),
        }
    }

    /// Walks from here, and takes the end as the right one.
    fn learn(&self) {
        let mut frames = [std::ptr::null_mut(); MOST_FRAMES];
        let frames = walk(&mut frames);
        for (place, frame) in self.outermost.iter().zip(&frames[frames.len() - OUTERMOST..]) {
            place.store(frame.addr(), Relaxed);
        }
    }

    fn count(&self, callers: &[*mut c_void]) {
        let is_outermost = |tail: &[*mut c_void]| {
            tail.iter().zip(&self.outermost).all(|(frame, expected)| frame.addr() == expected.load(Relaxed))
        };
        let count = match callers {
            [] => &self.without_caller,
            // On a stack of ours the body is called by the outermost frame itself.
            [outermost] if outermost.addr() == self.outermost[OUTERMOST - 1].load(Relaxed) => &self.complete,
            [.., _, _] if is_outermost(&callers[callers.len() - OUTERMOST..]) => &self.complete,
            _ => &self.wrong,
        };
        count.fetch_add(1, Relaxed);
    }
}

static OUTSIDE: Seen = Seen::new();
static INSIDE: Seen = Seen::new();

/// Where the stack of the test lies.
static LIMIT: AtomicUsize = AtomicUsize::new(0);
static TOP: AtomicUsize = AtomicUsize::new(0);

fn walk(frames: &mut [*mut c_void; MOST_FRAMES]) -> &[*mut c_void] {
    // SAFETY: room for so many frames.
    let count = unsafe { backtrace(frames.as_mut_ptr(), MOST_FRAMES as libc::c_int) };
    &frames[..count as usize]
}

/// Called before every instruction.
unsafe extern "C" fn step(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a `ucontext_t`.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let (pc, sp) = (registers[libc::REG_RIP as usize] as usize, registers[libc::REG_RSP as usize] as usize);
    let is_inside = (LIMIT.load(Relaxed)..=TOP.load(Relaxed)).contains(&sp);
    let seen = if is_inside { &INSIDE } else { &OUTSIDE };
    let mut frames = [std::ptr::null_mut(); MOST_FRAMES];
    let frames = walk(&mut frames);
    // This handler and the kernel's return come first, then the interrupted instruction.
    match frames.iter().position(|frame| frame.addr() == pc) {
        Some(interrupted) if frames.len() < MOST_FRAMES => seen.count(&frames[interrupted + 1..]),
        _ => drop(seen.wrong.fetch_add(1, Relaxed)),
    }
}

/// Sets the CPU's trap flag: from the next instruction but one on, each raises `SIGTRAP`.
#[unsafe(naked)]
extern "C" fn start_trapping() {
    naked_asm!(".cfi_startproc", "pushfq", "or qword ptr [rsp], 0x100", "popfq", "ret", ".cfi_endproc")
}

#[unsafe(naked)]
extern "C" fn stop_trapping() {
    naked_asm!(
        ".cfi_startproc",
        "pushfq",
        ".cfi_adjust_cfa_offset 8",
        "and qword ptr [rsp], -257",
        "popfq",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
    )
}

struct Pair {
    outside: Context,
    inside: Context,
}

/// Shows how a walk on a stack of ours ends.
unsafe extern "C" fn learning_entry(pair: usize) -> ! {
    INSIDE.learn();
    let pair = pair as *mut Pair;
    // SAFETY: `outside` rests where we were continued from.
    unsafe { switch(&raw mut (*pair).inside, (*pair).outside, 0) };
    unreachable!("nobody continues us")
}

unsafe extern "C" fn entry(pair: usize) -> ! {
    loop {
        let pair = pair as *mut Pair;
        // SAFETY: `outside` rests where we were continued from.
        unsafe {
            switch(&raw mut (*pair).inside, (*pair).outside, 0);
            switch_without_control_words(&raw mut (*pair).inside, (*pair).outside, 0);
        }
    }
}

/// How often `switches` goes there and comes back, by each kind of switch.
const TURNS: usize = 4;

#[inline(never)]
fn switches(pair: *mut Pair) {
    start_trapping();
    for _ in 0..TURNS {
        // SAFETY: `inside` is fresh, or where `entry` left itself.
        unsafe {
            switch(&raw mut (*pair).outside, (*pair).inside, pair as usize);
            switch_without_control_words(&raw mut (*pair).outside, (*pair).inside, pair as usize);
        }
    }
    stop_trapping();
}

#[test]
fn it_ends_at_each() {
    // Also loads what walking needs, so that the handler loads nothing.
    OUTSIDE.learn();
    let mut pool = StackPool::default();
    let stack = pool.allocate(256 * 1024).unwrap();
    LIMIT.store(stack.bounds().limit.addr(), Relaxed);
    TOP.store(stack.bounds().top.addr(), Relaxed);
    let mut pair = Pair { outside: Context::null(), inside: Context::null() };
    let pair = &raw mut pair;
    // SAFETY: the stack is fresh; `learning_entry` comes back once, and its frames are abandoned then. A handler of the
    // type that the flag demands.
    unsafe {
        (*pair).inside = stack.prepare(learning_entry);
        switch(&raw mut (*pair).outside, (*pair).inside, pair as usize);
        (*pair).inside = stack.prepare(entry);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = step as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGTRAP, &action, std::ptr::null_mut()), 0);
    }
    switches(pair);
    for seen in [&OUTSIDE, &INSIDE] {
        let [complete, without_caller, wrong] =
            [&seen.complete, &seen.without_caller, &seen.wrong].map(|count| count.load(Relaxed));
        assert!(complete > 50, "{complete}");
        assert_eq!(wrong, 0, "{complete} complete, {without_caller} without a caller");
        // While the other stack's registers are taken over: three instructions on this stack, one on the other. And
        // the few of the outermost frame, once.
        assert!(without_caller <= 4 * 2 * TURNS + 10, "{without_caller}");
    }
    pool.release(stack);
}
