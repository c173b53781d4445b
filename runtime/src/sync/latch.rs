//! [`Latch`]: closed until it has been counted down.

use super::event::Event;
use crate::primitive::{AcqRel, Acquire, AtomicUsize, Relaxed};
use std::{fmt, future::Future, time::Duration};

/// A gate that opens once it has been counted down to zero, and stays open.
///
/// Who waits for it goes on when it opens; who comes later does not wait at all. For "start when all are ready", and "go on
/// when these `n` things are done". A number of parties that is not known beforehand is a matter for a
/// [`WaitGroup`](super::WaitGroup).
///
/// What happened before each `count_down` is visible to whoever has waited.
///
/// # Examples
///
/// ```
/// use fibra::{sync::Latch, thread};
/// use std::sync::Arc;
///
/// fibra::run(|| {
///     let ready = Arc::new(Latch::new(3));
///     for _ in 0..3 {
///         let ready = Arc::clone(&ready);
///         drop(thread::spawn(move || ready.count_down()));
///     }
///     ready.wait();
///     assert!(ready.is_open());
/// });
/// ```
pub struct Latch {
    count: AtomicUsize,
    opened: Event,
}

impl Latch {
    /// A latch that opens after `count` calls of [`count_down`](Self::count_down); with zero it is open.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Latch;
    ///
    /// static STARTED: Latch = Latch::new(1);
    /// assert!(!STARTED.is_open());
    /// assert!(Latch::new(0).is_open());
    /// ```
    #[cfg(not(loom))]
    pub const fn new(count: usize) -> Self {
        Self { count: AtomicUsize::new(count), opened: Event::new(count == 0) }
    }

    /// A latch that opens after `count` calls of [`count_down`](Self::count_down); not `const`, as loom's atomics are not.
    #[cfg(loom)]
    pub fn new(count: usize) -> Self {
        Self { count: AtomicUsize::new(count), opened: Event::new(count == 0) }
    }

    /// Counts down by one; the last one opens the latch. What is open stays open.
    ///
    /// # Examples
    ///
    /// ```
    /// let latch = fibra::sync::Latch::new(2);
    /// latch.count_down();
    /// assert_eq!((latch.count(), latch.is_open()), (1, false));
    /// latch.count_down();
    /// assert_eq!((latch.count(), latch.is_open()), (0, true));
    /// latch.count_down();
    /// assert!(latch.is_open());
    /// ```
    pub fn count_down(&self) {
        // AcqRel: what each of them has done before is visible to the last, and by it to those that wait.
        let before = self.count.fetch_update(AcqRel, Relaxed, |count| count.checked_sub(1));
        if before == Ok(1) {
            self.opened.happen();
        }
    }

    /// How often it has still to be counted down.
    ///
    /// # Examples
    ///
    /// See [`count_down`](Self::count_down).
    pub fn count(&self) -> usize {
        self.count.load(Acquire)
    }

    /// Whether it is open: waiting for it would return at once.
    ///
    /// # Examples
    ///
    /// See [`new`](Self::new).
    pub fn is_open(&self) -> bool {
        self.opened.has_happened()
    }

    /// Waits until it is open. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let latch = fibra::sync::Latch::new(1);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| latch.count_down());
    ///     latch.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        self.opened.until().wait();
    }

    /// Waits until it is open, for at most `timeout`; says whether it is. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let latch = fibra::sync::Latch::new(1);
    /// assert!(!latch.wait_timeout(Duration::from_millis(1)));
    /// latch.count_down();
    /// assert!(latch.wait_timeout(Duration::from_millis(1)));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.opened.until().wait_timeout(timeout).is_some()
    }

    /// As [`wait`](Self::wait), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let latch = fibra::sync::Latch::new(1);
    /// latch.count_down();
    /// fibra::wait(latch.wait_async());
    /// ```
    pub fn wait_async(&self) -> impl Future<Output = ()> + Unpin {
        self.opened.until()
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("count", &self.count()).finish_non_exhaustive()
    }
}
