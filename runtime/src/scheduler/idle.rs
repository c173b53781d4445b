//! Who sleeps, and who searches.
//!
//! The promise: a task in a queue never waits while a worker sleeps, except behind a worker that is already
//! searching, or that finds the task not worth a wake (`Pace::is_long`): one that was woken, behind others that have been
//! quick of late. It holds because the two sides look in opposite orders:
//!
//! ```text
//!   pusher:   put the task into a queue     sleeper:  say "I sleep" (add)
//!             ── SeqCst fence ──                      ── SeqCst fence ──
//!             anybody asleep? wake one                look into every queue; found? stay awake (remove)
//! ```
//!
//! One of them sees the other. One searcher at a time is enough: it wakes the next one when it finds work, so
//! a burst wakes workers one after another, and a single task does not wake a herd.

use crate::primitive::{AtomicBool, AtomicU64, Relaxed, SeqCst, fence};

/// See the module. On lines of its own: what else workers share they only read.
#[repr(align(128))]
pub(crate) struct Idle {
    searching: AtomicBool,
    /// A bit for each worker that sleeps.
    sleepers: Box<[AtomicU64]>,
}

impl Idle {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            searching: AtomicBool::new(false),
            sleepers: (0..workers.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Becomes the searcher, unless there is one.
    pub(crate) fn start_search(&self) -> bool {
        // A failed attempt writes nothing: it must not renew what the searcher is about to clear.
        !self.searching.load(Relaxed) && self.searching.compare_exchange(false, true, SeqCst, Relaxed).is_ok()
    }

    /// Whether `worker`, one of the sleepers, need not stay awake for what is in the queues: there is nothing, or somebody
    /// searches, who picks one of the sleepers if there is work at the end of that search. To be asked after
    /// [`add`](Self::add), and after the worker can be unparked.
    ///
    /// Who is no sleeper any more was picked, maybe before it could be unparked: it is the searcher itself, and nobody is
    /// woken until its search has ended, even if another one has taken the task meanwhile.
    pub(crate) fn may_sleep(&self, worker: usize, has_work: impl FnOnce() -> bool) -> bool {
        let is_searched = self.searching.load(SeqCst);
        let is_listed = self.sleepers[worker / 64].load(SeqCst) & (1 << (worker % 64)) != 0;
        is_listed && (is_searched || !has_work())
    }

    /// Stops being the searcher.
    pub(crate) fn end_search(&self) {
        self.searching.store(false, SeqCst);
    }

    /// `worker` is about to sleep; it must look into every queue after this.
    pub(crate) fn add(&self, worker: usize) {
        self.sleepers[worker / 64].fetch_or(1 << (worker % 64), SeqCst);
        fence(SeqCst);
    }

    /// `worker` is awake. `false`: it was picked meanwhile, and is the searcher now.
    pub(crate) fn remove(&self, worker: usize) -> bool {
        let bit = 1 << (worker % 64);
        self.sleepers[worker / 64].fetch_and(!bit, SeqCst) & bit != 0
    }

    /// A task was put into a queue: picks the sleeper to wake, if that is needed. It becomes the searcher.
    #[inline]
    pub(crate) fn pick(&self) -> Option<usize> {
        fence(SeqCst);
        if self.searching.load(Relaxed) || self.sleepers.iter().all(|word| word.load(Relaxed) == 0) {
            return None;
        }
        self.pick_one()
    }

    #[cold]
    fn pick_one(&self) -> Option<usize> {
        while self.start_search() {
            let picked = self.sleepers.iter().enumerate().find_map(|(index, word)| {
                let lowest = Self::clear_lowest(word)?;
                Some(index * 64 + lowest as usize)
            });
            if picked.is_some() {
                return picked;
            }
            self.end_search();
            // Whoever pushed meanwhile saw a search going on, and left the wake to us: if somebody has gone
            // to sleep since we looked, it is ours to wake.
            fence(SeqCst);
            if self.sleepers.iter().all(|word| word.load(Relaxed) == 0) {
                return None;
            }
        }
        None
    }

    fn clear_lowest(word: &AtomicU64) -> Option<u32> {
        let mut bits = word.load(SeqCst);
        while bits != 0 {
            let lowest = bits.trailing_zeros();
            bits = word.fetch_and(!(1 << lowest), SeqCst);
            if bits & (1 << lowest) != 0 {
                return Some(lowest);
            }
        }
        None
    }
}
