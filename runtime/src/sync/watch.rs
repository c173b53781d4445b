//! Channels that hold one value, the last one: receivers are told that it has changed, and look at it.
//!
//! [`channel`] makes one with a first value. [`Sender::send`] puts another one in its place; a receiver that is slow sees the last
//! value, not those in between. For configuration, state, progress.
//!
//! **Versions.** Each change makes a new version, and each receiver knows the last one that it has *seen*. The receiver that
//! [`channel`] returns has seen the first value, one that is [subscribed](Sender::subscribe) the value at that moment, a clone what
//! its original has. A version becomes seen by [`Receiver::changed`], [`Receiver::borrow_and_update`] and
//! [`Receiver::wait_for`], not by [`Receiver::borrow`].
//!
//! **Looking at the value** needs no copy of it: a [`Ref`] is a look at the value in place. Any number of them may exist, and they
//! never wait for each other; a sender waits until all are gone. So keep them short, and do not send while holding one.
//!
//! **Ends.** The last sender to go closes the channel: `changed` still tells of a last value that was not seen, and then fails.
//! Looking at the value goes on working.
//!
//! **Cancellation.** The direct waits for a change, or an end, are cancellation points. A wait that is given up has seen
//! nothing: the next one tells of the same change. Looks and sends are none.
//!
//! # Examples
//!
//! ```
//! use fibra::{sync::watch, thread};
//!
//! fibra::run(|| {
//!     let (level, mut gauge) = watch::channel(0);
//!     let display = thread::spawn(move || {
//!         let mut shown = 0;
//!         while gauge.changed().is_ok() {
//!             shown = *gauge.borrow();
//!         }
//!         shown
//!     });
//!     (1..=3).for_each(|value| level.send(value).unwrap());
//!     drop(level);
//!     assert_eq!(display.join().unwrap(), 3);
//! });
//! ```

#[cfg(all(test, loom))]
mod loom;
mod receiver;
mod sender;
mod shared;

pub use self::{receiver::Receiver, sender::Sender, shared::Ref};
pub use std::sync::mpsc::{RecvError, SendError};

/// A channel that holds `value` at first, which its receiver counts as seen.
///
/// # Examples
///
/// ```
/// let (sender, mut receiver) = fibra::sync::watch::channel("first");
/// assert_eq!(*receiver.borrow(), "first");
/// sender.send("second").unwrap();
/// receiver.changed().unwrap();
/// assert_eq!(*receiver.borrow(), "second");
/// ```
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}
