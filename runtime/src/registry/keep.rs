//! How functions are kept: by the table, by handles, and by calls that are under way.
//!
//! A function that takes no room and has nothing to drop, as each `fn` item and each closure without captures, is there for ever:
//! keeping it costs nothing. Any other is counted. The table has one count, each handle and each call one more; the function is
//! dropped by whoever gives back the last, at once, while the memory of its entry in the table may have to wait for readers.

use super::table::Value;
use std::{
    mem,
    ops::Deref,
    panic::Location,
    sync::{Arc, Weak},
};

/// A share of a function.
pub(super) enum Keep<T: ?Sized + 'static> {
    ForEver(&'static T),
    Counted(Arc<T>),
}

impl<T> Keep<T> {
    pub(super) fn new(value: T) -> Self {
        if size_of::<T>() == 0 && !mem::needs_drop::<T>() {
            // There's no memory in this box that could leak.
            Keep::ForEver(Box::leak(Box::new(value)))
        } else {
            Keep::Counted(Arc::new(value))
        }
    }
}

impl<T: ?Sized> Deref for Keep<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Keep::ForEver(value) => value,
            Keep::Counted(value) => value,
        }
    }
}

impl<T: ?Sized> Clone for Keep<T> {
    fn clone(&self) -> Self {
        match self {
            Keep::ForEver(value) => Keep::ForEver(value),
            Keep::Counted(value) => Keep::Counted(Arc::clone(value)),
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
        let function = match function {
            Keep::ForEver(function) => Held::ForEver(function),
            Keep::Counted(function) => {
                let weak = Arc::downgrade(&function);
                // The table's count.
                mem::forget(function);
                Held::Counted(weak)
            }
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
            Held::ForEver(function) => Some(Keep::ForEver(function)),
            Held::Counted(weak) => weak.upgrade().map(Keep::Counted),
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
