//! What all ends of a watch channel share: the value, its version, and who waits for what.
//!
//! ```text
//!   value: Some ──── look: one more count ────► Ref ──── dropped: one less, and senders are woken
//!     │    ▲
//!     │    └─ put back, with a new version if there is one: all are woken
//!     ▼
//!   None: a sender has taken it out, which it does when no `Ref` counts
//! ```
//!
//! The value is a counted reference, counted under the lock only. So whoever finds the count at one, under the lock, has the
//! value for itself: it takes the value out, and lets go of the lock while it changes it. That is a lock for many readers or
//! one writer, in which readers never wait for each other: one that is in it already may look again.

use super::super::{short_lock::ShortLock, until::Until, wait_queue::WaitQueue};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, mpsc::RecvError},
};

pub(super) struct Shared<T> {
    state: ShortLock<State<T>>,
    /// Senders wait here for the end of looks; both ends, for the end of a change.
    released: WaitQueue,
    /// Receivers wait here for a new version, and for the end.
    changed: WaitQueue,
    /// Senders wait here for the last receiver's end.
    unwatched: WaitQueue,
}

struct State<T> {
    value: Option<Arc<T>>,
    version: u64,
    senders: usize,
    receivers: usize,
}

impl<T> Shared<T> {
    /// A channel with one sender, and no receiver.
    pub(super) fn new(value: T) -> Self {
        let state = State { value: Some(Arc::new(value)), version: 0, senders: 1, receivers: 0 };
        Self {
            state: ShortLock::new(state),
            released: WaitQueue::new(),
            changed: WaitQueue::new(),
            unwatched: WaitQueue::new(),
        }
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
            self.changed.notify_all();
        }
    }

    /// Counts a new receiver; returns the version of the value at this moment.
    pub(super) fn add_receiver(&self) -> u64 {
        let mut state = self.state.lock();
        state.receivers += 1;
        state.version
    }

    pub(super) fn remove_receiver(&self) {
        let mut state = self.state.lock();
        state.receivers -= 1;
        let is_last = state.receivers == 0;
        drop(state);
        if is_last {
            self.unwatched.notify_all();
        }
    }

    pub(super) fn receivers(&self) -> usize {
        self.state.lock().receivers
    }

    pub(super) fn version(&self) -> u64 {
        self.state.lock().version
    }

    /// A look at the value, once no sender is changing it; with its version.
    pub(super) fn looking<'s>(&'s self) -> Until<'s, impl FnMut() -> Option<(Ref<'s, T>, u64)> + Unpin> {
        Until::new(&self.released, || {
            let state = self.state.lock();
            let value = state.value.clone()?;
            Some((Ref { shared: self, value: Some(value) }, state.version))
        })
    }

    /// Looks in direct style. Not a cancellation point.
    pub(super) fn look(&self) -> (Ref<'_, T>, u64) {
        self.looking().wait_uncancellable()
    }

    /// The value, taken out to be changed, once nobody looks at it.
    pub(super) fn changing<'s>(&'s self) -> Until<'s, impl FnMut() -> Option<Change<'s, T>> + Unpin> {
        Until::new(&self.released, || {
            let mut state = self.state.lock();
            Arc::get_mut(state.value.as_mut()?)?;
            let value = state.value.take();
            Some(Change { shared: self, value, is_new: false })
        })
    }

    /// Takes it out in direct style. Not a cancellation point.
    pub(super) fn change(&self) -> Change<'_, T> {
        self.changing().wait_uncancellable()
    }

    /// How it stands with a receiver that has seen version `seen`: whether there is a new one, which is seen then, or the channel
    /// is closed. `None`: it has to wait.
    pub(super) fn changed(&self, seen: &mut u64) -> Option<Result<(), RecvError>> {
        let state = self.state.lock();
        if state.version != *seen {
            *seen = state.version;
            return Some(Ok(()));
        }
        (state.senders == 0).then_some(Err(RecvError))
    }

    /// The wait for a version other than `seen`, or the end.
    pub(super) fn until_changed<'s>(
        &'s self,
        seen: &'s mut u64,
    ) -> Until<'s, impl FnMut() -> Option<Result<(), RecvError>> + Unpin + 's> {
        Until::charged(&self.changed, move || self.changed(seen))
    }

    /// The wait for the end of the last receiver.
    pub(super) fn until_unwatched(&self) -> Until<'_, impl FnMut() -> Option<()> + Unpin + '_> {
        Until::new(&self.unwatched, || (self.receivers() == 0).then_some(()))
    }
}

/// A look at the value of a channel. While it exists, senders wait.
///
/// It belongs to no thread, and may be held across waits of any kind; but see the [module](super).
///
/// # Examples
///
/// ```
/// let (_sender, receiver) = fibra::sync::watch::channel(String::from("text"));
/// let (one, other) = (receiver.borrow(), receiver.borrow());
/// assert_eq!(one.len(), other.len());
/// ```
#[must_use = "a look that is not used holds senders up for nothing"]
#[clippy::has_significant_drop]
pub struct Ref<'a, T> {
    shared: &'a Shared<T>,
    /// Given back under the lock.
    value: Option<Arc<T>>,
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only `drop` takes it out")
    }
}

impl<T> Drop for Ref<'_, T> {
    fn drop(&mut self) {
        let state = self.shared.state.lock();
        // No foreign code: the channel has one more count, for nobody takes the value out while this one is there.
        self.value = None;
        drop(state);
        self.shared.released.notify_all();
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The value, taken out to be changed; dropped, it is put back.
pub(super) struct Change<'a, T> {
    shared: &'a Shared<T>,
    value: Option<Arc<T>>,
    is_new: bool,
}

impl<T> Change<'_, T> {
    /// What is put back is a new version.
    pub(super) fn publish(mut self) {
        self.is_new = true;
    }
}

impl<T> Deref for Change<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only `drop` takes it out")
    }
}

impl<T> DerefMut for Change<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        let value = self.value.as_mut().expect("only `drop` takes it out");
        Arc::get_mut(value).expect("it was taken out because nobody else counts")
    }
}

impl<T> Drop for Change<'_, T> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.value = self.value.take();
        state.version += u64::from(self.is_new);
        drop(state);
        self.shared.released.notify_all();
        if self.is_new {
            self.shared.changed.notify_all();
        }
    }
}
