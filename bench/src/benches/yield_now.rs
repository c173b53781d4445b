//! `yield`: what it costs a task to let the others run.
//!
//! So many tasks, each of which yields in a loop. Counting starts when the last of them has begun and ends when the
//! last has done its share ([`Gathering`]). Before they yield uncounted; who has done its share goes on yielding, and
//! that is counted too, since not every scheduler lets all tasks get on evenly. So neither spawning nor ending is a
//! part of the figure.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::bench::{Bench, Case, Measurement, Subject};
use crate::go;
use crate::stopwatch::{Span, Stopwatch};

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "yield",
    about: "every task yields in a loop; the time from one yield to the next, divided by the number of tasks",
    reference: "tokio",
    cases: &[
        Case::new(&[("tasks", 2), ("workers", 1)]),
        Case::new(&[("tasks", 1_000), ("workers", 1)]),
        Case::new(&[("tasks", 100_000), ("workers", 1)]),
    ],
    subjects: &[&[
        Subject::new("fibra thread", "fibra", fibra_thread),
        Subject::new("fibra future", "fibra", fibra_future),
        Subject::new("tokio", "tokio", tokio_multi_thread),
        Subject::new("tokio current-thread", "tokio", tokio_current_thread),
        Subject::new("may", "may", may_coroutine),
        Subject::new("Go", "Go", |case| go::sample(BENCH.name, case)).needs("go"),
    ]],
    targets: &[],
};

/// Counted yields of all tasks together in one sample, at least.
const YIELDS: usize = 2_000_000;

/// Counted yields of each task, at least: at the edges of the counted stretch up to two more may lie on the wrong side.
const YIELDS_EACH: usize = 50;

fn yields_each(case: &Case) -> usize {
    (YIELDS / case.count("tasks")).max(YIELDS_EACH)
}

/// Finds the stretch in which all tasks are under way: from the last arrival to the last departure.
struct Gathering {
    tasks: usize,
    arrived: AtomicUsize,
    departed: AtomicUsize,
    yields: AtomicUsize,
    begin: OnceLock<Stopwatch>,
    span: Mutex<Option<Span>>,
}

impl Gathering {
    fn new(case: &Case) -> Arc<Self> {
        Arc::new(Self {
            tasks: case.count("tasks"),
            arrived: AtomicUsize::new(0),
            departed: AtomicUsize::new(0),
            yields: AtomicUsize::new(0),
            begin: OnceLock::new(),
            span: Mutex::new(None),
        })
    }

    fn arrive(&self) {
        if self.arrived.fetch_add(1, Relaxed) + 1 == self.tasks {
            assert!(self.begin.set(Stopwatch::start()).is_ok(), "only one task arrives last");
        }
    }

    fn all_have_arrived(&self) -> bool {
        self.begin.get().is_some()
    }

    fn all_have_departed(&self) -> bool {
        self.departed.load(Relaxed) == self.tasks
    }

    fn depart(&self) {
        if self.departed.fetch_add(1, Relaxed) + 1 == self.tasks {
            let begin = self.begin.get().expect("departures come after the last arrival");
            *self.span.lock().expect("nobody panics while holding it") = Some(begin.stop());
        }
    }

    fn count(&self, yields: usize) {
        self.yields.fetch_add(yields, Relaxed);
    }

    /// What was measured, once every task has ended.
    fn measurements(&self) -> Vec<Measurement> {
        let span =
            self.span.lock().expect("nobody panics while holding it").expect("every task has departed");
        span.per(self.yields.load(Relaxed), "yield")
    }
}

fn fibra_thread(case: &Case) -> Vec<Measurement> {
    fn body(gathering: &Gathering, yields: usize) {
        gathering.arrive();
        while !gathering.all_have_arrived() {
            fibra::thread::yield_now();
        }
        for _ in 0..yields {
            fibra::thread::yield_now();
        }
        gathering.depart();
        let mut more = 0;
        while !gathering.all_have_departed() {
            fibra::thread::yield_now();
            more += 1;
        }
        gathering.count(yields + more);
    }
    let (gathering, yields) = (Gathering::new(case), yields_each(case));
    let shared = Arc::clone(&gathering);
    let root = move || {
        let spawn = |_| {
            let shared = Arc::clone(&shared);
            fibra::thread::spawn(move || body(&shared, yields))
        };
        let handles: Vec<_> = (0..shared.tasks).map(spawn).collect();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
    };
    fibra::Builder::new().workers(case.count("workers")).run(root);
    gathering.measurements()
}

