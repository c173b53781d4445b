//! corosensei and Boost.Context.

use boost::stack::ProtectedFixedSizeStack;
use context as boost;
use corosensei::stack::DefaultStack;

use super::{STACK_SIZE, visit_in_turn};
use crate::bench::{Case, Measurement, Subject};

/// Everybody else's ways of switching.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("corosensei", "corosensei", corosensei_coroutine),
    Subject::new("boost", "context", boost_context),
];

fn corosensei_coroutine(case: &Case) -> Vec<Measurement> {
    let new = |_| {
        let stack = DefaultStack::new(STACK_SIZE).expect("a stack can be mapped");
        corosensei::Coroutine::<usize, usize, ()>::with_stack(stack, |yielder, mut word| {
            loop {
                word = yielder.suspend(word);
            }
        })
    };
    let mut coroutines: Vec<_> = (0..case.count("coroutines")).map(new).collect();
    let measurements = visit_in_turn(&mut coroutines, |coroutine, word| {
        coroutine.resume(word).as_yield().expect("the coroutine never returns")
    });
    for coroutine in &mut coroutines {
        // SAFETY: the coroutine's frame owns nothing that a destructor would have to release.
        unsafe { coroutine.force_reset() };
    }
    measurements
}

/// A stack of Boost.Context's with somebody on it.
struct Visited {
    /// Where the visited one rests; taken for as long as it doesn't.
    rests: Option<boost::Context>,
    /// Keeps the stack allocated.
    _stack: ProtectedFixedSizeStack,
}

fn boost_context(case: &Case) -> Vec<Measurement> {
    let new = |_| {
        let stack = ProtectedFixedSizeStack::new(STACK_SIZE).expect("a stack can be mapped");
        // SAFETY: the stack stays allocated beside the context.
        let rests = unsafe { boost::Context::new(&stack, go_back_at_once) };
        Visited { rests: Some(rests), _stack: stack }
    };
    let mut visited: Vec<_> = (0..case.count("coroutines")).map(new).collect();
    visit_in_turn(&mut visited, |visited, word| {
        let rests = visited.rests.take().expect("the visited one rests between visits");
        // SAFETY: neither side owns anything that is left undropped on a stack that nobody continues.
        let boost::Transfer { context, data } = unsafe { rests.resume(word) };
        visited.rests = Some(context);
        data
    })
}

/// What runs on a visited stack: it hands every word back.
extern "C" fn go_back_at_once(mut visit: boost::Transfer) -> ! {
    loop {
        // SAFETY: as above: this frame owns nothing but the context of whoever waits for this.
        visit = unsafe { visit.context.resume(visit.data) };
    }
}
