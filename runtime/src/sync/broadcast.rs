//! Channels with many senders and many receivers, where each receiver gets each message.
//!
//! [`channel`] makes one that keeps a given number of messages for those who have not received them yet. [`Sender::send`] never
//! waits: where there is no room the oldest message goes, and a receiver that has not had it is told how many it has missed, by
//! [`RecvError::Lagged`]. A receiver gets what is sent after it was made; the last sender to go closes the channel, of which
//! a receiver hears when it has got everything before.
//!
//! A message is shared by its receivers, and each gets a clone; the last one gets the message itself. It is dropped as
//! soon as nobody is left who could receive it.
//!
//! **Cancellation.** A direct call that has to wait is a cancellation point; one that need not wait is none. No
//! message is lost by a receive that is given up: the receiver's next one returns it.
//!
//! # Examples
//!
//! ```
//! use fibra::sync::broadcast;
//!
//! let (sender, mut first) = broadcast::channel(16);
//! let mut second = sender.subscribe();
//! sender.send("hello").unwrap();
//! assert_eq!(first.recv(), Ok("hello"));
//! assert_eq!(second.recv(), Ok("hello"));
//! drop(sender);
//! assert_eq!(first.recv(), Err(broadcast::RecvError::Closed));
//! ```

mod error;
mod receiver;
mod ring;

pub use self::{
    error::{RecvError, RecvTimeoutError, TryRecvError},
    receiver::Receiver,
};
pub use std::sync::mpsc::SendError;

use self::ring::Shared;
use std::{fmt, future::Future, sync::Arc};

/// A channel that keeps up to `capacity` messages for those who have not received them yet.
///
/// # Panics
///
/// If `capacity` is zero.
///
/// # Examples
///
/// See the [module](self).
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// The sending end of a [`channel`]; clone it for more senders.
///
/// # Examples
///
/// See the [module](self).
#[must_use = "dropping the last sender closes the channel"]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// The sender of a channel that nobody has [subscribed](Self::subscribe) to yet.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// let sender = fibra::sync::broadcast::Sender::new(4);
    /// assert!(sender.send(1).is_err());
    /// let mut receiver = sender.subscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.recv(), Ok(2));
    /// ```
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a broadcast channel has room for one message at least");
        Self { shared: Arc::new(Shared::new(capacity)) }
    }

    /// Sends a message to all receivers that there are; returns how many. Never waits, and so is no cancellation point.
    ///
    /// `Ok` does not mean that they all will receive it: they may go before, or lag behind too far.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message, if there is no receiver. There may be one again later.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::broadcast::{SendError, channel};
    ///
    /// let (sender, receiver) = channel(4);
    /// let other = receiver.resubscribe();
    /// assert_eq!(sender.send(1), Ok(2));
    /// drop((receiver, other));
    /// assert_eq!(sender.send(2), Err(SendError(2)));
    /// ```
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        self.shared.send(message)
    }

    /// A new receiver, which gets what is sent from now on.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared))
    }

    /// How many receivers there are.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::broadcast::channel::<u8>(1);
    /// assert_eq!(sender.receiver_count(), 1);
    /// drop(receiver);
    /// assert_eq!(sender.receiver_count(), 0);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receiver_count()
    }

    /// How many messages are kept because somebody has not received them yet.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::broadcast::channel(4);
    /// sender.send(1).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// receiver.recv().unwrap();
    /// assert!(sender.is_empty());
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no message is kept: all have been received.
    ///
    /// # Examples
    ///
    /// See [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until there is no receiver. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::broadcast::channel::<u8>(1);
    /// std::thread::spawn(move || drop(receiver));
    /// sender.closed();
    /// assert_eq!(sender.receiver_count(), 0);
    /// ```
    pub fn closed(&self) {
        self.shared.until_unheard().wait();
    }

    /// As [`closed`](Self::closed), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::broadcast::channel::<u8>(1);
    /// drop(receiver);
    /// fibra::wait(sender.closed_async());
    /// ```
    pub fn closed_async(&self) -> impl Future<Output = ()> + Unpin {
        self.shared.until_unheard()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let sender = fibra::sync::broadcast::Sender::<u8>::new(1);
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
