//! What both ends of a channel share: the messages, and who waits for them or for room.
//!
//! ```text
//!   send ──► blocked: (message, sender)… ──► buffer: message… ──► batch: message… ──► recv
//!            only if the buffer is full       under the lock       the receiver's own,
//!                                                                  unbounded channels only
//! ```
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
use crate::primitive::{AcqRel, Acquire, AtomicUsize, Relaxed};
use std::{
    collections::VecDeque,
    mem,
    sync::mpsc::{SendError, TryRecvError, TrySendError},
    task::{Context, Poll, Waker},
};

/// A drained batch with room for more messages than this is not kept if far fewer are coming.
const BATCH_KEPT: usize = 1024;

pub(super) struct Channel<T> {
    senders: AtomicUsize,
    /// How many messages may wait without their sender; `None`: any number.
    bound: Option<usize>,
    state: ShortLock<State<T>>,
}

struct State<T> {
    buffer: VecDeque<T>,
    blocked: WaitList<Option<T>>,
    /// The receiver's waker while it waits; then buffer and `blocked` are empty.
    receiver: Option<Waker>,
    receiver_alive: bool,
}

impl<T> Channel<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new(bound: Option<usize>) -> Self {
        let state =
            State { buffer: VecDeque::new(), blocked: WaitList::new(), receiver: None, receiver_alive: true };
        Self { senders: AtomicUsize::new(1), bound, state: ShortLock::new(state) }
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.bound.is_some()
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
            let receiver = self.state.lock().receiver.take();
            wake(receiver);
        }
    }

    /// Puts a message in, if it has not to wait for room.
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.state.lock();
        if !state.receiver_alive {
            return Err(TrySendError::Disconnected(message));
        }
        if !state.has_room(self.bound) {
            return Err(TrySendError::Full(message));
        }
        state.buffer.push_back(message);
        let receiver = state.receiver.take();
        drop(state);
        wake(receiver);
        Ok(())
    }

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

    fn begin_send(
        &self,
        message: T,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        if !state.receiver_alive {
            return Poll::Ready(Err(SendError(message)));
        }
        if !state.has_room(self.bound) {
            *ticket = Some(state.blocked.push_back(waker, Some(message)));
            return Poll::Pending;
        }
        state.buffer.push_back(message);
        let receiver = state.receiver.take();
        drop(state);
        wake(receiver);
        Poll::Ready(Ok(()))
    }

    /// Ends a send that is not wanted any more; its message is dropped if no receiver has it yet.
    pub(super) fn abandon_send(&self, ticket: Ticket) {
        let removed = self.state.lock().blocked.remove(ticket);
        drop(removed);
    }

    /// Takes the oldest message. `batch` is the receiver's own share of the buffer, and is empty.
    pub(super) fn try_recv(&self, batch: &mut VecDeque<T>) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let (message, sender) = state.take(self.bound, batch);
        if message.is_none() && self.is_abandoned() {
            return Err(TryRecvError::Disconnected);
        }
        drop(state);
        wake(sender);
        message.ok_or(TryRecvError::Empty)
    }

    /// As [`Channel::try_recv`]; `Empty` means that the receiver will be woken.
    pub(super) fn recv_or_wait(&self, batch: &mut VecDeque<T>, waker: &Waker) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let (message, sender) = state.take(self.bound, batch);
        let Some(message) = message else {
            // Under the lock: a sender that goes after this look finds the waker.
            if self.is_abandoned() {
                return Err(TryRecvError::Disconnected);
            }
            let replaced = match &state.receiver {
                Some(known) if known.will_wake(waker) => None,
                _ => state.receiver.replace(waker.clone()),
            };
            drop(state);
            drop(replaced);
            return Err(TryRecvError::Empty);
        };
        drop(state);
        wake(sender);
        Ok(message)
    }

    /// The receiver waits no longer; nobody is to hand it a message now.
    pub(super) fn stop_waiting(&self) {
        let waker = self.state.lock().receiver.take();
        drop(waker);
    }

    /// Ends the channel at its receiving end: what was not received is dropped, blocked senders get theirs back.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.receiver_alive = false;
        let unreceived = mem::take(&mut state.buffer);
        let waker = state.receiver.take();
        let senders = state.blocked.notify_all();
        drop(state);
        senders.into_iter().for_each(Waker::wake);
        drop((unreceived, waker));
    }

    fn is_abandoned(&self) -> bool {
        self.senders.load(Acquire) == 0
    }
}

impl<T> State<T> {
    fn has_room(&self, bound: Option<usize>) -> bool {
        // A receiver that waits has seen an empty buffer, and takes one message even where the bound is zero.
        bound.is_none_or(|bound| self.buffer.len() < bound) || self.receiver.is_some()
    }

    /// The oldest message, and the sender that its going releases.
    #[inline]
    fn take(&mut self, bound: Option<usize>, batch: &mut VecDeque<T>) -> (Option<T>, Option<Waker>) {
        if self.buffer.is_empty() && self.blocked.is_empty() {
            return (None, None);
        }
        let Some(bound) = bound else {
            if batch.capacity() > BATCH_KEPT && batch.capacity() / 4 > self.buffer.len() {
                *batch = VecDeque::new();
            }
            mem::swap(batch, &mut self.buffer);
            return (batch.pop_front(), None);
        };
        let oldest = self.buffer.pop_front();
        if oldest.is_some() && self.buffer.len() >= bound {
            return (oldest, None);
        }
        let Some(blocked) = self.blocked.front() else {
            return (oldest, None);
        };
        let next = blocked.take();
        debug_assert!(next.is_some(), "a sender that waits has its message with it");
        let sender = self.blocked.notify_front(Notice::One);
        if oldest.is_some() {
            self.buffer.extend(next);
            return (oldest, sender);
        }
        (next, sender)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
