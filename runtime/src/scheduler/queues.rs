//! Where a worker's tasks come from, and where it puts them: its ring, its next slot, the injector, and the others' rings.

use super::{
    injector::Injector,
    local_queue::BATCH,
    worker::{Work, Worker},
};
use crate::task::runnable::Runnable;

/// The next slot may be used this often in a row: then the ring has its turn, or a pair of tasks that
/// wake each other would starve it.
const NEXT_IN_A_ROW: u32 = 3;

impl Worker {
    /// Appends a new task to the ring. Nobody knows how long it will run: whoever sleeps is woken to take it.
    pub(crate) fn push(&self, runnable: Runnable) {
        self.home.probe().queued(runnable.address());
        self.append(runnable);
        self.scheduler.notify();
    }

    /// Appends a task to the ring that has run before. Others are woken only if that pays.
    pub(super) fn push_again(&self, runnable: Runnable) {
        self.home.probe().queued(runnable.address());
        self.append_and_share(runnable);
    }

    fn append(&self, runnable: Runnable) {
        // SAFETY: this is the ring's owner.
        unsafe { self.shared().queue.push(runnable, |overflow| self.scheduler.injector.push_all(overflow)) };
    }

    #[inline]
    pub(super) fn share_if_long(&self) {
        if self.pace.is_long(self.shared().queue.len()) {
            self.scheduler.notify();
        }
    }

    /// Puts a task that was woken into a queue.
    #[inline]
    pub(crate) fn push_woken(&self, runnable: Runnable) {
        if self.home.is_patient() { self.push_again(runnable) } else { self.push_next(runnable) }
    }

    /// Puts a task into the next slot, and the one that was there into the ring.
    #[inline]
    pub(super) fn push_next(&self, runnable: Runnable) {
        self.home.probe().queued(runnable.address());
        if let Some(displaced) = self.shared().replace_next(runnable) {
            self.append_and_share(displaced);
        }
    }

    // Not inlined: what is woken finds the next slot empty most often.
    #[inline(never)]
    fn append_and_share(&self, runnable: Runnable) {
        self.append(runnable);
        self.share_if_long();
    }

    /// What is at hand, without a look at the world. Parked stacks and the ring take turns.
    pub(super) fn at_hand(&self) -> Option<Work> {
        if !self.pace.is_rings_turn()
            && let Some(fiber) = self.home.ready().pop()
        {
            return Some(Work::Resume(fiber));
        }
        if let Some(task) = self.pop_task() {
            return Some(Work::Run(task));
        }
        self.home.ready().pop().map(Work::Resume)
    }

    pub(super) fn pop_task(&self) -> Option<Runnable> {
        let streak = self.next_in_a_row.get();
        if streak < NEXT_IN_A_ROW
            && let Some(task) = self.take_own_next()
        {
            self.next_in_a_row.set(streak + 1);
            return Some(task);
        }
        self.next_in_a_row.set(0);
        // SAFETY: this is the ring's owner.
        unsafe { self.shared().queue.pop() }.or_else(|| self.take_own_next())
    }

    /// Empties our own next slot.
    #[inline]
    fn take_own_next(&self) -> Option<Runnable> {
        if self.scheduler.workers.len() > 1 {
            return self.shared().take_next();
        }
        // SAFETY: this is the slot's worker, and there are no others to steal from it.
        unsafe { self.shared().take_next_alone() }
    }

    /// Whether there is something to do that needs no look at the world.
    #[inline]
    pub(crate) fn has_at_hand(&self) -> bool {
        !self.home.ready().is_empty() || self.shared().has_work()
    }

    /// Takes this worker's share of the injector: returns the first task, and puts the others into the ring.
    pub(super) fn pop_injector(&self) -> Option<Runnable> {
        self.take_share(&self.scheduler.injector, self.scheduler.workers.len())
    }

    /// Takes the share of one of `workers`: returns the first task, and puts the others into the ring.
    pub(super) fn take_share(&self, injector: &Injector, workers: usize) -> Option<Runnable> {
        let queue = &self.shared().queue;
        let mut first = None;
        injector.pop_share(workers, 1 + queue.room().min(BATCH) as usize, |task| {
            match first {
                None => first = Some(task),
                // SAFETY: this is the ring's owner.
                Some(_) => unsafe { queue.push(task, |_| unreachable!("the ring had room for them")) },
            }
        });
        first
    }

    /// Takes half of another worker's ring (our own being empty); on the last pass, its next slot.
    pub(super) fn steal(&self) -> Option<Runnable> {
        let workers = &self.scheduler.workers;
        let seed = self.steal_seed.get();
        self.steal_seed.set(seed ^ (seed << 13) ^ (seed >> 17) ^ (seed << 5));
        let others = (0..workers.len())
            .map(|i| (i + seed as usize) % workers.len())
            .filter(|&index| index != self.home.index())
            .map(|index| &workers[index]);
        // SAFETY: this is the ring's owner.
        let stolen =
            others.clone().find_map(|victim| unsafe { victim.queue.steal_into(&self.shared().queue) });
        let stolen = stolen.or_else(|| others.clone().find_map(|victim| victim.take_next()))?;
        self.shared().counters.steals.add(1 + u64::from(self.shared().queue.len()));
        Some(stolen)
    }
}
