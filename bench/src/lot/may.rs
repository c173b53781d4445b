//! The same for coroutines of may: a coroutine parks, and its handle unparks it.

use may::coroutine::{self, Coroutine};

use super::{Goal, Handle, Lot};

impl Handle for Coroutine {
    fn wake(self) {
        self.unpark();
    }
}

impl Lot<Coroutine> {
    /// Makes room for so many, and touches all of it; counts from 0.
    pub fn open(&self, places: usize) {
        self.open_with(places, coroutine::current());
    }

    /// Waits in the lot until it is [cleared](Self::clear).
    pub fn park(&self) {
        self.enter(coroutine::current());
        coroutine::park();
        self.leave();
    }

    /// Waits until so many have begun to wait since the lot was opened.
    pub fn entered(&self, count: usize) {
        self.reached(Goal::Entered(count));
    }

    /// Waits until so many have got on since the lot was opened.
    pub fn left(&self, count: usize) {
        self.reached(Goal::Left(count));
    }

    fn reached(&self, goal: Goal) {
        while !self.count(goal, coroutine::current) {
            coroutine::park();
        }
    }
}
