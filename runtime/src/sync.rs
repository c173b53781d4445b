//! Locks, signals and channels for green threads, futures and OS threads, in any mixture.
//!
//! [`Mutex`], [`RwLock`], [`Condvar`], [`Barrier`], [`Once`], [`OnceLock`], [`LazyLock`] and [`mpsc`] have the
//! interface of their namesakes in [`std::sync`], and reuse its error types; [`Arc`], [`Weak`] and [`atomic`] are std's
//! own. Who waits parks a green thread, or its future, or blocks its OS thread; they all wait in the same queues, and
//! wake each other.
//!
//! | for | there is |
//! | --- | --- |
//! | data that one at a time may use | [`Mutex`], with [`Condvar`] |
//! | data that many read, and one at a time changes | [`RwLock`] |
//! | data that is made once, by whoever needs it first | [`OnceLock`], [`LazyLock`]; [`Once`] without data |
//! | a number of threads that meet again and again | [`Barrier`] |
//! | a limit on how many do something at once | [`Semaphore`] |
//! | telling one, or all, that something has happened | [`Notify`] |
//! | waiting for a number of things, once | [`Latch`]; [`WaitGroup`] if the number is not known beforehand |
//! | asking others to end | [`CancellationToken`] |
//! | messages from many to one | [`mpsc`] |
//! | messages from many to many, each for one of them | [`channel`] |
//! | messages from many to many, each for all of them | [`broadcast`] |
//! | the last value of something | [`watch`] |
//! | one value, once | [`oneshot`] |
//!
//! Each direct call that may wait has a twin for `async` code named `…_async`, but for these:
//!
//! * that of [`Notify::wait`] is [`notified_async`](Notify::notified_async), that of [`CancellationToken::wait`]
//!   [`cancelled_async`](CancellationToken::cancelled_async);
//! * a [`oneshot::Receiver`] is the future itself;
//! * what waits for a limited time (`…_timeout`, `…_deadline`) has none: [`timeout_async`](crate::time::timeout_async)
//!   around the twin of the call without limit does it;
//! * what iterates over a channel has `Stream`s beside it, with the feature `stream`.
//!
//! Dropping such a future gives the wait up; so do a time limit and the cancellation of a green thread. None of them
//! swallows a wake-up or a message that was meant for somebody else.
//!
//! | waits | cancellation point |
//! | --- | --- |
//! | [`Mutex::lock`], [`RwLock::read`], [`RwLock::write`] | no |
//! | [`Condvar::wait`] and its variants | yes; the mutex is locked again first |
//! | [`Barrier::wait`] | yes; the arrival is taken back |
//! | [`Once`], [`OnceLock`], [`LazyLock`], while somebody else initialises | yes |
//! | [`Semaphore::acquire`] and its variants | yes |
//! | [`Notify::wait`], [`Latch::wait`], [`WaitGroup::wait`], [`CancellationToken::wait`] and their variants | yes |
//! | `recv` of every channel and its variants, the iterators | yes |
//! | [`mpsc::SyncSender::send`], [`channel::Sender::send`] and its variants | yes |
//! | [`oneshot::Sender::closed`], [`broadcast::Sender::closed`], [`watch::Sender::closed`] | yes |
//! | [`watch::Receiver::changed`] and [`wait_for`](watch::Receiver::wait_for) | yes |
//! | looking at the value of a [`watch`], and changing it | no |
//!
//! A direct call without a variant that takes a timeout gets one from [`timeout`](crate::time::timeout) on green threads; an OS
//! thread, which nothing can cancel, waits for the future: `wait(timeout_async(limit, barrier.wait_async()))`.
//!
//! # Examples
//!
//! ```
//! use fibra::{future, sync::mpsc, thread};
//!
//! let sum = fibra::run(|| {
//!     let (sender, receiver) = mpsc::sync_channel(8);
//!     let (from_future, from_os_thread) = (sender.clone(), sender.clone());
//!     drop(thread::spawn(move || sender.send(1).unwrap()));
//!     drop(future::spawn(async move { from_future.send_async(20).await.unwrap() }));
//!     std::thread::spawn(move || from_os_thread.send(300).unwrap());
//!     receiver.iter().sum::<i32>()
//! });
//! assert_eq!(sum, 321);
//! ```

mod barrier;
mod cancellation_token;
mod cell;
mod condvar;
mod event;
mod latch;
mod lazy_lock;
mod messages;
mod mutex;
mod notify;
mod once;
mod once_lock;
mod patience;
mod rwlock;
mod semaphore;
mod short_lock;
mod until;
mod wait_group;
mod wait_queue;

#[cfg(all(test, loom))]
pub(crate) mod loom;

pub mod broadcast;
pub mod channel;
pub mod mpsc;
pub mod oneshot;
pub mod watch;

pub use self::{
    barrier::{Barrier, BarrierWaitResult},
    cancellation_token::{CancellationToken, DropGuard},
    condvar::{Condvar, WaitTimeoutResult},
    latch::Latch,
    lazy_lock::LazyLock,
    mutex::{Mutex, MutexGuard},
    notify::{Notified, Notify},
    once::{Once, OnceState},
    once_lock::OnceLock,
    rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard},
    semaphore::{
        AcquireError, AcquireTimeoutError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
    },
    wait_group::WaitGroup,
};
// std's own, so that `use std::sync::{…}` can become `use fibra::sync::{…}`.
pub use crate::primitive::std_atomic as atomic;
pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak};
