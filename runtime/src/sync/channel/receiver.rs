//! The receiving end, and its iterators.

use super::super::{messages::iterators_over_messages, wait_queue::Ticket};
use super::shared::Shared;
use crate::{
    scheduler::{clock, share},
    wait::{wait, wait_until},
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{RecvError, RecvTimeoutError, TryRecvError},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// The receiving end of a channel; clone it for more receivers. Each message goes to one of them.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = fibra::sync::channel::unbounded();
/// let other = receiver.clone();
/// (0..2).for_each(|i| sender.send(i).unwrap());
/// assert_eq!((receiver.recv(), other.recv()), (Ok(0), Ok(1)));
/// ```
#[must_use = "dropping the last receiver disconnects the channel"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// The first one, which is counted already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Takes the oldest message, waiting for one if there is none.
    ///
    /// A cancellation point while it waits; no message is lost by that.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if there is no message and all senders are gone.
    ///
    /// # Examples
    ///
    /// See [`Receiver`].
    pub fn recv(&self) -> Result<T, RecvError> {
        share::charge();
        match self.shared.try_recv() {
            Ok(message) => Ok(message),
            Err(TryRecvError::Disconnected) => Err(RecvError),
            Err(TryRecvError::Empty) => wait(self.receiving()),
        }
    }

    /// As [`recv`](Self::recv), for `async` code. Its place among those that wait is taken at the first poll.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if there is no message and all senders are gone.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no message.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::unbounded();
    /// sender.send(7).unwrap();
    /// assert_eq!(fibra::wait(receiver.recv_async()), Ok(7));
    /// ```
    pub fn recv_async(&self) -> impl Future<Output = Result<T, RecvError>> {
        self.receiving()
    }

    /// Takes the oldest message if there is one, and never waits.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none; [`TryRecvError::Disconnected`] if there will never be one.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::channel::{TryRecvError, unbounded};
    ///
    /// let (sender, receiver) = unbounded::<u8>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared.try_recv()
    }

    /// As [`recv`](Self::recv), waiting for at most `timeout`. A cancellation point while it waits; no message is lost
    /// by that.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`]: `Timeout` if no message came in time, never too early; `Disconnected` if there is
    /// none and all senders are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::channel::{RecvTimeoutError, unbounded};
    /// use std::time::Duration;
    ///
    /// let (_sender, receiver) = unbounded::<u8>();
    /// assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match clock::now().checked_add(timeout) {
            Some(deadline) => self.recv_deadline(deadline),
            // Further off than the clock can say.
            None => Ok(self.recv()?),
        }
    }

    /// As [`recv`](Self::recv), waiting until `deadline` at most. A cancellation point while it waits; no message is
    /// lost by that.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::channel::{RecvTimeoutError, unbounded};
    /// use std::time::Instant;
    ///
    /// let (sender, receiver) = unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Ok(1));
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        share::charge();
        match self.shared.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        let received = wait_until(&mut self.receiving(), deadline);
        if let Some(result) = received {
            return Ok(result?);
        }
        // One that came as the time ran out is not left behind.
        self.shared.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// The messages as they come, waiting for each, until all senders are gone. Each wait is a cancellation point, as
    /// [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::unbounded();
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// drop(sender);
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2]);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// The messages that are there, waiting for none.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::unbounded();
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// assert_eq!(receiver.try_iter().count(), 3);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// How many messages are in the channel; those of senders that wait don't count.
    ///
    /// # Examples
    ///
    /// See [`Sender::len`](super::Sender::len).
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no message is in the channel.
    ///
    /// # Examples
    ///
    /// See [`Sender::len`](super::Sender::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel has no room for a message; always, if its capacity is zero.
    ///
    /// # Examples
    ///
    /// See [`Sender::len`](super::Sender::len).
    pub fn is_full(&self) -> bool {
        self.shared.is_full()
    }

    /// How many messages the channel can hold; `None` if any number.
    ///
    /// # Examples
    ///
    /// See [`Sender::capacity`](super::Sender::capacity).
    pub fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
    }

    /// Whether all senders are gone; messages of theirs may still be there.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::channel::unbounded();
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn is_closed(&self) -> bool {
        !self.shared.has_senders()
    }

    /// Whether both receive from the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_sender, receiver) = fibra::sync::channel::unbounded::<u8>();
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    fn receiving(&self) -> Receiving<'_, T> {
        Receiving { shared: &self.shared, ticket: None }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.add_receiver();
        Self { shared: Arc::clone(&self.shared) }
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

/// A message being received.
struct Receiving<'c, T> {
    shared: &'c Shared<T>,
    ticket: Option<Ticket>,
}

impl<T> Future for Receiving<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, ticket } = &mut *self;
        // Who has waited has given the others their turn.
        if ticket.is_none() {
            ready!(share::poll_charge(cx));
        }
        shared.poll_recv(ticket, cx)
    }
}

impl<T> Drop for Receiving<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.abandon_recv(ticket);
        }
    }
}

iterators_over_messages!("fibra::sync::channel::unbounded()");
