//! A counted reference, as an `Arc` is, to what lies in a task's kind of [memory].
//!
//! What an operation of a future needs is made and given up a million times a second, on one worker mostly. From an allocator, and
//! with atomic counts, that alone would be a tenth of a short operation. Here the memory comes from the worker's shelf, and whoever
//! has the only reference needs no atomic to give it up.

use super::memory;
use crate::primitive::{Acquire, AtomicUsize, Relaxed, Release, fence};
use std::{
    mem::{ManuallyDrop, offset_of},
    ops::Deref,
    ptr::NonNull,
};

/// More references than memory has room for: somebody forgets them in a loop, and the count must not wrap.
const TOO_MANY: usize = isize::MAX as usize;

/// See the module.
pub(crate) struct Shared<T> {
    cell: NonNull<Counted<T>>,
}

struct Counted<T> {
    count: AtomicUsize,
    value: T,
}

// SAFETY: as for `Arc`: references on several threads give them all `&T`, and the last one drops the `T`.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Has the value made where it stays. (One that was moved there would be read by larger words than it was written by a moment
    /// before, and the processor waits for that.)
    #[inline]
    pub(crate) fn new(make: impl FnOnce() -> T) -> Self {
        let cell = memory::allocate::<Counted<T>>();
        // SAFETY: the memory is new, and made for it. If `make` panics it is lost, and nothing else.
        unsafe { cell.write(Counted { count: AtomicUsize::new(1), value: make() }) };
        Self { cell }
    }

    /// As `clone`, but who has the only reference needs no atomic for a second one.
    #[inline]
    pub(crate) fn clone_mut(this: &mut Self) -> Self {
        let count = &this.counted().count;
        // There is no other that could be cloned or dropped meanwhile, and this one is borrowed by nobody else.
        if count.load(Acquire) != 1 {
            return this.clone();
        }
        count.store(2, Relaxed);
        Self { cell: this.cell }
    }

    /// Where the value is, which is the reference from now on: [`from_raw`](Self::from_raw) takes it back.
    #[inline]
    pub(crate) fn into_raw(this: Self) -> NonNull<T> {
        Self::as_raw(&ManuallyDrop::new(this))
    }

    /// The same, while the reference stays with the caller.
    #[inline]
    pub(crate) fn as_raw(this: &Self) -> NonNull<T> {
        // SAFETY: the cell is there, and the field lies in it.
        unsafe { NonNull::new_unchecked(&raw mut (*this.cell.as_ptr()).value) }
    }

    /// # Safety
    ///
    /// `value` is from [`into_raw`](Self::into_raw), or from [`as_raw`](Self::as_raw) and a reference of which the count knows was
    /// forgotten. It is used up.
    #[inline]
    pub(crate) unsafe fn from_raw(value: NonNull<T>) -> Self {
        // SAFETY: by contract the value is in a cell, so far behind its beginning.
        Self { cell: unsafe { value.byte_sub(offset_of!(Counted<T>, value)).cast() } }
    }

    #[inline]
    fn counted(&self) -> &Counted<T> {
        // SAFETY: a reference keeps the cell.
        unsafe { self.cell.as_ref() }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Clone for Shared<T> {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed: who clones has a reference, so the value was handed over before.
        if self.counted().count.fetch_add(1, Relaxed) > TOO_MANY {
            std::process::abort();
        }
        Self { cell: self.cell }
    }
}

impl<T> Drop for Shared<T> {
    #[inline]
    fn drop(&mut self) {
        let count = &self.counted().count;
        // With the only one, nobody is there who could make another. Acquire: what the others did before they let go comes before.
        if count.load(Acquire) != 1 {
            if count.fetch_sub(1, Release) != 1 {
                return;
            }
            fence(Acquire);
        }
        let _memory = Memory(self.cell);
        // SAFETY: this was the last reference.
        unsafe { self.cell.drop_in_place() };
    }
}

/// Gives the memory back, even if what was in it panics as it is dropped.
struct Memory<T>(NonNull<Counted<T>>);

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        // SAFETY: it came from there, and holds nothing any more.
        unsafe { memory::free(self.0) }
    }
}
