//! What a worker measures of itself, always: so cheaply that nobody has to decide about it.
//!
//! Counters are written by their worker alone, with plain loads and stores, and read by whoever asks. A look at the clock
//! costs as much as a small task, so only one run in [`SAMPLED`] is timed, and of the tasks that become ready, one in
//! as many is followed until it runs. A prime, lest it falls into step with what programs do.

use crate::primitive::unmodelled::{AtomicU64, Ordering::Relaxed};
use fibra_system::ticks::Ticks;
use std::{cell::Cell, ptr};

/// See the module.
const SAMPLED: u32 = 61;
/// Who was followed for so long, in nanoseconds, was probably taken by another worker.
const GIVE_UP: u64 = 10_000_000_000;

/// A number that one thread writes.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How often values of each size came: 0, 1, 2 to 3, 4 to 7, and so on.
pub(crate) struct Sizes {
    counts: [Counter; Self::BUCKETS],
    sum: Counter,
}

impl Sizes {
    pub(crate) const BUCKETS: usize = 40;

    pub(crate) fn new() -> Self {
        let counts = [const { Counter(AtomicU64::new(0)) }; Self::BUCKETS];
        Self { counts, sum: Counter::default() }
    }

    #[inline]
    pub(crate) fn note(&self, value: u64) {
        let bucket = (u64::BITS - value.leading_zeros()) as usize;
        self.counts[bucket.min(Self::BUCKETS - 1)].add(1);
        self.sum.add(value);
    }

    /// The counts, and the sum of all values, which wraps.
    pub(crate) fn get(&self) -> ([u64; Self::BUCKETS], u64) {
        (std::array::from_fn(|bucket| self.counts[bucket].get()), self.sum.get())
    }
}

/// Times one run in [`SAMPLED`]: from its start to its end, or to where it parks.
pub(crate) struct Stopwatch {
    until_next: Cell<u32>,
    started: Cell<Option<Ticks>>,
}

impl Stopwatch {
    pub(crate) fn new() -> Self {
        Self { until_next: Cell::new(SAMPLED), started: Cell::new(None) }
    }

    #[inline]
    pub(crate) fn start(&self) {
        let left = self.until_next.get() - 1;
        self.until_next.set(left);
        if left == 0 {
            self.start_this();
        }
    }

    #[cold]
    fn start_this(&self) {
        self.until_next.set(SAMPLED);
        self.started.set(Some(Ticks::now()));
    }

    #[inline]
    pub(crate) fn stop(&self, times: &Sizes) {
        // The count stands there from the start of a run that is timed to the start of the next one.
        if self.until_next.get() == SAMPLED {
            self.stop_this(times);
        }
    }

    #[cold]
    fn stop_this(&self, times: &Sizes) {
        if let Some(started) = self.started.take() {
            times.note(Ticks::now().nanoseconds_since(started));
        }
    }
}

/// Follows one of those that become ready in [`SAMPLED`], until it runs.
///
/// Who was taken by another worker never runs here: that one is given up. It is known by its address only, which somebody
/// else may have by then; then that one's wait is measured.
pub(crate) struct Probe {
    until_next: Cell<u32>,
    followed: Cell<*const ()>,
    since: Cell<Option<Ticks>>,
    pub(crate) delays: Sizes,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self {
            until_next: Cell::new(SAMPLED),
            followed: Cell::new(ptr::null()),
            since: Cell::new(None),
            delays: Sizes::new(),
        }
    }

    /// `who`, a task or a fiber, has become ready.
    #[inline]
    pub(crate) fn queued(&self, who: *const ()) {
        let left = self.until_next.get() - 1;
        self.until_next.set(left);
        if left == 0 {
            self.follow(who);
        }
    }

    #[cold]
    fn follow(&self, who: *const ()) {
        self.until_next.set(SAMPLED);
        let now = Ticks::now();
        if self.since.get().is_none_or(|since| now.nanoseconds_since(since) > GIVE_UP) {
            self.followed.set(who);
            self.since.set(Some(now));
        }
    }

    /// `who` is about to run.
    #[inline]
    pub(crate) fn runs(&self, who: *const ()) {
        if self.followed.get() == who {
            self.note();
        }
    }

    #[cold]
    fn note(&self) {
        self.followed.set(ptr::null());
        if let Some(since) = self.since.take() {
            self.delays.note(Ticks::now().nanoseconds_since(since));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn sizes_fall_into_the_bucket_of_their_highest_bit() {
        let sizes = Sizes::new();
        for value in [0, 1, 2, 3, 4, 7, 8, 1 << 60] {
            sizes.note(value);
        }
        let (counts, sum) = sizes.get();
        assert_eq!(sum, 25 + (1 << 60));
        assert_eq!(counts[..5], [1, 1, 2, 2, 1]);
        assert_eq!((counts[Sizes::BUCKETS - 1], counts.iter().sum::<u64>()), (1, 8));
    }

    #[test]
    fn a_stopwatch_times_one_run_in_so_many() {
        let (watch, times) = (Stopwatch::new(), Sizes::new());
        for _ in 0..SAMPLED * 10 {
            watch.start();
            watch.stop(&times);
        }
        assert_eq!(times.get().0.iter().sum::<u64>(), 10);
    }

    #[test]
    fn a_probe_follows_one_in_so_many_until_it_runs() {
        let probe = Probe::new();
        let places: Vec<u8> = vec![0; SAMPLED as usize * 4];
        let addresses: Vec<*const ()> = places.iter().map(|place| ptr::from_ref(place).cast()).collect();
        let count = || probe.delays.get().0.iter().sum::<u64>();
        addresses.iter().for_each(|&who| probe.queued(who));
        assert_eq!(count(), 0);
        // The first that was chosen is followed to the end, the others of the crowd are not.
        addresses.iter().for_each(|&who| probe.runs(who));
        assert_eq!(count(), 1);
        addresses.iter().for_each(|&who| {
            probe.queued(who);
            probe.runs(who);
        });
        assert_eq!(count(), 5);
        probe.runs(ptr::null());
        assert_eq!(count(), 5, "nobody is followed");
    }
}
