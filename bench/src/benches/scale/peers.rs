//! The peers; those that keep a thread to itself take part with one worker alone.

use may::coroutine::{self, Coroutine};

use super::{Sum, WARM, YIELDS, live, measure, repetitions};
use crate::bench::{Case, Measurement, Subject};
use crate::lot::Lot;
use crate::stopwatch::{Span, Stopwatch};
use crate::{go, root};

pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("smol", "smol", smol),
    Subject::new("compio", "compio", compio).only(on_one_worker),
    Subject::new("glommio", "glommio", glommio).only(on_one_worker),
    Subject::new("may", "may", may),
    Subject::new("Go", "Go", |case| go::sample("scale", case)).needs("go"),
];

fn on_one_worker(case: &Case) -> bool {
    case.get("workers") == 1
}

fn tokio(case: &Case) -> Vec<Measurement> {
    let spawn = || {
        let task = tokio::spawn(live(tokio::task::yield_now));
        async { task.await.expect("the body doesn't panic") }
    };
    root::tokio(case.count("workers"), measure(case.count("tasks"), spawn))
}

fn smol(case: &Case) -> Vec<Measurement> {
    let spawn = || root::SMOL.spawn(live(smol::future::yield_now));
    root::smol(case.count("workers"), measure(case.count("tasks"), spawn))
}

/// compio and glommio have no yield of their own that others get their turn by: their users take futures-lite's.
fn compio(case: &Case) -> Vec<Measurement> {
    let spawn = || {
        let task = compio::runtime::spawn(live(futures_lite::future::yield_now));
        async { task.await.expect("the body doesn't panic") }
    };
    root::compio(measure(case.count("tasks"), spawn))
}

fn glommio(case: &Case) -> Vec<Measurement> {
    root::glommio(measure(case.count("tasks"), || {
        glommio::spawn_local(live(futures_lite::future::yield_now))
    }))
}

/// Where the coroutines of may wait.
static COROUTINES: Lot<Coroutine> = Lot::new();

/// may keeps 1,000 stacks by default; with fewer pooled than are alive it would map and unmap one for each task.
fn may(case: &Case) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    may::config().set_pool_capacity(tasks + 1);
    root::may(case.count("workers"), move || {
        coroutines(tasks.min(WARM));
        let mut sum = Sum::default();
        for _ in 0..repetitions(tasks) {
            sum.add(coroutines(tasks));
        }
        sum.measurements(tasks * repetitions(tasks))
    })
}

/// From the spawn of so many coroutines to their join.
fn coroutines(tasks: usize) -> [Span; 3] {
    fn body() {
        COROUTINES.park();
        for _ in 0..YIELDS {
            coroutine::yield_now();
        }
        COROUTINES.park();
    }
    COROUTINES.open(tasks);
    let birth = Stopwatch::start();
    let handles: Vec<_> = (0..tasks).map(|_| may::go!(body)).collect();
    COROUTINES.entered(tasks);
    let birth = birth.stop();
    let yields = Stopwatch::start();
    COROUTINES.clear();
    COROUTINES.entered(2 * tasks);
    let yields = yields.stop();
    let death = Stopwatch::start();
    COROUTINES.clear();
    for handle in handles {
        handle.join().expect("the body doesn't panic");
    }
    [birth, yields, death.stop()]
}
