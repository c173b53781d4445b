//! What all ends of a channel share: the messages, and who waits for them or for room.
//!
//! ```text
//!   send ──► buffer: message…, up to the capacity ──► recv
//!     │        ▲                                       ▲
//!     └──► blocked: (message, sender)… ────────────────┘ if the capacity is zero
//! ```
//!
//! *A blocked sender's message waits with it*, in the order of sending. Whoever takes a message out of the buffer moves the
//! oldest blocked one up and releases its sender: room that has become free is used at once, and nobody can snatch it.
//!
//! *A message is out of the channel only when a receiver returns it.* Each message that comes in sends one receiver on, which
//! then takes the oldest one there is. It finds none if another receiver was quicker; then it waits again, before all
//! others. If it is given up before it has looked, it sends on the next in its place, as long as there are messages. So:
//! *while a receiver waits, there are at least as many on their way as there are messages*.
//!
//! With a capacity of zero `try_send` needs a receiver that waits; its message lies in the buffer for as long as that one is on
//! its way. Nobody sees that: such a channel says that it is both empty and full.

use super::super::{
    short_lock::ShortLock,
    wait_queue::{Notice, Standing, Ticket, WaitList},
};
use crate::{
    primitive::{AcqRel, Acquire, AtomicUsize, Relaxed},
    task::join::wake_all,
};
use std::{
    collections::VecDeque,
    mem,
    sync::mpsc::{RecvError, SendError, TryRecvError, TrySendError},
    task::{Context, Poll, Waker},
};

pub(super) struct Shared<T> {
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// How many messages may wait without their sender; `None`: any number.
    capacity: Option<usize>,
    state: ShortLock<State<T>>,
}

struct State<T> {
    buffer: VecDeque<T>,
    /// Senders with their messages, taken out by receivers. While there are any, the buffer is full.
    blocked: WaitList<Option<T>>,
    receivers: WaitList<()>,
    has_receivers: bool,
}

impl<T> Shared<T> {
    /// A channel with one sender and one receiver.
    pub(super) fn new(capacity: Option<usize>) -> Self {
        let state = State {
            buffer: VecDeque::new(),
            blocked: WaitList::new(),
            receivers: WaitList::new(),
            has_receivers: true,
        };
        let (senders, receivers) = (AtomicUsize::new(1), AtomicUsize::new(1));
        Self { senders, receivers, capacity, state: ShortLock::new(state) }
    }

    pub(super) fn add_sender(&self) {
        add_end(&self.senders);
    }

    pub(super) fn add_receiver(&self) {
        add_end(&self.receivers);
    }

    pub(super) fn remove_sender(&self) {
        // Release: our messages are in the channel before a receiver can see that we are gone.
        if self.senders.fetch_sub(1, AcqRel) == 1 {
            let receivers = self.state.lock().receivers.notify_all();
            wake_all(receivers);
        }
    }

    /// With the last receiver what was not received is dropped, and blocked senders get theirs back.
    pub(super) fn remove_receiver(&self) {
        if self.receivers.fetch_sub(1, AcqRel) == 1 {
            let mut state = self.state.lock();
            state.has_receivers = false;
            let unreceived = mem::take(&mut state.buffer);
            let senders = state.blocked.notify_all();
            drop(state);
            wake_all(senders);
            drop(unreceived);
        }
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        if self.capacity == Some(0) { 0 } else { self.state.lock().buffer.len() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.capacity.is_some_and(|capacity| self.len() >= capacity)
    }

    pub(super) fn has_receivers(&self) -> bool {
        self.receivers.load(Acquire) > 0
    }

    pub(super) fn has_senders(&self) -> bool {
        self.senders.load(Acquire) > 0
    }

    /// Puts a message in, if it has not to wait for room.
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.state.lock();
        let receiver = self.put(message, &mut state)?;
        drop(state);
        wake(receiver);
        Ok(())
    }

