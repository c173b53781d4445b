//! How functions are kept: by the table, by handles, and by calls that are under way.
//!
//! A function that takes no room and has nothing to drop, as each `fn` item and each closure without captures, is there for ever:
//! keeping it costs nothing. Any other is counted. The table has one count, each handle and each call one more; the function is
//! dropped by whoever gives back the last, at once, while the memory of its entry in the table may have to wait for readers.

use super::table::Value;
use std::{
    mem::ManuallyDrop,
    ops::Deref,
    panic::Location,
    ptr::NonNull,
    sync::{Arc, Weak},
};

/// A share of a function: of one that takes up room, a pointer of [`Arc::into_raw`] with its count; of one that takes none, a mere
/// reference. It says by itself which it is, and so fits into two registers.
pub(super) struct Keep<T: ?Sized + 'static>(NonNull<T>);

// SAFETY: it is an `Arc`, or a shared reference, and both ask for no more.
unsafe impl<T: ?Sized + Send + Sync> Send for Keep<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for Keep<T> {}

impl<T: ?Sized> Keep<T> {
    /// Of something that takes up no room.
    pub(super) fn for_ever(value: &'static T) -> Self {
        assert_eq!(size_of_val(value), 0, "what has a size is counted");
        Self(NonNull::from(value))
    }

    /// Of something that takes up room.
    pub(super) fn counted(value: Arc<T>) -> Self {
        assert_ne!(size_of_val(&*value), 0, "what has no size isn't counted");
        Self::from(value)
    }

    #[inline]
    fn from(value: Arc<T>) -> Self {
        // SAFETY: an `Arc`'s pointer is not null.
        Self(unsafe { NonNull::new_unchecked(Arc::into_raw(value).cast_mut()) })
    }

    #[inline]
    fn is_counted(&self) -> bool {
        size_of_val::<T>(self) != 0
    }

    #[inline]
    pub(super) fn as_raw(&self) -> NonNull<T> {
        self.0
    }

    /// The share as a bare pointer, which is given back by [`from_raw`](Self::from_raw).
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<T> {
        ManuallyDrop::new(self).0
    }

    /// # Safety
    ///
    /// The pointer is [`into_raw`](Self::into_raw)'s, of the same value, if by a type that it was made from or is behind; and is used
    /// once.
    #[inline]
    pub(super) unsafe fn from_raw(pointer: NonNull<T>) -> Self {
        Self(pointer)
    }
}

impl<T: ?Sized> Deref for Keep<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: there for ever, or as long as our count is.
        unsafe { self.0.as_ref() }
    }
}

impl<T: ?Sized> Clone for Keep<T> {
    #[inline]
    fn clone(&self) -> Self {
        if self.is_counted() {
            // SAFETY: the pointer is that of an `Arc` (`counted`), which is alive by our count.
            unsafe { Arc::increment_strong_count(self.0.as_ptr()) };
        }
        Self(self.0)
    }
}

impl<T: ?Sized> Drop for Keep<T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_counted() {
            // SAFETY: as in `clone`; the count is ours, and goes with us.
            unsafe { Arc::decrement_strong_count(self.0.as_ptr()) };
        }
    }
}

/// What the table has of a function. In this order, and after a short name, all that a lookup needs lies in one cache line.
#[repr(C)]
pub(super) struct Registered<T: ?Sized + 'static> {
    function: Held<T>,
    /// Where it was registered.
    place: &'static Location<'static>,
}

enum Held<T: ?Sized + 'static> {
    ForEver(&'static T),
    /// How readers reach it, which may come when it is gone. The table's own count has no word here; it goes by
    /// [`Value::withdraw`].
    Counted(Weak<T>),
}

impl<T: ?Sized> Registered<T> {
    pub(super) fn new(function: Keep<T>, place: &'static Location<'static>) -> Self {
        let is_counted = function.is_counted();
        let pointer = function.into_raw();
        let function = if is_counted {
            // SAFETY: the pointer is that of an `Arc`, and so is its count, which is the table's from here on.
            let counted = ManuallyDrop::new(unsafe { Arc::from_raw(pointer.as_ptr()) });
            Held::Counted(Arc::downgrade(&counted))
        } else {
            // SAFETY: it was made from such a reference.
            Held::ForEver(unsafe { pointer.as_ref() })
        };
        Self { function, place }
    }

    pub(super) fn place(&self) -> &'static Location<'static> {
        self.place
    }
}

impl<T: ?Sized + Send + Sync> Value for Registered<T> {
    type Reached = Keep<T>;
    type Withdrawn = Option<Arc<T>>;

    #[inline]
    fn reach(&self) -> Option<Keep<T>> {
        match &self.function {
            Held::ForEver(function) => Some(Keep(NonNull::from(*function))),
            Held::Counted(weak) => weak.upgrade().map(Keep::from),
        }
    }

    unsafe fn withdraw(&self) -> Option<Arc<T>> {
        match &self.function {
            Held::ForEver(_) => None,
            // SAFETY: the pointer is the one that `Arc::downgrade` was called with in `new`, which forgot an `Arc` of it: its
            // count is given back here, and by contract only once. So until now it has kept the value alive, too.
            Held::Counted(weak) => Some(unsafe { Arc::from_raw(weak.as_ptr()) }),
        }
    }
}
