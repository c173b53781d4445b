//! What both ends of a oneshot share: one word, and three cells that it guards.
//!
//! Each end goes once and says so in the word: the sender by `SENT` or `HUNG_UP`, the receiver by `CLOSED`.
//! Each may wait for the other's going, with its waker in its own cell:
//!
//! ```text
//!   bit              set by     when                                    from then on
//!   ──────────────   ────────   ─────────────────────────────────────   ──────────────────────────────────
//!   SENT             sender     the value is in its cell                the value is the receiver's
//!                               … but `CLOSED` was there first          the value is the sender's
//!   HUNG_UP          sender     it is dropped without having sent       there is no value
//!   CLOSED           receiver   it is dropped                           a value sent before is the receiver's
//!   RECEIVER_WAITS   receiver   its waker is in its cell                the cell is the sender's to empty,
//!   SENDER_WAITS     sender     its waker is in its cell                (the receiver's) once it goes
//! ```
//!
//! A waiter takes its cell back by clearing its bit; if it then sees that the other has gone, it was too late,
//! and the cell belongs to that one for good. All changes are read-modify-writes of one word, so for each
//! pair of them both sides agree which was first.

use super::super::cell::UnsafeCell;
use crate::primitive::{AcqRel, Acquire, AtomicU8};
use std::{
    panic::{RefUnwindSafe, UnwindSafe},
    task::Waker,
};

const SENT: u8 = 1;
const HUNG_UP: u8 = 1 << 1;
const CLOSED: u8 = 1 << 2;
const RECEIVER_WAITS: u8 = 1 << 3;
const SENDER_WAITS: u8 = 1 << 4;

pub(super) struct Shared<T> {
    word: AtomicU8,
    value: UnsafeCell<Option<T>>,
    receiver: Seat,
    sender: Seat,
}

// SAFETY: the word hands the value from the sender's thread to the receiver's, and each waker to whoever
// empties its cell; no two threads are in one cell at a time, so `T: Send` is all that is needed.
unsafe impl<T: Send> Sync for Shared<T> {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl<T: Send> Send for Shared<T> {}

// A panic leaves the value in its cell or out of it; what is inside of it is not shared.
impl<T> UnwindSafe for Shared<T> {}
impl<T> RefUnwindSafe for Shared<T> {}

/// Where one end leaves its waker for the other.
struct Seat {
    /// The bit that gives the cell away.
    taken: u8,
    /// The bits by which the other end goes.
    gone: u8,
    waker: UnsafeCell<Option<Waker>>,
}

/// What the receiver finds.
pub(super) enum Delivery<T> {
    Value(T),
    Nothing,
    HungUp,
}

impl<T> Shared<T> {
    pub(super) fn new() -> Self {
        let seat = |taken, gone| Seat { taken, gone, waker: UnsafeCell::new(None) };
        Self {
            word: AtomicU8::new(0),
            value: UnsafeCell::new(None),
            receiver: seat(RECEIVER_WAITS, SENT | HUNG_UP),
            sender: seat(SENDER_WAITS, CLOSED),
        }
    }

    /// The sender goes and leaves a value; gets it back if the receiver has gone.
    pub(super) fn send(&self, value: T) -> Result<(), T> {
        // SAFETY: until `SENT` is set the value's cell is the sender's, and there is one sender.
        self.value.with_mut(|cell| unsafe { *cell = Some(value) });
        let before = self.go(SENT, &self.receiver);
        if before & CLOSED == 0 {
            return Ok(());
        }
        // SAFETY: `CLOSED` came before `SENT`, so the receiver saw no value, and will not look for one.
        let value = self.value.with_mut(|cell| unsafe { (*cell).take() });
        Err(value.expect("the value that was just put there"))
    }

    /// The sender goes; after a `send` it has gone already.
    pub(super) fn hang_up(&self) {
        if self.word.load(Acquire) & SENT == 0 {
            self.go(HUNG_UP, &self.receiver);
        }
    }

