//! How a set runs: its members are polled until enough have ended, and then the rest is ended.
//!
//! ```text
//!            a member has ended, and decides                     the rest has ended too
//!   Running ──────────────────────────────────► Ending(index) ──────────────────────────► ready: Some(index)
//!      │                                             └─ or is to be left as it is ──────►
//!      │ all have ended, and none decides
//!      └───────────────────────────────────────────────────────────────────────────────► ready: None
//! ```
//!
//! Each phase begins with a poll of all members. From then on a small set polls all again whenever it is woken: it has no
//! waker but its caller's, and allocates nothing. A large one gives each member a waker of its own ([`Wakers`]), and polls
//! those that were woken.

use super::{members::Members, wakers::Wakers};
use crate::task::ending::Ending;
use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Up to here members share a waker: those of a tuple do.
const FEW: usize = 8;

/// See the module.
pub(super) struct Run<M, T> {
    /// Pinned here.
    members: M,
    progress: Progress,
    /// Whether the member that has ended decides, so that the others need not go on.
    decides: fn(&M, usize) -> bool,
    /// What to make of it all; with the member that has decided.
    finish: fn(Pin<&mut M>, Option<usize>) -> T,
}

/// What is not pinned.
struct Progress {
    wakers: Option<Wakers>,
    phase: Phase,
    /// All members are to be polled, woken or not; from which one on.
    polls_all: bool,
    start: usize,
    /// How many have not ended.
    running: usize,
    /// Whether the rest is ended once it is decided, or left.
    ends_rest: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// It is decided, by this member.
    Ending(usize),
}

impl<M: Members, T> Run<M, T> {
    pub(super) fn new(
        members: M,
        decides: fn(&M, usize) -> bool,
        finish: fn(Pin<&mut M>, Option<usize>) -> T,
    ) -> Self {
        let count = members.len();
        let progress = Progress {
            wakers: (count > FEW).then(|| Wakers::new(count)),
            phase: Phase::Running,
            polls_all: true,
            start: 0,
            running: count,
            ends_rest: true,
        };
        Self { members, progress, decides, finish }
    }

    /// Leaves the rest as it is once it is decided; and begins with any member, so that none that is always ready keeps the
    /// others from ever being first.
    pub(super) fn leaving_the_rest(mut self) -> Self {
        let chance = RandomState::new().hash_one(()) as usize;
        self.progress.start = chance.checked_rem(self.progress.running).unwrap_or(0);
        self.progress.ends_rest = false;
        self
    }
}

impl<M: Members, T> Future for Run<M, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // SAFETY: the members are not moved, but pinned again below; they are dropped with us. All else is not pinned.
        let Self { members, progress, decides, finish } = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        let mut members = unsafe { Pin::new_unchecked(members) };
        let decided = ready!(progress.poll(members.as_mut(), *decides, context));
        Poll::Ready(finish(members, decided))
    }
}

impl Progress {
    fn poll<M: Members>(
        &mut self,
        mut members: Pin<&mut M>,
        decides: fn(&M, usize) -> bool,
        context: &mut Context<'_>,
    ) -> Poll<Option<usize>> {
        if self.phase == Phase::Running {
            match self.poll_some(members.as_mut(), Some(decides), context) {
                Some(index) => self.decide(index),
                None if self.running == 0 => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
        let Phase::Ending(index) = self.phase else { unreachable!("decided above") };
        if self.ends_rest && self.running > 0 {
            self.poll_some(members, None, context);
        }
        if self.ends_rest && self.running > 0 { Poll::Pending } else { Poll::Ready(Some(index)) }
    }

    fn decide(&mut self, index: usize) {
        (self.phase, self.polls_all) = (Phase::Ending(index), true);
        // Nobody need be remembered who will be polled with all others.
        if let Some(wakers) = &mut self.wakers {
            while wakers.pop().is_some() {}
        }
    }

    /// Polls those whose turn it is, and ends them if there is nothing to be decided any more; returns the first that
    /// decides.
    fn poll_some<M: Members>(
        &mut self,
        mut members: Pin<&mut M>,
        decides: Option<fn(&M, usize) -> bool>,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        if let Some(wakers) = &mut self.wakers {
            wakers.begin(context.waker());
            // Who is told to end asks every member.
            if !self.polls_all && Ending::here().is_none() {
                while let Some(index) = self.wakers.as_mut().and_then(Wakers::pop) {
                    if self.poll_one(members.as_mut(), index, decides, context) {
                        return Some(index);
                    }
                }
                return None;
            }
        }
        self.polls_all = false;
        let count = members.len();
        let mut all = (self.start..count).chain(0..self.start);
        all.find(|&index| self.poll_one(members.as_mut(), index, decides, context))
    }

    /// Whether the member has ended with this poll, and decides.
    fn poll_one<M: Members>(
        &mut self,
        mut members: Pin<&mut M>,
        index: usize,
        decides: Option<fn(&M, usize) -> bool>,
        context: &mut Context<'_>,
    ) -> bool {
        if !members.is_running(index) {
            return false;
        }
        let is_wanted = decides.is_some();
        let polled = match &self.wakers {
            None => members.as_mut().poll(index, is_wanted, context),
            Some(wakers) => {
                let waker = wakers.waker(index);
                members.as_mut().poll(index, is_wanted, &mut Context::from_waker(&waker))
            }
        };
        if polled.is_pending() {
            return false;
        }
        self.running -= 1;
        decides.is_some_and(|decides| decides(&members, index))
    }
}
