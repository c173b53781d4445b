//! Channels with many senders and many receivers: each message goes to one of the receivers.
//!
//! [`unbounded`] makes one whose [`Sender::send`] never waits; [`bounded`] one that holds a given number of messages, where
//! senders wait for room. With a bound of zero each message is handed over from a sender to a receiver, which wait for
//! each other. Both ends may be cloned and shared. The error types are those of [`std::sync::mpsc`], which have no name
//! for a send whose time was up: [`SendTimeoutError`].
//!
//! **Order.** Messages leave the channel in the order in which they came into it; senders that wait for room are served in
//! order, and so are receivers that wait for a message, except that one which comes just as a message does may be
//! quicker than the one that was woken for it.
//!
//! **Ends.** A channel is disconnected once all ends of one kind are gone. Receivers still get everything that was sent before,
//! senders get their message back in the error. What nobody can receive any more is dropped with the last receiver.
//!
//! **Cancellation.** A direct call that has to wait is a cancellation point; one that need not wait is none. No
//! message is lost by a receive that is given up, whether it was cancelled, its time was up, or its future
//! was dropped: another receiver is woken for it. A send that is given up drops its message, unless that is in the
//! channel already; one whose time was up returns it.
//!
//! With one receiver, [`mpsc`](super::mpsc) is the quicker channel.
//!
//! # Examples
//!
//! ```
//! use fibra::{sync::channel, thread};
//!
//! let squares = fibra::run(|| {
//!     let (jobs, queue) = channel::bounded(4);
//!     let (results, squares) = channel::unbounded();
//!     for _ in 0..3 {
//!         let (queue, results) = (queue.clone(), results.clone());
//!         drop(thread::spawn(move || queue.iter().for_each(|n: u32| results.send(n * n).unwrap())));
//!     }
//!     drop(results);
//!     (0..10).for_each(|n| jobs.send(n).unwrap());
//!     drop(jobs);
//!     squares.iter().sum::<u32>()
//! });
//! assert_eq!(squares, 285);
//! ```

mod receiver;
mod sender;
mod shared;

pub use self::{
    receiver::{IntoIter, Iter, Receiver, TryIter},
    sender::{SendTimeoutError, Sender},
};
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use self::shared::Shared;
use std::sync::Arc;

/// A channel that holds at most `capacity` messages; none if it is zero, so that sender and receiver meet.
///
/// # Examples
///
/// ```
/// use fibra::sync::channel::{TrySendError, bounded};
///
/// let (sender, receiver) = bounded(1);
/// sender.send(1).unwrap();
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(Some(capacity))
}

/// A channel that holds any number of messages.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = fibra::sync::channel::unbounded();
/// sender.send("hello").unwrap();
/// assert_eq!(receiver.clone().recv().unwrap(), "hello");
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    ends(None)
}

fn ends<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(capacity));
    (Sender::new(Arc::clone(&shared)), Receiver::new(shared))
}
