//! [`LazyLock`]: a value that is made when it is first needed, std's, for waiters of every kind.

use super::once::progress::{Goal, Outcome, Progress, Run};
use crate::wait::wait;
use std::{
    cell::UnsafeCell,
    fmt, mem,
    ops::Deref,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// A value that is made when it is first needed.
///
/// It has the interface of [`std::sync::LazyLock`]. What makes the value may wait, for I/O or whatever else: its green
/// thread parks, and so do the ones that ask meanwhile; none of them blocks its worker, as with `std`'s they would. Once
/// the value is there, to reach it costs one load.
///
/// **Poisoning.** If the closure panics there will never be a value, and every later access panics too. A closure that was
/// unwound because its green thread was cancelled is lost just the same: if it waits, think of
/// [`cancel::shield`](crate::cancel::shield).
///
/// **Asking itself.** A closure that needs the value that it makes waits for ever.
///
/// # Examples
///
/// ```
/// use fibra::sync::LazyLock;
/// use std::collections::HashMap;
///
/// static CAPITALS: LazyLock<HashMap<&str, &str>> =
///     LazyLock::new(|| HashMap::from([("Peru", "Lima"), ("Kenya", "Nairobi")]));
///
/// assert_eq!(CAPITALS["Peru"], "Lima");
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    progress: Progress,
    /// Changed by the run of `progress`; read once that is complete.
    stage: UnsafeCell<Stage<T, F>>,
}

enum Stage<T, F> {
    Closure(F),
    /// The closure runs, or has panicked.
    Neither,
    Value(T),
}

// SAFETY: the run, of which there is one, takes the closure and writes the value: that sends both. Once `progress` is
// complete nobody writes any more, and everybody reads the value: that shares it. The closure is never shared.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

// While the value is made, nobody can see it; if that fails, nobody ever will.
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}

const MAKE: Goal = Goal { claims: true, heeds_poison: true };

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `make` will make.
    ///
    /// # Examples
    ///
    /// See [`LazyLock`].
    #[cfg(not(loom))]
    pub const fn new(make: F) -> Self {
        Self { progress: Progress::new(), stage: UnsafeCell::new(Stage::Closure(make)) }
    }

    /// A value that `make` will make; not `const`, as loom's atomics are not.
    #[cfg(loom)]
    pub fn new(make: F) -> Self {
        Self { progress: Progress::new(), stage: UnsafeCell::new(Stage::Closure(make)) }
    }

    /// The value, which is made if it is not there; waits while another caller makes it. The same as `&*this`.
    ///
    /// A cancellation point while it waits.
    ///
    /// # Panics
    ///
    /// If the closure does, now or before.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::LazyLock;
    ///
    /// let answer = LazyLock::new(|| 6 * 7);
    /// assert_eq!(LazyLock::force(&answer), &42);
    /// ```
    #[inline]
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        match this.get() {
            Some(value) => value,
            None => this.act_on(this.wait_for_outcome()),
        }
    }

    #[cold]
    fn wait_for_outcome(&self) -> Outcome<'_> {
        wait(self.progress.look(MAKE))
    }

    /// As [`force`](LazyLock::force), for `async` code: waits for another caller's run without a stack. If it is this one that
    /// makes the value, the closure runs in the `poll`, and may wait there in direct style.
    ///
    /// Dropping the future gives up the wait.
    ///
    /// # Panics
    ///
    /// The future does, if the closure does, now or before.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::LazyLock;
    ///
    /// let answer = LazyLock::new(|| 6 * 7);
    /// assert_eq!(fibra::wait(LazyLock::force_async(&answer)), &42);
    /// ```
    pub async fn force_async(this: &Self) -> &T {
        this.act_on(this.progress.look(MAKE).await)
    }

    #[track_caller]
    fn act_on(&self, outcome: Outcome<'_>) -> &T {
        match outcome {
            Outcome::Complete => {}
            Outcome::Poisoned => panic!("the closure of this `LazyLock` has panicked before"),
            Outcome::Claimed(run) => self.make(run),
        }
        self.get().expect("a complete run has made the value")
    }

    /// `run` is the one of `self.progress`.
    fn make(&self, run: Run<'_>) {
        // SAFETY: there is one run at a time, and nobody else touches the stage before it is complete.
        let Stage::Closure(make) = mem::replace(unsafe { &mut *self.stage.get() }, Stage::Neither) else {
            unreachable!("a run that failed is the last one");
        };
        let value = make();
        // SAFETY: as above. `Neither` needs no drop.
        unsafe { *self.stage.get() = Stage::Value(value) };
        run.complete();
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it was made.
    #[inline]
    fn get(&self) -> Option<&T> {
        if !self.progress.is_complete() {
            return None;
        }
        // SAFETY: nobody writes any more once it is complete, and what was written before is seen; see the field. The
        // reference lives no longer than the borrow of `self`.
        match unsafe { &*self.stage.get() } {
            Stage::Value(value) => Some(value),
            Stage::Closure(_) | Stage::Neither => None,
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    /// See [`force`](LazyLock::force), which this is.
    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    /// The type's default value, made when it is first needed.
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("LazyLock");
        match self.get() {
            Some(value) => shown.field(value),
            None => shown.field(&format_args!("<uninit>")),
        };
        shown.finish()
    }
}
