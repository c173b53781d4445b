//! Wall-clock and processor time of a stretch of work.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use crate::bench::Measurement;

/// A running measurement: what both clocks showed when it began.
#[derive(Clone, Copy)]
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Reads both clocks.
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: process_cpu_time() }
    }

    /// The time from [`start`](Self::start) to now.
    pub fn stop(self) -> Span {
        Span { wall: self.wall.elapsed(), cpu: process_cpu_time() - self.cpu }
    }
}

/// How long a stretch of work took.
#[derive(Clone, Copy, Default)]
pub struct Span {
    /// Wall-clock time.
    pub wall: Duration,
    /// Processor time of all threads of the process: on a machine that others use too, this is the steadier figure.
    pub cpu: Duration,
}

impl Span {
    /// Nanoseconds for each of `operations`, in both clocks; `operation` names one of them.
    pub fn per(self, operations: usize, operation: &str) -> Vec<Measurement> {
        let each = |time: Duration| time.as_nanos() as f64 / operations as f64;
        let unit = format!("ns/{operation}");
        vec![
            Measurement::new("time", each(self.wall), unit.clone()),
            Measurement::new("cpu", each(self.cpu), unit),
        ]
    }
}

/// Several stretches together.
impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

fn process_cpu_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a writable timespec that lives across the call, and the clock's id is a constant of libc's.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    assert_eq!(status, 0, "every Unix system has a processor-time clock for the process");
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
