//! `parking` and `parking-bodies`: whose stack is it that a task parks on? Two designs of a worker, side by side.
//!
//! * *plain* ([`plain`]): the worker's loop has one stack, and every body gets a coroutine. A wake is a switch from the
//!   loop to the coroutine, a park is one back.
//! * *owning* ([`owning`]): the loop runs bodies on the stack it stands on. When a body parks, that stack becomes its
//!   own, and the worker goes on elsewhere: by one switch to the next ready body's stack, or to a free stack, which is
//!   a suspended loop.
//!
//! Both are cut down to what differs: one thread, bodies without captures, first in, first out, and a driver that is a
//! queue of completions. Stacks, pool and switch are fibra-coro's own. `decisions/` tells what was concluded.

mod owning;
mod plain;
mod scene;

use owning::Owning;
use plain::Plain;
use scene::{Design, Scene, Wakes, scene};

use crate::bench::{Bench, Case, Measurement, Subject};
use crate::memory::Footprint;
use crate::stopwatch::Stopwatch;

/// A wake and the next park of bodies that are parked already, and what a parked body keeps in memory.
pub const WAKES: Bench = Bench {
    name: "parking",
    about: "a wake and the next park of a parked body: all of them ready at once, or one completion at a time",
    reference: "plain",
    cases: &[Case::new(&[("parked", 2)]), Case::new(&[("parked", 1_000)]), Case::new(&[("parked", 100_000)])],
    subjects: &[&[
        Subject::new("plain", "fibra-coro", wakes::<Plain>),
        Subject::new("owning", "fibra-coro", wakes::<Owning<false>>),
        Subject::new("owning, driving in place", "fibra-coro", wakes::<Owning<true>>),
    ]],
    targets: &[],
};

/// A body's whole life, with a given number of parks in it.
pub const BODIES: Bench = Bench {
    name: "parking-bodies",
    about: "a body from its spawn to its end, parking so many times in between; 1,000 in flight",
    reference: "plain",
    cases: &[Case::new(&[("parks", 0)]), Case::new(&[("parks", 1)]), Case::new(&[("parks", 4)])],
    subjects: &[&[
        Subject::new("plain", "fibra-coro", bodies::<Plain>),
        Subject::new("owning", "fibra-coro", bodies::<Owning<false>>),
    ]],
    targets: &[],
};

/// Wakes that are counted for each way of waking.
const WAKES_COUNTED: usize = 4_000_000;

/// Bodies in flight when their lives are measured, and batches of them.
const IN_FLIGHT: usize = 1_000;
const BATCHES: usize = 2_000;

fn wakes<D: Design>(case: &Case) -> Vec<Measurement> {
    let parked = case.count("parked");
    let scene = Scene::<D>::new(parked);
    let before = Footprint::read().expect("the kernel tells the footprint");
    for index in 0..parked {
        scene.spawn(body_that_waits::<D>, index);
    }
    D::run(scene);
    let after = Footprint::read().expect("the kernel tells the footprint");
    let mut measurements =
        vec![cycle(scene, Wakes::AllAtOnce, "burst"), cycle(scene, Wakes::OneByOne, "lone")];
    if parked >= 1_000 {
        measurements.extend(before.growth_for_each(after, parked, "body"));
    }
    measurements
}

/// Wakes every parked body so often that [`WAKES_COUNTED`] wakes come after the first of each.
fn cycle<D: Design>(scene: &'static Scene<D>, wakes: Wakes, metric: &str) -> Measurement {
    scene.wakes.set(wakes);
    scene.wakes_left.set(WAKES_COUNTED);
    for index in 0..scene.bodies() {
        scene.make_ready(index);
    }
    let stopwatch = Stopwatch::start();
    D::run(scene);
    let cpu = stopwatch.stop().cpu;
    Measurement::new(metric, cpu.as_nanos() as f64 / (WAKES_COUNTED + scene.bodies()) as f64, "ns/wake")
}

/// Parks; when woken, arranges for the next wake while there are wakes left, and parks again.
fn body_that_waits<D: Design>(index: usize) {
    loop {
        // SAFETY: only `wakes` spawns this body, in a scene of the same design.
        let scene = unsafe { scene::<D>() };
        scene.park(index);
        if let Some(left) = scene.wakes_left.get().checked_sub(1) {
            scene.wakes_left.set(left);
            match scene.wakes.get() {
                Wakes::AllAtOnce => scene.make_ready(index),
                Wakes::OneByOne => scene.submit(index),
            }
        }
    }
}

fn bodies<D: Design>(case: &Case) -> Vec<Measurement> {
    let body = match case.get("parks") {
        0 => body_that_parks::<D, 0>,
        1 => body_that_parks::<D, 1>,
        _ => body_that_parks::<D, 4>,
    };
    let scene = Scene::<D>::new(IN_FLIGHT);
    let batch = || {
        for index in 0..IN_FLIGHT {
            scene.spawn(body, index);
        }
        D::run(scene);
    };
    batch();
    let stopwatch = Stopwatch::start();
    for _ in 0..BATCHES {
        batch();
    }
    stopwatch.stop().per(IN_FLIGHT * BATCHES, "body")
}

fn body_that_parks<D: Design, const PARKS: usize>(index: usize) {
    for _ in 0..PARKS {
        // SAFETY: only `bodies` spawns this body, in a scene of the same design.
        let scene = unsafe { scene::<D>() };
        scene.make_ready(index);
        scene.park(index);
    }
}
