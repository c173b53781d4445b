//! Models of the barrier: all of a round go on, and none before the last has come.

use super::{super::Barrier, *};
use ::loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[test]
fn three_pass_together_and_see_what_the_others_did_before() {
    check(|| {
        let shared = Arc::new((Barrier::new(3), AtomicUsize::new(0)));
        let pass = |shared: &(Barrier, AtomicUsize)| {
            shared.1.fetch_add(1, Relaxed);
            let is_leader = block_on(shared.0.wait_async()).is_leader();
            assert_eq!(shared.1.load(Relaxed), 3);
            usize::from(is_leader)
        };
        let others = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || pass(&shared))
        });
        let leaders = pass(&shared) + others.into_iter().map(|other| other.join().unwrap()).sum::<usize>();
        assert_eq!(leaders, 1);
    });
}

#[test]
fn two_pass_twice() {
    check(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = thread::spawn({
            let barrier = Arc::clone(&barrier);
            move || [(); 2].map(|()| block_on(barrier.wait_async()).is_leader())
        });
        let ours = [(); 2].map(|()| block_on(barrier.wait_async()).is_leader());
        let theirs = other.join().unwrap();
        assert!(ours[0] != theirs[0] && ours[1] != theirs[1]);
    });
}

#[test]
fn an_arrival_that_is_dropped_either_counts_or_leaves_room_for_another() {
    check(|| {
        let barrier = Arc::new(Barrier::new(2));
        let mut given_up = barrier.wait_async();
        assert!(poll_once(&mut given_up).is_pending());
        let other = thread::spawn({
            let barrier = Arc::clone(&barrier);
            move || block_on(barrier.wait_async()).is_leader()
        });
        drop(given_up);
        // The other one meets us, or else it has met the one that is gone: then it came second, and we are alone.
        let mut ours = barrier.wait_async();
        let first = poll_once(&mut ours);
        let other_leads = other.join().unwrap();
        match first {
            Poll::Ready(result) => assert!(result.is_leader() && !other_leads),
            Poll::Pending => {
                assert!(other_leads);
                if poll_once(&mut ours).is_pending() {
                    assert!(block_on_both(&barrier, ours));
                }
            }
        }
    });
}

/// Arrives as the second one, and lets the first one go on.
fn block_on_both(barrier: &Barrier, first: impl Future<Output = crate::sync::BarrierWaitResult>) -> bool {
    block_on(barrier.wait_async()).is_leader() && !block_on(first).is_leader()
}
