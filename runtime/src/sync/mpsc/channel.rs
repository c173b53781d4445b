//! What both ends of a channel share: the messages, and who waits for them or for room.
//!
//! ```text
//!   send ──► blocked: (message, sender)… ──► buffer: message… ──► batch: message… ──► recv
//!    │       only if the buffer is full       under the lock       the receiver's own,      ▲
//!    │                                                             unbounded channels only  │
//!    └───────────────────────────────────► handed ──────────────────────────────────────────┘
//!                                          only while the receiver waits
//! ```
//!
//! *While the receiver waits, a message goes to it straight*, and it takes that without the lock. It takes up no room, as if
//! it had been received already.
//!
//! *A blocked sender's message waits with it*, in the order of sending. Whoever takes a message out moves
//! the oldest blocked one up and releases its sender: room that has become free is used at once, nobody
//! can snatch it, and a receiver never waits for a sender that has room but is not running yet. A
//! rendezvous is the case of a buffer of size zero: the message goes from the blocked sender to the receiver.
//!
//! *A message is out of the channel only when a receiver returns it.* A notified receiver takes its message in
//! the poll that returns it; if it goes away before, the message is still there for the next call.

use super::super::{
    short_lock::ShortLock,
    wait_queue::{Notice, Standing, Ticket, WaitList},
};
use super::{batch::Batch, handover::Handover};
use crate::{
    primitive::{AcqRel, Acquire, AtomicUsize, Relaxed},
    task::{is_ours, join::wake_all},
};
use std::{
    collections::VecDeque,
    mem,
    sync::mpsc::{SendError, TryRecvError, TrySendError},
    task::{Context, Poll, Waker},
};

pub(super) struct Channel<T> {
    senders: AtomicUsize,
    /// How many messages may wait without their sender; `None`: any number.
    bound: Option<usize>,
    /// The message that has ended the receiver's wait. It is older than those in the buffer.
    handed: Handover<T>,
    state: ShortLock<State<T>>,
}

struct State<T> {
    buffer: VecDeque<T>,
    blocked: WaitList<Option<T>>,
    /// Whether the receiver waits; then buffer and `blocked` are empty.
    receiver_waits: bool,
    /// Its waker, which stays from one wait to the next: it mostly is the same one, and counting references up and down costs
    /// as much as all else here.
    receiver: Option<Waker>,
    receiver_alive: bool,
}

