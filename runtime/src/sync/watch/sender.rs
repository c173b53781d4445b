//! The sending end.

use super::{
    receiver::Receiver,
    shared::{Ref, Shared},
};
use std::{
    fmt,
    future::Future,
    mem,
    sync::{Arc, mpsc::SendError},
};

/// The sending end of a [`channel`](super::channel); clone it for more senders.
///
/// What changes the value waits until nobody looks at it; that is no cancellation point.
///
/// # Examples
///
/// See the [module](super).
#[must_use = "dropping the last sender closes the channel"]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// The sender of a channel that holds `value`, and that nobody has [subscribed](Self::subscribe) to yet.
    ///
    /// # Examples
    ///
    /// ```
    /// let sender = fibra::sync::watch::Sender::new(1);
    /// sender.send_replace(2);
    /// assert_eq!(*sender.subscribe().borrow(), 2);
    /// ```
    pub fn new(value: T) -> Self {
        Self { shared: Arc::new(Shared::new(value)) }
    }

    /// Puts `value` in the place of the one before, and tells all receivers. Not a cancellation point.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the new value, if there is no receiver: then nothing is changed.
    /// [`send_replace`](Self::send_replace) changes it in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::watch::{SendError, channel};
    ///
    /// let (sender, receiver) = channel(1);
    /// sender.send(2).unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(3), Err(SendError(3)));
    /// assert_eq!(*sender.borrow(), 2);
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Puts `value` in the place of the one before, which it returns, and tells all receivers, if there are any. Not a
    /// cancellation point.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(1);
    /// assert_eq!(sender.send_replace(2), 1);
    /// assert_eq!(*receiver.borrow(), 2);
    /// ```
    pub fn send_replace(&self, value: T) -> T {
        let mut change = self.shared.change();
        let before = mem::replace(&mut *change, value);
        change.publish();
        before
    }

    /// Changes the value in place, and tells all receivers, if there are any. Not a cancellation point.
    ///
    /// Meanwhile nobody else can look at it. `modify` must not look at it by this channel either: it would wait for ever.
    ///
    /// # Panics
    ///
    /// If `modify` panics. What it has done to the value by then stays, and receivers are not told.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(vec![1]);
    /// sender.send_modify(|list| list.push(2));
    /// assert_eq!(*receiver.borrow(), [1, 2]);
    /// ```
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and tells all receivers if `modify` says that it has changed something; returns that. As
    /// [`send_modify`](Self::send_modify), and no cancellation point either.
    ///
    /// # Panics
    ///
    /// If `modify` panics. What it has done to the value by then stays, and receivers are not told.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(5);
    /// let raise = |to| sender.send_if_modified(|value| *value < to && { *value = to; true });
    /// assert!(!raise(3));
    /// assert!(!receiver.has_changed().unwrap());
    /// assert!(raise(7));
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut change = self.shared.change();
        let is_modified = modify(&mut change);
        if is_modified {
            change.publish();
        }
        is_modified
    }

    /// Looks at the value, once no other sender is changing it. Not a cancellation point.
    ///
    /// # Examples
    ///
    /// See [`send`](Self::send).
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.look().0
    }

    /// A new receiver, which has seen the value that is there now.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, _receiver) = fibra::sync::watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert!(!sender.subscribe().has_changed().unwrap());
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared))
    }

    /// Whether there is no receiver; there may be one again.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(1);
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// let _receiver = sender.subscribe();
    /// assert!(!sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// How many receivers there are.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(1);
    /// let _other = receiver.clone();
    /// assert_eq!(sender.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// Waits until there is no receiver. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(1);
    /// std::thread::spawn(move || drop(receiver));
    /// sender.closed();
    /// assert!(sender.is_closed());
    /// ```
    pub fn closed(&self) {
        self.shared.until_unwatched().wait();
    }

    /// As [`closed`](Self::closed), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::watch::channel(1);
    /// drop(receiver);
    /// fibra::wait(sender.closed_async());
    /// ```
    pub fn closed_async(&self) -> impl Future<Output = ()> + Unpin {
        self.shared.until_unwatched()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let sender = fibra::sync::watch::Sender::new(1);
    /// assert!(sender.same_channel(&sender.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
