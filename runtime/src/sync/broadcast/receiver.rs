//! The receiving end.

use super::{
    error::{RecvError, RecvTimeoutError, TryRecvError},
    ring::Shared,
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// The receiving end of a [`channel`](super::channel). For another one use [`resubscribe`](Self::resubscribe), or
/// [`Sender::subscribe`](super::Sender::subscribe).
///
/// # Examples
///
/// See the [module](super).
#[must_use = "a receiver has messages kept for it"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The position of the message that it gets next.
    position: u64,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let position = shared.add_receiver();
        Self { shared, position }
    }

    /// Another receiver, which gets what is sent from now on, and not what this one has still to receive.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::broadcast::channel(4);
    /// sender.send(1).unwrap();
    /// let mut late = receiver.resubscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!((receiver.recv(), late.recv()), (Ok(1), Ok(2)));
    /// ```
    pub fn resubscribe(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }

    /// How many messages it can receive at once.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::broadcast::channel(4);
    /// sender.send(1).unwrap();
    /// assert_eq!((receiver.len(), receiver.is_empty()), (1, false));
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len_from(self.position)
    }

    /// Whether it would have to wait for a message.
    ///
    /// # Examples
    ///
    /// See [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all senders are gone; messages of theirs may still be there.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::broadcast::channel(4);
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Whether both receive from the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_sender, receiver) = fibra::sync::broadcast::channel::<u8>(4);
    /// assert!(receiver.same_channel(&receiver.resubscribe()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next message, waiting for it if need be.
    ///
    /// A cancellation point while it waits; no message is lost by that.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] if messages are gone that this receiver has not had; the next call returns the oldest one that
    /// is there. [`RecvError::Closed`] if it has had all messages, and all senders are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::broadcast::{RecvError, channel};
    ///
    /// let (sender, mut receiver) = channel(2);
    /// (1..=5).for_each(|i| assert_eq!(sender.send(i), Ok(1)));
    /// assert_eq!(receiver.recv(), Err(RecvError::Lagged(3)));
    /// assert_eq!(receiver.recv(), Ok(4));
    /// assert_eq!(receiver.recv(), Ok(5));
    /// ```
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.shared.until_received(&mut self.position).wait().map(own)
    }

    /// As [`recv`](Self::recv), for `async` code.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no message.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = fibra::sync::broadcast::channel(2);
    /// sender.send(7).unwrap();
    /// assert_eq!(fibra::wait(receiver.recv_async()), Ok(7));
    /// ```
    pub fn recv_async(&mut self) -> impl Future<Output = Result<T, RecvError>> + Unpin {
        Receiving(self.shared.until_received(&mut self.position))
    }

    /// Receives the next message if it is there, and never waits.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`]: `Empty` if there is none; else as [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::broadcast::{TryRecvError, channel};
    ///
    /// let (sender, mut receiver) = channel::<u8>(2);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let received = self.shared.try_recv(&mut self.position).ok_or(TryRecvError::Empty)?;
        Ok(received.map(own)?)
    }

    /// As [`recv`](Self::recv), waiting for at most `timeout`. A cancellation point while it waits; no message is lost
    /// by that.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`]: `Timeout` if no message came in time, never too early; else as [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::broadcast::{RecvTimeoutError, channel};
    /// use std::time::Duration;
    ///
    /// let (_sender, mut receiver) = channel::<u8>(2);
    /// assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match self.shared.until_received(&mut self.position).wait_timeout(timeout) {
            Some(received) => Ok(received.map(own)?),
            None => Err(RecvTimeoutError::Timeout),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.remove_receiver(self.position);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The message itself, if nobody else has it.
fn own<T: Clone>(message: Arc<T>) -> T {
    Arc::try_unwrap(message).unwrap_or_else(|shared| T::clone(&shared))
}

/// A message being received, and then cloned.
struct Receiving<F>(F);

impl<T: Clone, F: Future<Output = Result<Arc<T>, RecvError>> + Unpin> Future for Receiving<F> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(own)
    }
}
