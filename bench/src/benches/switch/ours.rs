//! fibra's bare switch, with and without control words, and its safe coroutine.

use std::cell::Cell;
use std::convert::Infallible;

use fibra_coro::{Context, Coroutine, Resumed, Stack, StackPool, Suspender};

use super::{STACK_SIZE, visit_in_turn};
use crate::bench::{Case, Measurement, Subject};

/// fibra's ways of switching.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra switch_without_control_words", "fibra-coro", bare_switch::<false>),
    Subject::new("fibra switch", "fibra-coro", bare_switch::<true>),
    Subject::new("fibra Coroutine", "fibra-coro", coroutine),
];

fn coroutine(case: &Case) -> Vec<Measurement> {
    let new = |_| {
        let body = |suspender: &Suspender<usize, usize>, mut word| {
            loop {
                word = suspender.suspend(word);
            }
        };
        Coroutine::<usize, usize, Infallible>::with_stack_size(STACK_SIZE, body)
            .expect("a stack can be mapped")
    };
    let mut coroutines: Vec<_> = (0..case.count("coroutines")).map(new).collect();
    visit_in_turn(&mut coroutines, |coroutine, word| match coroutine.resume(word) {
        Resumed::Yielded(word) => word,
        Resumed::Returned(never) => match never {},
    })
}

/// A stack with somebody on it, for the bare switch.
struct Visited {
    /// Where the visited one rests.
    rests: Cell<Context>,
    /// Where the visitor rests meanwhile.
    home: Cell<Context>,
    /// Keeps the stack allocated.
    _stack: Stack,
}

fn bare_switch<const CONTROL_WORDS: bool>(case: &Case) -> Vec<Measurement> {
    let mut pool = StackPool::default();
    let new = |_| {
        let stack = pool.allocate(STACK_SIZE).expect("a stack can be mapped");
        // SAFETY: nobody stands on a new stack, it stays allocated beside the context, and the entry doesn't unwind.
        let rests = unsafe { stack.prepare(go_back_at_once::<CONTROL_WORDS>) };
        Visited { rests: Cell::new(rests), home: Cell::new(Context::null()), _stack: stack }
    };
    let mut visited: Vec<_> = (0..case.count("coroutines")).map(new).collect();
    for visited in &visited {
        let word = std::ptr::from_ref(visited).expose_provenance();
        // SAFETY: the stack was just prepared and rests; the word is what its entry expects.
        unsafe { switch::<CONTROL_WORDS>(&visited.home, visited.rests.get(), word) };
    }
    visit_in_turn(&mut visited, |visited, word| {
        // SAFETY: the visited one rests, since it goes back home as soon as it is continued.
        unsafe { switch::<CONTROL_WORDS>(&visited.home, visited.rests.get(), word) }
    })
}

/// What runs on a visited stack. Its first word is its [`Visited`], every later one is handed back.
///
/// # Safety
///
/// It is the first frame of a stack that was prepared for it, and `word` a pointer to a [`Visited`] that outlives it.
unsafe extern "C" fn go_back_at_once<const CONTROL_WORDS: bool>(word: usize) -> ! {
    // SAFETY: the first visit hands over the address of a `Visited` that stays in its vector until the process ends.
    let visited = unsafe { &*std::ptr::with_exposed_provenance::<Visited>(word) };
    let mut word = 0;
    loop {
        // SAFETY: the visitor rests at `home`, where it waits for this switch.
        word = unsafe { switch::<CONTROL_WORDS>(&visited.rests, visited.home.get(), word) };
    }
}

/// The switch with or without control words.
///
/// # Safety
///
/// As [`fibra_coro::switch`]: `to` rests, and whoever continues `save` does so once.
#[inline(always)]
unsafe fn switch<const CONTROL_WORDS: bool>(save: &Cell<Context>, to: Context, word: usize) -> usize {
    // SAFETY: the caller's contract is the callee's; `save` is writable and outlives the call.
    unsafe {
        if CONTROL_WORDS {
            fibra_coro::switch(save.as_ptr(), to, word)
        } else {
            fibra_coro::switch_without_control_words(save.as_ptr(), to, word)
        }
    }
}
