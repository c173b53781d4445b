//! The receiving end of a channel, and its iterators.

use super::super::messages::iterators_over_messages;
use super::{batch::Batch, channel::Channel};
use crate::scheduler::{clock, share, worker::Worker};
use crate::wait::{wait, wait_on_worker, wait_until};
use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    panic::{RefUnwindSafe, UnwindSafe, resume_unwind},
    pin::Pin,
    sync::{
        Arc,
        mpsc::{RecvError, RecvTimeoutError, TryRecvError},
    },
    task::{Context, Poll, Waker, ready},
    thread::panicking,
    time::{Duration, Instant},
};

/// The receiving end of a [`channel`](super::channel) or a [`sync_channel`](super::sync_channel).
///
/// As std's it is `Send` but not `Sync`: one thread at a time receives.
///
/// # Examples
///
/// ```
/// use fibra::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel();
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok(1));
/// assert_eq!(receiver.recv(), Ok(2));
/// assert_eq!(receiver.recv(), Err(mpsc::RecvError));
/// ```
#[must_use = "dropping the receiver disconnects the channel"]
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    /// Messages that were taken out of the channel together, so that the lock is paid for once.
    batch: Batch<T>,
}

// A panic leaves each message in the channel or out of it; what is inside of a message is not shared.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    pub(super) fn new(channel: Arc<Channel<T>>) -> Self {
        Self { channel, batch: Batch::new() }
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
        let worker = Worker::here();
        if let Some(worker) = worker {
            worker.spend();
        }
        if let Some(message) = self.batch.pop() {
            return Ok(message);
        }
        match worker {
            Some(worker) if !panicking() => self.receive_on(worker),
            _ => self.receive_elsewhere(),
        }
    }

    fn receive_on(&self, worker: &Worker) -> Result<T, RecvError> {
        let attempt = |waker: &Waker| poll(self.channel.recv_or_wait(&self.batch, waker));
        wait_on_worker(worker, attempt).unwrap_or_else(|cancelled| {
            self.channel.stop_waiting();
            resume_unwind(Box::new(cancelled))
        })
    }

    #[cold]
    fn receive_elsewhere(&self) -> Result<T, RecvError> {
        // A wait needs an allocation on an OS thread.
        match self.try_recv() {
            Ok(message) => Ok(message),
            Err(TryRecvError::Disconnected) => Err(RecvError),
            Err(TryRecvError::Empty) => wait(self.receiving()),
        }
    }

    /// As [`recv`](Receiver::recv), for `async` code.
    ///
    /// `&mut self`, since a future that is to move between threads cannot share a receiver that is not `Sync`.
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
    /// let (sender, mut receiver) = fibra::sync::mpsc::channel();
    /// sender.send(7).unwrap();
    /// assert_eq!(fibra::wait(async { receiver.recv_async().await }), Ok(7));
    /// ```
    pub fn recv_async(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        Receiving { channel: &self.channel, batch: &mut self.batch, waits: false }
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
    /// use fibra::sync::mpsc::{TryRecvError, channel};
    ///
    /// let (sender, receiver) = channel::<u8>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        if let Some(message) = self.batch.pop() {
            return Ok(message);
        }
        self.channel.try_recv(&self.batch)
    }

    /// As [`recv`](Receiver::recv), waiting for at most `timeout`. A cancellation point while it waits; no message is
    /// lost by that.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`]: `Timeout` if no message came in time, never too early; `Disconnected` if there is
    /// none and all senders are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::mpsc::{RecvTimeoutError, channel};
    /// use std::time::Duration;
    ///
    /// let (_sender, receiver) = channel::<u8>();
    /// assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match clock::now().checked_add(timeout) {
            Some(deadline) => self.recv_deadline(deadline),
            // Further off than the clock can say.
            None => Ok(self.recv()?),
        }
    }

    /// As [`recv`](Receiver::recv), waiting until `deadline` at most. A cancellation point while it waits; no message
    /// is lost by that.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::mpsc::{RecvTimeoutError, channel};
    /// use std::time::Instant;
    ///
    /// let (sender, receiver) = channel();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Ok(1));
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        share::charge();
        match self.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        let received = wait_until(&mut self.receiving(), deadline);
        if let Some(result) = received {
            return Ok(result?);
        }
        // One that was handed over as the time ran out is not left behind.
        self.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// How many messages are in the channel; those of senders that wait don't count.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::mpsc::channel();
    /// assert!(receiver.is_empty());
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// assert_eq!(receiver.len(), 3);
    /// ```
    pub fn len(&self) -> usize {
        self.batch.len() + self.channel.len()
    }

    /// Whether no message is in the channel.
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
    /// let (sender, receiver) = fibra::sync::mpsc::channel();
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn is_closed(&self) -> bool {
        self.channel.is_abandoned()
    }

    /// The messages as they come, waiting for each, until all senders are gone. Each wait is a cancellation point, as
    /// [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = fibra::sync::mpsc::channel();
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
    /// let (sender, receiver) = fibra::sync::mpsc::channel();
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// assert_eq!(receiver.try_iter().count(), 3);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// For a stream, which keeps `waits` from one poll to the next.
    #[cfg(feature = "stream")]
    pub(super) fn poll_next(&mut self, waits: &mut bool, cx: &mut Context<'_>) -> Poll<Option<T>> {
        poll_recv(&self.channel, &self.batch, waits, cx).map(Result::ok)
    }

    /// A stream that polled in vain is polled no more.
    #[cfg(feature = "stream")]
    pub(super) fn stop_waiting(&mut self) {
        self.channel.stop_waiting();
    }

    /// A receive of somebody who cannot share the receiver with another one: it is not `Send`.
    fn receiving(&self) -> Receiving<'_, T, &Batch<T>> {
        Receiving { channel: &self.channel, batch: &self.batch, waits: false }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.close();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// A message being received. The batch is borrowed mutably where the future may go to another thread.
struct Receiving<'r, T, B: Borrow<Batch<T>>> {
    channel: &'r Channel<T>,
    batch: B,
    /// Whether the channel may still have our waker.
    waits: bool,
}

impl<T, B: Borrow<Batch<T>> + Unpin> Future for Receiving<'_, T, B> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { channel, batch, waits } = &mut *self;
        poll_recv(channel, (*batch).borrow(), waits, cx)
    }
}

/// `waits` says whether the channel may still have our waker.
#[inline]
fn poll_recv<T>(
    channel: &Channel<T>,
    batch: &Batch<T>,
    waits: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<Result<T, RecvError>> {
    // Who has waited has given the others their turn.
    if !*waits {
        ready!(share::poll_charge(cx));
    }
    if let Some(message) = batch.pop() {
        return Poll::Ready(Ok(message));
    }
    let result = channel.recv_or_wait(batch, cx.waker());
    *waits = matches!(result, Err(TryRecvError::Empty));
    poll(result)
}

#[inline]
fn poll<T>(received: Result<T, TryRecvError>) -> Poll<Result<T, RecvError>> {
    match received {
        Ok(message) => Poll::Ready(Ok(message)),
        Err(TryRecvError::Disconnected) => Poll::Ready(Err(RecvError)),
        Err(TryRecvError::Empty) => Poll::Pending,
    }
}

impl<T, B: Borrow<Batch<T>>> Drop for Receiving<'_, T, B> {
    fn drop(&mut self) {
        if self.waits {
            self.channel.stop_waiting();
        }
    }
}

iterators_over_messages!("fibra::sync::mpsc::channel()");
