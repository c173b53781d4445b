//! Where tasks wait until all of them are woken at once.
//!
//! Each leaves a handle that ends its wait, in memory that is there beforehand. A future and a green thread of fibra's
//! leave a waker, whatever the runtime; [`may`] has no wakers and leaves the coroutine's own handle.

#[cfg(feature = "peers")]
mod may;

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// A place for so many waiting tasks, and for one that counts them.
pub struct Lot<H = Waker>(Mutex<State<H>>);

struct State<H> {
    /// Of those that wait.
    handles: Vec<H>,
    /// How often somebody has begun to wait since the lot was opened.
    entered: usize,
    /// How often somebody that was woken has got on.
    left: usize,
    /// Who counts, and what for.
    counter: Option<(Goal, H)>,
}

/// What a counter waits for.
#[derive(Clone, Copy)]
enum Goal {
    Entered(usize),
    Left(usize),
}

/// A handle to a task that waits.
pub trait Handle: Clone {
    /// Ends the wait.
    fn wake(self);
}

impl Handle for Waker {
    fn wake(self) {
        Waker::wake(self);
    }
}

impl<H: Handle> Lot<H> {
    /// A lot without a place.
    pub const fn new() -> Self {
        Self(Mutex::new(State { handles: Vec::new(), entered: 0, left: 0, counter: None }))
    }

    /// Wakes everyone, and makes room for as many to come.
    pub fn clear(&self) {
        let handles = {
            let mut state = self.lock();
            let room = Vec::with_capacity(state.handles.len());
            mem::replace(&mut state.handles, room)
        };
        handles.into_iter().for_each(H::wake);
    }

    /// Makes room for so many and fills it with copies of `any`, so that it is resident from now on; counts from 0.
    fn open_with(&self, places: usize, any: H) {
        let mut state = self.lock();
        (state.entered, state.left) = (0, 0);
        state.handles.resize(places, any);
        state.handles.clear();
    }

    fn enter(&self, handle: H) {
        let mut state = self.lock();
        state.handles.push(handle);
        state.entered += 1;
        Self::tell_counter(state);
    }

    fn leave(&self) {
        let mut state = self.lock();
        state.left += 1;
        Self::tell_counter(state);
    }

    /// Whether `goal` is reached; if not, `counter` is woken when it is.
    fn count(&self, goal: Goal, counter: impl FnOnce() -> H) -> bool {
        let mut state = self.lock();
        let reached = state.has_reached(goal);
        if !reached {
            state.counter = Some((goal, counter()));
        }
        reached
    }

    fn tell_counter(mut state: MutexGuard<'_, State<H>>) {
        if state.counter.as_ref().is_some_and(|(goal, _)| state.has_reached(*goal)) {
            let counter = state.counter.take();
            drop(state);
            counter.into_iter().for_each(|(_, handle)| handle.wake());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl<H> State<H> {
    fn has_reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Entered(count) => self.entered >= count,
            Goal::Left(count) => self.left >= count,
        }
    }
}

impl Lot {
    /// Makes room for so many, and touches all of it; counts from 0.
    pub fn open(&self, places: usize) {
        self.open_with(places, Waker::noop().clone());
    }

    /// Waits in the lot until it is [cleared](Self::clear).
    pub fn park(&'static self) -> Parked {
        Parked { lot: self, entered: false }
    }

    /// Waits until so many have begun to wait since the lot was opened.
    pub async fn entered(&self, count: usize) {
        self.reached(Goal::Entered(count)).await;
    }

    /// Waits until so many have got on since the lot was opened.
    pub async fn left(&self, count: usize) {
        self.reached(Goal::Left(count)).await;
    }

    async fn reached(&self, goal: Goal) {
        poll_fn(|context| match self.count(goal, || context.waker().clone()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
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
        if mem::replace(&mut self.entered, true) {
            self.lot.leave();
            return Poll::Ready(());
        }
        self.lot.enter(context.waker().clone());
        Poll::Pending
    }
}
