//! The wait queue under every primitive of this module.
//!
//! [`WaitList`] is the list itself: first come, first served, safe code, guarded by whoever owns it (a
//! [`ShortLock`]). [`WaitQueue`] is a list with its own lock, for primitives that need no more.
//!
//! ```text
//!              push_back                  notify_front / notify_all              remove
//!   (nobody) ─────────────► waiting ─────────────────────────────────► notified ────────► (gone)
//!                            │  ▲                                         │
//!                            │  └──────────────── rejoin ─────────────────┘
//!                            └─────────── remove: timed out, dropped ─────────► (gone)
//! ```
//!
//! **No wake-up is lost.** A notified waiter keeps its place in memory until it has seen its [`Notice`]. If
//! it leaves before (its future was dropped, its time was up, its green thread was cancelled), `remove`
//! hands the notice to whoever removes it, and that one must pass it on: the notifier has already
//! counted on somebody acting on it.
//!
//! **No lock is held while a waker is woken or dropped**: the list gives wakers out, and its owner
//! wakes them once the lock is released.

use super::short_lock::ShortLock;
use crate::{
    primitive::{AtomicBool, Relaxed},
    task::join::wake_all,
};
use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// What a waiter is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// It was chosen alone: if it cannot act, another one must.
    One,
    /// All that waited were told the same: nobody else needs to know if it cannot act.
    All,
    /// What it waits for is already its own; if it cannot act, it must give that away again.
    Granted,
}

/// A place in a [`WaitList`]. It can be neither copied nor made up, so no two waiters share a place.
#[derive(Debug)]
pub(super) struct Ticket(u32);

/// What is left of a waiter that was removed.
#[must_use = "a notice must be acted on or passed on"]
pub(super) struct Removed<P> {
    pub(super) payload: P,
    /// `Some`: it had been notified, and has not seen it yet.
    pub(super) notice: Option<Notice>,
    /// Dropped once the list's lock is released, for a waker's destructor is foreign code.
    pub(super) waker: Option<Waker>,
}

/// How it stands with a waiter.
pub(super) enum Standing {
    Notified(Notice),
    /// Still waiting; the waker that was replaced, to be dropped once the list's lock is released.
    Waiting(Option<Waker>),
}

/// The end of a chain of places.
const NIL: u32 = u32::MAX;

/// A list that has had more places than this gives its memory back when it is empty.
const PLACES_KEPT: usize = 64;

struct Waiter<P> {
    payload: P,
    waker: Option<Waker>,
    notice: Option<Notice>,
    /// Neighbours in the queue; meaningless once notified.
    before: u32,
    behind: u32,
}

enum Place<P> {
    Free { next: u32 },
    Taken(Waiter<P>),
}

/// Waiters in order of arrival, each with a payload.
///
/// Places live in one growing array and name each other by index, so that a waiter in the middle leaves in
/// constant time, and a queue that was never waited on owns no memory.
pub(super) struct WaitList<P> {
    places: Vec<Place<P>>,
    free: u32,
    /// The one that has waited longest.
    front: u32,
    back: u32,
    /// How many places are taken, by the waiting and the notified alike.
    taken: u32,
}

impl<P> WaitList<P> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: NIL, front: NIL, back: NIL, taken: 0 }
    }

    /// Whether nobody waits; the notified do not count.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.front == NIL
    }

    /// Takes the place behind all others.
    pub(super) fn push_back(&mut self, waker: Waker, payload: P) -> Ticket {
        let waiter = Waiter { payload, waker: Some(waker), notice: None, before: self.back, behind: NIL };
        let index = self.take_place(waiter);
        match self.back {
            NIL => self.front = index,
            back => self.waiter(back).behind = index,
        }
        self.back = index;
        Ticket(index)
    }

    /// A notified waiter waits again, before all others: it lost a race, not its turn.
    pub(super) fn rejoin(&mut self, ticket: &Ticket, waker: Waker) {
        let front = mem::replace(&mut self.front, ticket.0);
        match front {
            NIL => self.back = ticket.0,
            front => self.waiter(front).before = ticket.0,
        }
        let waiter = self.waiter(ticket.0);
        assert!(waiter.notice.take().is_some(), "only a notified waiter is out of the queue");
        waiter.waker = Some(waker);
        waiter.before = NIL;
        waiter.behind = front;
    }

    /// The payload of the waiter that has waited longest.
    pub(super) fn front(&mut self) -> Option<&mut P> {
        match self.front {
            NIL => None,
            front => Some(&mut self.waiter(front).payload),
        }
    }

    pub(super) fn payload(&mut self, ticket: &Ticket) -> &mut P {
        &mut self.waiter(ticket.0).payload
    }

    /// Notifies the waiter that has waited longest. `None`: nobody waits.
    #[must_use = "the waker is woken once the lock is released"]
    pub(super) fn notify_front(&mut self, notice: Notice) -> Option<Waker> {
        let front = self.front;
        if front == NIL {
            return None;
        }
        self.unlink(front);
        let waiter = self.waiter(front);
        waiter.notice = Some(notice);
        let waker = waiter.waker.take();
        debug_assert!(waker.is_some(), "a waiting waiter has a waker");
        waker
    }

    /// Notifies everybody who waits now.
    #[must_use = "the wakers are woken once the lock is released"]
    pub(super) fn notify_all(&mut self) -> Vec<Waker> {
        std::iter::from_fn(|| self.notify_front(Notice::All)).collect()
    }

    /// What a waiter has been told, if anything.
    pub(super) fn notice(&mut self, ticket: &Ticket) -> Option<Notice> {
        self.waiter(ticket.0).notice
    }

    /// How it stands with a waiter; it is `waker` that will be woken from now on.
    pub(super) fn poll(&mut self, ticket: &Ticket, waker: &Waker) -> Standing {
        let waiter = self.waiter(ticket.0);
        match (waiter.notice, &mut waiter.waker) {
            (Some(notice), _) => Standing::Notified(notice),
            (None, Some(known)) if known.will_wake(waker) => Standing::Waiting(None),
            (None, known) => {
                let new = waker.clone();
                Standing::Waiting(known.replace(new))
            }
        }
    }

    /// Ends a wait, whatever has become of it.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Removed<P> {
        if self.waiter(ticket.0).notice.is_none() {
            self.unlink(ticket.0);
        }
        let place = mem::replace(&mut self.places[ticket.0 as usize], Place::Free { next: self.free });
        self.free = ticket.0;
        self.taken -= 1;
        if self.taken == 0 && self.places.len() > PLACES_KEPT {
            self.places = Vec::new();
            self.free = NIL;
        }
        let Place::Taken(Waiter { payload, waker, notice, .. }) = place else {
            unreachable!("a ticket names a taken place");
        };
        Removed { payload, notice, waker }
    }

    fn take_place(&mut self, waiter: Waiter<P>) -> u32 {
        self.taken += 1;
        let place = Place::Taken(waiter);
        match self.free {
            NIL => {
                let index = self.places.len() as u32;
                assert!(index < NIL, "fewer than 2^32 - 1 waiters wait on one object");
                self.places.push(place);
                index
            }
            index => {
                let Place::Free { next } = mem::replace(&mut self.places[index as usize], place) else {
                    unreachable!("the chain of free places names a taken one");
                };
                self.free = next;
                index
            }
        }
    }

    fn unlink(&mut self, index: u32) {
        let &mut Waiter { before, behind, .. } = self.waiter(index);
        match before {
            NIL => self.front = behind,
            before => self.waiter(before).behind = behind,
        }
        match behind {
            NIL => self.back = before,
            behind => self.waiter(behind).before = before,
        }
    }

    fn waiter(&mut self, index: u32) -> &mut Waiter<P> {
        match &mut self.places[index as usize] {
            Place::Taken(waiter) => waiter,
            Place::Free { .. } => unreachable!("a ticket or a neighbour names a taken place"),
        }
    }
}

