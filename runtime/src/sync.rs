//! Locks, condition variables and channels for green threads, futures and OS threads, in any mixture.
//!
//! [`Mutex`], [`RwLock`], [`Condvar`], [`Barrier`], [`Once`], [`OnceLock`], [`LazyLock`] and [`mpsc`] have the
//! interface of their namesakes in [`std::sync`], and reuse its error types; [`oneshot`] is a channel for one
//! value. Who waits parks a green thread, or its future, or blocks its OS thread; they all wait in the same
//! queues, and wake each other.
//!
//! Each direct call that may wait has a twin for `async` code named `…_async`. Dropping such a future gives
//! the wait up; so do a time limit and the cancellation of a green thread. None of them swallows a wake-up or
//! a message that was meant for somebody else.
//!
//! | waits | cancellation point |
//! | --- | --- |
//! | [`Mutex::lock`], [`RwLock::read`], [`RwLock::write`] | no |
//! | [`Condvar::wait`] and its variants | yes; the mutex is locked again first |
//! | [`Barrier::wait`] | yes; the arrival is taken back |
//! | [`Once`], [`OnceLock`], [`LazyLock`], while somebody else initialises | yes |
//! | [`mpsc::Receiver::recv`] and its variants, the iterators | yes |
//! | [`mpsc::SyncSender::send`] | yes |
//! | [`oneshot::Receiver::recv`] and its variants, [`oneshot::Sender::closed`] | yes |
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
mod cell;
mod condvar;
mod lazy_lock;
mod mutex;
mod once;
mod once_lock;
mod patience;
mod rwlock;
mod short_lock;
mod wait_queue;

#[cfg(all(test, loom))]
mod loom;

pub mod mpsc;
pub mod oneshot;

pub use self::{
    barrier::{Barrier, BarrierWaitResult},
    condvar::{Condvar, WaitTimeoutResult},
    lazy_lock::LazyLock,
    mutex::{Mutex, MutexGuard},
    once::{Once, OnceState},
    once_lock::OnceLock,
    rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};
