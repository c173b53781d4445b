//! From a completion's word back to who waits for it.
//!
//! | lowest bit | the word points to |
//! | --- | --- |
//! | 0 | a [`Direct`] on a parked stack: no atomics, no reference counts |
//! | 1 | a [`Detached`] on the heap, which holds all that its operation points to |

use crate::task::{direct::Direct, home::Home, inbox::Letter, join::contain};
use fibra_driver::{Completion, Driver, Wait};
use fibra_system::cpu::prefetch;
use std::{
    cell::{Cell, RefCell},
    io,
    ptr::NonNull,
    task::Waker,
};

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

/// What a worker's driver has brought, and nobody has been handed yet.
///
/// Whoever is handed something may be foreign, and wait, on the stack that we stand on. What is left is here then, for whoever goes
/// on meanwhile.
#[derive(Default)]
pub(super) struct Arrived {
    completions: Batch<Completion>,
    /// Of timers that have expired.
    wakers: Batch<Waker>,
}

impl Arrived {
    pub(super) fn is_empty(&self) -> bool {
        self.completions.is_empty() && self.wakers.is_empty()
    }

    /// Turns the driver once, for what there is to hand out. It does not wait if there is something already.
    pub(super) fn collect(&self, driver: &mut Driver, wait: Wait) -> io::Result<()> {
        let wait = if self.is_empty() { wait } else { Wait::Not };
        let result = self.completions.append(|completions| driver.turn(wait, completions));
        self.wakers.append(|wakers| driver.take_expired(wakers));
        result
    }

    /// Hands everything to who waits for it, on the worker whose driver it comes from: first come, first served. Returns whether there
    /// was anything.
    pub(super) fn hand_out(&self, home: &Home) -> bool {
        !self.is_empty() && home.patiently(|| self.hand_out_all())
    }

    fn hand_out_all(&self) -> bool {
        let mut is_any = false;
        while let Some(completion) = self.completions.next(fetch) {
            deliver(completion);
            is_any = true;
        }
        while let Some(waker) = self.wakers.next(fetch_woken) {
            // A waker is foreign code.
            contain(|| waker.wake());
            is_any = true;
        }
        is_any
    }
}

/// What is handed out one by one.
///
/// Where many wait, hardly anything of those that are due is in the cache. So what a group of them needs is fetched before the
/// first of it is handed its own; else each would wait for its part of the memory, one after another.
struct Batch<T> {
    /// The next one last.
    left: RefCell<Vec<T>>,
    /// How many of the next ones are under way to the cache.
    fetched: Cell<usize>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { left: RefCell::default(), fetched: Cell::new(0) }
    }
}

impl<T> Batch<T> {
    fn is_empty(&self) -> bool {
        self.left.borrow().is_empty()
    }

    /// Has `append` put more behind what is left.
    fn append<R>(&self, append: impl FnOnce(&mut Vec<T>) -> R) -> R {
        let mut left = self.left.borrow_mut();
        left.reverse();
        let result = append(&mut left);
        left.reverse();
        result
    }

    #[inline]
    fn next(&self, fetch: fn(&[T])) -> Option<T> {
        let mut left = self.left.borrow_mut();
        if self.fetched.get() == 0 {
            let group = left.len().min(TOGETHER);
            fetch(&left[left.len() - group..]);
            self.fetched.set(group);
        }
        let next = left.pop()?;
        self.fetched.set(self.fetched.get() - 1);
        Some(next)
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

/// Has what they wake come into the cache: mostly a task, whose state comes first.
fn fetch_woken(wakers: &[Waker]) {
    wakers.iter().for_each(|waker| prefetch(waker.data()));
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
