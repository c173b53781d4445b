//! Leaving one stack and continuing on another.

use super::Operation;
use crate::region::counted;
use fibra_coro::{Context, Coroutine, Resumed, StackPool, Suspender};
use std::{cell::Cell, convert::Infallible, hint::black_box};

pub const ALL: &[Operation] = &[
    Operation {
        name: "switch",
        about: "a switch to another stack, control words kept",
        run: switches::<true>,
    },
    Operation {
        name: "switch-without-control-words",
        about: "a switch to another stack, control words shared",
        run: switches::<false>,
    },
    Operation { name: "coroutine-visit", about: "resuming a coroutine, and its suspension", run: coroutine },
];

const VISITS: usize = 20_000;

/// Where the two stacks rest while they are left.
struct Pair {
    visitor: Cell<Context>,
    visited: Cell<Context>,
}

/// A visit is two switches, and each is counted.
fn switches<const CONTROL_WORDS: bool>() -> usize {
    let mut pool = StackPool::default();
    let stack = pool.allocate(64 << 10).expect("a stack can be mapped");
    // SAFETY: nobody stands on a new stack, it stays allocated to the end of this function, and the entry doesn't unwind.
    let visited = unsafe { stack.prepare(go_back_at_once::<CONTROL_WORDS>) };
    let pair = Pair { visitor: Cell::new(Context::null()), visited: Cell::new(visited) };
    let address = (&raw const pair).expose_provenance();
    let visits = |visits| {
        for _ in 0..visits {
            // SAFETY: the visited one rests, since it comes back as soon as it is continued; `pair` outlives the last visit.
            unsafe { switch::<CONTROL_WORDS>(&pair.visitor, pair.visited.get(), address) };
        }
    };
    let switches = counted(VISITS, VISITS, visits) * 2;
    pool.release(stack);
    switches
}

/// What runs on the visited stack.
///
/// # Safety
///
/// It is the first frame of a stack that was prepared for it, and each word the address of a [`Pair`] that outlives it.
unsafe extern "C" fn go_back_at_once<const CONTROL_WORDS: bool>(word: usize) -> ! {
    // SAFETY: by contract.
    let pair = unsafe { &*std::ptr::with_exposed_provenance::<Pair>(word) };
    loop {
        // SAFETY: the visitor rests where it said.
        unsafe { switch::<CONTROL_WORDS>(&pair.visited, pair.visitor.get(), word) };
    }
}

/// The switch with or without control words.
///
/// # Safety
///
/// As [`fibra_coro::switch`].
#[inline(always)]
unsafe fn switch<const CONTROL_WORDS: bool>(save: &Cell<Context>, to: Context, word: usize) -> usize {
    // SAFETY: the caller's contract is the callee's; a cell is valid for a write.
    unsafe {
        if CONTROL_WORDS {
            fibra_coro::switch(save.as_ptr(), to, word)
        } else {
            fibra_coro::switch_without_control_words(save.as_ptr(), to, word)
        }
    }
}

/// The safe interface: there and back is one.
fn coroutine() -> usize {
    let body = |suspender: &Suspender<usize, usize>, mut word| loop {
        word = suspender.suspend(word);
    };
    let mut coroutine = Coroutine::<usize, usize, Infallible>::new(body).expect("a stack can be mapped");
    counted(VISITS, VISITS, |visits| {
        for visit in 0..visits {
            match coroutine.resume(black_box(visit)) {
                Resumed::Yielded(word) => black_box(word),
                Resumed::Returned(never) => match never {},
            };
        }
    })
}
