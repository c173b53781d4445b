//! fibra's registry; and its threads without one.

use std::hint::black_box;

use fibra::registry::{Handle, Registry};

use super::{Functions, has_names, is, measure, next};
use crate::bench::{Case, Measurement, Subject};
use crate::root;
use crate::stopwatch::{Span, Stopwatch};

/// fibra's ways to a function.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra registry", "fibra", measure::<Plain>).only(has_names),
    Subject::new("fibra registry, captures", "fibra", measure::<Capturing>).only(has_names),
    Subject::new("fibra handle", "fibra", handle).only(|case| is(case, "call") || is(case, "spawn")),
    Subject::new("fibra handle, captures", "fibra", capturing)
        .only(|case| is(case, "call") || is(case, "spawn")),
    Subject::new("fibra by name", "fibra", by_name).only(|case| is(case, "spawn")),
    Subject::new("fibra thread", "fibra", thread).only(|case| is(case, "spawn")),
];

/// The one function that is called or spawned.
type Next = fn(u64) -> u64;

struct Plain(Registry);

impl Functions for Plain {
    fn new() -> Self {
        Self(Registry::new())
    }

    fn register(&mut self, name: &str) {
        self.0.register(name, next).expect("names differ");
    }

    fn look_up(&self, name: &str) -> bool {
        self.0.get::<Next>(name).is_ok()
    }

    fn dispatch(&self, name: &str, argument: u64) -> u64 {
        self.0.get::<Next>(name).expect("it is registered").call((argument,))
    }
}

struct Capturing(Registry);

impl Functions for Capturing {
    fn new() -> Self {
        Self(Registry::new())
    }

    fn register(&mut self, name: &str) {
        let zero = black_box(0);
        let function = move |argument: u64| next(argument) + zero;
        self.0.register(name, function).expect("names differ");
    }

    fn look_up(&self, name: &str) -> bool {
        self.0.get::<Next>(name).is_ok()
    }

    fn dispatch(&self, name: &str, argument: u64) -> u64 {
        self.0.get::<Next>(name).expect("it is registered").call((argument,))
    }
}

fn handle(case: &Case) -> Vec<Measurement> {
    call_or_spawn(case, &registry())
}

fn capturing(case: &Case) -> Vec<Measurement> {
    let (registry, zero) = (Registry::new(), black_box(0));
    registry.register("next", move |number: u64| next(number) + zero).expect("a new registry");
    call_or_spawn(case, &registry)
}

fn registry() -> Registry {
    let registry = Registry::new();
    registry.register("next", next).expect("a new registry");
    registry
}

fn call_or_spawn(case: &Case, registry: &Registry) -> Vec<Measurement> {
    let handle = registry.get::<Next>("next").expect("it is registered");
    match case.find("call") {
        Some(count) => call(count, &handle),
        None => spawn(case, move |number| handle.spawn((number,))),
    }
}

/// Both loops wait for each result before the next call.
fn call(count: u64, handle: &Handle<Next>) -> Vec<Measurement> {
    let time = |function: &dyn Fn(u64) -> Span| function(count).wall.as_nanos() as f64 / count as f64;
    let by_handle = time(&|count| {
        let stopwatch = Stopwatch::start();
        let mut number = 0;
        while number < count {
            number = handle.call((number,));
        }
        stopwatch.stop()
    });
    let direct = time(&|count| {
        let stopwatch = Stopwatch::start();
        let mut number = 0;
        while number < count {
            number = next(number);
        }
        stopwatch.stop()
    });
    let measurement = |metric, value| Measurement::new(metric, value, "ns/call");
    vec![
        measurement("time", by_handle),
        measurement("direct", direct),
        measurement("over_direct", by_handle - direct),
    ]
}

fn by_name(case: &Case) -> Vec<Measurement> {
    let registry = registry();
    spawn(case, move |number| registry.call::<u64>("next", (number,)).expect("it is registered"))
}

/// Batches of tasks in one sample.
const BATCHES: usize = 20;

fn spawn(
    case: &Case,
    spawn: impl Fn(u64) -> fibra::future::JoinHandle<u64> + Send + 'static,
) -> Vec<Measurement> {
    batches(case, move |in_flight| {
        let handles: Vec<_> = (0..in_flight).map(&spawn).collect();
        for handle in handles {
            fibra::wait(handle).expect("it doesn't panic");
        }
    })
}

fn thread(case: &Case) -> Vec<Measurement> {
    batches(case, |in_flight| {
        let handles: Vec<_> =
            (0..in_flight).map(|number| fibra::thread::spawn(move || next(number))).collect();
        for handle in handles {
            handle.join().expect("it doesn't panic");
        }
    })
}

/// Times batches after one that isn't counted.
fn batches(case: &Case, batch: impl Fn(u64) + Send + 'static) -> Vec<Measurement> {
    let in_flight = case.get("spawn");
    root::fibra_thread(case.count("workers"), move || {
        batch(in_flight);
        let stopwatch = Stopwatch::start();
        for _ in 0..BATCHES {
            batch(in_flight);
        }
        stopwatch.stop().per(in_flight as usize * BATCHES, "task")
    })
}