/// A list with its own lock: waiters come, notifiers send them on.
pub(super) struct WaitQueue {
    /// Whether somebody waits: written under the lock, read without, so that notifying nobody is one load.
    occupied: AtomicBool,
    list: ShortLock<WaitList<()>>,
}

impl WaitQueue {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { occupied: AtomicBool::new(false), list: ShortLock::new(WaitList::new()) }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { occupied: AtomicBool::new(false), list: ShortLock::new(WaitList::new()) }
    }

    /// A wait that begins at its first poll.
    pub(super) fn wait(&self) -> Waiting<'_> {
        Waiting { queue: self, ticket: None }
    }

    /// Sends on the one that has waited longest.
    ///
    /// Sees every waiter whose first poll happened before this call, as by a mutex that both hold.
    #[inline]
    pub(super) fn notify_one(&self) {
        // Relaxed: only a waiter whose arrival happened before need be seen, and of that one's store
        // coherence alone makes us see the value, or a later one.
        if self.occupied.load(Relaxed) {
            self.notify_front();
        }
    }

    #[cold]
    fn notify_front(&self) {
        let waker = self.with(|list| list.notify_front(Notice::One));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sends on everybody who waits now; sees the same as [`WaitQueue::notify_one`].
    #[inline]
    pub(super) fn notify_all(&self) {
        if self.occupied.load(Relaxed) {
            self.notify_everybody();
        }
    }

    /// The same where no mutex orders the change and the waiters' looks at it: one of these that looked too early has joined
    /// the queue before this call.
    #[cold]
    pub(super) fn notify_everybody(&self) {
        wake_all(self.with(WaitList::notify_all));
    }

    fn with<R>(&self, change: impl FnOnce(&mut WaitList<()>) -> R) -> R {
        let mut list = self.list.lock();
        let result = change(&mut list);
        self.occupied.store(!list.is_empty(), Relaxed);
        result
    }
}

/// One wait on a [`WaitQueue`]. Dropped before its notice was seen, it passes the notice on.
pub(super) struct Waiting<'q> {
    queue: &'q WaitQueue,
    ticket: Option<Ticket>,
}

impl Waiting<'_> {
    /// Whether it is in the queue, or has been notified and has not seen it.
    pub(super) fn has_begun(&self) -> bool {
        self.ticket.is_some()
    }

    /// Ends the wait. A notice that came before is the caller's to act on or to pass on.
    pub(super) fn leave(&mut self) -> Option<Notice> {
        let ticket = self.ticket.take()?;
        let Removed { notice, waker, .. } = self.queue.with(|list| list.remove(ticket));
        drop(waker);
        notice
    }

    /// Gives a notice that it cannot act on to the next.
    pub(super) fn pass_on(&self) {
        self.queue.notify_one();
    }
}

impl Future for Waiting<'_> {
    type Output = Notice;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Notice> {
        let Self { queue, ticket } = &mut *self;
        let Some(place) = ticket.take() else {
            let waker = cx.waker().clone();
            *ticket = Some(queue.with(|list| list.push_back(waker, ())));
            return Poll::Pending;
        };
        let mut list = queue.list.lock();
        match list.poll(&place, cx.waker()) {
            Standing::Notified(notice) => {
                // The waker is gone since the notice, and the one who notified noted who is left.
                let _ = list.remove(place);
                Poll::Ready(notice)
            }
            Standing::Waiting(replaced) => {
                *ticket = Some(place);
                drop(list);
                drop(replaced);
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.leave() == Some(Notice::One) {
            self.pass_on();
        }
    }
}
