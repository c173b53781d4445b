//! The handle to a thread: its identity, its name, and the token of `park` and `unpark`.

use crate::primitive::{
    AtomicBool, SeqCst,
    unmodelled::{AtomicU64, Ordering},
};
use std::{
    fmt,
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

/// A unique identifier of a running thread, green or not.
///
/// It is never reused while the process lives.
///
/// ```
/// fibra::run(|| {
///     let me = fibra::thread::current().id();
///     let other = fibra::thread::spawn(|| fibra::thread::current().id()).join().unwrap();
///     assert_ne!(me, other);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ThreadId(Id);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Id {
    Green(NonZeroU64),
    Os(std::thread::ThreadId),
}

impl ThreadId {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        Self(Id::Green(NonZeroU64::new(number).expect("2^64 threads were made")))
    }
}

/// A handle to a thread: to a green one, or to an OS thread that runs no fibra.
///
/// ```
/// fibra::run(|| {
///     let waiter = fibra::thread::spawn(|| fibra::thread::park());
///     waiter.thread().unpark();
///     waiter.join().unwrap();
/// });
/// ```
#[derive(Clone)]
pub struct Thread(Repr);

#[derive(Clone)]
enum Repr {
    Green(Arc<Green>),
    Os(std::thread::Thread),
}

struct Green {
    id: ThreadId,
    name: Option<String>,
    /// `unpark` has come, and no `park` has consumed it.
    token: AtomicBool,
    /// Who parks.
    parked: Mutex<Option<Waker>>,
}

impl Thread {
    pub(crate) fn green(name: Option<String>) -> Self {
        Self(Repr::Green(Arc::new(Green {
            id: ThreadId::next(),
            name,
            token: AtomicBool::new(false),
            parked: Mutex::new(None),
        })))
    }

    /// The OS thread that calls.
    pub(crate) fn os() -> Self {
        Self(Repr::Os(std::thread::current()))
    }

    /// Lets the thread's `park` return: the one that waits, or else the next one.
    pub fn unpark(&self) {
        match &self.0 {
            Repr::Green(green) => {
                // SeqCst, with `poll_park`'s: either it sees the token, or we see its waker.
                if !green.token.swap(true, SeqCst) {
                    let waker = green.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                }
            }
            Repr::Os(thread) => thread.unpark(),
        }
    }

    /// The thread's identifier.
    pub fn id(&self) -> ThreadId {
        match &self.0 {
            Repr::Green(green) => green.id,
            Repr::Os(thread) => ThreadId(Id::Os(thread.id())),
        }
    }

    /// The thread's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Repr::Green(green) => green.name.as_deref(),
            Repr::Os(thread) => thread.name(),
        }
    }

    /// Consumes the token, or leaves the waker for whoever brings it. A green thread's only.
    pub(crate) fn poll_park(&self, context: &mut Context<'_>) -> Poll<()> {
        let Repr::Green(green) = &self.0 else { unreachable!("OS threads park by std") };
        if green.token.swap(false, SeqCst) {
            return Poll::Ready(());
        }
        let mut parked = green.parked.lock().unwrap_or_else(PoisonError::into_inner);
        *parked = Some(context.waker().clone());
        drop(parked);
        if green.token.swap(false, SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("id", &self.id()).field("name", &self.name()).finish_non_exhaustive()
    }
}