    /// Puts a message in, and returns the receiver that this sends on.
    fn put(&self, message: T, state: &mut State<T>) -> Result<Option<Waker>, TrySendError<T>> {
        if !state.has_receivers {
            return Err(TrySendError::Disconnected(message));
        }
        let has_room = match self.capacity {
            None => true,
            Some(0) => !state.receivers.is_empty(),
            Some(capacity) => state.buffer.len() < capacity,
        };
        if !has_room {
            return Err(TrySendError::Full(message));
        }
        state.buffer.push_back(message);
        Ok(state.receivers.notify_front(Notice::One))
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
                // Taken by a receiver, or left here by the end of the last one.
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
        let message = match self.try_send(message) {
            Ok(()) => return Poll::Ready(Ok(())),
            Err(TrySendError::Disconnected(message)) => return Poll::Ready(Err(SendError(message))),
            Err(TrySendError::Full(message)) => message,
        };
        // Not under the lock: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        let (outcome, receiver) = match self.put(message, &mut state) {
            Ok(receiver) => (Poll::Ready(Ok(())), receiver),
            Err(TrySendError::Disconnected(message)) => (Poll::Ready(Err(SendError(message))), None),
            Err(TrySendError::Full(message)) => {
                *ticket = Some(state.blocked.push_back(waker, Some(message)));
                // One may wait though the buffer is full: others are on their way for what is in there.
                (Poll::Pending, state.receivers.notify_front(Notice::One))
            }
        };
        drop(state);
        wake(receiver);
        outcome
    }

    /// Ends a send that is given up. `Ok`: a receiver has the message, or will find it; `Err`: here it is.
    pub(super) fn abandon_send(&self, ticket: Ticket) -> Result<(), TrySendError<T>> {
        let removed = self.state.lock().blocked.remove(ticket);
        match removed.payload {
            None => Ok(()),
            Some(message) if removed.notice.is_some() => Err(TrySendError::Disconnected(message)),
            Some(message) => Err(TrySendError::Full(message)),
        }
    }

    /// Takes the oldest message.
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.state.lock();
        let (message, sender) = self.take(&mut state)?;
        drop(state);
        wake(sender);
        Ok(message)
    }

    /// The oldest message, and the sender that is released with it.
    fn take(&self, state: &mut State<T>) -> Result<(T, Option<Waker>), TryRecvError> {
        if let Some(oldest) = state.buffer.pop_front() {
            // With a capacity of zero the message was in nobody's room.
            let moved = if self.capacity == Some(0) { None } else { state.release_sender() };
            let sender = moved.and_then(|(message, sender)| {
                state.buffer.push_back(message);
                sender
            });
            return Ok((oldest, sender));
        }
        if let Some(met) = state.release_sender() {
            return Ok(met);
        }
        // Under the lock: a sender that goes after this look finds the receiver waiting.
        Err(if self.has_senders() { TryRecvError::Empty } else { TryRecvError::Disconnected })
    }

    pub(super) fn poll_recv(
        &self,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, RecvError>> {
        let Some(place) = ticket.take() else {
            return self.begin_recv(ticket, cx);
        };
        let mut state = self.state.lock();
        if let Standing::Waiting(replaced) = state.receivers.poll(&place, cx.waker()) {
            *ticket = Some(place);
            drop(state);
            drop(replaced);
            return Poll::Pending;
        }
        match self.take(&mut state) {
            Err(TryRecvError::Empty) => {
                state.receivers.rejoin(&place, cx.waker().clone());
                *ticket = Some(place);
                Poll::Pending
            }
            taken => {
                // The waker is gone since the notice.
                let _ = state.receivers.remove(place);
                drop(state);
                Poll::Ready(received(taken))
            }
        }
    }

    fn begin_recv(&self, ticket: &mut Option<Ticket>, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        match self.try_recv() {
            Ok(message) => return Poll::Ready(Ok(message)),
            Err(TryRecvError::Disconnected) => return Poll::Ready(Err(RecvError)),
            Err(TryRecvError::Empty) => {}
        }
        // Not under the lock: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        match self.take(&mut state) {
            Err(TryRecvError::Empty) => {
                *ticket = Some(state.receivers.push_back(waker, ()));
                Poll::Pending
            }
            taken => {
                drop(state);
                Poll::Ready(received(taken))
            }
        }
    }

    /// Ends a receive that is given up. If it was sent on for a message that is still there, the next one is.
    pub(super) fn abandon_recv(&self, ticket: Ticket) {
        let mut state = self.state.lock();
        let removed = state.receivers.remove(ticket);
        let has_messages = !state.buffer.is_empty() || !state.blocked.is_empty();
        let next = match removed.notice {
            Some(Notice::One) if has_messages => state.receivers.notify_front(Notice::One),
            _ => None,
        };
        drop(state);
        wake(next);
        drop(removed);
    }
}

impl<T> State<T> {
    /// Takes the message of the sender that has been blocked longest, and releases it.
    fn release_sender(&mut self) -> Option<(T, Option<Waker>)> {
        let message = self.blocked.front()?.take().expect("a sender that waits has its message with it");
        Some((message, self.blocked.notify_front(Notice::One)))
    }
}

fn add_end(ends: &AtomicUsize) {
    // Relaxed: the new end is made from one that is counted already.
    let before = ends.fetch_add(1, Relaxed);
    assert!(before < isize::MAX as usize, "a channel has fewer ends than the address space has bytes");
}

/// Wakes the sender that was released with a message.
fn received<T>(taken: Result<(T, Option<Waker>), TryRecvError>) -> Result<T, RecvError> {
    let (message, sender) = taken.map_err(|_| RecvError)?;
    wake(sender);
    Ok(message)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
