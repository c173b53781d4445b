//! Placement: which worker a green thread lives on.
//!
//! A green thread stays on the worker that starts it, and mostly that is the one that has spawned it: it gets to it within a
//! microsecond, when another one that was woken to steal it is far from awake. A server that spawns one for each connection
//! would have all of them on the worker that accepts. So a worker that has many asks another one, each in turn, before it starts
//! one more:
//!
//! ```text
//!   worker 0: 24 live                        worker 1: 9 live, and rests
//!      24 - 9 > 4 + 24 / 8   ─── place ───▶     placed ▪
//! ```
//!
//! * Few stay together: they may have much to say to each other, and a word to another worker costs more than a switch.
//! * Live are those that wait: who never does leaves no stack behind, and is nobody's burden for long.
//! * A worker that is busy with slow tasks is given nothing: it might not get to it for long. Nobody steals what is placed, and
//!   only the [monitor](super::monitor) frees it, from a worker that stands still.

use super::{Scheduler, Shared, injector::Injector, worker::Worker};
use crate::{
    primitive::{AtomicU8, AtomicUsize, Relaxed},
    task::runnable::Runnable,
};

/// So many stacks more than another worker, and an eighth of its own, one may have.
const SLACK: usize = 4;

/// See the module: the part of a worker that concerns others who have a green thread to place.
pub(crate) struct Placement {
    /// What was placed here, and has not been taken yet.
    placed: Injector,
    /// How many stacks the worker stood on, its own loop's included, when it looked at the world the last time.
    live: AtomicUsize,
    /// What its last tasks were like then: one of the following.
    tempo: AtomicU8,
}

const QUICK: u8 = 0;
const SLOW: u8 = 1;
/// It stands still. It will say so itself when that is over.
const STUCK: u8 = 2;

impl Placement {
    pub(crate) fn new() -> Self {
        Self { placed: Injector::new(), live: AtomicUsize::new(0), tempo: AtomicU8::new(QUICK) }
    }

    /// Whether nothing is placed.
    pub(crate) fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// How many stacks the worker stands on, as of late.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Relaxed)
    }

    /// Publishes how many they are, and what the tasks are like. On the worker's thread.
    #[inline]
    pub(super) fn note(&self, live: usize, is_slow: bool) {
        let tempo = if is_slow { SLOW } else { QUICK };
        // Others read it, and the line stays with them while nothing changes.
        if self.live() != live {
            self.live.store(live, Relaxed);
        }
        if self.tempo.load(Relaxed) != tempo {
            self.tempo.store(tempo, Relaxed);
        }
    }
}

impl Shared {
    /// Whether one of the green threads of a worker that has so many had better live here.
    fn invites(&self, live: usize) -> bool {
        let placement = &self.placement;
        let here = placement.live() + placement.placed.len();
        live > here + SLACK + live / 8
            && match placement.tempo.load(Relaxed) {
                QUICK => true,
                SLOW => self.home.is_resting(),
                _ => false,
            }
    }
}

impl Scheduler {
    /// Lets anybody have what was placed on a worker that stands still, and has nobody place more there.
    pub(super) fn free_placed(&self, worker: &Shared) {
        // First, or who takes what was freed places it there again.
        worker.placement.tempo.store(STUCK, Relaxed);
        if worker.placement.is_empty() {
            return;
        }
        let mut freed = Vec::new();
        worker.placement.placed.pop_share(1, usize::MAX, |task| freed.push(task));
        self.injector.push_all(&mut freed.into_iter());
    }
}

impl Worker {
    /// How many stacks this worker stands on.
    pub(super) fn live_stacks(&self) -> usize {
        self.stacks.borrow().in_use() - self.free.borrow().len()
    }

    /// Places a green thread that has not started. `Some`: it is to start here.
    #[inline]
    pub(super) fn place(&self, thread: Runnable) -> Option<Runnable> {
        let live = self.live_stacks();
        if live <= SLACK {
            return Some(thread);
        }
        self.place_one_of(live, thread)
    }

    #[inline(never)]
    fn place_one_of(&self, live: usize, thread: Runnable) -> Option<Runnable> {
        let Some(other) = self.next_other().filter(|other| other.invites(live)) else { return Some(thread) };
        other.placement.placed.push(thread);
        other.home.unpark();
        None
    }

    /// Each of the other workers in turn, if there are any.
    fn next_other(&self) -> Option<&Shared> {
        let workers = &self.scheduler.workers;
        let is_self = |index: usize| index == self.home.index();
        let next = (self.asked.get() + 1) % workers.len();
        let next = if is_self(next) { (next + 1) % workers.len() } else { next };
        self.asked.set(next);
        (!is_self(next)).then(|| &*workers[next])
    }

    /// Takes what others have placed here: returns the first, and puts the others into the ring.
    pub(super) fn take_placed(&self) -> Option<Runnable> {
        let placement = &self.shared().placement;
        if placement.is_empty() {
            return None;
        }
        let waiting = placement.placed.len();
        let first = self.take_share(&placement.placed, 1);
        // Whoever places the next one shall not take them for gone. Some may have come meanwhile: those are counted there.
        let taken = waiting.saturating_sub(placement.placed.len());
        placement.note(self.live_stacks() + taken, self.pace.is_wary());
        first
    }
}
