//! Who reads: so that a writer knows when all are gone who can have found what he has unlinked.
//!
//! Each thread that reads has a number, which says since which *epoch* it reads; the epoch grows with each thing that is unlinked. What
//! was unlinked in one epoch may be freed when nobody reads since that one or one before.
//!
//! To begin with reading, and to end it, is a store to a place that nobody else writes, and no fence. That is what this is for: a
//! fence keeps the processor from beginning with the next lookup while it waits for memory, and a lookup is hardly more than
//! waiting. The fence is on the side of the writers, for all threads at once ([`fence::heavy`]), and once for many things. By it,
//!
//! * either the writer sees a reader's number, which tells whether it began before the unlinking,
//! * or that reader has yet to load whatever it will find, and finds nothing that was unlinked.

use crate::context::reader::{self, Loan};
use crate::primitive::{AcqRel, Acquire, AtomicU64, Mutex, Relaxed, Release};
use std::{collections::VecDeque, marker::PhantomData, ops::DerefMut, sync::PoisonError};

#[cfg(not(loom))]
use fibra_system::fence;
/// Models check the order, and have two full fences for it.
#[cfg(loom)]
mod fence {
    use crate::primitive::{SeqCst, fence};

    pub(super) fn light() {
        fence(SeqCst);
    }

    pub(super) fn heavy() -> std::io::Result<()> {
        fence(SeqCst);
        Ok(())
    }
}

/// The number of a thread that doesn't read. No epoch comes after it.
const AWAY: u64 = u64::MAX;
/// A number that is nobody's.
const FREE: u64 = u64::MAX - 1;

/// Things that are unlinked between two sweeps, if few of them wait.
const SWEEP: usize = if cfg!(loom) { 1 } else { 64 };

/// All threads that read, in whatever table.
struct Readers {
    epoch: AtomicU64,
    /// Never freed: as many as there were threads at once that had read something.
    numbers: Mutex<Vec<&'static AtomicU64>>,
}

#[cfg(not(loom))]
static READERS: Readers = Readers { epoch: AtomicU64::new(0), numbers: Mutex::new(Vec::new()) };
#[cfg(loom)]
loom::lazy_static! {
    static ref READERS: Readers = Readers { epoch: AtomicU64::new(0), numbers: Mutex::new(Vec::new()) };
}

/// A number in cache lines of its own: one thread writes it, all the time.
#[repr(align(128))]
struct Apart(AtomicU64);

impl Readers {
    fn numbers(&self) -> impl DerefMut<Target = Vec<&'static AtomicU64>> + '_ {
        // Nothing under this lock can panic in the middle of a change.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn borrow(&self) -> Loan {
        let mut numbers = self.numbers();
        let free = numbers.iter().copied().find(|number| number.load(Relaxed) == FREE);
        let number = free.unwrap_or_else(|| {
            let new = &Box::leak(Box::new(Apart(AtomicU64::new(AWAY)))).0;
            numbers.push(new);
            new
        });
        number.store(AWAY, Relaxed);
        // Its thread doesn't read any more, and nobody else knows it: from here on it can be another one's.
        Loan { number, take_back: |number| number.store(FREE, Release) }
    }

    /// Since when somebody reads who may have found something that was unlinked before this call; none of them since an epoch before
    /// that. `None` if that can't be said at the moment.
    fn oldest(&self) -> Option<u64> {
        fence::heavy().ok()?;
        // Acquire: what was read by those that are away by now was read before.
        Some(self.numbers().iter().map(|number| number.load(Acquire)).min().unwrap_or(AWAY))
    }
}

/// As long as it lives, nothing goes from limbo that can be found.
pub(super) struct Reading {
    number: &'static AtomicU64,
    /// What the number was before: somebody on this thread may read already.
    outer: u64,
    /// It stays with its thread, whose number it is.
    local: PhantomData<*const ()>,
}

/// Begins to read. `None` in a thread that ends and has given back its number.
#[inline]
pub(super) fn begin() -> Option<Reading> {
    let number = match reader::number() {
        Some(number) => number,
        None => reader::borrow(|| READERS.borrow())?,
    };
    let outer = number.load(Relaxed);
    if outer == AWAY {
        // Acquire: whoever reads since an epoch knows all that was unlinked in those before. Release: whoever sees this, and not that
        // we were away, has our earlier reading behind it as well.
        number.store(READERS.epoch.load(Acquire), Release);
        fence::light();
    }
    Some(Reading { number, outer, local: PhantomData })
}

