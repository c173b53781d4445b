//! Everybody else.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use may::coroutine::{self, Coroutine};

use super::{BATCH, LOT, fill, footprint};
use crate::bench::{Case, Measurement, Subject};
use crate::go;

pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio_task),
    Subject::new("smol", "smol", smol_task),
    Subject::new("monoio", "monoio", monoio_task),
    Subject::new("compio", "compio", compio_task),
    Subject::new("glommio", "glommio", glommio_task),
    Subject::new("may", "may", may_coroutine),
    Subject::new("Go", "Go", |case| go::sample("memory", case)).needs("go"),
];

fn tokio_task(case: &Case) -> Vec<Measurement> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
    let root = fill(case.count("tasks"), || drop(tokio::spawn(LOT.park())));
    let runtime = runtime.expect("tokio starts");
    runtime.block_on(runtime.spawn(root)).expect("the root task doesn't panic")
}

fn smol_task(case: &Case) -> Vec<Measurement> {
    smol::block_on(smol::spawn(fill(case.count("tasks"), || smol::spawn(LOT.park()).detach())))
}

fn monoio_task(case: &Case) -> Vec<Measurement> {
    let runtime = monoio::RuntimeBuilder::<monoio::FusionDriver>::new().build();
    let root = fill(case.count("tasks"), || drop(monoio::spawn(LOT.park())));
    runtime.expect("monoio starts").block_on(root)
}

fn compio_task(case: &Case) -> Vec<Measurement> {
    let runtime = compio::runtime::Runtime::new().expect("compio starts");
    runtime.block_on(fill(case.count("tasks"), || compio::runtime::spawn(LOT.park()).detach()))
}

fn glommio_task(case: &Case) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    let executor = glommio::LocalExecutorBuilder::default();
    let root = move || fill(tasks, || drop(glommio::spawn_local(LOT.park()).detach()));
    executor.spawn(root).expect("glommio starts").join().expect("the root task doesn't panic")
}

/// Handles of parked coroutines, which `current` gives out at the cost of a count.
static PARKED: Mutex<Vec<Option<Coroutine>>> = Mutex::new(Vec::new());

/// Coroutines that have not ended.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// A coroutine of may waits without a waker: it parks, and its handle unparks it.
fn may_coroutine(case: &Case) -> Vec<Measurement> {
    let tasks = case.count("tasks");
    may::config().set_workers(1);
    // SAFETY: the root reaches no thread-local across a switch, and its frames are far smaller than a stack.
    let root = unsafe { coroutine::spawn(move || fill_with_coroutines(tasks)) };
    root.join().expect("the root coroutine doesn't panic")
}

fn fill_with_coroutines(tasks: usize) -> Vec<Measurement> {
    parked().resize_with(BATCH + tasks, || None);
    parked().clear();
    park_batch();
    let before = footprint();
    for _ in 0..tasks / BATCH {
        park_batch();
    }
    let after = footprint();
    let handles = mem::take(&mut *parked());
    handles.iter().flatten().for_each(Coroutine::unpark);
    sleep_until(|| ALIVE.load(Relaxed) == 0);
    before.growth_for_each(after, tasks, "task")
}

/// Spawns a batch and lets it run until all of it has parked.
fn park_batch() {
    fn body() {
        let me = coroutine::current();
        parked().push(Some(me));
        coroutine::park();
        ALIVE.fetch_sub(1, Relaxed);
    }
    let alive = ALIVE.fetch_add(BATCH, Relaxed) + BATCH;
    for _ in 0..BATCH {
        // SAFETY: the body reaches no thread-local across its park, and its frames are far smaller than a stack.
        drop(unsafe { coroutine::spawn(body) });
    }
    sleep_until(|| parked().len() == alive);
}

fn parked() -> MutexGuard<'static, Vec<Option<Coroutine>>> {
    PARKED.lock().expect("nobody panics while holding it")
}

/// Sleeps, since a yield of may lets those that have begun go on and nobody begin.
fn sleep_until(condition: impl Fn() -> bool) {
    while !condition() {
        coroutine::sleep(Duration::from_millis(1));
    }
}
