//! [`Notify`]: tells one waiter, or all that wait.
//!
//! ```text
//!                    notify_one, somebody waits              notify_one, nobody waits
//!   waiting ───────────────────────────────────► told      (nothing) ─────────────────► permit
//!      │             notify_waiters                │           ▲                          │
//!      ├───────────────────────────────────────────┤           └──────────────────────────┘
//!      │  dropped                                  │ dropped       taken by the next wait
//!      ▼                                           ▼
//!    (gone)                       told by notify_one: that goes to the next waiter, or becomes the permit
//! ```
//!
//! *A permit is only there while nobody waits.* A wait remembers how many calls of `notify_waiters` there had been when it was
//! made: that is how it hears of one that came before its first poll.

use super::{
    short_lock::ShortLock,
    wait_queue::{Notice, Standing, Ticket, WaitList},
};
use crate::{
    primitive::{Acquire, AtomicUsize, Relaxed, Release},
    scheduler::clock,
    task::join::wake_all,
    wait::{wait, wait_until},
};
use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Tells tasks that something has happened, without saying what.
///
/// * [`notify_one`](Self::notify_one) ends one wait: that of whoever has waited longest. If nobody waits, it leaves a
///   permit, which the next wait takes at once. There is one permit at most: many calls may end a single wait.
/// * [`notify_waiters`](Self::notify_waiters) ends all waits that there are, and leaves no permit.
///
/// **When a wait begins to count.** A direct [`wait`](Self::wait) is there for either kind from when it is called. A
/// [`Notified`] future is
///
/// * for `notify_waiters` from when it is *made* by [`notified_async`](Self::notified_async): a call after that ends it, though
///   it was never polled;
/// * for `notify_one` from its first poll, or [`Notified::enable`]: only then it has a place in the queue. A call before that goes
///   to another waiter, or leaves the permit that the first poll finds.
///
/// So this misses nothing, in whatever order the two sides run: make the future, look at the condition, and only then
/// await the future.
///
/// **Cancellation.** The direct waits are cancellation points; a future is given up by dropping it. What `notify_one` had told a
/// wait that is given up before it returned is not lost: the next waiter is told instead, or the permit is left.
///
/// What happened before a call that notifies is visible to the wait that it ends.
///
/// # Examples
///
/// ```
/// use fibra::sync::{Mutex, Notify};
///
/// struct Inbox {
///     letters: Mutex<Vec<String>>,
///     arrived: Notify,
/// }
///
/// async fn next_letter(inbox: &Inbox) -> String {
///     loop {
///         if let Some(letter) = inbox.letters.lock_async().await.unwrap().pop() {
///             return letter;
///         }
///         inbox.arrived.notified_async().await;
///     }
/// }
/// let inbox = Inbox { letters: Mutex::new(vec![]), arrived: Notify::new() };
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         inbox.letters.lock().unwrap().push("hello".into());
///         inbox.arrived.notify_one();
///     });
///     assert_eq!(fibra::wait(next_letter(&inbox)), "hello");
/// });
/// ```
pub struct Notify {
    /// How often all were notified. Changed under the lock, read without.
    calls: AtomicUsize,
    state: ShortLock<State>,
}

struct State {
    permit: bool,
    waiters: WaitList<()>,
}

impl State {
    const fn new() -> Self {
        Self { permit: false, waiters: WaitList::new() }
    }

    /// Tells the one that has waited longest, whose waker is returned, or leaves the permit.
    fn notify_one(&mut self) -> Option<Waker> {
        let waker = self.waiters.notify_front(Notice::One);
        self.permit |= waker.is_none();
        waker
    }
}