impl Reading {
    pub(super) fn kept(&self) -> Kept<'_> {
        // SAFETY: who frees has found no reader since the epoch of unlinking or one before, and that is what we are, as the module's
        // documentation says: we began before the unlinking was visible to us, or else couldn't find it.
        unsafe { Kept::new() }
    }
}

impl Drop for Reading {
    #[inline]
    fn drop(&mut self) {
        // Release: what we have read comes before whatever is done by those who see that we are away.
        self.number.store(self.outer, Release);
    }
}

/// Proof that nothing is freed that can be found, for so long.
#[derive(Clone, Copy)]
pub(super) struct Kept<'g>(PhantomData<&'g ()>);

impl Kept<'_> {
    /// # Safety
    ///
    /// What can be found by loads from now on isn't freed as long as the lifetime lasts.
    pub(super) unsafe fn new() -> Self {
        Self(PhantomData)
    }
}

/// What was unlinked and isn't freed yet.
pub(super) struct Limbo<T> {
    /// With the epochs in which they were unlinked, which grow.
    waiting: VecDeque<(u64, T)>,
    /// As many make a sweep.
    sweep_at: usize,
}

impl<T> Limbo<T> {
    pub(super) const fn new() -> Self {
        Self { waiting: VecDeque::new(), sweep_at: SWEEP }
    }

    /// Keeps something for those who have found it. The caller has just unlinked it: who begins to read from now on, and sees that, doesn't
    /// find it. `true`: it's time for a sweep.
    #[must_use]
    pub(super) fn add(&mut self, unlinked: T) -> bool {
        // The latest epoch, as a mere load might not see it. Release: for who reads since the next one.
        let epoch = READERS.epoch.fetch_add(1, AcqRel);
        self.waiting.push_back((epoch, unlinked));
        self.waiting.len() >= self.sweep_at
    }

    /// Hands out what has no readers.
    #[cold]
    pub(super) fn sweep(&mut self, mut free: impl FnMut(T)) {
        if let Some(oldest) = READERS.oldest() {
            let count = self.waiting.partition_point(|(epoch, _)| *epoch < oldest);
            self.waiting.drain(..count).for_each(|(_, unlinked)| free(unlinked));
        }
        // Twice what is left: readers that take their time cost a sweep for each doubling, not one for each thing.
        self.sweep_at = SWEEP.max(2 * self.waiting.len());
    }

    /// Hands out everything, for the end: nobody reads any more.
    pub(super) fn into_all(self) -> impl Iterator<Item = T> {
        self.waiting.into_iter().map(|(_, unlinked)| unlinked)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::thread;

    /// Others read as well: the tests of this process that have registries. They don't read for long.
    fn sweep_until_empty(limbo: &mut Limbo<usize>) -> Vec<usize> {
        let mut freed = Vec::new();
        while !limbo.waiting.is_empty() {
            limbo.sweep(|number| freed.push(number));
            thread::yield_now();
        }
        freed
    }

    #[test]
    fn what_was_unlinked_goes_when_its_readers_have_gone() {
        let mut limbo = Limbo::new();
        _ = limbo.add(0);
        let reading = begin().unwrap();
        let again = begin().unwrap();
        let is_time = (1..=SWEEP).map(|number| limbo.add(number)).collect::<Vec<_>>();
        assert_eq!(is_time.iter().position(|is_time| *is_time), Some(SWEEP - 2));
        drop(again);
        limbo.sweep(|number| assert_eq!(number, 0, "unlinked under a reader's eyes"));
        assert!(!limbo.add(SWEEP + 1), "a sweep in vain is not repeated at once");
        drop(reading);
        let freed = sweep_until_empty(&mut limbo);
        assert!(freed.ends_with(&(1..=SWEEP + 1).collect::<Vec<_>>()), "{freed:?}");
    }

    #[test]
    fn what_was_unlinked_before_a_reader_began_goes_in_spite_of_it() {
        let mut limbo = Limbo::new();
        _ = limbo.add(7);
        let _reading = begin().unwrap();
        assert_eq!(sweep_until_empty(&mut limbo), [7]);
    }

    #[test]
    fn threads_that_end_leave_their_numbers_to_others() {
        for _ in 0..1000 {
            thread::spawn(|| drop(begin().unwrap())).join().unwrap();
        }
        assert!(READERS.numbers().len() < 500, "one for each thread that is there");
    }
}
