//! A `TaskGroup` does what a list does that is written down step by step: order, progress, cancellation, panics.

use fibra::{concurrent::TaskGroup, sync::oneshot, thread};
use proptest::{collection::vec, prelude::*};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

/// What a member does when it is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Returns(u8),
    Panics,
}

/// What a member has ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Output(u8),
    Panic,
    Cancel,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Spawn {
        body: Body,
        is_thread: bool,
    },
    /// Lets one of those that run go on to its end.
    Finish(usize),
    Next,
    TryNext,
    Cancel,
    Race,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let body = prop_oneof![3 => any::<u8>().prop_map(Body::Returns), 1 => Just(Body::Panics)];
    let spawn = (body, any::<bool>()).prop_map(|(body, is_thread)| Step::Spawn { body, is_thread });
    let step = prop_oneof![
        6 => spawn,
        6 => any::<usize>().prop_map(Step::Finish),
        3 => Just(Step::Next),
        2 => Just(Step::TryNext),
        1 => Just(Step::Cancel),
        1 => Just(Step::Race),
    ];
    vec(step, 0..40)
}

/// What the group is expected to be.
#[derive(Default)]
struct Model {
    /// By index; the gate that lets it go.
    running: BTreeMap<usize, (Body, oneshot::Sender<()>)>,
    ended: VecDeque<(usize, End)>,
    spawned: usize,
    finished: usize,
}

struct Both {
    group: TaskGroup<u8>,
    model: Model,
    /// Of bodies.
    dropped: Arc<AtomicUsize>,
}

/// Counts its drop.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn end_of(body: Body) -> u8 {
    match body {
        Body::Returns(output) => output,
        // Without the hook, which would print it.
        Body::Panics => std::panic::resume_unwind(Box::new("let go")),
    }
}

fn seen((index, result): (usize, Result<u8, fibra::future::JoinError>)) -> (usize, End) {
    let end = match result {
        Ok(output) => End::Output(output),
        Err(error) if error.is_cancelled() => End::Cancel,
        Err(_) => End::Panic,
    };
    (index, end)
}

impl Both {
    fn new() -> Self {
        Self { group: TaskGroup::new(), model: Model::default(), dropped: Arc::default() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Spawn { body, is_thread } => self.spawn(body, is_thread),
            Step::Finish(which) => self.finish(which),
            Step::Next => self.next(),
            Step::TryNext => assert_eq!(self.group.try_next().map(seen), self.model.ended.pop_front()),
            Step::Cancel => {
                self.group.cancel();
                self.cancelled();
            }
            Step::Race => self.race(),
        }
        self.check();
    }

    fn check(&self) {
        let (progress, model) = (self.group.progress(), &self.model);
        assert_eq!((progress.finished, progress.total), (model.finished, model.spawned));
        assert_eq!(self.group.len(), model.running.len() + model.ended.len());
    }

    fn spawn(&mut self, body: Body, is_thread: bool) {
        let (gate, door) = oneshot::channel::<()>();
        let counted = Counted(Arc::clone(&self.dropped));
        let index = if is_thread {
            self.group.spawn_thread(move || {
                let _counted = counted;
                door.recv().expect("the model keeps the gate");
                end_of(body)
            })
        } else {
            self.group.spawn(async move {
                let _counted = counted;
                door.await.expect("the model keeps the gate");
                end_of(body)
            })
        };
        assert_eq!(index, self.model.spawned);
        self.model.spawned += 1;
        self.model.running.insert(index, (body, gate));
    }

    fn finish(&mut self, which: usize) {
        let Some(place) = which.checked_rem(self.model.running.len()) else { return };
        let index = *self.model.running.keys().nth(place).expect("it is one of these");
        let (body, gate) = self.model.running.remove(&index).expect("it was found");
        gate.send(()).expect("the member waits");
        self.model.finished += 1;
        self.settle();
        let end = match body {
            Body::Returns(output) => End::Output(output),
            Body::Panics => End::Panic,
        };
        self.model.ended.push_back((index, end));
    }

    /// Waits until as many have ended as the model says, so that the next one to end comes after them.
    fn settle(&self) {
        while self.group.progress().finished < self.model.finished {
            thread::yield_now();
        }
    }

    fn next(&mut self) {
        // Not where it would wait for ever.
        if self.model.running.is_empty() || !self.model.ended.is_empty() {
            assert_eq!(self.group.next().map(seen), self.model.ended.pop_front());
        }
    }

    /// All that run have ended, in any order: theirs are compared, and taken.
    fn cancelled(&mut self) {
        let running = std::mem::take(&mut self.model.running);
        self.model.finished += running.len();
        let before = std::mem::take(&mut self.model.ended);
        for expected in before {
            assert_eq!(self.group.next().map(seen), Some(expected));
        }
        let mut ends: Vec<_> =
            running.keys().map(|_| self.group.next().map(seen).expect("it has ended")).collect();
        ends.sort_unstable_by_key(|(index, _)| *index);
        assert_eq!(ends, running.keys().map(|index| (*index, End::Cancel)).collect::<Vec<_>>());
        assert!(self.group.try_next().is_none());
    }

    fn race(&mut self) {
        let Some(first) = self.model.ended.pop_front() else {
            if self.model.running.is_empty() {
                assert!(self.group.race().is_err());
            }
            return;
        };
        let race = self.group.race().expect("there are members");
        assert_eq!(seen((race.index, race.output)), first);
        let mut others: Vec<_> = std::mem::take(&mut self.model.ended).into();
        let running = std::mem::take(&mut self.model.running);
        self.model.finished += running.len();
        others.extend(running.keys().map(|index| (*index, End::Cancel)));
        others.sort_unstable_by_key(|(index, _)| *index);
        assert_eq!(race.others.into_iter().map(seen).collect::<Vec<_>>(), others);
    }

    /// Drops the group where it is: all bodies go, and the last progress says so.
    fn drop_in_the_middle(self) {
        let Self { group, model, dropped } = self;
        let mut progress = group.watch_progress();
        drop(group);
        while progress.changed().is_some() {}
        assert_eq!((progress.get().finished, progress.get().total), (model.spawned, model.spawned));
        while dropped.load(SeqCst) < model.spawned {
            thread::yield_now();
        }
    }
}

fn hold_together(workers: usize, steps: Vec<Step>) {
    fibra::Builder::new().workers(workers).run(move || {
        let mut both = Both::new();
        for step in steps {
            both.step(step);
        }
        both.drop_in_the_middle();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_is_its_model_on_one_worker(steps in steps()) {
        hold_together(1, steps);
    }

    #[test]
    fn a_group_is_its_model_on_two_workers(steps in steps()) {
        hold_together(2, steps);
    }
}