impl<T> Channel<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new(bound: Option<usize>) -> Self {
        let state = State {
            buffer: VecDeque::new(),
            blocked: WaitList::new(),
            receiver_waits: false,
            receiver: None,
            receiver_alive: true,
        };
        Self { senders: AtomicUsize::new(1), bound, handed: Handover::new(), state: ShortLock::new(state) }
    }

    pub(super) fn add_sender(&self) {
        // Relaxed: the new sender is made from one that is counted already.
        let senders = self.senders.fetch_add(1, Relaxed);
        assert!(
            senders < isize::MAX as usize,
            "a channel has fewer senders than the address space has bytes"
        );
    }

    pub(super) fn remove_sender(&self) {
        // Release: our messages are in the channel before the receiver can see that we are gone.
        if self.senders.fetch_sub(1, AcqRel) == 1 {
            let receiver = self.state.lock().release_receiver();
            wake(receiver);
        }
    }

    /// Puts a message in, if it has not to wait for room.
    #[inline]
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.state.lock();
        if !state.receiver_alive {
            return Err(TrySendError::Disconnected(message));
        }
        let receiver = self.put(message, &mut state).map_err(TrySendError::Full)?;
        drop(state);
        wake(receiver);
        Ok(())
    }

    /// Puts a message in, and returns the receiver that this releases; the message, if there is no room.
    #[inline]
    fn put(&self, message: T, state: &mut State<T>) -> Result<Option<Waker>, T> {
        if state.receiver_waits {
            // SAFETY: the receiver has found the place empty before it began to wait. Who puts something in ends the wait, and
            // has the lock.
            unsafe { self.handed.put(message) };
            return Ok(state.release_receiver());
        }
        if self.bound.is_some_and(|bound| state.buffer.len() >= bound) {
            return Err(message);
        }
        state.buffer.push_back(message);
        Ok(None)
    }

    #[inline]
    pub(super) fn poll_send(
        &self,
        message: &mut Option<T>,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let Some(place) = ticket.take() else {
            let message = message.take().expect("a send that has ended is not polled again");
            return self.begin_send(message, ticket, cx);
        };
        let mut state = self.state.lock();
        match state.blocked.poll(&place, cx.waker()) {
            Standing::Waiting(replaced) => {
                *ticket = Some(place);
                drop(state);
                drop(replaced);
                Poll::Pending
            }
            Standing::Notified(_) => {
                // Taken by a receiver, or left here by the end of the receiver.
                let left = state.blocked.remove(place).payload;
                Poll::Ready(left.map_or(Ok(()), |message| Err(SendError(message))))
            }
        }
    }

    #[inline]
    fn begin_send(
        &self,
        message: T,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let message = match self.try_send(message) {
            Ok(()) => return Poll::Ready(Ok(())),
            Err(TrySendError::Disconnected(message)) => return Poll::Ready(Err(SendError(message))),
            Err(TrySendError::Full(message)) => message,
        };
        // Not under the lock: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        if !state.receiver_alive {
            return Poll::Ready(Err(SendError(message)));
        }
        match self.put(message, &mut state) {
            Ok(receiver) => {
                drop(state);
                wake(receiver);
                Poll::Ready(Ok(()))
            }
            Err(message) => {
                *ticket = Some(state.blocked.push_back(waker, Some(message)));
                Poll::Pending
            }
        }
    }

    /// Ends a send that is not wanted any more; its message is dropped if no receiver has it yet.
    pub(super) fn abandon_send(&self, ticket: Ticket) {
        let removed = self.state.lock().blocked.remove(ticket);
        drop(removed);
    }

    /// Takes the oldest message. `batch` is the receiver's own share of the buffer, and is empty.
    pub(super) fn try_recv(&self, batch: &Batch<T>) -> Result<T, TryRecvError> {
        self.receive(batch, |_| None)
    }

    /// As [`Channel::try_recv`]; `Empty` means that the receiver will be woken.
    #[inline]
    pub(super) fn recv_or_wait(&self, batch: &Batch<T>, waker: &Waker) -> Result<T, TryRecvError> {
        self.receive(batch, |state| state.begin_wait(waker))
    }

    /// Takes the oldest message. If there is none but will be, `wait` is called, and what it returns is dropped.
    #[inline]
    fn receive(
        &self,
        batch: &Batch<T>,
        wait: impl FnOnce(&mut State<T>) -> Option<Waker>,
    ) -> Result<T, TryRecvError> {
        match self.take_handed() {
            Some(message) => Ok(message),
            None => self.receive_locked(batch, wait),
        }
    }

    // Not inlined: who was woken has been handed its message.
    #[inline(never)]
    fn receive_locked(
        &self,
        batch: &Batch<T>,
        wait: impl FnOnce(&mut State<T>) -> Option<Waker>,
    ) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        // Again: a wait may have been ended just before we had the lock, and others may have sent since.
        if let Some(message) = self.take_handed() {
            return Ok(message);
        }
        if !state.blocked.is_empty() {
            let (message, sender) = state.take_before_blocked(self.bound);
            drop(state);
            wake(sender);
            return Ok(message);
        }
        if let Some(message) = state.take(self.bound, batch) {
            return Ok(message);
        }
        // Under the lock: a sender that goes after this look finds the receiver waiting.
        if self.is_abandoned() {
            return Err(TryRecvError::Disconnected);
        }
        let replaced = wait(&mut state);
        drop(state);
        drop(replaced);
        Err(TryRecvError::Empty)
    }

    /// The receiver waits no longer; nobody is to hand it a message now.
    pub(super) fn stop_waiting(&self) {
        let mut state = self.state.lock();
        state.receiver_waits = false;
        let waker = state.receiver.take();
        if let Some(message) = self.take_handed() {
            // It takes up room again, and the next receive finds it where it is looked for.
            state.buffer.push_front(message);
        }
        drop(state);
        drop(waker);
    }

    /// Ends the channel at its receiving end: what was not received is dropped, blocked senders get theirs back.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        (state.receiver_alive, state.receiver_waits) = (false, false);
        let handed = self.take_handed();
        let unreceived = mem::take(&mut state.buffer);
        let waker = state.receiver.take();
        let senders = state.blocked.notify_all();
        drop(state);
        wake_all(senders);
        drop((handed, unreceived, waker));
    }

    /// How many messages the receiver could take, those in its batch and those of senders that wait aside. The caller
    /// is the receiver.
    pub(super) fn len(&self) -> usize {
        let state = self.state.lock();
        state.buffer.len() + usize::from(self.handed.is_full())
    }

    pub(super) fn has_receiver(&self) -> bool {
        self.state.lock().receiver_alive
    }

    #[inline]
    fn take_handed(&self) -> Option<T> {
        // SAFETY: this is called from the receiver's methods alone, and a `Receiver` is not `Sync`.
        unsafe { self.handed.take() }
    }

    /// Whether all senders are gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.senders.load(Acquire) == 0
    }
}

impl<T> State<T> {
    /// Ends the receiver's wait, if it waits; the waker is to be woken once the lock is free. One of our own is woken here:
    /// it only puts something into a queue.
    #[inline]
    fn release_receiver(&mut self) -> Option<Waker> {
        if !mem::take(&mut self.receiver_waits) {
            return None;
        }
        match &self.receiver {
            Some(waker) if is_ours(waker) => {
                waker.wake_by_ref();
                None
            }
            _ => self.receiver.take(),
        }
    }

    /// Leaves the receiver's waker for the next sender; returns the one that it replaces.
    #[inline]
    fn begin_wait(&mut self, waker: &Waker) -> Option<Waker> {
        self.receiver_waits = true;
        match &self.receiver {
            Some(known) if known.will_wake(waker) => None,
            _ => self.receiver.replace(waker.clone()),
        }
    }

    /// The oldest message, where no sender is blocked. If the channel is unbounded, all others go into the receiver's own
    /// batch, which is empty.
    #[inline]
    fn take(&mut self, bound: Option<usize>, batch: &Batch<T>) -> Option<T> {
        let oldest = self.buffer.pop_front();
        if bound.is_none() && !self.buffer.is_empty() {
            batch.refill(&mut self.buffer);
        }
        oldest
    }

    /// The oldest message, where a sender is blocked: that one's message moves up if there is room now, or is the oldest
    /// itself. Returned with it is the sender that this releases.
    fn take_before_blocked(&mut self, bound: Option<usize>) -> (T, Option<Waker>) {
        let oldest = match self.buffer.pop_front() {
            Some(oldest) if bound.is_some_and(|bound| self.buffer.len() >= bound) => return (oldest, None),
            oldest => oldest,
        };
        let blocked = self.blocked.front().and_then(Option::take);
        let blocked = blocked.expect("a sender that waits has its message with it");
        let sender = self.blocked.notify_front(Notice::One);
        match oldest {
            Some(oldest) => {
                self.buffer.push_back(blocked);
                (oldest, sender)
            }
            None => (blocked, sender),
        }
    }
}

#[inline]
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