    /// The receiver goes, and drops what was not received.
    pub(super) fn close(&self) {
        self.stop_receiving();
        if self.go(CLOSED, &self.sender) & SENT != 0 {
            drop(self.take());
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.load(Acquire) & CLOSED != 0
    }

    /// Only the receiver calls this.
    pub(super) fn try_recv(&self) -> Delivery<T> {
        let word = self.word.load(Acquire);
        if word & SENT != 0 {
            // Nothing there: it was received before.
            return self.take().map_or(Delivery::HungUp, Delivery::Value);
        }
        if word & HUNG_UP != 0 { Delivery::HungUp } else { Delivery::Nothing }
    }

    /// Only the receiver calls this; `Nothing` means that it will be woken.
    pub(super) fn recv_or_wait(&self, waker: &Waker) -> Delivery<T> {
        match self.try_recv() {
            Delivery::Nothing if self.wait(&self.receiver, waker) => Delivery::Nothing,
            // Sent or hung up just now.
            Delivery::Nothing => self.try_recv(),
            delivery => delivery,
        }
    }

    pub(super) fn stop_receiving(&self) {
        drop(self.stand_up(&self.receiver));
    }

    /// Whether the receiver has gone; if it has not, the sender will be woken. Only the sender calls this.
    pub(super) fn closed_or_wait(&self, waker: &Waker) -> bool {
        self.is_closed() || !self.wait(&self.sender, waker)
    }

    pub(super) fn stop_awaiting_close(&self) {
        drop(self.stand_up(&self.sender));
    }

    /// The receiver's, once it has seen `SENT` without having gone first.
    fn take(&self) -> Option<T> {
        // SAFETY: `SENT` gave the cell to the receiver, whose thread this is; the caller acquired it.
        self.value.with_mut(|cell| unsafe { (*cell).take() })
    }

    /// One end goes by `bit`, and wakes the other if that waits. The word before.
    fn go(&self, bit: u8, other: &Seat) -> u8 {
        let before = self.word.fetch_or(bit, AcqRel);
        if before & other.taken != 0 {
            // SAFETY: `taken` was set as we went, so the cell is ours to empty; we go only once.
            let waker = other.waker.with_mut(|cell| unsafe { (*cell).take() });
            waker.expect("a seat that is taken has a waker").wake();
        }
        before
    }

    /// Sits down with `waker`. `false`: the other has gone already, so there is nobody to wait for.
    fn wait(&self, seat: &Seat, waker: &Waker) -> bool {
        let Ok(known) = self.try_stand_up(seat) else {
            return false;
        };
        let known = known.filter(|known| known.will_wake(waker)).unwrap_or_else(|| waker.clone());
        // SAFETY: the seat's bit is clear and the seat is ours, so the other end stays away from the cell.
        seat.waker.with_mut(|cell| unsafe { *cell = Some(known) });
        let before = self.word.fetch_or(seat.taken, AcqRel);
        if before & seat.gone == 0 {
            return true;
        }
        // SAFETY: the other had gone before it could see our bit, so it leaves the cell to us.
        drop(seat.waker.with_mut(|cell| unsafe { (*cell).take() }));
        false
    }

    fn stand_up(&self, seat: &Seat) -> Option<Waker> {
        self.try_stand_up(seat).ok().flatten()
    }

    /// Takes the waker back. `Err`: the other end has gone, and the waker is its to wake.
    fn try_stand_up(&self, seat: &Seat) -> Result<Option<Waker>, ()> {
        // A seat is taken and left by its own end only, so the load cannot miss a bit that it has set.
        if self.word.load(Acquire) & seat.taken == 0 {
            return Ok(None);
        }
        let before = self.word.fetch_and(!seat.taken, AcqRel);
        if before & seat.gone != 0 {
            return Err(());
        }
        // SAFETY: the other had not gone when our bit was cleared, and will not see it when it does.
        Ok(seat.waker.with_mut(|cell| unsafe { (*cell).take() }))
    }
}
