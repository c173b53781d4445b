//! `registry`: what it costs to find a function by its name, and to call it through what was found.
//!
//! * `register`: so many random names are given to functions, in a registry that is empty at first.
//! * `look_up`: in a registry of so many names, random ones are looked up, one straight after the other. The processor begins
//!   with the next while it waits for memory.
//! * `dispatch`: each name is looked up and its function called, and only its result says which name is next. Nothing is begun
//!   early; that is what a message that names its function costs.
//! * `call`: one function, called so many times. `over_direct` is what that costs more than in the same loop without a registry.
//! * `spawn`: a green thread with the function as its body is spawned and joined, so many in flight.
//!
//! hashbrown's map, with the same hasher, has the names as `String`s and the functions as `Box<dyn Fn>`s. Where a subject
//! says `captures`, each function is a closure with a number in it, which has to be kept alive while it is called;
//! elsewhere all are the same `fn`.

mod ours;
#[cfg(feature = "peers")]
mod peers;

use std::hint::black_box;

use crate::bench::{Against, Bench, Case, Limit, Measurement, Target};
use crate::stopwatch::Stopwatch;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "registry",
    about: "functions by their names: to register one, look it up, look it up and call it, call it by a handle, spawn it",
    reference: "hashbrown",
    cases: &[
        Case::new(&[("register", 1_000_000), ("workers", 1)]),
        Case::new(&[("look_up", 1_000_000), ("workers", 1)]),
        Case::new(&[("dispatch", 1_000_000), ("workers", 1)]),
        Case::new(&[("call", 10_000_000), ("workers", 1)]),
        Case::new(&[("spawn", 10_000), ("workers", 1)]),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
    ],
    targets: &[
        target("fibra registry", "time", |case| is(case, "register"), Against::Subject("hashbrown"), 1.2),
        target("fibra registry", "time", |case| is(case, "look_up"), Against::Subject("hashbrown"), 1.2),
        target("fibra registry", "time", |case| is(case, "dispatch"), Against::Subject("hashbrown"), 1.2),
        target("fibra handle", "over_direct", |case| is(case, "call"), Against::Nothing, 5.0),
        target("fibra handle", "time", |case| is(case, "spawn"), Against::Subject("fibra thread"), 1.1),
    ],
};

const fn target(
    subject: &'static str,
    metric: &'static str,
    applies: fn(&Case) -> bool,
    against: Against,
    at_most: f64,
) -> Target {
    Target { subject, metric, applies, against, limit: Limit::AtMost(at_most) }
}

/// Whether the case is about this.
fn is(case: &Case, what: &str) -> bool {
    case.find(what).is_some()
}

fn has_names(case: &Case) -> bool {
    is(case, "register") || is(case, "look_up") || is(case, "dispatch")
}

/// The function that everybody registers.
#[inline(never)]
fn next(number: u64) -> u64 {
    black_box(number) + 1
}

/// What is looked up in.
trait Functions {
    fn new() -> Self;
    fn register(&mut self, name: &str);
    /// Whether it is there.
    fn look_up(&self, name: &str) -> bool;
    fn dispatch(&self, name: &str, argument: u64) -> u64;
}

/// The case that it is, with these functions.
fn measure<F: Functions>(case: &Case) -> Vec<Measurement> {
    if let Some(count) = case.find("register") {
        return register::<F>(&names(count));
    }
    let is_look_up = is(case, "look_up");
    let count = case.get(if is_look_up { "look_up" } else { "dispatch" });
    let names = names(count);
    let functions = filled::<F>(&names);
    let mut scattered = Scattered::new();
    // Copied, so that the names that are asked for lie one after the other in memory, as messages do.
    let asked: Vec<String> =
        names.iter().map(|_| names[scattered.next() as usize % names.len()].clone()).collect();
    if is_look_up { look_up(&functions, &asked) } else { dispatch(&functions, &asked) }
}

fn filled<F: Functions>(names: &[String]) -> F {
    let mut functions = F::new();
    for name in names {
        functions.register(name);
    }
    functions
}

fn register<F: Functions>(names: &[String]) -> Vec<Measurement> {
    let stopwatch = Stopwatch::start();
    let functions = filled::<F>(names);
    let span = stopwatch.stop();
    drop(functions);
    span.per(names.len(), "name")
}

fn look_up(functions: &impl Functions, asked: &[String]) -> Vec<Measurement> {
    let stopwatch = Stopwatch::start();
    for name in asked {
        assert!(black_box(functions.look_up(name)), "it is registered");
    }
    stopwatch.stop().per(asked.len(), "name")
}

fn dispatch(functions: &impl Functions, asked: &[String]) -> Vec<Measurement> {
    let stopwatch = Stopwatch::start();
    let mut index = 0;
    while let Some(name) = asked.get(index as usize) {
        index = functions.dispatch(name, index);
    }
    stopwatch.stop().per(asked.len(), "call")
}

/// Random names, which are all different.
fn names(count: u64) -> Vec<String> {
    let mut scattered = Scattered::new();
    (0..count).map(|_| format!("fn-{:016x}", scattered.next())).collect()
}

/// Numbers without a pattern, none of which comes twice: an xorshift generator's.
struct Scattered(u64);

impl Scattered {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
