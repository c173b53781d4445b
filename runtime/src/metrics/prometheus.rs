//! The numbers by their names, and as text for Prometheus.
//!
//! Times are in seconds, as is the custom there. A histogram's buckets are cumulative; of ours only every other one is
//! written, and none beyond the last value.

use super::{Histogram, Metrics, WorkerMetrics};
use std::fmt::{self, Display, Formatter};

/// See the module.
pub(super) struct Text<'a>(pub(super) &'a Metrics);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Metrics { workers, .. } = self.0;
        for (name, help, kind, value) in runtime_values(self.0) {
            head(f, name, help, kind)?;
            writeln!(f, "{name} {value}")?;
        }
        for (name, help, kind, value) in WORKER_VALUES {
            head(f, name, help, kind)?;
            for (index, worker) in workers.iter().enumerate() {
                writeln!(f, "{name}{{worker=\"{index}\"}} {}", value(worker))?;
            }
        }
        for (name, help, unit, histogram) in HISTOGRAMS {
            head(f, name, help, "histogram")?;
            for (index, worker) in workers.iter().enumerate() {
                write_histogram(f, name, index, unit, &histogram(worker))?;
            }
        }
        Ok(())
    }
}

fn head(f: &mut Formatter<'_>, name: &str, help: &str, kind: &str) -> fmt::Result {
    writeln!(f, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// All numbers but histograms, those of the workers summed up.
pub(super) fn totals(metrics: &Metrics) -> impl Iterator<Item = (&'static str, u64)> {
    let total = metrics.total();
    let of_workers = WORKER_VALUES.into_iter().map(move |(name, _, _, value)| (name, value(&total)));
    runtime_values(metrics).into_iter().map(|(name, _, _, value)| (name, value)).chain(of_workers)
}

/// Name, help, kind, and the number itself.
type Value<T> = (&'static str, &'static str, &'static str, T);
/// Looks a number up.
type Of<T> = fn(&WorkerMetrics) -> T;

fn runtime_values(metrics: &Metrics) -> [Value<u64>; 9] {
    [
        ("fibra_tasks_spawned_total", "Futures and green threads spawned.", "counter", metrics.spawned),
        ("fibra_tasks_alive", "Futures and green threads that are alive.", "gauge", metrics.alive),
        ("fibra_threads_spawned_total", "Green threads spawned.", "counter", metrics.threads_spawned),
        ("fibra_threads_alive", "Green threads that are alive.", "gauge", metrics.threads_alive),
        (
            "fibra_blocking_threads",
            "Threads of the pool for blocking work.",
            "gauge",
            metrics.blocking_threads,
        ),
        ("fibra_blocking_queued", "Blocking work that waits for a thread.", "gauge", metrics.blocking_queued),
        ("fibra_stuck_workers", "Workers that are stuck in a task.", "gauge", metrics.stuck_workers),
        ("fibra_stalls_total", "How often a worker was found stuck in a task.", "counter", metrics.stalls),
        ("fibra_workers", "Workers.", "gauge", metrics.workers.len() as u64),
    ]
}

const WORKER_VALUES: [Value<Of<u64>>; 11] = [
    ("fibra_polls_total", "Runs of tasks.", "counter", |worker| worker.polls),
    ("fibra_switches_total", "Switches to another stack.", "counter", |worker| worker.switches),
    ("fibra_steals_total", "Tasks taken from other workers.", "counter", |worker| worker.steals),
    ("fibra_parks_total", "Sleeps of the worker.", "counter", |worker| worker.parks),
    ("fibra_operations_total", "I/O operations and timers started.", "counter", |worker| worker.operations),
    ("fibra_submissions_total", "Operations handed to the kernel.", "counter", |worker| worker.submissions),
    ("fibra_enters_total", "System calls that submit or wait.", "counter", |worker| worker.enters),
    ("fibra_operations_in_flight", "Operations that the kernel has.", "gauge", |worker| worker.in_flight),
    ("fibra_timers", "Timers that are running.", "gauge", |worker| worker.timers),
    ("fibra_stacks_in_use", "Stacks that are stood on.", "gauge", |worker| worker.stacks_in_use),
    ("fibra_stacks_pooled", "Stacks at hand.", "gauge", |worker| worker.stacks_pooled),
];

/// Name, help, how much of the unit one of ours is, and which.
const HISTOGRAMS: [(&str, &str, f64, Of<Histogram>); 3] = [
    ("fibra_batch_size", "Submissions with each enter.", 1.0, |worker| worker.batches),
    ("fibra_run_time_seconds", "How long tasks ran; one run in 61.", 1e-9, |worker| worker.run_times),
    ("fibra_delay_seconds", "How long ready tasks waited for their turn; one in 61.", 1e-9, |worker| {
        worker.delays
    }),
];

fn write_histogram(
    f: &mut Formatter<'_>,
    name: &str,
    worker: usize,
    unit: f64,
    histogram: &Histogram,
) -> fmt::Result {
    let mut count = 0;
    let total = histogram.count();
    for (number, (largest, values)) in histogram.buckets().enumerate() {
        count += values;
        if number % 2 == 1 && largest != u64::MAX {
            let bound = largest as f64 * unit;
            writeln!(f, "{name}_bucket{{worker=\"{worker}\",le=\"{bound:e}\"}} {count}")?;
            if count == total {
                break;
            }
        }
    }
    writeln!(f, "{name}_bucket{{worker=\"{worker}\",le=\"+Inf\"}} {total}")?;
    let sum = histogram.sum() as f64 * unit;
    writeln!(f, "{name}_sum{{worker=\"{worker}\"}} {sum:e}")?;
    writeln!(f, "{name}_count{{worker=\"{worker}\"}} {total}")
}
