//! `channel`: what a round trip between two tasks costs, each of which waits for the other.
//!
//! The root task spawns a second one, *pong*, and plays *ping* with it over two channels with room for one message.
//! With one worker the two always share it. With two the scheduler decides, and is free to keep them together; so there
//! is a third case, in which the root task keeps its worker busy until pong has begun, which can only be on the other
//! worker. What comes of that is the scheduler's choice again: `apart` says in how many of a hundred round trips the two
//! ran on different threads. Runtimes that keep a thread to themselves have one for each task there.
//!
//! may's channels are unbounded; this game never has more than one message in them.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "channel",
    about: "a round trip between two tasks, over two channels with room for one message each",
    reference: "tokio",
    cases: &[
        Case::new(&[("workers", 1)]),
        Case::new(&[("workers", 2)]),
        Case::new(&[("workers", 2), ("begun_apart", 1)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        target("fibra thread", on_one_worker, "tokio", 0.4),
        target("fibra future", on_one_worker, "tokio", 0.4),
        target("fibra thread", left_to_the_scheduler, "Go", 0.8),
        target("fibra future", left_to_the_scheduler, "Go", 0.8),
        target("fibra thread", left_to_the_scheduler, "tokio", 0.8),
        target("fibra future", left_to_the_scheduler, "tokio", 0.8),
    ],
};

const fn target(
    subject: &'static str,
    applies: fn(&Case) -> bool,
    peer: &'static str,
    at_most: f64,
) -> Target {
    let (against, limit) = (Against::Subject(peer), Limit::AtMost(at_most));
    Target { subject, metric: "time", applies, against, limit }
}

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn begun_apart(case: &Case) -> bool {
    case.find("begun_apart").is_some()
}

fn left_to_the_scheduler(case: &Case) -> bool {
    case.get("workers") == 2 && !begun_apart(case)
}

/// Round trips before those that count.
const WARM_UP: u64 = 1_000;

/// Round trips that count; two threads that wake each other need more than ten times as long for each.
fn trips(case: &Case) -> u64 {
    match case.get("workers") {
        1 => 200_000,
        _ if begun_apart(case) => 5_000,
        _ => 50_000,
    }
}

/// What goes to and fro.
#[derive(Clone, Copy, Debug)]
pub struct Ball {
    number: u64,
    /// Which thread it was sent by.
    thread: libc::pthread_t,
}

impl Ball {
    fn new(number: u64) -> Self {
        // SAFETY: the function asks for nothing, and always succeeds.
        Self { number, thread: unsafe { libc::pthread_self() } }
    }

    /// The same ball, sent back from here.
    pub fn returned(self) -> Self {
        Self::new(self.number)
    }
}

/// Ping's side: it serves the balls, and counts.
pub struct Rally {
    trips: u64,
    served: u64,
    apart: u64,
    counted_from: Option<Stopwatch>,
}

impl Rally {
    /// A game with as many balls as the case has time for.
    pub fn new(case: &Case) -> Self {
        Self { trips: trips(case), served: 0, apart: 0, counted_from: None }
    }

    /// The next ball, or none when all have been played.
    pub fn serve(&mut self) -> Option<Ball> {
        if self.served == WARM_UP {
            self.apart = 0;
            self.counted_from = Some(Stopwatch::start());
        }
        (self.served < WARM_UP + self.trips).then(|| {
            self.served += 1;
            Ball::new(self.served)
        })
    }

    /// Takes the ball that came back.
    pub fn take(&mut self, ball: Ball) {
        let here = Ball::new(self.served);
        assert_eq!(ball.number, here.number, "the balls come back one by one");
        self.apart += u64::from(ball.thread != here.thread);
    }

    /// What was measured, once all balls have been played.
    pub fn measurements(self) -> Vec<Measurement> {
        let stopwatch = self.counted_from.expect("the warm-up is over");
        let mut measurements = stopwatch.stop().per(self.trips as usize, "trip");
        measurements.push(Measurement::new("apart", 100.0 * self.apart as f64 / self.trips as f64, "%"));
        measurements
    }
}

/// Has pong begin on the other worker, where the case wants that.
#[derive(Clone)]
struct Placement {
    begun_apart: bool,
    pong_has_begun: Arc<AtomicBool>,
}

impl Placement {
    fn new(case: &Case) -> Self {
        Self { begun_apart: begun_apart(case), pong_has_begun: Arc::default() }
    }

    /// Called by pong, before all else.
    fn pong_begins(&self) {
        self.pong_has_begun.store(true, Relaxed);
    }

    /// Called by ping after it has spawned pong: leaves its worker to nobody until pong has found another.
    fn ping_begins(&self) {
        while self.begun_apart && !self.pong_has_begun.load(Relaxed) {
            hint::spin_loop();
        }
    }
}
