//! A channel's messages for those who poll.

use super::Receiver;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

impl<T> Receiver<T> {
    /// The messages as they come, until all senders are gone: [`iter`](Receiver::iter) for `async` code, as a `Stream`. Needs the
    /// feature `stream`.
    ///
    /// # Cancellation
    ///
    /// Dropping the stream loses no message.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// let (sender, mut receiver) = fibra::sync::mpsc::channel();
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// assert_eq!(fibra::wait(receiver.stream().take(2).collect::<Vec<_>>()), [0, 1]);
    /// assert_eq!(receiver.recv(), Ok(2));
    /// ```
    pub fn stream(&mut self) -> Stream<'_, T> {
        Stream { receiver: self, waits: false }
    }

    /// The same, as the receiver's owner.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// let (sender, receiver) = fibra::sync::mpsc::channel();
    /// (0..3).for_each(|i| sender.send(i).unwrap());
    /// drop(sender);
    /// assert_eq!(fibra::wait(receiver.into_stream().collect::<Vec<_>>()), [0, 1, 2]);
    /// ```
    pub fn into_stream(self) -> IntoStream<T> {
        IntoStream { receiver: self, waits: false }
    }
}

/// The messages of a channel as they come; made by [`Receiver::stream`].
///
/// # Examples
///
/// See [`Receiver::stream`].
#[must_use = "streams do nothing unless they are polled"]
pub struct Stream<'a, T> {
    receiver: &'a mut Receiver<T>,
    /// Whether the channel may still have our waker.
    waits: bool,
}

impl<T> futures_core::Stream for Stream<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { receiver, waits } = &mut *self;
        receiver.poll_next(waits, cx)
    }
}

impl<T> Drop for Stream<'_, T> {
    fn drop(&mut self) {
        if self.waits {
            self.receiver.stop_waiting();
        }
    }
}

impl<T> fmt::Debug for Stream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

/// The messages of a channel as they come, and its receiver; made by [`Receiver::into_stream`].
///
/// # Examples
///
/// See [`Receiver::into_stream`].
#[must_use = "streams do nothing unless they are polled"]
pub struct IntoStream<T> {
    receiver: Receiver<T>,
    /// As in [`Stream`]. It ends with the receiver.
    waits: bool,
}

/// Messages are never pinned in here.
impl<T> Unpin for IntoStream<T> {}

impl<T> futures_core::Stream for IntoStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { receiver, waits } = &mut *self;
        receiver.poll_next(waits, cx)
    }
}

impl<T> fmt::Debug for IntoStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoStream").finish_non_exhaustive()
    }
}
