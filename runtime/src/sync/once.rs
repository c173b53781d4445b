//! [`Once`]: std's, except that who waits for it parks a green thread, not an OS thread.

pub(super) mod progress;

use self::progress::{Goal, Outcome, Progress};
use crate::wait::wait;
use std::{
    fmt,
    future::IntoFuture,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// Something that happens once: the first caller does it, and the others wait until it has been done.
///
/// It has the interface of [`std::sync::Once`], poisoning included. What is done may wait, for I/O or whatever else: its
/// green thread parks, and so do the ones that ask meanwhile; none of them blocks its worker, as with `std`'s they would.
/// Once it has been done, a call costs one load. A future may do it too: [`call_once_async`](Once::call_once_async).
///
/// **Poisoning.** If the closure panics, so does every later [`call_once`](Once::call_once) and [`wait`](Once::wait);
/// [`call_once_force`](Once::call_once_force) tries again. A closure that was unwound because its green thread was
/// cancelled has left its work half done just the same; see [`cancel::shield`](crate::cancel::shield). A future that is
/// dropped while it waits has given it up in good order, and poisons nothing: the next caller does it.
///
/// **Calling itself.** A closure that calls the `Once` that runs it waits for ever.
///
/// # Examples
///
/// ```
/// use fibra::sync::Once;
///
/// static START: Once = Once::new();
///
/// for _ in 0..3 {
///     START.call_once(|| println!("printed once"));
/// }
/// assert!(START.is_completed());
/// ```
pub struct Once {
    progress: Progress,
}

// What a panic may leave half done is reported by the poison.
impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

impl Once {
    /// One that has not happened.
    ///
    /// # Examples
    ///
    /// ```
    /// static START: fibra::sync::Once = fibra::sync::Once::new();
    /// assert!(!START.is_completed());
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { progress: Progress::new() }
    }

    /// One that has not happened; not `const`, as loom's atomics are not.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { progress: Progress::new() }
    }

    /// Calls `closure`, unless that has been done; waits while another caller does it. When this returns, it has been done.
    ///
    /// A cancellation point while it waits.
    ///
    /// # Panics
    ///
    /// If `closure` does, or if the closure of another call has.
    ///
    /// # Examples
    ///
    /// See [`Once`].
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, closure: F) {
        if !self.is_completed() {
            self.call(true, |_| closure());
        }
    }

    /// As [`call_once`](Once::call_once), but tries again if the closure of another call has panicked. The closure is told.
    ///
    /// A cancellation point while it waits.
    ///
    /// # Panics
    ///
    /// If `closure` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Once;
    /// use std::panic::catch_unwind;
    ///
    /// let once = Once::new();
    /// assert!(catch_unwind(|| once.call_once(|| panic!("half way"))).is_err());
    /// assert!(catch_unwind(|| once.call_once(|| ())).is_err());
    ///
    /// once.call_once_force(|state| assert!(state.is_poisoned()));
    /// once.call_once(|| unreachable!());
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, closure: F) {
        if !self.is_completed() {
            self.call(false, closure);
        }
    }

    #[cold]
    #[track_caller]
    fn call(&self, heeds_poison: bool, closure: impl FnOnce(&OnceState)) {
        match wait(self.progress.look(Goal { claims: true, heeds_poison })) {
            Outcome::Complete => {}
            Outcome::Poisoned => panic_poisoned(),
            Outcome::Claimed(run) => {
                closure(&OnceState { is_poisoned: run.is_after_failure() });
                run.complete();
            }
        }
    }

    /// Whether it has been done: then all that it did is seen. Never waits.
    ///
    /// # Examples
    ///
    /// See [`Once::new`].
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.progress.is_complete()
    }

    /// Waits until it has been done, by whomever.
    ///
    /// A cancellation point while it waits.
    ///
    /// # Panics
    ///
    /// If a closure has panicked; [`wait_force`](Once::wait_force) goes on waiting for one that doesn't.
    ///
    /// # Examples
    ///
    /// ```
    /// let ready = fibra::sync::Once::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| ready.call_once(|| ()));
    ///     ready.wait();
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_completed() {
            let outcome = wait(self.progress.look(Goal { claims: false, heeds_poison: true }));
            expect_complete(outcome);
        }
    }

    /// Waits until it has been done, however many closures panic before.
    ///
    /// A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let ready = fibra::sync::Once::new();
    /// ready.call_once(|| ());
    /// ready.wait_force();
    /// ```
    pub fn wait_force(&self) {
        if !self.is_completed() {
            wait(self.progress.look(Goal { claims: false, heeds_poison: false }));
        }
    }

    /// As [`call_once`](Once::call_once), for `async` code, with a future that does it. It is polled only if it has not been
    /// done, and nobody else is doing it.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops `make`, half way or not. Nothing is poisoned; the next caller does it: one that waits
    /// already, if there is one.
    ///
    /// # Panics
    ///
    /// The future does, if `make` does, or if the closure or the future of another call has.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::{sync::Once, time::{Duration, timeout_async}};
    ///
    /// static START: Once = Once::new();
    ///
    /// fibra::wait(async {
    ///     let given_up = timeout_async(Duration::from_millis(1), START.call_once_async(std::future::pending()));
    ///     assert!(given_up.await.is_err());
    ///     START.call_once_async(async { println!("printed once") }).await;
    ///     START.call_once_async(async { unreachable!() }).await;
    /// });
    /// ```
    pub async fn call_once_async<F: IntoFuture<Output = ()>>(&self, make: F) {
        match self.progress.look(Goal { claims: true, heeds_poison: true }).await {
            Outcome::Complete => {}
            Outcome::Poisoned => panic_poisoned(),
            Outcome::Claimed(run) => run.drive(make.into_future()).await,
        }
    }

    /// As [`call_once_force`](Once::call_once_force), for `async` code.
    ///
    /// # Cancellation
    ///
    /// As [`call_once_async`](Once::call_once_async). A `Once` that was poisoned is so again.
    ///
    /// # Panics
    ///
    /// The future does, if `make` does.
    ///
    /// # Examples
    ///
    /// ```
    /// let once = fibra::sync::Once::new();
    /// fibra::wait(once.call_once_force_async(async |state| assert!(!state.is_poisoned())));
    /// assert!(once.is_completed());
    /// ```
    pub async fn call_once_force_async<F: AsyncFnOnce(&OnceState)>(&self, make: F) {
        if let Outcome::Claimed(run) = self.progress.look(Goal { claims: true, heeds_poison: false }).await {
            let state = OnceState { is_poisoned: run.is_after_failure() };
            run.drive(make(&state)).await;
        }
    }

    /// As [`wait`](Once::wait), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Panics
    ///
    /// The future does, if a closure has.
    ///
    /// # Examples
    ///
    /// ```
    /// let ready = fibra::sync::Once::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| ready.call_once(|| ()));
    ///     fibra::wait(async { ready.wait_async().await });
    /// });
    /// ```
    pub async fn wait_async(&self) {
        expect_complete(self.progress.look(Goal { claims: false, heeds_poison: true }).await);
    }

    /// As [`wait_force`](Once::wait_force), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let ready = fibra::sync::Once::new();
    /// ready.call_once(|| ());
    /// fibra::wait(ready.wait_force_async());
    /// ```
    pub async fn wait_force_async(&self) {
        self.progress.look(Goal { claims: false, heeds_poison: false }).await;
    }
}

#[track_caller]
fn expect_complete(outcome: Outcome<'_>) {
    match outcome {
        Outcome::Complete => {}
        Outcome::Poisoned => panic_poisoned(),
        Outcome::Claimed(_) => unreachable!("nobody asked for the run"),
    }
}

#[cold]
#[track_caller]
fn panic_poisoned() -> ! {
    panic!("a closure of this `Once` has panicked before");
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// What a closure of [`Once::call_once_force`], or of its form for `async` code, is told.
///
/// # Examples
///
/// See [`Once::call_once_force`].
pub struct OnceState {
    is_poisoned: bool,
}

impl OnceState {
    /// Whether a closure has panicked before.
    ///
    /// # Examples
    ///
    /// See [`Once::call_once_force`].
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState").field("poisoned", &self.is_poisoned).finish()
    }
}
