//! `scale`: what a task and a yield cost, the more tasks there are.
//!
//! So many tasks are spawned, and park. All of them are woken, yield [`YIELDS`] times each, and park again. All are woken
//! once more, end, and are joined. `time` and `cpu` are what a task's life costs: from the first spawn until all have
//! parked, and from the last wake to the last join. `yield` is the stretch between, for each yield: a tenth of a wake and
//! a park are in it. Memory that a runtime touches for the first time belongs to its price: no more than [`WARM`] tasks
//! have lived before counting begins, and where there are fewer the whole is repeated.
//!
//! monoio is left out, as in `yield`.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use crate::bench::{Bench, Case, Measurement};
use crate::lot::Lot;
use crate::stopwatch::{Span, Stopwatch};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "scale",
    about: "a task's life (spawn, park, wake, join) and a yield, with so many tasks at the same time",
    reference: "tokio",
    cases: &[
        Case::new(&[("tasks", 1_000), ("workers", 1)]).rounds(5),
        Case::new(&[("tasks", 10_000), ("workers", 1)]).rounds(5),
        Case::new(&[("tasks", 100_000), ("workers", 1)]).rounds(3),
        Case::new(&[("tasks", 1_000_000), ("workers", 1)]).rounds(2),
        Case::full(&[("tasks", 1_000), ("workers", 2)]),
        Case::full(&[("tasks", 100_000), ("workers", 2)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[],
};

/// Yields of each task.
const YIELDS: usize = 10;

/// Tasks that have lived before counting begins, at most.
const WARM: usize = 10_000;

/// Lives that are counted, at least.
const LIVES: usize = 200_000;

/// Where the tasks of this process wait.
static LOT: Lot = Lot::new();

/// What a task does; `yield_now` is its runtime's.
async fn live<F: Future>(yield_now: impl Fn() -> F) {
    LOT.park().await;
    for _ in 0..YIELDS {
        yield_now().await;
    }
    LOT.park().await;
}

/// The root task: `spawn` spawns one task and returns its join.
async fn measure<J: Future>(tasks: usize, spawn: impl Fn() -> J) -> Vec<Measurement> {
    population(tasks.min(WARM), &spawn).await;
    let mut sum = Sum::default();
    for _ in 0..repetitions(tasks) {
        sum.add(population(tasks, &spawn).await);
    }
    sum.measurements(tasks * repetitions(tasks))
}

/// From the spawn of so many tasks to their join.
async fn population<J: Future>(tasks: usize, spawn: impl Fn() -> J) -> [Span; 3] {
    LOT.open(tasks);
    let birth = Stopwatch::start();
    let joins: Vec<_> = (0..tasks).map(|_| spawn()).collect();
    LOT.entered(tasks).await;
    let birth = birth.stop();
    let yields = Stopwatch::start();
    LOT.clear();
    LOT.entered(2 * tasks).await;
    let yields = yields.stop();
    let death = Stopwatch::start();
    LOT.clear();
    for join in joins {
        join.await;
    }
    [birth, yields, death.stop()]
}

fn repetitions(tasks: usize) -> usize {
    LIVES.div_ceil(tasks)
}

/// All populations of a sample together.
#[derive(Default)]
struct Sum {
    life: Span,
    yields: Span,
}

impl Sum {
    fn add(&mut self, [birth, yields, death]: [Span; 3]) {
        self.life += birth;
        self.life += death;
        self.yields += yields;
    }

    fn measurements(self, lives: usize) -> Vec<Measurement> {
        let mut measurements = self.life.per(lives, "task");
        let [time, cpu] = [self.yields.wall, self.yields.cpu].map(|time| time.as_nanos() as f64);
        let each = |time: f64| time / (lives * YIELDS) as f64;
        measurements.push(Measurement::new("yield", each(time), "ns/yield"));
        measurements.push(Measurement::new("yield_cpu", each(cpu), "ns/yield"));
        measurements
    }
}