impl Notify {
    /// One that has no permit, and that nobody waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// static RELOAD: fibra::sync::Notify = fibra::sync::Notify::new();
    /// RELOAD.notify_one();
    /// RELOAD.wait();
    /// ```
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self { calls: AtomicUsize::new(0), state: ShortLock::new(State::new()) }
    }

    /// One that has no permit, and that nobody waits for; not `const`, as loom's atomics are not.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self { calls: AtomicUsize::new(0), state: ShortLock::new(State::new()) }
    }

    /// Ends the wait of whoever has waited longest, or leaves a permit for the next one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let notify = fibra::sync::Notify::new();
    /// notify.notify_one();
    /// notify.notify_one();
    /// assert!(notify.wait_timeout(Duration::ZERO));
    /// assert!(!notify.wait_timeout(Duration::ZERO), "there is one permit at most");
    /// ```
    pub fn notify_one(&self) {
        let waker = self.state.lock().notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends all waits that there are, also those of futures that were made and not polled yet. Leaves no permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let notify = fibra::sync::Notify::new();
    /// let before = notify.notified_async();
    /// notify.notify_waiters();
    /// fibra::wait(before);
    /// assert!(!notify.wait_timeout(Duration::from_millis(1)));
    /// ```
    pub fn notify_waiters(&self) {
        let mut state = self.state.lock();
        // Release: a wait that is made after this, and so does not hear of it, sees what happened before.
        self.calls.fetch_add(1, Release);
        let wakers = state.waiters.notify_all();
        drop(state);
        wake_all(wakers);
    }

    /// Waits for a notification, or takes the permit. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let notify = fibra::sync::Notify::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| notify.notify_one());
    ///     notify.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        wait(self.notified_async());
    }

    /// As [`wait`](Self::wait), for at most `timeout`; says whether it was notified. A cancellation point while it waits.
    ///
    /// # Examples
    ///
    /// See [`notify_one`](Self::notify_one).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let mut notified = self.notified_async();
        match clock::now().checked_add(timeout) {
            // One that was told as the time ran out takes that.
            Some(deadline) => wait_until(&mut notified, deadline).is_some() || notified.is_ended(),
            // Further off than the clock can say.
            None => {
                wait(notified);
                true
            }
        }
    }

    /// As [`wait`](Self::wait), for `async` code. What it counts for, and from when, is said [above](Notify).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no notification.
    ///
    /// # Examples
    ///
    /// See [`Notify`].
    pub fn notified_async(&self) -> Notified<'_> {
        // Acquire: whoever makes this and then looks at its condition either has an older count than the call that tells of the
        // condition, or sees the condition.
        Notified { notify: self, calls: self.calls.load(Acquire), stage: Stage::Made }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}

/// The wait for a notification, made by [`Notify::notified_async`].
///
/// # Examples
///
/// See [`Notify`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Notified<'a> {
    notify: &'a Notify,
    /// How often all had been notified when it was made.
    calls: usize,
    stage: Stage,
}

enum Stage {
    Made,
    Queued(Ticket),
    Ended,
}

impl Notified<'_> {
    /// Takes the place in the queue now rather than at the first poll, so that `notify_one` counts too from now on. Returns
    /// whether it has been notified, and awaiting it returns at once.
    ///
    /// # Examples
    ///
    /// ```
    /// let notify = fibra::sync::Notify::new();
    /// let (mut first, second) = (notify.notified_async(), notify.notified_async());
    /// assert!(!first.enable());
    /// notify.notify_one();
    /// assert!(first.enable());
    /// # drop(second);
    /// ```
    pub fn enable(&mut self) -> bool {
        match &self.stage {
            Stage::Made => self.join(Waker::noop()).is_ready(),
            Stage::Queued(ticket) => self.notify.state.lock().waiters.notice(ticket).is_some(),
            Stage::Ended => true,
        }
    }

    fn is_ended(&mut self) -> bool {
        Pin::new(self).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn join(&mut self, waker: &Waker) -> Poll<()> {
        // Not under the lock: a waker is foreign code.
        let waker = waker.clone();
        let mut state = self.notify.state.lock();
        if self.notify.calls.load(Relaxed) != self.calls || mem::take(&mut state.permit) {
            self.stage = Stage::Ended;
            drop(state);
            return Poll::Ready(());
        }
        self.stage = Stage::Queued(state.waiters.push_back(waker, ()));
        Poll::Pending
    }

    fn look(&mut self, ticket: Ticket, waker: &Waker) -> Poll<()> {
        let mut state = self.notify.state.lock();
        match state.waiters.poll(&ticket, waker) {
            Standing::Waiting(replaced) => {
                self.stage = Stage::Queued(ticket);
                drop(state);
                drop(replaced);
                Poll::Pending
            }
            Standing::Notified(_) => {
                // The waker is gone since the notice.
                let _ = state.waiters.remove(ticket);
                Poll::Ready(())
            }
        }
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Made => self.join(cx.waker()),
            Stage::Queued(ticket) => self.look(ticket, cx.waker()),
            Stage::Ended => Poll::Ready(()),
        }
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let Stage::Queued(ticket) = mem::replace(&mut self.stage, Stage::Ended) else { return };
        let mut state = self.notify.state.lock();
        let removed = state.waiters.remove(ticket);
        let next = if removed.notice == Some(Notice::One) { state.notify_one() } else { None };
        drop(state);
        if let Some(waker) = next {
            waker.wake();
        }
        drop(removed);
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}
