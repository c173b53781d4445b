//! Channels with many senders and one receiver: those of [`std::sync::mpsc`], for waiters of every kind.
//!
//! [`channel`] makes an unbounded one, whose [`Sender::send`] never waits; [`sync_channel`] one that holds a
//! given number of messages, where [`SyncSender::send`] waits for room. With a bound of zero each message is
//! handed over from sender to receiver, which wait for each other. The error types are std's own.
//!
//! Messages arrive in the order of sending. A channel is disconnected once one of its ends is gone: the
//! receiver still gets everything that was sent before, senders get their message back in the error.
//!
//! **Cancellation.** A direct call that has to wait is a cancellation point; one that need not wait is none. No
//! message is lost by a receive that is given up, whether it was cancelled, its time was up, or its future
//! was dropped: it stays in the channel for the next one. A send that is given up drops its message, unless that
//! is in the channel already.
//!
//! # Examples
//!
//! ```
//! use fibra::sync::mpsc;
//!
//! let (sender, receiver) = mpsc::channel();
//! std::thread::scope(|scope| {
//!     for worker in 0..3 {
//!         let sender = sender.clone();
//!         scope.spawn(move || sender.send(worker).unwrap());
//!     }
//!     drop(sender);
//!     assert_eq!(receiver.iter().sum::<i32>(), 3);
//! });
//! ```

mod batch;
mod channel;
mod handover;
mod receiver;
#[cfg(feature = "stream")]
mod stream;

pub use self::receiver::{IntoIter, Iter, Receiver, TryIter};
#[cfg(feature = "stream")]
pub use self::stream::{IntoStream, Stream};
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use self::channel::Channel;
use super::wait_queue::Ticket;
use crate::scheduler::share;
use crate::wait::wait;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A channel that holds any number of messages.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = fibra::sync::mpsc::channel();
/// sender.send("hello").unwrap();
/// assert_eq!(receiver.recv().unwrap(), "hello");
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(None));
    (Sender { channel: Arc::clone(&channel) }, Receiver::new(channel))
}

/// A channel that holds at most `bound` messages; none if it is zero, so that sender and receiver meet.
///
/// # Examples
///
/// ```
/// use fibra::sync::mpsc::{TrySendError, sync_channel};
///
/// let (sender, receiver) = sync_channel(1);
/// sender.send(1).unwrap();
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(Some(bound)));
    (SyncSender { channel: Arc::clone(&channel) }, Receiver::new(channel))
}

/// The sending end of an unbounded [`channel`]; clone it for more senders.
///
/// # Examples
///
/// See [`channel`].
#[must_use = "dropping the last sender disconnects the channel"]
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// Puts a message into the channel; never waits, and so is no cancellation point.
    ///
    /// `Ok` does not mean that the message will be received: the receiver may go before it gets there.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message, if the receiver is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::mpsc::{SendError, channel};
    ///
    /// let (sender, receiver) = channel();
    /// sender.send(1).unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2), Err(SendError(2)));
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.channel.try_send(message).map_err(|error| match error {
            TrySendError::Disconnected(message) => SendError(message),
            TrySendError::Full(_) => unreachable!("an unbounded channel has room"),
        })
    }

    /// Whether the receiver is gone, so that a message would reach nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::mpsc::channel::<u8>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        !self.channel.has_receiver()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::mpsc::channel;
    ///
    /// let (sender, _receiver) = channel::<u8>();
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&channel().0));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.channel.add_sender();
        Self { channel: Arc::clone(&self.channel) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The sending end of a bounded [`sync_channel`]; clone it for more senders.
///
/// # Examples
///
/// See [`sync_channel`].
#[must_use = "dropping the last sender disconnects the channel"]
pub struct SyncSender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> SyncSender<T> {
    /// Puts a message into the channel, waiting for room; with a bound of zero, for the receiver.
    ///
    /// Senders that wait are served in order. A cancellation point while it waits: the message is dropped with
    /// the unwinding, unless it got in.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message, if the receiver is gone, or goes during the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::mpsc::sync_channel(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(move || sender.send("met").unwrap());
    ///     assert_eq!(receiver.recv(), Ok("met"));
    /// });
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        share::charge();
        match self.channel.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(message)) => Err(SendError(message)),
            Err(TrySendError::Full(message)) => wait(self.sending(message)),
        }
    }

    /// As [`send`](SyncSender::send), for `async` code.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message, if the receiver is gone, or goes during the wait.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the message, unless that is in the channel already. A future that was never
    /// polled has sent nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::mpsc::sync_channel(1);
    /// fibra::wait(async { sender.send_async(1).await.unwrap() });
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn send_async(&self, message: T) -> impl Future<Output = Result<(), SendError<T>>> {
        self.sending(message)
    }

    fn sending(&self, message: T) -> Sending<'_, T> {
        Sending { channel: &self.channel, message: Some(message), ticket: None }
    }

    /// Puts a message into the channel if it has room now; with a bound of zero, if the receiver waits now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the message: `Full`, or `Disconnected` if the receiver is gone.
    ///
    /// # Examples
    ///
    /// See [`sync_channel`].
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(message)
    }

    /// Whether the receiver is gone, so that a message would reach nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::mpsc::sync_channel::<u8>(1);
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        !self.channel.has_receiver()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::mpsc::sync_channel;
    ///
    /// let (sender, _receiver) = sync_channel::<u8>(1);
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&sync_channel(1).0));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        self.channel.add_sender();
        Self { channel: Arc::clone(&self.channel) }
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        self.channel.remove_sender();
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

/// A message on its way into a bounded channel.
struct Sending<'c, T> {
    channel: &'c Channel<T>,
    message: Option<T>,
    ticket: Option<Ticket>,
}

/// No pinned data: a message that waits is in the channel, not in here.
impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(share::poll_charge(cx));
        let Self { channel, message, ticket } = &mut *self;
        channel.poll_send(message, ticket, cx)
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.channel.abandon_send(ticket);
        }
    }
}
