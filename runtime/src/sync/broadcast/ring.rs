//! What all ends of a broadcast channel share: the last messages, each with the number of receivers that it is still for.
//!
//! ```text
//!   position:   …   40     41     42     43     44     45
//!                 (gone)   ├──────── messages ───────┤ ▲
//!                          unread: 1      2      2     │ the next one that is sent
//!                          ▲              ▲            │
//!                  slow receiver    quick receiver     a new receiver
//! ```
//!
//! Each receiver knows its own position. It is counted in all messages from there on, and takes itself out of one when it
//! has it, or out of all when it goes. Since it goes through them in order, the older of two messages is never for more
//! receivers than the younger: so *messages that are for nobody any more are the oldest*, and are dropped from that end.
//! Where there is no room the oldest goes in any case. A receiver that is behind it has lagged, by the difference.
//!
//! Messages are counted references, so that they are cloned, and dropped, when the lock is free again.

use super::super::{short_lock::ShortLock, until::Until, wait_queue::WaitQueue};
use super::error::RecvError;
use std::{
    collections::VecDeque,
    sync::{Arc, mpsc::SendError},
};

pub(super) struct Shared<T> {
    capacity: usize,
    state: ShortLock<State<T>>,
    /// Receivers wait here for a message, and for the end.
    sent: WaitQueue,
    /// Senders wait here for the last receiver's end.
    unheard: WaitQueue,
}

struct State<T> {
    messages: VecDeque<Slot<T>>,
    /// The position of the next message.
    next: u64,
    senders: usize,
    receivers: usize,
}

struct Slot<T> {
    message: Arc<T>,
    /// How many receivers have not had it.
    unread: usize,
}

/// What a receiver finds; `None`: it has to wait.
type Received<T> = Option<Result<Arc<T>, RecvError>>;

impl<T> Shared<T> {
    /// A channel with one sender, and no receiver.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { messages: VecDeque::new(), next: 0, senders: 1, receivers: 0 };
        Self { capacity, state: ShortLock::new(state), sent: WaitQueue::new(), unheard: WaitQueue::new() }
    }

    pub(super) fn add_sender(&self) {
        self.state.lock().senders += 1;
    }

    pub(super) fn remove_sender(&self) {
        let mut state = self.state.lock();
        state.senders -= 1;
        let is_last = state.senders == 0;
        drop(state);
        if is_last {
            self.sent.notify_all();
        }
    }

    /// Counts a new receiver; returns its position.
    pub(super) fn add_receiver(&self) -> u64 {
        let mut state = self.state.lock();
        state.receivers += 1;
        state.next
    }

    pub(super) fn remove_receiver(&self, position: u64) {
        let mut state = self.state.lock();
        state.receivers -= 1;
        let is_last = state.receivers == 0;
        let read = state.give_up(position);
        drop(state);
        if is_last {
            self.unheard.notify_all();
        }
        drop(read);
    }

    pub(super) fn send(&self, message: T) -> Result<usize, SendError<T>> {
        // The allocation is made without the lock; nearly always somebody receives.
        let message = Arc::new(message);
        let mut state = self.state.lock();
        let unread = state.receivers;
        if unread == 0 {
            drop(state);
            let message = Arc::into_inner(message).expect("nobody has received it");
            return Err(SendError(message));
        }
        let oldest = if state.messages.len() == self.capacity { state.messages.pop_front() } else { None };
        state.messages.push_back(Slot { message, unread });
        state.next += 1;
        drop(state);
        self.sent.notify_all();
        drop(oldest);
        Ok(unread)
    }

    /// Takes the message at `position`, which moves on.
    pub(super) fn try_recv(&self, position: &mut u64) -> Received<T> {
        self.state.lock().receive(position)
    }

    /// The wait for the message at `position`, which moves on; ends with the channel too, and where it has lagged.
    pub(super) fn until_received<'s>(
        &'s self,
        position: &'s mut u64,
    ) -> Until<'s, impl FnMut() -> Received<T> + Unpin + 's> {
        Until::charged(&self.sent, move || self.try_recv(position))
    }

    /// The wait for the end of the last receiver.
    pub(super) fn until_unheard(&self) -> Until<'_, impl FnMut() -> Option<()> + Unpin + '_> {
        Until::new(&self.unheard, || (self.receiver_count() == 0).then_some(()))
    }

    pub(super) fn receiver_count(&self) -> usize {
        self.state.lock().receivers
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().senders == 0
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().messages.len()
    }

    /// How many messages a receiver at `position` can still get.
    pub(super) fn len_from(&self, position: u64) -> usize {
        let state = self.state.lock();
        (state.next - position.max(state.oldest())) as usize
    }
}

impl<T> State<T> {
    /// The position of the oldest message; of the next one, if there is none.
    fn oldest(&self) -> u64 {
        self.next - self.messages.len() as u64
    }

    fn receive(&mut self, position: &mut u64) -> Received<T> {
        let oldest = self.oldest();
        if *position < oldest {
            let missed = oldest - *position;
            *position = oldest;
            return Some(Err(RecvError::Lagged(missed)));
        }
        let Some(slot) = self.messages.get_mut((*position - oldest) as usize) else {
            return (self.senders == 0).then_some(Err(RecvError::Closed));
        };
        slot.unread -= 1;
        *position += 1;
        if slot.unread > 0 {
            return Some(Ok(Arc::clone(&slot.message)));
        }
        let last = self.messages.pop_front().expect("it was found there");
        debug_assert_eq!(last.unread, 0, "the one that nobody needs any more is the oldest");
        Some(Ok(last.message))
    }

    /// Takes a receiver out of all messages from `position` on; returns those that are for nobody any more.
    fn give_up(&mut self, position: u64) -> Vec<Slot<T>> {
        let first = position.saturating_sub(self.oldest()) as usize;
        self.messages.range_mut(first..).for_each(|slot| slot.unread -= 1);
        let read = self.messages.iter().take_while(|slot| slot.unread == 0).count();
        self.messages.drain(..read).collect()
    }
}
