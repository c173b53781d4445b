//! [`OnceLock`]: a value that is written once, std's, for waiters of every kind.

use super::once::progress::{Goal, Outcome, Progress, Run};
use crate::wait::wait;
use std::{
    cell::UnsafeCell,
    fmt,
    future::IntoFuture,
    mem,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// A value that is written once, by whoever comes first, and then only read.
///
/// It has the interface of [`std::sync::OnceLock`]. What makes the value may wait, for I/O or whatever else: its green
/// thread parks, and so do the ones that ask meanwhile; none of them blocks its worker, as with `std`'s they would. It may
/// also be a future: [`get_or_init_async`](OnceLock::get_or_init_async). Once the value is there, to read it costs one load.
///
/// There is no poisoning: if the making of the value panics, or is cancelled, the next caller tries again.
///
/// **Asking itself.** What makes the value, and asks for the same value, waits for ever.
///
/// # Examples
///
/// ```
/// use fibra::sync::OnceLock;
///
/// static CONFIG: OnceLock<String> = OnceLock::new();
///
/// fn config() -> &'static str {
///     CONFIG.get_or_init(|| std::env::args().next().unwrap_or_default())
/// }
/// assert_eq!(config().as_ptr(), config().as_ptr());
/// ```
pub struct OnceLock<T> {
    progress: Progress,
    /// Written by a run of `progress`, and not before; read once that is complete.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: a run writes the value, and there is one at a time: that sends `T`. Once `progress` is complete nobody writes any
// more, and everybody reads: that shares it.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

// While the value is made, nobody can see it.
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}

/// To write the value, whatever has become of those who tried before.
const WRITE: Goal = Goal { claims: true, heeds_poison: false };
const READ: Goal = Goal { claims: false, heeds_poison: false };

impl<T> OnceLock<T> {
    /// One without a value.
    ///
    /// # Examples
    ///
    /// ```
    /// static NAME: fibra::sync::OnceLock<String> = fibra::sync::OnceLock::new();
    /// assert_eq!(NAME.get(), None);
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { progress: Progress::new(), value: UnsafeCell::new(None) }
    }

    /// One without a value; not `const`, as loom's atomics are not.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { progress: Progress::new(), value: UnsafeCell::new(None) }
    }

    /// The value, if it is there. Never waits.
    ///
    /// # Examples
    ///
    /// See [`set`](OnceLock::set).
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.progress.is_complete() {
            return None;
        }
        // SAFETY: nobody writes any more once it is complete, and what was written before is seen; see the field. The
        // reference lives no longer than the borrow of `self`, and only `&mut self` can take the value out.
        unsafe { &*self.value.get() }.as_ref()
    }

    /// The value, if it is there; `&mut self` proves that nobody is making it.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut count = fibra::sync::OnceLock::from(1);
    /// *count.get_mut().unwrap() += 1;
    /// assert_eq!(count.get(), Some(&2));
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Makes `value` the value, if there is none. Waits while another caller makes one.
    ///
    /// When this returns there is a value. A cancellation point while it waits; then `value` is dropped.
    ///
    /// # Errors
    ///
    /// `value`, if there was one already.
    ///
    /// # Examples
    ///
    /// ```
    /// let name = fibra::sync::OnceLock::new();
    /// assert_eq!(name.set("ada"), Ok(()));
    /// assert_eq!(name.set("grace"), Err("grace"));
    /// assert_eq!(name.get(), Some(&"ada"));
    /// ```
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("it is written once"));
        value.map_or(Ok(()), Err)
    }

    /// The value; if there is none, what `make` returns becomes the value. Waits while another caller makes it.
    ///
    /// A cancellation point while it waits.
    ///
    /// # Panics
    ///
    /// If `make` does: then there is no value, and the next caller makes it.
    ///
    /// # Examples
    ///
    /// ```
    /// let answer = fibra::sync::OnceLock::new();
    /// assert_eq!(answer.get_or_init(|| 6 * 7), &42);
    /// assert_eq!(answer.get_or_init(|| unreachable!()), &42);
    /// ```
    #[inline]
    pub fn get_or_init<F: FnOnce() -> T>(&self, make: F) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.init(make),
        }
    }

    #[cold]
    fn init(&self, make: impl FnOnce() -> T) -> &T {
        if let Outcome::Claimed(run) = wait(self.progress.look(WRITE)) {
            let value = make();
            self.write(run, value);
        }
        self.written()
    }

    /// As [`get_or_init`](OnceLock::get_or_init), for `async` code, with a future that makes the value. It is polled only if
    /// there is no value, and nobody else is making one.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops `make`, half way or not; then there is no value, and the next caller makes it with its own
    /// future: one that waits already, if there is one.
    ///
    /// # Panics
    ///
    /// The future does, if `make` does: then there is no value either.
    ///
    /// # Examples
    ///
    /// ```
    /// let answer = fibra::sync::OnceLock::new();
    /// fibra::wait(async {
    ///     assert_eq!(answer.get_or_init_async(async { 6 * 7 }).await, &42);
    ///     assert_eq!(answer.get_or_init_async(async { unreachable!() }).await, &42);
    /// });
    /// ```
    pub async fn get_or_init_async<F: IntoFuture<Output = T>>(&self, make: F) -> &T {
        if let Outcome::Claimed(run) = self.progress.look(WRITE).await {
            let value = make.await;
            self.write(run, value);
        }
        self.written()
    }

    /// Waits until there is a value, whoever makes it.
    ///
    /// A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let name = fibra::sync::OnceLock::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| name.set("ada").unwrap());
    ///     assert_eq!(name.wait(), &"ada");
    /// });
    /// ```
    pub fn wait(&self) -> &T {
        if !self.progress.is_complete() {
            wait(self.progress.look(READ));
        }
        self.written()
    }

    /// As [`wait`](OnceLock::wait), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let name = fibra::sync::OnceLock::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| name.set("ada").unwrap());
    ///     fibra::wait(async { assert_eq!(name.wait_async().await, &"ada") });
    /// });
    /// ```
    pub async fn wait_async(&self) -> &T {
        self.progress.look(READ).await;
        self.written()
    }

    /// The value, which is no longer shared.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(fibra::sync::OnceLock::from("ada").into_inner(), Some("ada"));
    /// assert_eq!(fibra::sync::OnceLock::<u8>::new().into_inner(), None);
    /// ```
    #[inline]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, so that another one can be written.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut name = fibra::sync::OnceLock::from("ada");
    /// assert_eq!(name.take(), Some("ada"));
    /// assert_eq!(name.set("grace"), Ok(()));
    /// ```
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }

    /// `run` is one of `self.progress`.
    fn write(&self, run: Run<'_>, value: T) {
        // SAFETY: there is one run at a time, and nobody reads before it is complete. Nothing is dropped: a run that wrote
        // has completed, so there is no value yet.
        unsafe { *self.value.get() = Some(value) };
        run.complete();
    }

    fn written(&self) -> &T {
        self.get().expect("a complete run has written the value")
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        Self { progress: Progress::new_complete(), value: UnsafeCell::new(Some(value)) }
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => shown.field(value),
            None => shown.field(&format_args!("<uninit>")),
        };
        shown.finish()
    }
}
