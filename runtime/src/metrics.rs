//! What a runtime does, in numbers: always counted, and so cheaply that it need not be switched on.
//!
//! [`snapshot`] takes the numbers of the runtime that we are in, [`Runtime::metrics`](crate::Runtime::metrics) those of any.
//! [`Metrics::prometheus`] writes them as the text that Prometheus collects.
//!
//! Counters only grow. Each worker writes its own, so that a snapshot is not of one moment: a task may be counted as
//! spawned, and not yet as ended, and a worker's I/O is as of its driver's last turn. Times are sampled, one in 61.

mod prometheus;

use crate::{
    scheduler::{Scheduler, Shared, register::Register, start::with_scheduler_for_here},
    task::measure::Sizes,
};
use std::fmt;

/// The numbers of the runtime that we are in; outside of one, of the process-wide default runtime.
///
/// ```
/// fibra::run(|| {
///     let before = fibra::metrics::snapshot();
///     fibra::thread::spawn(|| ()).join().unwrap();
///     let after = fibra::metrics::snapshot();
///     assert_eq!(after.spawned - before.spawned, 1);
/// });
/// ```
pub fn snapshot() -> Metrics {
    with_scheduler_for_here(|scheduler| Metrics::of(scheduler))
}

/// A runtime's numbers.
///
/// ```
/// let metrics = fibra::Runtime::new()?.metrics();
/// let total = metrics.total();
/// println!("{} operations in {} system calls", total.operations, total.enters);
/// # Ok::<(), fibra::RuntimeError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// Tasks spawned so far: futures and green threads.
    pub spawned: u64,
    /// Tasks that are alive.
    pub alive: u64,
    /// Green threads among the tasks spawned.
    pub threads_spawned: u64,
    /// Green threads among the tasks that are alive.
    pub threads_alive: u64,
    /// Threads of the pool for blocking work.
    pub blocking_threads: u64,
    /// Blocking work that no thread of the pool has taken yet.
    pub blocking_queued: u64,
    /// Workers that are stuck in a task: see [`stall`](crate::stall).
    pub stuck_workers: u64,
    /// How often a worker was found stuck.
    pub stalls: u64,
    /// Each worker's numbers, by its index.
    pub workers: Vec<WorkerMetrics>,
}

/// A worker's numbers, or the sum of several.
///
/// ```
/// let metrics = fibra::run(fibra::metrics::snapshot);
/// assert!(metrics.workers[0].parks < u64::MAX);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// Runs of tasks: polls of futures, and starts of green threads.
    pub polls: u64,
    /// How often the worker went on, on another stack.
    pub switches: u64,
    /// Tasks that it has taken from other workers.
    pub steals: u64,
    /// How often it has slept.
    pub parks: u64,
    /// I/O operations and timers started.
    pub operations: u64,
    /// Operations among them that went to the kernel by a ring, or were waiting for a descriptor to become ready.
    pub submissions: u64,
    /// System calls that submit operations, or wait for them: `io_uring_enter`, `epoll_wait`.
    pub enters: u64,
    /// How many submissions went with each enter.
    pub batches: Histogram,
    /// Operations that the kernel has.
    pub in_flight: u64,
    /// Timers that are running.
    pub timers: u64,
    /// Stacks that tasks, and the worker itself, stand on.
    pub stacks_in_use: u64,
    /// Stacks at hand for the next ones.
    pub stacks_pooled: u64,
    /// How long tasks ran, in nanoseconds: until they returned, or waited. Of one run in 61.
    pub run_times: Histogram,
    /// How long tasks that were ready waited for their turn, in nanoseconds. Of one in 61.
    pub delays: Histogram,
}

impl Metrics {
    pub(crate) fn of(scheduler: &Scheduler) -> Self {
        let tasks = Register::tasks(scheduler.registers.iter());
        let threads = Register::threads(scheduler.registers.iter());
        let blocking = scheduler.offload.stats();
        let (stuck_workers, stalls) = scheduler.monitor.counts();
        let workers = scheduler.workers.iter();
        Self {
            spawned: tasks.spawned,
            alive: tasks.alive,
            threads_spawned: threads.spawned,
            threads_alive: threads.alive,
            blocking_threads: blocking.threads as u64,
            blocking_queued: blocking.queued as u64,
            stuck_workers,
            stalls,
            workers: workers.map(|worker| WorkerMetrics::of(worker)).collect(),
        }
    }

    /// The sum over all workers.
    ///
    /// ```
    /// let metrics = fibra::run(fibra::metrics::snapshot);
    /// assert!(metrics.total().polls >= 1);
    /// ```
    pub fn total(&self) -> WorkerMetrics {
        self.workers.iter().fold(WorkerMetrics::default(), |mut sum, worker| {
            sum.add(worker);
            sum
        })
    }

