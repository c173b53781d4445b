//! [`WaitGroup`]: the wait for all who hold a handle.

use super::event::Event;
use crate::primitive::{AcqRel, AtomicUsize, Relaxed};
use std::{fmt, future::Future, sync::Arc, time::Duration};

/// A group of parties, one for each handle; who waits goes on when all the others have dropped theirs.
///
/// Cloning a handle adds a party, dropping it says that the party is done: a panic or a cancel counts too, and nobody can
/// forget a "done" or say it twice, as where the two are calls of their own. For the same reason [`wait`](Self::wait) takes
/// the handle: nobody waits for itself.
///
/// Several may wait; each of them is done as a party when it begins to. What a party did before it dropped its handle is
/// visible to whoever has waited.
///
/// # Examples
///
/// ```
/// use fibra::{sync::WaitGroup, thread};
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
///
/// fibra::run(|| {
///     let (group, sum) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
///     for i in 0..10 {
///         let (party, sum) = (group.clone(), Arc::clone(&sum));
///         drop(thread::spawn(move || {
///             sum.fetch_add(i, Ordering::Relaxed);
///             drop(party);
///         }));
///     }
///     group.wait();
///     assert_eq!(sum.load(Ordering::Relaxed), 45);
/// });
/// ```
#[must_use = "dropping the handle says that its party is done"]
pub struct WaitGroup {
    shared: Arc<Shared>,
}

struct Shared {
    parties: AtomicUsize,
    all_done: Event,
}

impl WaitGroup {
    /// A group of one.
    ///
    /// # Examples
    ///
    /// ```
    /// // Nobody else is in it.
    /// fibra::sync::WaitGroup::new().wait();
    /// ```
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared { parties: AtomicUsize::new(1), all_done: Event::new(false) }) }
    }

    /// Drops this handle, and waits until all others are dropped. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = fibra::sync::WaitGroup::new();
    /// let party = group.clone();
    /// std::thread::spawn(move || drop(party));
    /// group.wait();
    /// ```
    pub fn wait(self) {
        self.finish().all_done.until().wait();
    }

    /// As [`wait`](Self::wait), for at most `timeout`; says whether all were done. The handle is dropped in any case. A
    /// cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let group = fibra::sync::WaitGroup::new();
    /// let party = group.clone();
    /// assert!(!group.wait_timeout(Duration::from_millis(1)));
    /// assert!(party.wait_timeout(Duration::from_millis(1)));
    /// ```
    pub fn wait_timeout(self, timeout: Duration) -> bool {
        self.finish().all_done.until().wait_timeout(timeout).is_some()
    }

    /// As [`wait`](Self::wait), for `async` code. The handle is dropped by this call, not by the first poll. Dropping the future
    /// gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = fibra::sync::WaitGroup::new();
    /// let party = group.clone();
    /// fibra::wait(async {
    ///     drop(fibra::future::spawn(async move { drop(party) }));
    ///     group.wait_async().await;
    /// });
    /// ```
    pub fn wait_async(self) -> impl Future<Output = ()> + Send {
        let shared = self.finish();
        async move { shared.all_done.until().await }
    }

    fn finish(self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for WaitGroup {
    fn clone(&self) -> Self {
        // Relaxed: the new party is made from one that is counted already.
        let parties = self.shared.parties.fetch_add(1, Relaxed);
        assert!(parties < isize::MAX as usize, "a group has fewer parties than the address space has bytes");
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        // AcqRel: what each party has done is visible to the last one to go, and by it to those that wait.
        if self.shared.parties.fetch_sub(1, AcqRel) == 1 {
            self.shared.all_done.happen();
        }
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("parties", &self.shared.parties.load(Relaxed))
            .finish_non_exhaustive()
    }
}
