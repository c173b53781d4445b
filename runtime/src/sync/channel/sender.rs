//! The sending end.

use super::super::wait_queue::Ticket;
use super::shared::Shared;
use crate::{
    scheduler::{clock, share},
    wait::{wait, wait_until},
};
use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{SendError, TrySendError},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// The sending end of a channel; clone it for more senders.
///
/// # Examples
///
/// See [`bounded`](super::bounded) and [`unbounded`](super::unbounded).
#[must_use = "dropping the last sender disconnects the channel"]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// The first one, which is counted already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Puts a message into the channel, waiting for room; with a capacity of zero, for a receiver.
    ///
    /// Senders that wait are served in order. A cancellation point while it waits: the message is dropped with
    /// the unwinding, unless it got in. `Ok` does not mean that the message will be received: the receivers may go before.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message, if all receivers are gone, or go during the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::bounded(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(move || sender.send("met").unwrap());
    ///     assert_eq!(receiver.recv(), Ok("met"));
    /// });
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        share::charge();
        match self.shared.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(message)) => Err(SendError(message)),
            Err(TrySendError::Full(message)) => wait(self.sending(message)),
        }
    }

    /// As [`send`](Self::send), for `async` code.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the message, if all receivers are gone, or go during the wait.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the message, unless that is in the channel already. A future that was never
    /// polled has sent nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::bounded(1);
    /// fibra::wait(async { sender.send_async(1).await.unwrap() });
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn send_async(&self, message: T) -> impl Future<Output = Result<(), SendError<T>>> {
        self.sending(message)
    }

    /// Puts a message into the channel if it has room now; with a capacity of zero, if a receiver waits now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the message: `Full`, or `Disconnected` if all receivers are gone.
    ///
    /// # Examples
    ///
    /// See [`bounded`](super::bounded).
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.shared.try_send(message)
    }

    /// As [`send`](Self::send), waiting for at most `timeout`. A cancellation point while it waits: the message is
    /// dropped with it.
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`], with the message: `Timeout` if there was no room in time, never too early; `Disconnected` if
    /// all receivers are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::channel::{SendTimeoutError, bounded};
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = bounded(1);
    /// let soon = Duration::from_millis(1);
    /// assert_eq!(sender.send_timeout(1, soon), Ok(()));
    /// assert_eq!(sender.send_timeout(2, soon), Err(SendTimeoutError::Timeout(2)));
    /// drop(receiver);
    /// assert_eq!(sender.send_timeout(3, soon), Err(SendTimeoutError::Disconnected(3)));
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        match clock::now().checked_add(timeout) {
            Some(deadline) => self.send_deadline(message, deadline),
            // Further off than the clock can say.
            None => self.send(message).map_err(|SendError(message)| SendTimeoutError::Disconnected(message)),
        }
    }

    /// As [`send`](Self::send), waiting until `deadline` at most. A cancellation point while it waits: the message is
    /// dropped with it.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::channel::{SendTimeoutError, bounded};
    /// use std::time::Instant;
    ///
    /// let (sender, _receiver) = bounded(1);
    /// assert_eq!(sender.send_deadline(1, Instant::now()), Ok(()));
    /// assert_eq!(sender.send_deadline(2, Instant::now()), Err(SendTimeoutError::Timeout(2)));
    /// ```
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        share::charge();
        let message = match self.shared.try_send(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(message)) => return Err(SendTimeoutError::Disconnected(message)),
            Err(TrySendError::Full(message)) => message,
        };
        let mut sending = self.sending(message);
        match wait_until(&mut sending, deadline) {
            Some(sent) => sent.map_err(|SendError(message)| SendTimeoutError::Disconnected(message)),
            None => sending.give_up().map_err(|error| match error {
                TrySendError::Full(message) => SendTimeoutError::Timeout(message),
                TrySendError::Disconnected(message) => SendTimeoutError::Disconnected(message),
            }),
        }
    }

    /// How many messages are in the channel; those of senders that wait don't count.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::bounded(2);
    /// sender.send(1).unwrap();
    /// assert_eq!((sender.len(), sender.is_empty(), sender.is_full()), (1, false, false));
    /// sender.send(2).unwrap();
    /// assert!(sender.is_full());
    /// # drop(receiver);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no message is in the channel.
    ///
    /// # Examples
    ///
    /// See [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel has no room for a message; always, if its capacity is zero.
    ///
    /// # Examples
    ///
    /// See [`len`](Self::len).
    pub fn is_full(&self) -> bool {
        self.shared.is_full()
    }

    /// How many messages the channel can hold; `None` if any number.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(fibra::sync::channel::bounded::<u8>(2).0.capacity(), Some(2));
    /// assert_eq!(fibra::sync::channel::unbounded::<u8>().0.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
    }

    /// Whether all receivers are gone, so that a message would reach nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::unbounded::<u8>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        !self.shared.has_receivers()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::channel::unbounded;
    ///
    /// let (sender, _receiver) = unbounded::<u8>();
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&unbounded().0));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    fn sending(&self, message: T) -> Sending<'_, T> {
        Sending { shared: &self.shared, message: Some(message), ticket: None }
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

/// A message on its way into a channel.
struct Sending<'c, T> {
    shared: &'c Shared<T>,
    message: Option<T>,
    ticket: Option<Ticket>,
}

/// No pinned data: a message that waits is in the channel, not in here.
impl<T> Unpin for Sending<'_, T> {}

impl<T> Sending<'_, T> {
    /// Gets the message back, if it is not in the channel.
    fn give_up(mut self) -> Result<(), TrySendError<T>> {
        match self.ticket.take() {
            Some(ticket) => self.shared.abandon_send(ticket),
            // Others were to have their turn before it was tried.
            None => Err(TrySendError::Full(self.message.take().expect("it is in the channel or in here"))),
        }
    }
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, message, ticket } = &mut *self;
        // Who has waited has given the others their turn.
        if ticket.is_none() {
            ready!(share::poll_charge(cx));
        }
        shared.poll_send(message, ticket, cx)
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            drop(self.shared.abandon_send(ticket));
        }
    }
}

/// Why a message was not sent in time, with the message.
///
/// # Examples
///
/// See [`Sender::send_timeout`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendTimeoutError<T> {
    /// There was no room until the deadline.
    Timeout(T),
    /// All receivers are gone.
    Disconnected(T),
}

impl<T> SendTimeoutError<T> {
    /// The message.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (sender, _receiver) = fibra::sync::channel::bounded(0);
    /// assert_eq!(sender.send_timeout("back", Duration::ZERO).unwrap_err().into_inner(), "back");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(message) | Self::Disconnected(message) => message,
        }
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout(_) => "Timeout(..)",
            Self::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout(_) => "the channel had no room in time",
            Self::Disconnected(_) => "all receivers of the channel are gone",
        })
    }
}

impl<T> Error for SendTimeoutError<T> {}
