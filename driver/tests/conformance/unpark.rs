//! Wake-ups from elsewhere.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fibra_driver::Wait;

use crate::rig::Rig;

/// Far beyond any wait that ends by being unparked.
fn late() -> Wait {
    Wait::Until(Instant::now() + Duration::from_secs(30))
}

/// Turns with `late`, and fails if that was not cut short.
fn assert_unparked(rig: &mut Rig) {
    let begin = Instant::now();
    rig.turn(late());
    assert!(begin.elapsed() < Duration::from_secs(29), "nobody ended the wait");
}

promises! {
    fn a_waiting_turn_is_ended_from_another_thread(rig) {
        for pause in [0, 1, 5, 20] {
            let unparker = rig.driver.unparker();
            let thread = thread::spawn(move || {
                thread::sleep(Duration::from_millis(pause));
                unparker.unpark();
            });
            assert_unparked(rig);
            thread.join().expect("unparking does not panic");
        }
    }

    fn an_unpark_before_the_wait_counts_and_several_are_one(rig) {
        let unparker = rig.driver.unparker();
        (0..1000).for_each(|_| unparker.unpark());
        assert_unparked(rig);
        let deadline = Instant::now() + Duration::from_millis(10);
        rig.turn(Wait::Until(deadline));
        assert!(Instant::now() >= deadline, "one notice ended two waits");
    }

    fn a_turn_that_may_not_wait_leaves_the_notice(rig) {
        rig.driver.unparker().unpark();
        rig.turn(Wait::Not);
        assert_unparked(rig);
    }

    fn no_unpark_is_lost_in_a_race_with_falling_asleep(rig) {
        const ROUNDS: u32 = 2_000;
        let unparker = rig.driver.unparker();
        let round = AtomicU32::new(0);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut seen = 0;
                while !stop.load(Ordering::Acquire) {
                    let current = round.load(Ordering::Acquire);
                    if current != seen {
                        seen = current;
                        unparker.unpark();
                    } else {
                        thread::yield_now();
                    }
                }
            });
            for _ in 0..ROUNDS {
                round.fetch_add(1, Ordering::AcqRel);
                assert_unparked(rig);
            }
            stop.store(true, Ordering::Release);
        });
    }

    fn an_unpark_of_a_driver_that_is_gone_does_nothing(rig) {
        let unparker = Rig::new(rig.kind).driver.unparker();
        unparker.unpark();
        rig.driver.unpark_peer(&unparker);
        rig.turn(Wait::Not);
        rig.assert_idle();
    }

    fn drivers_wake_each_other(rig) {
        const ROUNDS: u32 = 500;
        let (sender, receiver) = mpsc::channel();
        let kind = rig.kind;
        let mine = rig.driver.unparker();
        let peer = thread::spawn(move || {
            let mut rig = Rig::new(kind);
            sender.send(rig.driver.unparker()).expect("the test waits");
            for _ in 0..ROUNDS {
                assert_unparked(&mut rig);
                rig.driver.unpark_peer(&mine);
            }
            // The last message leaves with a turn.
            rig.turn(Wait::Not);
            rig.assert_idle();
        });
        let unparker = receiver.recv().expect("the peer starts");
        for _ in 0..ROUNDS {
            rig.driver.unpark_peer(&unparker);
            assert_unparked(rig);
        }
        peer.join().expect("the peer ends well");
        rig.assert_idle();
    }

    fn a_notice_to_a_peer_leaves_with_the_drop_at_the_latest(rig) {
        let (sender, receiver) = mpsc::channel();
        let kind = rig.kind;
        let peer = thread::spawn(move || {
            let mut rig = Rig::new(kind);
            sender.send(rig.driver.unparker()).expect("the test waits");
            assert_unparked(&mut rig);
        });
        let unparker = receiver.recv().expect("the peer starts");
        // Long enough for the peer to fall asleep: only a sleeping one needs a message.
        thread::sleep(Duration::from_millis(20));
        let mut other = Rig::new(kind);
        other.driver.unpark_peer(&unparker);
        drop(other);
        peer.join().expect("the peer ends well");
    }

    fn peers_of_different_backends_wake_each_other(rig) {
        for &kind in fibra_driver::BackendKind::ALL {
            let (sender, receiver) = mpsc::channel();
            let peer = thread::spawn(move || {
                let mut rig = Rig::new(kind);
                sender.send(rig.driver.unparker()).expect("the test waits");
                assert_unparked(&mut rig);
            });
            let unparker = receiver.recv().expect("the peer starts");
            rig.driver.unpark_peer(&unparker);
            rig.turn(Wait::Not);
            peer.join().expect("the peer ends well");
        }
    }
}
