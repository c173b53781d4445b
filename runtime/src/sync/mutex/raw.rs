//! The lock inside a mutex: one word, and a queue behind it.
//!
//! ```text
//!   word            who changes it
//!   ─────────────   ──────────────────────────────────────────────────────────────────────────────────
//!   free            ──► LOCKED            anybody, by one compare-exchange: this is the barging
//!   LOCKED          ──► free              its holder, by one compare-exchange
//!   LOCKED          ──► LOCKED | QUEUED   a waiter that is about to join the queue, under the queue's lock
//!   LOCKED | QUEUED ──► QUEUED            its holder, under the queue's lock: it wakes the front waiter,
//!                                         which competes with everybody else
//!   QUEUED          ──► LOCKED | QUEUED   anybody, as above
//!   LOCKED | QUEUED ──► LOCKED [| QUEUED] its holder, under the queue's lock: it hands the lock over to a
//!                                         front waiter that has lost too often
//! ```
//!
//! `QUEUED` says "unlock must look at the queue". It goes when nobody waits who has not been woken; so each unlock wakes one, even
//! if the last one that was woken is still on its way. That one's worker may be held up for long: meanwhile others who come by
//! would take the lock again and again, and nobody else who waits would hear of it. A waiter that was woken and is dropped wakes
//! the next in its stead.
//!
//! So: *while somebody waits, `QUEUED` is set*, or the lock is free and a waiter has been woken that has not acted on it yet.

use super::super::{
    patience::{HAND_OVER_AFTER, look_again},
    short_lock::ShortLock,
    wait_queue::{Notice, Standing, Ticket, WaitList},
};
use crate::primitive::{AcqRel, Acquire as AcquireOrder, AtomicU32, Relaxed, Release};
use std::{
    future::Future,
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

const LOCKED: u32 = 1;
const QUEUED: u32 = 2;

/// What a waiter tells the holder.
struct Turn {
    /// Hand me the lock.
    overdue: bool,
}

pub(super) struct RawMutex {
    word: AtomicU32,
    queue: ShortLock<WaitList<Turn>>,
}

impl RawMutex {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { word: AtomicU32::new(0), queue: ShortLock::new(WaitList::new()) }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { word: AtomicU32::new(0), queue: ShortLock::new(WaitList::new()) }
    }

    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        match self.word.compare_exchange(0, LOCKED, AcquireOrder, Relaxed) {
            Ok(_) => true,
            Err(QUEUED) => self.word.compare_exchange(QUEUED, QUEUED | LOCKED, AcquireOrder, Relaxed).is_ok(),
            Err(_) => false,
        }
    }

    /// Takes the lock in its own time.
    pub(super) fn acquire(&self) -> Acquire<'_> {
        Acquire { lock: self, wait: None }
    }

    /// Gives the lock back. Only its holder calls this, once.
    #[inline]
    pub(super) fn unlock(&self) {
        if self.word.compare_exchange(LOCKED, 0, Release, Relaxed).is_err() {
            self.unlock_queued();
        }
    }

    #[cold]
    fn unlock_queued(&self) {
        let mut queue = self.queue.lock();
        // The word is stable here: it is LOCKED, so nobody barges, and waiters change it under `queue` only.
        let waker = match queue.front() {
            // All have left, and `QUEUED` stayed.
            None => {
                self.word.store(0, Release);
                None
            }
            Some(Turn { overdue }) => {
                let (notice, locked) = if *overdue { (Notice::Granted, LOCKED) } else { (Notice::One, 0) };
                let waker = queue.notify_front(notice);
                let queued = if queue.is_empty() { 0 } else { QUEUED };
                self.word.store(locked | queued, Release);
                waker
            }
        };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn look_again(&self) -> bool {
        look_again(|| match self.word.load(Relaxed) {
            word if word & LOCKED == 0 && self.try_lock() => ControlFlow::Break(true),
            // The others have given up looking; so do we.
            word if word & QUEUED != 0 => ControlFlow::Break(false),
            _ => ControlFlow::Continue(()),
        })
    }

    /// Takes the lock if it is free; else makes sure that its holder will look at the queue. The caller holds
    /// the queue's lock and, after a `false`, joins the queue before it lets go of it.
    fn take_or_announce(&self, others_wait: bool) -> bool {
        let mut word = self.word.load(Relaxed);
        loop {
            let taken = word & LOCKED == 0;
            let queued = if others_wait || !taken { QUEUED } else { 0 };
            match self.word.compare_exchange_weak(word, word | LOCKED | queued, AcqRel, Relaxed) {
                Ok(_) => return taken,
                Err(current) => word = current,
            }
        }
    }
}

/// A lock being taken: a future. Dropped, it leaves the queue and passes on what it was given.
pub(super) struct Acquire<'m> {
    lock: &'m RawMutex,
    wait: Option<Wait>,
}

struct Wait {
    ticket: Ticket,
    since: Instant,
}

impl Acquire<'_> {
    fn begin(&mut self, waker: &Waker) -> Poll<()> {
        if self.lock.try_lock() || self.lock.look_again() {
            return Poll::Ready(());
        }
        let (waker, since) = (waker.clone(), Instant::now());
        let mut queue = self.lock.queue.lock();
        if self.lock.take_or_announce(!queue.is_empty()) {
            drop(queue);
            return Poll::Ready(());
        }
        let ticket = queue.push_back(waker, Turn { overdue: false });
        self.wait = Some(Wait { ticket, since });
        Poll::Pending
    }

    fn go_on(&mut self, wait: Wait, waker: &Waker) -> Poll<()> {
        let mut queue = self.lock.queue.lock();
        let replaced = match queue.poll(&wait.ticket, waker) {
            Standing::Waiting(replaced) => replaced,
            Standing::Notified(notice) => {
                if notice == Notice::Granted || self.lock.take_or_announce(!queue.is_empty()) {
                    let _ = queue.remove(wait.ticket);
                    return Poll::Ready(());
                }
                queue.payload(&wait.ticket).overdue = wait.since.elapsed() >= HAND_OVER_AFTER;
                queue.rejoin(&wait.ticket, waker.clone());
                None
            }
        };
        drop(queue);
        drop(replaced);
        self.wait = Some(wait);
        Poll::Pending
    }
}

impl Future for Acquire<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.wait.take() {
            None => self.begin(cx.waker()),
            Some(wait) => self.go_on(wait, cx.waker()),
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        let Some(wait) = self.wait.take() else { return };
        let mut queue = self.lock.queue.lock();
        let removed = queue.remove(wait.ticket);
        match removed.notice {
            None => drop(queue),
            Some(Notice::Granted) => {
                drop(queue);
                self.lock.unlock();
            }
            // The unlock that chose this one woke nobody else.
            Some(Notice::One | Notice::All) => {
                let next = queue.notify_front(Notice::One);
                drop(queue);
                if let Some(waker) = next {
                    waker.wake();
                }
            }
        }
    }
}
