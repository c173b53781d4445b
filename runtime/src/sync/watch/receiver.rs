//! The receiving end.

use super::shared::{Ref, Shared};
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        mpsc::{RecvError, RecvTimeoutError},
    },
    time::Duration,
};

/// The receiving end of a [`channel`](super::channel); clone it for more receivers.
///
/// # Examples
///
/// See the [module](super).
#[must_use = "dropping the last receiver tells senders that nobody looks"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The last version that it has seen.
    seen: u64,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let seen = shared.add_receiver();
        Self { shared, seen }
    }

    /// Looks at the value, once no sender is changing it; does not count it as seen. Not a cancellation point.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.borrow(), 2);
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.look().0
    }

    /// Looks at the value, once no sender is changing it, and counts it as seen. Not a cancellation point.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.borrow_and_update(), 2);
    /// assert!(!receiver.has_changed().unwrap());
    /// ```
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (value, version) = self.shared.look();
        self.seen = version;
        value
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if there is none, and there will be none: all senders are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(1);
    /// assert_eq!(receiver.has_changed(), Ok(false));
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.has_changed(), Ok(true));
    /// ```
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        // On a copy, so that nothing is seen.
        match self.shared.changed(&mut { self.seen }) {
            None => Ok(false),
            Some(changed) => changed.map(|()| true),
        }
    }

    /// Counts the value as not seen, so that the next [`changed`](Self::changed) returns at once.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_sender, mut receiver) = fibra::sync::watch::channel(1);
    /// receiver.mark_changed();
    /// receiver.changed().unwrap();
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version().wrapping_sub(1);
    }

    /// Counts the value as seen.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::watch::channel(1);
    /// sender.send(2).unwrap();
    /// receiver.mark_unchanged();
    /// assert_eq!(receiver.has_changed(), Ok(false));
    /// ```
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version();
    }

    /// Waits for a value that was not seen, and counts it as seen. A cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if there is none, and there will be none: all senders are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::watch::channel(1);
    /// std::thread::spawn(move || sender.send(2).unwrap());
    /// receiver.changed().unwrap();
    /// assert_eq!(*receiver.borrow(), 2);
    /// assert!(receiver.changed().is_err());
    /// ```
    pub fn changed(&mut self) -> Result<(), RecvError> {
        self.shared.until_changed(&mut self.seen).wait()
    }

    /// As [`changed`](Self::changed), for at most `timeout`. A cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`]: `Timeout` if the value did not change in time, never too early; `Disconnected` if there is no
    /// value that was not seen, and all senders are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::mpsc::RecvTimeoutError, time::Duration};
    ///
    /// let (_sender, mut receiver) = fibra::sync::watch::channel(1);
    /// assert_eq!(receiver.changed_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn changed_timeout(&mut self, timeout: Duration) -> Result<(), RecvTimeoutError> {
        match self.shared.until_changed(&mut self.seen).wait_timeout(timeout) {
            Some(changed) => Ok(changed?),
            None => Err(RecvTimeoutError::Timeout),
        }
    }

    /// As [`changed`](Self::changed), for `async` code.
    ///
    /// # Errors
    ///
    /// As [`changed`](Self::changed).
    ///
    /// # Cancellation
    ///
    /// Dropping the future counts nothing as seen, unless it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::watch::channel(1);
    /// sender.send(2).unwrap();
    /// fibra::wait(receiver.changed_async()).unwrap();
    /// ```
    pub fn changed_async(&mut self) -> impl Future<Output = Result<(), RecvError>> + Unpin {
        self.shared.until_changed(&mut self.seen)
    }

    /// Waits for a value for which `condition` holds, and counts it as seen; the one that is there is looked at first, seen or
    /// not. A cancellation point while it waits.
    ///
    /// Values that are replaced before they are looked at are passed over.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the condition doesn't hold for the last value, and all senders are gone.
    ///
    /// # Panics
    ///
    /// If `condition` panics.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::watch::channel(0);
    /// std::thread::spawn(move || (1..=10).for_each(|value| sender.send_modify(|level| *level = value)));
    /// assert!(*receiver.wait_for(|level| *level >= 5).unwrap() >= 5);
    /// assert!(receiver.wait_for(|level| *level > 10).is_err());
    /// ```
    pub fn wait_for(&mut self, mut condition: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        let Self { shared, seen } = self;
        loop {
            let value: Ref<'_, T>;
            (value, *seen) = shared.look();
            if condition(&value) {
                return Ok(value);
            }
            drop(value);
            shared.until_changed(seen).wait()?;
        }
    }

    /// As [`wait_for`](Self::wait_for), for `async` code.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the wait. Values that were looked at by then count as seen.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::watch::channel(0);
    /// sender.send(7).unwrap();
    /// assert_eq!(*fibra::wait(receiver.wait_for_async(|level| *level > 5)).unwrap(), 7);
    /// ```
    pub async fn wait_for_async(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let Self { shared, seen } = self;
        loop {
            let value: Ref<'_, T>;
            (value, *seen) = shared.looking().await;
            if condition(&value) {
                return Ok(value);
            }
            drop(value);
            shared.until_changed(seen).await?;
        }
    }

    /// Whether both receive from the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_sender, receiver) = fibra::sync::watch::channel(1);
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.add_receiver();
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.remove_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
