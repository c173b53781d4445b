//! [`Barrier`]: std's, for waiters of every kind.
//!
//! The barrier counts those who wait, and the last of a round opens it for all of them under the same lock: the count is
//! that of the queue at any moment. So who gives up and leaves the queue takes its arrival back, and a round always has as
//! many waiters as were asked for. The other way, to keep the arrivals of those who left, would open the barrier for
//! fewer than it was made for. Who gives up after the barrier has opened had arrived: the others have gone on.

use super::{
    short_lock::ShortLock,
    wait_queue::{Standing, Ticket, WaitList},
};
use crate::{task::join::wake_all, wait::wait};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A point that several green threads, futures or OS threads pass together: each waits until all have arrived.
///
/// It has the interface of [`std::sync::Barrier`]. When as many wait as it was made for, it lets them go on and
/// begins the next round.
///
/// **Cancellation.** [`wait`](Barrier::wait) is a cancellation point, and `wait_async` is given up by dropping it. Who gives
/// up takes its arrival back: the others wait for somebody else.
///
/// # Examples
///
/// ```
/// use fibra::{sync::Barrier, thread};
/// use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
///
/// fibra::run(|| {
///     let (barrier, prepared) = (Barrier::new(3), AtomicUsize::new(0));
///     thread::scope(|scope| {
///         for _ in 0..3 {
///             scope.spawn(|| {
///                 prepared.fetch_add(1, SeqCst);
///                 barrier.wait();
///                 assert_eq!(prepared.load(SeqCst), 3);
///             });
///         }
///     });
/// });
/// ```
pub struct Barrier {
    /// How many pass together.
    size: usize,
    round: ShortLock<Round>,
}

struct Round {
    /// How many wait in the queue.
    arrived: usize,
    queue: WaitList<()>,
}

impl Barrier {
    /// A barrier that lets `size` pass together; 0 is as good as 1: nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// static START: fibra::sync::Barrier = fibra::sync::Barrier::new(1);
    /// START.wait();
    /// ```
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new(size: usize) -> Self {
        Self { size, round: ShortLock::new(Round { arrived: 0, queue: WaitList::new() }) }
    }

    /// A barrier that lets `size` pass together; not `const`, as loom's locks are not.
    #[cfg(loom)]
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { size, round: ShortLock::new(Round { arrived: 0, queue: WaitList::new() }) }
    }

    /// Arrives, and waits until all of the round have. The last one is its leader.
    ///
    /// A green thread parks; a future's poll parks the stack that it stands on; an OS thread blocks.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits: takes the arrival back, and unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Barrier;
    ///
    /// let barrier = Barrier::new(2);
    /// let leaders = std::thread::scope(|scope| {
    ///     let other = scope.spawn(|| barrier.wait().is_leader());
    ///     usize::from(barrier.wait().is_leader()) + usize::from(other.join().unwrap())
    /// });
    /// assert_eq!(leaders, 1);
    /// ```
    pub fn wait(&self) -> BarrierWaitResult {
        wait(self.arrival())
    }

    /// As [`wait`](Barrier::wait), for `async` code. It arrives at the first poll.
    ///
    /// # Cancellation
    ///
    /// Dropping the future takes the arrival back, unless the barrier has opened meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use fibra::sync::Barrier;
    ///
    /// let barrier = Barrier::new(2);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| barrier.wait());
    ///     fibra::wait(async { barrier.wait_async().await });
    /// });
    /// ```
    pub fn wait_async(&self) -> impl Future<Output = BarrierWaitResult> {
        self.arrival()
    }

    fn arrival(&self) -> Arrival<'_> {
        Arrival { barrier: self, ticket: None }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

/// What somebody who has passed a [`Barrier`] learns.
///
/// # Examples
///
/// See [`Barrier::wait`].
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether it was the last to arrive: one of each round is.
    ///
    /// # Examples
    ///
    /// See [`Barrier::wait`].
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult").field("is_leader", &self.is_leader).finish()
    }
}

/// One wait at a barrier; it begins at the first poll.
struct Arrival<'b> {
    barrier: &'b Barrier,
    ticket: Option<Ticket>,
}

impl Arrival<'_> {
    fn arrive(&mut self, waker: &Waker) -> Poll<BarrierWaitResult> {
        let waker = waker.clone();
        let mut round = self.barrier.round.lock();
        if round.arrived + 1 < self.barrier.size {
            round.arrived += 1;
            self.ticket = Some(round.queue.push_back(waker, ()));
            return Poll::Pending;
        }
        round.arrived = 0;
        let others = round.queue.notify_all();
        drop(round);
        wake_all(others);
        Poll::Ready(BarrierWaitResult { is_leader: true })
    }

    fn go_on(&mut self, ticket: Ticket, waker: &Waker) -> Poll<BarrierWaitResult> {
        let mut round = self.barrier.round.lock();
        match round.queue.poll(&ticket, waker) {
            Standing::Notified(_) => {
                let _ = round.queue.remove(ticket);
                Poll::Ready(BarrierWaitResult { is_leader: false })
            }
            Standing::Waiting(replaced) => {
                self.ticket = Some(ticket);
                drop(round);
                drop(replaced);
                Poll::Pending
            }
        }
    }
}

impl Future for Arrival<'_> {
    type Output = BarrierWaitResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BarrierWaitResult> {
        match self.ticket.take() {
            None => self.arrive(cx.waker()),
            Some(ticket) => self.go_on(ticket, cx.waker()),
        }
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut round = self.barrier.round.lock();
        let removed = round.queue.remove(ticket);
        if removed.notice.is_none() {
            round.arrived -= 1;
        }
        drop(round);
        drop(removed);
    }
}
