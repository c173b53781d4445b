//! An operation with an owned memory: its future is dropped while it is posted, pending, or just ending.

use crate::io::{Abandoned, Phase};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};
use std::{
    sync,
    task::{Context, Wake, Waker},
};

/// Counts its wakes.
struct Bell(AtomicUsize);

impl Bell {
    fn new() -> sync::Arc<Self> {
        sync::Arc::new(Self(AtomicUsize::new(0)))
    }

    fn rings(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn whoever_comes_last_cleans_up_and_nobody_else() {
    loom::model(|| {
        let shared = Arc::new((Phase::new(), AtomicUsize::new(0)));
        shared.0.submit();
        let home = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if !shared.0.finish() {
                    shared.1.fetch_add(1, SeqCst);
                }
            })
        };
        if shared.0.abandon() == Abandoned::Done {
            shared.1.fetch_add(1, SeqCst);
        }
        home.join().unwrap();
        assert_eq!(shared.1.load(SeqCst), 1);
    });
}

#[test]
fn a_letter_that_finds_its_future_gone_submits_nothing() {
    loom::model(|| {
        let shared = Arc::new((Phase::new(), AtomicUsize::new(0)));
        shared.0.post();
        let home = {
            let shared = Arc::clone(&shared);
            // Submitted, and ended: the home cleans up if the future has gone by then.
            thread::spawn(move || {
                let submitted = shared.0.receive();
                if submitted && !shared.0.finish() {
                    shared.1.fetch_add(1, SeqCst);
                }
                submitted
            })
        };
        let abandoned = shared.0.abandon();
        if abandoned == Abandoned::Done {
            shared.1.fetch_add(1, SeqCst);
        }
        let submitted = home.join().unwrap();
        assert_eq!(shared.1.load(SeqCst), usize::from(submitted), "what was submitted is cleaned up once");
        assert_eq!(abandoned == Abandoned::Unknown, !submitted);
    });
}

#[test]
fn a_letter_that_comes_too_late_leaves_the_result_to_the_future() {
    loom::model(|| {
        let shared = Arc::new((Phase::new(), UnsafeCell::new(0)));
        shared.0.submit();
        let home = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: loom's cell fails the model if anybody else has it now, which is what is checked here.
                shared.1.with_mut(|stage| unsafe { *stage = 7 });
                let theirs = shared.0.finish();
                // The letter that asks for a stop.
                if !shared.0.is_done() {
                    assert!(!theirs);
                    // SAFETY: as above.
                    shared.1.with_mut(|stage| unsafe { *stage = 0 });
                }
            })
        };
        // The future takes the result if it is there; else it goes, and leaves it to the home.
        if shared.0.is_done() || shared.0.abandon() == Abandoned::Done {
            // SAFETY: as above.
            assert_eq!(shared.1.with(|stage| unsafe { *stage }), 7);
        }
        home.join().unwrap();
    });
}

#[test]
fn an_operation_that_is_recalled_is_never_submitted_and_another_one_is_pending_or_done() {
    loom::model(|| {
        let phase = Arc::new(Phase::new());
        phase.post();
        let home = {
            let phase = Arc::clone(&phase);
            thread::spawn(move || phase.receive() && phase.finish())
        };
        let is_recalled = phase.recall();
        assert!(is_recalled || phase.is_pending() || phase.is_done());
        assert_eq!(home.join().unwrap(), !is_recalled);
    });
}

#[test]
fn who_waits_is_told_of_the_end_by_the_waker_that_it_left_last() {
    loom::model(|| {
        let phase = Arc::new(Phase::new());
        phase.post();
        let home = {
            let phase = Arc::clone(&phase);
            thread::spawn(move || assert!(phase.receive() && phase.finish()))
        };
        let bells = [Bell::new(), Bell::new()];
        let polls = bells.each_ref().map(|bell| {
            let waker = Waker::from(sync::Arc::clone(bell));
            phase.poll_done(&Context::from_waker(&waker))
        });
        home.join().unwrap();
        assert!(phase.is_done());
        assert!(polls[0].is_pending() || polls[1].is_ready());
        assert!(bells[0].rings() + bells[1].rings() <= 1);
        assert!(polls[1].is_ready() || bells[1].rings() == 1, "it waits, and nobody tells it");
    });
}

#[test]
fn a_waker_that_stands_for_several_is_woken_though_one_of_them_finds_the_end() {
    loom::model(|| {
        let phase = Arc::new(Phase::new());
        phase.submit();
        let home = {
            let phase = Arc::clone(&phase);
            thread::spawn(move || assert!(phase.finish()))
        };
        let bell = Bell::new();
        let waker = Waker::from(sync::Arc::clone(&bell));
        let first = phase.poll_done(&Context::from_waker(&waker));
        let _ = phase.poll_done(&Context::from_waker(&waker));
        home.join().unwrap();
        assert_eq!(bell.rings(), usize::from(first.is_pending()));
    });
}

#[test]
fn a_future_that_goes_leaves_its_waker_to_nobody() {
    loom::model(|| {
        let phase = Arc::new(Phase::new());
        phase.submit();
        let bell = Bell::new();
        let waker = Waker::from(sync::Arc::clone(&bell));
        let home = {
            let phase = Arc::clone(&phase);
            thread::spawn(move || phase.finish())
        };
        let _ = phase.poll_done(&Context::from_waker(&waker));
        let abandoned = phase.abandon();
        let is_theirs = home.join().unwrap();
        assert_eq!(abandoned == Abandoned::Done, is_theirs);
        drop((phase, waker));
        assert_eq!(sync::Arc::strong_count(&bell), 1, "a waker was leaked");
    });
}

#[test]
fn a_waker_that_was_left_at_home_is_known_to_who_polls_elsewhere() {
    loom::model(|| {
        let phase = Arc::new(Phase::new());
        let (at_home, elsewhere) = (Bell::new(), Bell::new());
        phase.submit();
        let waker = Waker::from(sync::Arc::clone(&at_home));
        assert!(phase.poll_done_at_home(&Context::from_waker(&waker)).is_pending());
        // The task has been stolen meanwhile.
        let thief = {
            let (phase, elsewhere) = (Arc::clone(&phase), sync::Arc::clone(&elsewhere));
            thread::spawn(move || phase.poll_done(&Context::from_waker(&Waker::from(elsewhere))).is_ready())
        };
        assert!(phase.finish());
        let is_ready = thief.join().unwrap();
        assert!(is_ready || elsewhere.rings() == 1, "it waits, and nobody wakes it");
        assert_eq!(at_home.rings() + elsewhere.rings(), 1, "the waker that was left last is woken");
    });
}
