//! One direction of a stream, for one task or, through a shared reference, for several.
//!
//! ```text
//!   A: joins the crowd ──► takes what waits ──► polls it, with the crowd's waker ──► puts it back
//!   B:        joins the crowd ──► finds it taken, says so, and waits ······················└──► is woken, to look again
//!
//!   what was waited for has come: all of the crowd are woken, and look again
//! ```
//!
//! One operation waits for all of them, so that they let each other sleep. Whoever finds that it has ended uses it up; the others
//! were woken too, and the next one that finds nothing begins another. The lock is held to take what waits and to put it back,
//! never while it is polled.

#[cfg(all(test, loom))]
mod loom;

use crate::{primitive::Mutex, task::join::wake_all};
use std::{
    mem,
    ops::DerefMut,
    sync::{Arc, OnceLock, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

/// A crowd that has grown to this many is woken: those who are gone don't come again.
const MOST_WAKERS: usize = 64;

/// See the module.
#[derive(Default)]
pub(crate) struct Direction<W> {
    seat: Mutex<Seat<W>>,
    /// Made for the first who comes by a shared reference.
    crowd: OnceLock<Arc<Crowd>>,
}

/// What waits, and who has it.
#[derive(Default)]
struct Seat<W> {
    waiting: W,
    is_taken: bool,
    /// Somebody came while it was taken.
    is_missed: bool,
}

impl<W: Default> Direction<W> {
    /// For whoever has the stream for himself.
    #[cfg(feature = "_polled")]
    pub(crate) fn alone(&mut self) -> &mut W {
        &mut self.seat.get_mut().unwrap_or_else(PoisonError::into_inner).waiting
    }

    /// For one of several.
    pub(crate) fn shared<T>(
        &self,
        context: &Context<'_>,
        poll: impl FnOnce(&mut W, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let crowd = self.crowd.get_or_init(Arc::default);
        // Before it looks: whoever has what waits, or ends it, finds this one there.
        crowd.join(context.waker());
        let Some(waiting) = self.take() else { return Poll::Pending };
        let mut turn = Turn { direction: self, crowd, waker: context.waker(), waiting, goes: true };
        let waker = Waker::from(Arc::clone(crowd));
        let polled = poll(&mut turn.waiting, &mut Context::from_waker(&waker));
        turn.goes = polled.is_ready();
        polled
    }

    /// What waits, unless somebody else has it, who is told then.
    fn take(&self) -> Option<W> {
        let mut seat = self.lock();
        if mem::replace(&mut seat.is_taken, true) {
            seat.is_missed = true;
            return None;
        }
        Some(mem::take(&mut seat.waiting))
    }

    /// Puts back what waits. Returns whether somebody has missed it.
    fn put_back(&self, waiting: W) -> bool {
        let mut seat = self.lock();
        seat.waiting = waiting;
        seat.is_taken = false;
        mem::take(&mut seat.is_missed)
    }

    fn lock(&self) -> impl DerefMut<Target = Seat<W>> + '_ {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time in which one of the crowd has what waits; it ends in a panic too.
struct Turn<'d, W: Default> {
    direction: &'d Direction<W>,
    crowd: &'d Crowd,
    waker: &'d Waker,
    waiting: W,
    /// It waits no longer.
    goes: bool,
}

impl<W: Default> Drop for Turn<'_, W> {
    fn drop(&mut self) {
        let is_missed = self.direction.put_back(mem::take(&mut self.waiting));
        if self.goes {
            self.crowd.leave(self.waker);
        }
        if is_missed {
            self.crowd.wake_others(self.waker);
        }
    }
}

/// The wakers of all who wait in a direction. It is itself what the operation wakes.
#[derive(Default)]
struct Crowd(Mutex<Vec<Waker>>);

impl Crowd {
    fn join(&self, waker: &Waker) {
        // Not under the lock: a waker is foreign code.
        let waker = waker.clone();
        let mut wakers = self.lock();
        if wakers.iter().any(|known| known.will_wake(&waker)) {
            drop(wakers);
            return;
        }
        let crowd = if wakers.len() < MOST_WAKERS { Vec::new() } else { mem::take(&mut *wakers) };
        wakers.push(waker);
        drop(wakers);
        wake_all(crowd);
    }

    fn leave(&self, waker: &Waker) {
        let mut wakers = self.lock();
        let place = wakers.iter().position(|known| known.will_wake(waker));
        let own = place.map(|place| wakers.swap_remove(place));
        drop(wakers);
        drop(own);
    }

    /// Wakes all but the one with this waker, which stays if it is there.
    fn wake_others(&self, waker: &Waker) {
        let mut wakers = self.lock();
        let others: Vec<_> = wakers.extract_if(.., |known| !known.will_wake(waker)).collect();
        drop(wakers);
        wake_all(others);
    }

    fn lock(&self) -> impl DerefMut<Target = Vec<Waker>> + '_ {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Crowd {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let crowd = mem::take(&mut *self.lock());
        wake_all(crowd);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
    };

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    impl Task {
        fn poll(
            self: &Arc<Self>,
            direction: &Direction<u8>,
            poll: impl FnOnce(&mut u8) -> Poll<()>,
        ) -> Poll<()> {
            let waker = Waker::from(Arc::clone(self));
            direction.shared(&Context::from_waker(&waker), |waiting, _| poll(waiting))
        }
    }

    #[test]
    fn a_poll_that_panics_leaves_the_direction_to_the_others() {
        let (direction, tasks) = (Direction::default(), [(); 2].map(|()| Arc::new(Task::default())));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            tasks[0].poll(&direction, |_| {
                assert!(tasks[1].poll(&direction, |_| unreachable!("the other one has it")).is_pending());
                panic!("on purpose");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(tasks[1].0.load(SeqCst), 1, "it was told to look again");
        assert!(tasks[1].poll(&direction, |_| Poll::Ready(())).is_ready());
        assert!(direction.crowd.get().expect("two have come").lock().is_empty());
    }

    #[test]
    fn those_who_have_gone_are_forgotten_before_they_are_too_many() {
        let (direction, stays) = (Direction::default(), Arc::new(Task::default()));
        assert!(stays.poll(&direction, |_| Poll::Pending).is_pending());
        for _ in 0..10 * MOST_WAKERS {
            let goes = Arc::new(Task::default());
            assert!(goes.poll(&direction, |_| Poll::Pending).is_pending());
            assert!(direction.crowd.get().expect("some have come").lock().len() <= MOST_WAKERS);
            if stays.0.swap(0, SeqCst) > 0 {
                assert!(stays.poll(&direction, |_| Poll::Pending).is_pending());
            }
        }
        direction.crowd.get().expect("some have come").wake_others(Waker::noop());
        assert_eq!(stays.0.load(SeqCst), 1, "it still waits, or was woken to look again");
    }
}
