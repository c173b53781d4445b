//! A lock for a few instructions: what guards the insides of the primitives of this module.
//!
//! Its rule is what makes it safe to block an OS thread on: **nothing is waited for, woken or dropped
//! while it is held.** A holder thus never switches stacks (it would leave the lock to a task that nobody
//! may be able to run) and never runs foreign code that could come back for the same lock.
//!
//! Since it is held for some nanoseconds only, taking it is one atomic operation, and giving it back is a plain store: a
//! lock that can put its waiters to sleep must look for them when it is given back, by a second atomic operation. Who finds
//! it taken looks again, then gives up its time slice, and in the end sleeps for moments: a holder that the system has
//! stopped in the middle may be away for milliseconds.
//!
//! Models use loom's mutex instead, since loom can't explore a loop that waits.

#[cfg(not(loom))]
pub(super) use lock::ShortLock;
#[cfg(loom)]
pub(super) use modelled::ShortLock;

#[cfg(not(loom))]
mod lock {
    use crate::primitive::{Acquire, AtomicBool, Relaxed, Release};
    use std::{
        cell::UnsafeCell,
        hint::spin_loop,
        ops::{Deref, DerefMut},
        panic::{RefUnwindSafe, UnwindSafe},
        thread,
        time::Duration,
    };

    /// Looks with doubling pauses, and then looks between time slices, before sleeping.
    const LOOKS: u32 = 6;
    const YIELDS: u32 = 16;
    const SLEEP: Duration = Duration::from_micros(50);

    /// See the module.
    pub(in super::super) struct ShortLock<T> {
        is_taken: AtomicBool,
        value: UnsafeCell<T>,
    }

    // SAFETY: it hands its value to one thread at a time, and takes it back with release and acquire.
    unsafe impl<T: Send> Sync for ShortLock<T> {}

    // A panic leaves the value whole; see `lock`.
    impl<T> UnwindSafe for ShortLock<T> {}
    impl<T> RefUnwindSafe for ShortLock<T> {}

    impl<T> ShortLock<T> {
        pub(in super::super) const fn new(value: T) -> Self {
            Self { is_taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
        }

        /// There is no poison: only foreign code can panic under the lock (a waker's `clone`), and each
        /// caller runs it before it changes anything.
        #[inline]
        pub(in super::super) fn lock(&self) -> impl DerefMut<Target = T> + '_ {
            if self.is_taken.swap(true, Acquire) {
                self.take_in_the_end();
            }
            Taken(self)
        }

        #[cold]
        fn take_in_the_end(&self) {
            let mut looks = 0;
            loop {
                match looks {
                    ..LOOKS => (0..1 << looks).for_each(|_| spin_loop()),
                    LOOKS..YIELDS => thread::yield_now(),
                    _ => thread::sleep(SLEEP),
                }
                looks = looks.saturating_add(1);
                if !self.is_taken.load(Relaxed) && !self.is_taken.swap(true, Acquire) {
                    return;
                }
            }
        }
    }

    struct Taken<'a, T>(&'a ShortLock<T>);

    impl<T> Deref for Taken<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            // SAFETY: while this exists, nobody else reaches the value.
            unsafe { &*self.0.value.get() }
        }
    }

    impl<T> DerefMut for Taken<'_, T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: as above.
            unsafe { &mut *self.0.value.get() }
        }
    }

    impl<T> Drop for Taken<'_, T> {
        #[inline]
        fn drop(&mut self) {
            self.0.is_taken.store(false, Release);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn one_thread_at_a_time_has_the_value() {
            static SUM: ShortLock<(u64, u64)> = ShortLock::new((0, 0));
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for round in 0..20_000 {
                            let mut sum = SUM.lock();
                            assert_eq!(sum.0, sum.1);
                            sum.0 += 1;
                            // Now and then, be stopped in the middle.
                            if round % 1_000 == 0 {
                                thread::sleep(Duration::from_micros(200));
                            }
                            sum.1 += 1;
                        }
                    });
                }
            });
            assert_eq!(*SUM.lock(), (80_000, 80_000));
        }
    }
}

#[cfg(loom)]
mod modelled {
    use crate::primitive::Mutex;
    use std::{ops::DerefMut, sync::PoisonError};

    /// See the module.
    pub(in super::super) struct ShortLock<T>(Mutex<T>);

    impl<T> ShortLock<T> {
        pub(in super::super) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(in super::super) fn lock(&self) -> impl DerefMut<Target = T> + '_ {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
