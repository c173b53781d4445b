//! How much of the cores that it could have had a process made use of.
//!
//! While others run on them, a core was not to be had: the kernel counts for each thread how long it was ready to run
//! and had to wait for a core. So the figure is the processor time, divided by the time that has passed on so many cores
//! less what the workers spent waiting for one. The workers are those threads that did more than a hundredth of the work.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use crate::bench::Measurement;
use crate::stopwatch::Stopwatch;

/// The clocks when a stretch of work began.
pub struct Occupancy {
    stopwatch: Stopwatch,
    threads: HashMap<OsString, Thread>,
}

/// What the kernel counts for a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Thread {
    ran: Duration,
    /// Ready to run, without a core.
    waited: Duration,
}

impl Occupancy {
    /// Reads the clocks.
    pub fn start() -> Self {
        Self { threads: threads(), stopwatch: Stopwatch::start() }
    }

    /// Time and processor time of each of `operations`, and how busy `cores` were.
    pub fn stop(self, cores: usize, operations: usize, operation: &str) -> Vec<Measurement> {
        let span = self.stopwatch.stop();
        let since = |(id, now): (OsString, Thread)| {
            let before = self.threads.get(&id).copied().unwrap_or_default();
            Thread { ran: now.ran - before.ran, waited: now.waited - before.waited }
        };
        let workers = threads().into_iter().map(since).filter(|thread| thread.ran > span.cpu / 100);
        let waited: Duration = workers.map(|thread| thread.waited).sum();
        let available = (span.wall * cores as u32).saturating_sub(waited);
        let percent = 100.0 * span.cpu.as_secs_f64() / available.as_secs_f64();
        let mut measurements = span.per(operations, operation);
        measurements.push(Measurement::new("busy", percent, "%"));
        measurements
    }
}

/// The threads of this process, by their number.
fn threads() -> HashMap<OsString, Thread> {
    let entries = fs::read_dir("/proc/self/task").expect("the kernel lists a process's threads");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("the kernel lists every thread");
        let file = entry.path().join("schedstat");
        match fs::read_to_string(&file) {
            Ok(text) => Some((entry.file_name(), Thread::parse(&text).expect("two numbers or more"))),
            // A thread that has ended meanwhile, or a kernel that doesn't count this.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("{}: {error}", file.display()),
        }
    };
    entries.filter_map(read).collect()
}

impl Thread {
    /// `ran waited slices`, in nanoseconds.
    fn parse(statistics: &str) -> Option<Self> {
        let mut numbers =
            statistics.split_whitespace().map(|number| number.parse().map(Duration::from_nanos));
        Some(Self { ran: numbers.next()?.ok()?, waited: numbers.next()?.ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_run_and_has_waited() {
        let [ran, waited] = [5_200, 1_300].map(Duration::from_nanos);
        assert_eq!(Thread::parse("5200 1300 7\n"), Some(Thread { ran, waited }));
        assert_eq!(Thread::parse("5200"), None);
    }

    #[test]
    fn a_thread_that_computes_occupies_its_core_and_one_that_sleeps_does_not() {
        let percent = |measurements: Vec<Measurement>| measurements.last().expect("`busy` comes last").value;
        let computing = Occupancy::start();
        crate::work::compute(20_000);
        let sleeping = Occupancy::start();
        std::thread::sleep(Duration::from_millis(20));
        let (slept, computed) = (percent(sleeping.stop(4, 1, "nap")), percent(computing.stop(4, 1, "sum")));
        assert!(slept < computed, "{slept} % asleep, {computed} % at work");
    }
}