fn fibra_future(case: &Case) -> Vec<Measurement> {
    async fn body(gathering: Arc<Gathering>, yields: usize) {
        gathering.arrive();
        while !gathering.all_have_arrived() {
            fibra::future::yield_now().await;
        }
        for _ in 0..yields {
            fibra::future::yield_now().await;
        }
        gathering.depart();
        let mut more = 0;
        while !gathering.all_have_departed() {
            fibra::future::yield_now().await;
            more += 1;
        }
        gathering.count(yields + more);
    }
    let (gathering, yields) = (Gathering::new(case), yields_each(case));
    let shared = Arc::clone(&gathering);
    let root = async move {
        let spawn = |_| fibra::future::spawn(body(Arc::clone(&shared), yields));
        let handles: Vec<_> = (0..shared.tasks).map(spawn).collect();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
    };
    let join = move || fibra::wait(fibra::future::spawn(root)).expect("the root future doesn't panic");
    fibra::Builder::new().workers(case.count("workers")).run(join);
    gathering.measurements()
}

fn tokio_multi_thread(case: &Case) -> Vec<Measurement> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    tokio_on(&builder.worker_threads(case.count("workers")).build().expect("tokio starts"), case)
}

fn tokio_current_thread(case: &Case) -> Vec<Measurement> {
    tokio_on(&tokio::runtime::Builder::new_current_thread().build().expect("tokio starts"), case)
}

fn tokio_on(runtime: &tokio::runtime::Runtime, case: &Case) -> Vec<Measurement> {
    async fn body(gathering: Arc<Gathering>, yields: usize) {
        gathering.arrive();
        while !gathering.all_have_arrived() {
            tokio::task::yield_now().await;
        }
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        gathering.depart();
        let mut more = 0;
        while !gathering.all_have_departed() {
            tokio::task::yield_now().await;
            more += 1;
        }
        gathering.count(yields + more);
    }
    let (gathering, yields) = (Gathering::new(case), yields_each(case));
    let shared = Arc::clone(&gathering);
    let root = runtime.spawn(async move {
        let handles: Vec<_> =
            (0..shared.tasks).map(|_| tokio::spawn(body(Arc::clone(&shared), yields))).collect();
        for handle in handles {
            handle.await.expect("the body doesn't panic");
        }
    });
    runtime.block_on(root).expect("the root task doesn't panic");
    gathering.measurements()
}

fn may_coroutine(case: &Case) -> Vec<Measurement> {
    fn body(gathering: &Gathering, yields: usize) {
        gathering.arrive();
        while !gathering.all_have_arrived() {
            may::coroutine::yield_now();
        }
        for _ in 0..yields {
            may::coroutine::yield_now();
        }
        gathering.depart();
        let mut more = 0;
        while !gathering.all_have_departed() {
            may::coroutine::yield_now();
            more += 1;
        }
        gathering.count(yields + more);
    }
    let (gathering, yields) = (Gathering::new(case), yields_each(case));
    let shared = Arc::clone(&gathering);
    may::config().set_workers(case.count("workers"));
    let root = move || {
        let spawn = |_| {
            let shared = Arc::clone(&shared);
            // SAFETY: the body holds no thread-local across a yield, and its frames are far smaller than a stack.
            unsafe { may::coroutine::spawn(move || body(&shared, yields)) }
        };
        let handles: Vec<_> = (0..shared.tasks).map(spawn).collect();
        for handle in handles {
            handle.join().expect("the body doesn't panic");
        }
    };
    // SAFETY: as above: the root only spawns and joins.
    unsafe { may::coroutine::spawn(root) }.join().expect("the root coroutine doesn't panic");
    gathering.measurements()
}
