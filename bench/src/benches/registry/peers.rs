//! A map that one thread has for itself.

use std::hint::black_box;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{Functions, has_names, measure, next};
use crate::bench::Subject;

/// hashbrown's map.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("hashbrown", "hashbrown", measure::<Plain>).only(has_names),
    Subject::new("hashbrown, captures", "hashbrown", measure::<Capturing>).only(has_names),
];

type Map = HashMap<String, Box<dyn Fn(u64) -> u64 + Send + Sync>, RandomState>;

struct Plain(Map);

impl Functions for Plain {
    fn new() -> Self {
        Self(Map::default())
    }

    fn register(&mut self, name: &str) {
        assert!(self.0.insert(name.to_owned(), Box::new(next)).is_none(), "names differ");
    }

    fn look_up(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn dispatch(&self, name: &str, argument: u64) -> u64 {
        self.0[name](argument)
    }
}

struct Capturing(Map);

impl Functions for Capturing {
    fn new() -> Self {
        Self(Map::default())
    }

    fn register(&mut self, name: &str) {
        let zero = black_box(0);
        let function = move |argument| next(argument) + zero;
        assert!(self.0.insert(name.to_owned(), Box::new(function)).is_none(), "names differ");
    }

    fn look_up(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn dispatch(&self, name: &str, argument: u64) -> u64 {
        self.0[name](argument)
    }
}
