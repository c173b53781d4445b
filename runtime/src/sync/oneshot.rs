//! A channel for one value: the answer to a question.
//!
//! [`channel`] makes the two ends. [`Sender::send`] never waits. The [`Receiver`] is itself the future of the
//! value, and [`Receiver::recv`] waits for it in direct style. If one end is dropped the other is told: the
//! receiver by an error, the sender by an error, [`Sender::is_closed`], or by waiting for
//! [`Sender::closed`], so that it may stop working on an answer that nobody wants.
//!
//! # Examples
//!
//! ```
//! use fibra::sync::oneshot;
//!
//! let (answer, question) = oneshot::channel();
//! std::thread::spawn(move || answer.send(6 * 7));
//! assert_eq!(question.recv(), Ok(42));
//! ```

mod shared;

use self::shared::{Delivery, Shared};
use crate::{
    scheduler::clock,
    wait::{wait, wait_until},
};
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, TryRecvError};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// The two ends of a channel for one value.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = fibra::sync::oneshot::channel();
/// sender.send("done").unwrap();
/// assert_eq!(receiver.recv(), Ok("done"));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new());
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared })
}

/// The end that sends; dropping it without sending ends the receiver's wait with an error.
///
/// # Examples
///
/// See [`channel`].
#[must_use = "dropping the sender tells the receiver that there will be no value"]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends the value; never waits, and so is no cancellation point.
    ///
    /// `Ok` does not mean that the value will be received: the receiver may still be dropped first.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(5), Err(5));
    /// ```
    pub fn send(self, value: T) -> Result<(), T> {
        self.shared.send(value)
    }

    /// Whether the receiver is gone, so that a value would reach nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::oneshot::channel::<u8>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Waits until the receiver is gone. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut sender, receiver) = fibra::sync::oneshot::channel::<u8>();
    /// std::thread::spawn(move || drop(receiver));
    /// sender.closed();
    /// assert!(sender.is_closed());
    /// ```
    pub fn closed(&mut self) {
        wait(Closed { shared: &self.shared });
    }

    /// As [`closed`](Sender::closed), for `async` code. Dropping the future gives up the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut sender, receiver) = fibra::sync::oneshot::channel::<u8>();
    /// drop(receiver);
    /// fibra::wait(async { sender.closed_async().await });
    /// ```
    pub fn closed_async(&mut self) -> impl Future<Output = ()> {
        Closed { shared: &self.shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.hang_up();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// The end that receives: the future of the value.
///
/// Dropping it drops a value that was sent and not received.
///
/// # Examples
///
/// ```
/// use fibra::sync::oneshot;
///
/// let (sender, receiver) = oneshot::channel();
/// sender.send(3).unwrap();
/// assert_eq!(fibra::wait(async { receiver.await }), Ok(3));
///
/// let (sender, receiver) = oneshot::channel::<u8>();
/// drop(sender);
/// assert_eq!(fibra::wait(receiver), Err(oneshot::RecvError));
/// ```
#[must_use = "dropping the receiver tells the sender that nobody wants its value"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Waits for the value. A cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the sender was dropped without sending.
    ///
    /// # Examples
    ///
    /// See [`channel`].
    pub fn recv(self) -> Result<T, RecvError> {
        match self.shared.try_recv() {
            Delivery::Value(value) => Ok(value),
            Delivery::HungUp => Err(RecvError),
            Delivery::Nothing => wait(self),
        }
    }

    /// Waits for the value for at most `timeout`. A cancellation point while it waits.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`]: `Timeout` if no value came in time, never too early; `Disconnected` if none will
    /// come, because the sender was dropped or the value was received before.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::oneshot::{RecvTimeoutError, channel};
    /// use std::time::Duration;
    ///
    /// let (sender, mut receiver) = channel();
    /// let soon = Duration::from_millis(1);
    /// assert_eq!(receiver.recv_timeout(soon), Err(RecvTimeoutError::Timeout));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_timeout(soon), Ok(1));
    /// ```
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        // A deadline beyond what the clock can say never comes.
        let Some(deadline) = clock::now().checked_add(timeout) else {
            return Ok(wait(self)?);
        };
        if let Some(result) = wait_until(self, deadline) {
            return Ok(result?);
        }
        self.shared.stop_receiving();
        // One that came as the time ran out is not left behind.
        self.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// Takes the value if it is there, and never waits.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`]: `Empty` if it was not sent yet; `Disconnected` if none will come, because the sender
    /// was dropped or the value was received before.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::oneshot::{TryRecvError, channel};
    ///
    /// let (sender, mut receiver) = channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.try_recv() {
            Delivery::Value(value) => Ok(value),
            Delivery::Nothing => Err(TryRecvError::Empty),
            Delivery::HungUp => Err(TryRecvError::Disconnected),
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.shared.recv_or_wait(cx.waker()) {
            Delivery::Value(value) => Poll::Ready(Ok(value)),
            Delivery::HungUp => Poll::Ready(Err(RecvError)),
            Delivery::Nothing => Poll::Pending,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The wait for the receiver's end. It borrows the sender mutably, so that there is one at a time.
struct Closed<'s, T> {
    shared: &'s Shared<T>,
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.closed_or_wait(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        self.shared.stop_awaiting_close();
    }
}
