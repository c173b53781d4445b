//! The atomics of this crate: std's, or loom's when a model is checked.
//!
//! Everything lock-free in the runtime takes its atomics from here, so that `--cfg loom` swaps all of
//! them at once; an atomic taken from std beside a model would be invisible to loom and hide a race.

/// For users, whose atomics are no model's.
pub use std::sync::atomic as std_atomic;

#[cfg(not(loom))]
pub(crate) use atomic_waker::AtomicWaker;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex,
    atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence,
    },
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex,
    atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence,
    },
};

#[cfg(not(loom))]
pub(crate) use self::unchecked::UnsafeCell;

#[cfg(loom)]
pub(crate) use self::modelled::AtomicWaker;
#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;

/// What has another interface in loom, which checks who uses it at the same time.
#[cfg(not(loom))]
mod unchecked {
    use std::cell;

    /// std's, by loom's name for its use.
    pub(crate) struct UnsafeCell<T>(cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(cell::UnsafeCell::new(value))
        }

        /// Lends what is in it, for a change.
        #[inline]
        pub(crate) fn with_mut<R>(&self, use_it: impl FnOnce(*mut T) -> R) -> R {
            use_it(self.0.get())
        }
    }
}

/// What loom has no equal of.
#[cfg(loom)]
mod modelled {
    use super::Mutex;
    use std::{sync::PoisonError, task::Waker};

    /// A lock where the real one, which has models of its own, needs none: what it promises is the same.
    pub(crate) struct AtomicWaker(Mutex<Option<Waker>>);

    impl AtomicWaker {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(None))
        }

        pub(crate) fn register(&self, waker: &Waker) {
            let new = Some(waker.clone());
            let _replaced =
                std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), new);
        }

        pub(crate) fn take(&self) -> Option<Waker> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
        }

        pub(crate) fn wake(&self) {
            if let Some(waker) = self.take() {
                waker.wake();
            }
        }
    }
}

/// For statics, which loom's types can't be in, and for plain counters and flags that no model is about; and what orders a
/// thread with its own signal handlers, which models don't have.
pub(crate) mod unmodelled {
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence,
    };
}