    /// All numbers but the histograms, those of the workers summed up, by the names that Prometheus knows them under.
    ///
    /// ```
    /// for (name, number) in fibra::run(fibra::metrics::snapshot).totals() {
    ///     println!("{name} = {number}");
    /// }
    /// ```
    pub fn totals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        prometheus::totals(self)
    }

    /// The numbers as Prometheus collects them: version 0.0.4 of its text format.
    ///
    /// ```
    /// let text = fibra::run(fibra::metrics::snapshot).prometheus().to_string();
    /// assert!(text.contains("fibra_tasks_spawned_total 1\n"), "{text}");
    /// ```
    pub fn prometheus(&self) -> impl fmt::Display + '_ {
        prometheus::Text(self)
    }
}

impl WorkerMetrics {
    fn of(worker: &Shared) -> Self {
        let counters = &worker.counters;
        Self {
            polls: counters.polls.get(),
            switches: counters.switches.get(),
            steals: counters.steals.get(),
            parks: counters.parks.get(),
            operations: counters.operations.get(),
            submissions: counters.submissions.get(),
            enters: counters.enters.get(),
            batches: Histogram::of(&counters.batches),
            in_flight: counters.in_flight.get(),
            timers: counters.timers.get(),
            stacks_in_use: worker.placement.live() as u64,
            stacks_pooled: counters.stacks_pooled.get(),
            run_times: Histogram::of(&counters.run_times),
            delays: Histogram::of(&worker.home.probe().delays),
        }
    }

    fn add(&mut self, other: &Self) {
        self.polls += other.polls;
        self.switches += other.switches;
        self.steals += other.steals;
        self.parks += other.parks;
        self.operations += other.operations;
        self.submissions += other.submissions;
        self.enters += other.enters;
        self.batches.add(&other.batches);
        self.in_flight += other.in_flight;
        self.timers += other.timers;
        self.stacks_in_use += other.stacks_in_use;
        self.stacks_pooled += other.stacks_pooled;
        self.run_times.add(&other.run_times);
        self.delays.add(&other.delays);
    }
}

/// How often values of each size came, by powers of two.
///
/// ```
/// let metrics = fibra::run(fibra::metrics::snapshot).total();
/// println!("half of the tasks ran for no more than {} ns", metrics.run_times.quantile(0.5));
/// ```
#[derive(Clone, Copy)]
pub struct Histogram {
    counts: [u64; Sizes::BUCKETS],
    sum: u64,
}

impl Default for Histogram {
    /// One without values.
    fn default() -> Self {
        Self { counts: [0; Sizes::BUCKETS], sum: 0 }
    }
}

impl Histogram {
    fn of(sizes: &Sizes) -> Self {
        let (counts, sum) = sizes.get();
        Self { counts, sum }
    }

    /// How many values there are.
    ///
    /// ```
    /// assert_eq!(fibra::metrics::Histogram::default().count(), 0);
    /// ```
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all values; it wraps at 2^64.
    ///
    /// ```
    /// assert_eq!(fibra::metrics::Histogram::default().sum(), 0);
    /// ```
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The buckets: the largest value of each, and how many values fell into it. The last one has no largest value:
    /// `u64::MAX` stands for it.
    ///
    /// ```
    /// let histogram = fibra::metrics::Histogram::default();
    /// let largest: Vec<u64> = histogram.buckets().map(|(largest, _)| largest).take(5).collect();
    /// assert_eq!(largest, [0, 1, 3, 7, 15]);
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let largest = |bucket| if bucket == Sizes::BUCKETS - 1 { u64::MAX } else { (1_u64 << bucket) - 1 };
        self.counts.iter().enumerate().map(move |(bucket, &count)| (largest(bucket), count))
    }

    /// A value that is no smaller than so large a part of all values, from 0 to 1; less than twice as large as the smallest
    /// such value. 0 if there are none.
    ///
    /// ```
    /// assert_eq!(fibra::metrics::Histogram::default().quantile(0.99), 0);
    /// ```
    pub fn quantile(&self, part: f64) -> u64 {
        let wanted = (part.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64;
        let mut below = 0;
        let reached = |&(_, count): &(u64, u64)| {
            below += count;
            below >= wanted.max(1)
        };
        self.buckets().find(reached).map_or(0, |(largest, _)| largest)
    }

    fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.buckets().filter(|(_, count)| *count > 0)).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_end_of_the_bucket_that_reaches_it() {
        let mut histogram = Histogram::default();
        (histogram.counts[0], histogram.counts[3], histogram.counts[10]) = (50, 49, 1);
        assert_eq!(histogram.count(), 100);
        assert_eq!([0.0, 0.5, 0.51, 0.99, 1.0].map(|part| histogram.quantile(part)), [0, 0, 7, 7, 1023]);
        assert_eq!(format!("{histogram:?}"), "{0: 50, 7: 49, 1023: 1}");
    }
}
