//! The numbers as text for Prometheus.
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
            writeln!(f, "fibra_{name} {value}")?;
        }
        for (name, help, kind, value) in WORKER_VALUES {
            head(f, name, help, kind)?;
            for (index, worker) in workers.iter().enumerate() {
                writeln!(f, "fibra_{name}{{worker=\"{index}\"}} {}", value(worker))?;
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
    writeln!(f, "# HELP fibra_{name} {help}\n# TYPE fibra_{name} {kind}")
}

/// Name, help, kind, and the number itself.
type Value<T> = (&'static str, &'static str, &'static str, T);
/// Looks a number up.
type Of<T> = fn(&WorkerMetrics) -> T;

fn runtime_values(metrics: &Metrics) -> [Value<u64>; 9] {
    [
        ("tasks_spawned_total", "Futures and green threads spawned.", "counter", metrics.spawned),
        ("tasks_alive", "Futures and green threads that are alive.", "gauge", metrics.alive),
        ("threads_spawned_total", "Green threads spawned.", "counter", metrics.threads_spawned),
        ("threads_alive", "Green threads that are alive.", "gauge", metrics.threads_alive),
        ("blocking_threads", "Threads of the pool for blocking work.", "gauge", metrics.blocking_threads),
        ("blocking_queued", "Blocking work that waits for a thread.", "gauge", metrics.blocking_queued),
        ("stuck_workers", "Workers that are stuck in a task.", "gauge", metrics.stuck_workers),
        ("stalls_total", "How often a worker was found stuck in a task.", "counter", metrics.stalls),
        ("workers", "Workers.", "gauge", metrics.workers.len() as u64),
    ]
}

const WORKER_VALUES: [Value<Of<u64>>; 11] = [
    ("polls_total", "Runs of tasks.", "counter", |worker| worker.polls),
    ("switches_total", "Switches to another stack.", "counter", |worker| worker.switches),
    ("steals_total", "Tasks taken from other workers.", "counter", |worker| worker.steals),
    ("parks_total", "Sleeps of the worker.", "counter", |worker| worker.parks),
    ("operations_total", "I/O operations and timers started.", "counter", |worker| worker.operations),
    ("submissions_total", "Operations handed to the kernel.", "counter", |worker| worker.submissions),
    ("enters_total", "System calls that submit or wait.", "counter", |worker| worker.enters),
    ("operations_in_flight", "Operations that the kernel has.", "gauge", |worker| worker.in_flight),
    ("timers", "Timers that are running.", "gauge", |worker| worker.timers),
    ("stacks_in_use", "Stacks that are stood on.", "gauge", |worker| worker.stacks_in_use),
    ("stacks_pooled", "Stacks at hand.", "gauge", |worker| worker.stacks_pooled),
];

/// Name, help, how much of the unit one of ours is, and which.
const HISTOGRAMS: [(&str, &str, f64, Of<Histogram>); 3] = [
    ("batch_size", "Submissions with each enter.", 1.0, |worker| worker.batches),
    ("run_time_seconds", "How long tasks ran; one run in 61.", 1e-9, |worker| worker.run_times),
    ("delay_seconds", "How long ready tasks waited for their turn; one in 61.", 1e-9, |worker| worker.delays),
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
            writeln!(f, "fibra_{name}_bucket{{worker=\"{worker}\",le=\"{bound:e}\"}} {count}")?;
            if count == total {
                break;
            }
        }
    }
    writeln!(f, "fibra_{name}_bucket{{worker=\"{worker}\",le=\"+Inf\"}} {total}")?;
    let sum = histogram.sum() as f64 * unit;
    writeln!(f, "fibra_{name}_sum{{worker=\"{worker}\"}} {sum:e}")?;
    writeln!(f, "fibra_{name}_count{{worker=\"{worker}\"}} {total}")
}
