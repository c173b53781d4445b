//! Models of what happens once: one run at a time, seen by all, and nobody waits for one that is not made.

use super::{
    super::once::progress::{Goal, Outcome, Progress, Run},
    *,
};
use std::future::pending;

const MAKE: Goal = Goal { claims: true, heeds_poison: false };
const AWAIT: Goal = Goal { claims: false, heeds_poison: false };
const HEED: Goal = Goal { claims: false, heeds_poison: true };
const MAKE_HEEDING: Goal = Goal { claims: true, heeds_poison: true };

/// What a run does: it counts, and loom notices whoever looks too early.
struct Shared {
    progress: Progress,
    runs: Exclusive,
}

// SAFETY: what is checked here, by loom, is that the progress makes this true.
unsafe impl Sync for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { progress: Progress::new(), runs: Exclusive::new() })
    }

    fn run(&self, run: Run<'_>) {
        assert_eq!(self.runs.increment(), 1);
        run.complete();
    }

    fn make(&self) {
        match block_on(self.progress.look(MAKE)) {
            Outcome::Complete => {}
            Outcome::Claimed(run) => self.run(run),
            Outcome::Poisoned => unreachable!("nobody asked for it"),
        }
        self.see();
    }

    fn claim(&self) -> Run<'_> {
        match poll_once(&mut self.progress.look(MAKE)) {
            Poll::Ready(Outcome::Claimed(run)) => run,
            _ => panic!("it is new"),
        }
    }

    fn see(&self) {
        // SAFETY: loom checks that nobody writes meanwhile, and fails the model otherwise.
        assert_eq!(self.runs.0.with(|runs| unsafe { *runs }), 1);
    }
}

fn spawn(shared: &Arc<Shared>, body: impl FnOnce(&Shared) + 'static) -> thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || body(&shared))
}

#[test]
fn three_callers_see_one_run() {
    check(|| {
        let shared = Shared::new();
        let others = [(); 2].map(|()| spawn(&shared, Shared::make));
        shared.make();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn who_only_waits_is_woken_by_a_run_that_began_later() {
    check(|| {
        let shared = Shared::new();
        let maker = spawn(&shared, Shared::make);
        assert!(matches!(block_on(shared.progress.look(AWAIT)), Outcome::Complete));
        shared.see();
        maker.join().unwrap();
    });
}

#[test]
fn a_run_that_is_dropped_is_made_by_another() {
    check(|| {
        let shared = Shared::new();
        let run = shared.claim();
        let others = [spawn(&shared, Shared::make), spawn(&shared, Shared::make)];
        drop(run);
        assert!(matches!(block_on(shared.progress.look(AWAIT)), Outcome::Complete));
        shared.see();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn a_run_that_is_dropped_ends_the_wait_of_those_who_heed_it() {
    check(|| {
        let shared = Shared::new();
        let run = shared.claim();
        let heeds = spawn(&shared, |shared| {
            assert!(matches!(block_on(shared.progress.look(HEED)), Outcome::Poisoned));
        });
        drop(run);
        heeds.join().unwrap();
    });
}

#[test]
fn a_waiter_that_is_dropped_leaves_the_others_their_turn() {
    check(|| {
        let shared = Shared::new();
        let run = shared.claim();
        let mut given_up = shared.progress.look(MAKE);
        assert!(poll_once(&mut given_up).is_pending());
        let other = spawn(&shared, Shared::make);
        drop(run);
        // Woken or not: whoever waits makes the run.
        drop(given_up);
        other.join().unwrap();
        shared.see();
    });
}

#[test]
fn a_future_that_is_dropped_between_two_polls_leaves_its_run_to_another_and_no_poison() {
    check(|| {
        let shared = Shared::new();
        let mut given_up = Box::pin(shared.claim().drive(pending()));
        assert!(poll_once(&mut given_up).is_pending());
        let other = spawn(&shared, |shared| match block_on(shared.progress.look(MAKE_HEEDING)) {
            Outcome::Claimed(run) => {
                assert!(!run.is_after_failure());
                shared.run(run);
            }
            _ => panic!("nothing has failed, and nobody else makes it"),
        });
        let heeds = spawn(&shared, |shared| {
            assert!(matches!(block_on(shared.progress.look(HEED)), Outcome::Complete));
        });
        drop(given_up);
        other.join().unwrap();
        heeds.join().unwrap();
        shared.see();
    });
}
