//! State that several threads or several tasks of one thread see: only where it can be checked.

use super::facts::MacroUse;
use super::source::Source;
use super::{Finding, Rule};

/// Thread-locals are a hazard where tasks move between stacks: each of these files argues its only one.
const THREAD_LOCAL_PLACES: [&str; 2] = ["coro/src/", "runtime/src/context.rs"];

/// The crate whose atomics loom replaces, and the module in which it does.
const MODEL_CHECKED: &str = "runtime/src/";
const PRIMITIVES: &str = "runtime/src/primitive.rs";

pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    check_thread_locals(source, findings);
    check_atomics(source, findings);
}

fn check_thread_locals(source: &Source, findings: &mut Vec<Finding>) {
    if !source.is_in_src() || THREAD_LOCAL_PLACES.iter().any(|place| source.path.starts_with(place)) {
        return;
    }
    let ours = |found: &&MacroUse| found.name == "thread_local" && !found.in_test && !found.for_callers;
    for found in source.facts.macros.iter().filter(ours) {
        let message = "a thread-local: the two places for them are coro and runtime/src/context.rs";
        findings.push(source.finding(found.line, Rule::ThreadLocal, message));
    }
}

fn check_atomics(source: &Source, findings: &mut Vec<Finding>) {
    if !source.path.starts_with(MODEL_CHECKED) || source.path == PRIMITIVES {
        return;
    }
    for path in source.facts.paths.iter().filter(|path| !path.in_test) {
        let [root, middle, last, ..] = &path.segments[..] else { continue };
        if (root == "std" || root == "core") && middle == "sync" && last == "atomic" {
            let message = "an atomic of std, which loom can't see: take it from `crate::primitive`";
            findings.push(source.finding(path.line, Rule::Atomics, message));
        }
    }
}
