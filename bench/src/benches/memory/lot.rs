//! Where the parked wait: each leaves its waker, in memory that does not count as its own.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// A place for so many waiting tasks, and for one that counts them.
pub struct Lot(Mutex<State>);

struct State {
    /// Of those that wait.
    wakers: Vec<Waker>,
    /// How many there are: those that were woken count until they have ended.
    parked: usize,
    /// The task in [`Lot::holds`], and what it waits for.
    counter: Option<(usize, Waker)>,
}

impl Lot {
    /// A lot without a place.
    pub const fn new() -> Self {
        Self(Mutex::new(State { wakers: Vec::new(), parked: 0, counter: None }))
    }

    /// Makes room for so many, and touches all of it, so that it is resident from now on.
    pub fn open(&self, places: usize) {
        let wakers = &mut self.lock().wakers;
        wakers.resize(places, Waker::noop().clone());
        wakers.clear();
    }

    /// Waits in the lot until it is [cleared](Self::clear).
    pub fn park(&'static self) -> Parked {
        Parked { lot: self, entered: false }
    }

    /// Waits until exactly so many are in the lot.
    pub async fn holds(&self, count: usize) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.parked == count {
                return Poll::Ready(());
            }
            state.counter = Some((count, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Wakes everyone.
    pub fn clear(&self) {
        let wakers = mem::take(&mut self.lock().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn changed(&self, mut state: MutexGuard<'_, State>) {
        let parked = state.parked;
        let reached = state.counter.take_if(|(count, _)| *count == parked);
        drop(state);
        if let Some((_, counter)) = reached {
            counter.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

/// See [`Lot::park`].
pub struct Parked {
    lot: &'static Lot,
    entered: bool,
}

impl Future for Parked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lot.lock();
        if mem::replace(&mut self.entered, true) {
            state.parked -= 1;
            self.lot.changed(state);
            return Poll::Ready(());
        }
        state.wakers.push(context.waker().clone());
        state.parked += 1;
        self.lot.changed(state);
        Poll::Pending
    }
}
