//! From a completion's word back to who waits for it.
//!
//! | lowest bit | the word points to |
//! | --- | --- |
//! | 0 | a [`Direct`] on a parked stack: no atomics, no reference counts |
//! | 1 | a [`Detached`] on the heap, which holds all that its operation points to |

use crate::task::{direct::Direct, inbox::Letter, join::contain};
use fibra_driver::Completion;
use fibra_system::cpu::prefetch;
use std::{io, ptr::NonNull};

const DETACHED: usize = 1;

/// The head of an operation that lives on the heap; whatever follows it is known to its functions alone.
#[repr(C)]
pub(crate) struct Detached {
    /// To the home of the operation: submit it, or cancel it.
    pub(crate) letter: Letter,
    /// Gets the reference that went with the submission, and the result.
    complete: unsafe fn(NonNull<Detached>, io::Result<u32>),
}

impl Detached {
    pub(crate) fn new(
        deliver: unsafe fn(NonNull<Letter>),
        complete: unsafe fn(NonNull<Detached>, io::Result<u32>),
    ) -> Self {
        Self { letter: Letter::new(deliver), complete }
    }

    /// The word under which the completion of `this` comes back.
    pub(crate) fn word(this: NonNull<Detached>) -> usize {
        this.as_ptr() as usize | DETACHED
    }
}

/// So many are looked at together.
const TOGETHER: usize = 16;

/// Hands completions to who waits for them. On the worker whose driver they come from.
///
/// Where many wait, hardly anything of those that are due is in the cache. So what a group of them needs is fetched before the
/// first of it is handed its completion; else each would wait for its own part of the memory, one after another.
pub(super) fn deliver_all(completions: &mut Vec<Completion>) {
    let mut left = completions.drain(..);
    while let group @ [_, ..] = left.as_slice() {
        fetch(&group[..group.len().min(TOGETHER)]);
        left.by_ref().take(TOGETHER).for_each(deliver);
    }
}

/// Has what they wait with come into the cache: first the ends that the words point to, then what is known from there.
fn fetch(completions: &[Completion]) {
    for completion in completions {
        prefetch((completion.word & !DETACHED) as *const ());
    }
    let direct = || completions.iter().map(|completion| completion.word).filter(|word| word & DETACHED == 0);
    // SAFETY: as in `deliver`; none of them has been handed its completion yet, so that all are where they were.
    direct().for_each(|word| prefetch(unsafe { Direct::fiber(word) }));
    for word in direct() {
        // SAFETY: as above.
        let fiber = unsafe { &*Direct::fiber(word) };
        fiber.prefetch_stack();
        fiber.prefetch_body();
    }
}

/// Hands a completion to who waits for it.
fn deliver(completion: Completion) {
    let Completion { word, result, .. } = completion;
    if word & DETACHED == 0 {
        // SAFETY: every even word comes from a `Direct` that is not left before this; we are its fiber's home,
        // since a fiber submits to the driver of the worker that it runs on, its home.
        unsafe { Direct::complete(word, result) }
    } else {
        // It wakes a waker, and drops what the operation owned: both may be foreign, and a panic is not the loop's.
        // SAFETY: every odd word comes from `Detached::word`, with a reference that keeps it alive until now.
        contain(|| unsafe {
            let detached = NonNull::new_unchecked((word & !DETACHED) as *mut Detached);
            (detached.as_ref().complete)(detached, result)
        })
    }
}
