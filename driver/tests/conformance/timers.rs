//! Timeouts: never early, in order, and as fine as the clock.

use std::collections::{BTreeSet, HashMap};
use std::task::Waker;
use std::time::{Duration, Instant};

use fibra_driver::{Moment, Op, Wait};

use crate::rig::Rig;

/// When a timer ends that must not end before `deadline`, if it is the only one.
fn end_of_timer(rig: &mut Rig, deadline: Instant) -> Instant {
    let key = rig.driver.start_timer(deadline, Waker::noop().clone());
    let end = rig.driver.next_timer();
    rig.driver.stop_timer(key);
    end.expect("it runs")
}

promises! {
    fn a_timeout_is_never_early(rig) {
        for microseconds in [0, 1, 50, 300, 999, 1_001, 2_500, 20_000] {
            let deadline = Instant::now() + Duration::from_micros(microseconds);
            assert_eq!(rig.run(Op::Timeout { deadline }).expect("the time comes"), 0);
            assert!(Instant::now() >= deadline);
        }
    }

    fn a_timeout_in_the_past_ends_in_the_next_turn(rig) {
        let timeout = rig.start(Op::Timeout { deadline: Instant::now() - Duration::from_millis(1) });
        rig.turn(Wait::Not);
        assert_eq!(rig.finish(timeout).expect("the time has come"), 0);
    }

    fn a_waiting_turn_is_never_over_before_its_deadline(rig) {
        for microseconds in [1, 100, 1_500, 10_000] {
            let deadline = Instant::now() + Duration::from_micros(microseconds);
            assert_eq!(rig.turn(Wait::Until(deadline)), 0);
            assert!(Instant::now() >= deadline);
        }
    }

    fn a_wait_of_less_than_a_millisecond_is_not_a_wait_of_one(rig) {
        // The best of many: what the kernel can do, whatever else the machine does.
        let best = (0..200).map(|_| {
            let begin = Instant::now();
            rig.turn(Wait::Until(begin + Duration::from_micros(200)));
            begin.elapsed()
        });
        let best = best.min().expect("there were some");
        assert!(best >= Duration::from_micros(200), "early: {best:?}");
        println!("a wait of 200 µs takes {best:?}");
    }

    fn timeouts_end_in_the_order_of_their_deadlines(rig) {
        let now = Instant::now();
        let order = [5u64, 1, 4, 2, 3, 0];
        let timeouts: Vec<_> = order.iter()
            .map(|step| (*step, rig.start(Op::Timeout { deadline: now + Duration::from_millis(5 + 3 * step) })))
            .collect();
        let mut ended = Vec::new();
        while ended.len() < order.len() {
            rig.turn(Wait::Forever);
            let mut news: Vec<_> =
                timeouts.iter().filter(|(step, timeout)| rig.has_ended(*timeout) && !ended.contains(step)).collect();
            news.sort_unstable_by_key(|(step, _)| *step);
            ended.extend(news.into_iter().map(|(step, _)| *step));
        }
        assert_eq!(ended, [0, 1, 2, 3, 4, 5]);
        for (_, timeout) in timeouts {
            assert_eq!(rig.finish(timeout).expect("the time has come"), 0);
        }
    }

    fn of_many_timeouts_each_ends_and_none_is_early(rig) {
        // Far enough in the future that they come due one after the other, and not all while they are started.
        let begin = Instant::now() + Duration::from_millis(40);
        let mut deadlines = HashMap::new();
        for index in 0..5_000u64 {
            let deadline = begin + Duration::from_micros(index * 7919 % 30_000);
            deadlines.insert(rig.start(Op::Timeout { deadline }).word, deadline);
        }
        while !deadlines.is_empty() {
            rig.turn(Wait::Forever);
            let now = Instant::now();
            for word in rig.take_ended() {
                assert!(deadlines.remove(&word).is_some_and(|deadline| deadline <= now), "it was early");
            }
        }
        rig.assert_idle();
    }

    fn with_slack_timers_end_together_and_none_is_early(rig) {
        let slack = Duration::from_millis(100);
        let mut rig = Rig::with(rig.kind, |config| config.timer_slack = slack);
        let begin = Instant::now() + Duration::from_secs(10);
        let mut ends = BTreeSet::new();
        for step in 0..30 {
            let deadline = begin + Duration::from_millis(step);
            let end = end_of_timer(&mut rig, deadline);
            assert!((deadline..=deadline + slack).contains(&end), "{step}: {end:?}");
            ends.insert(end);
        }
        // A grid that is 67 ms wide has at most one line between the first and the last of them.
        assert!(ends.len() <= 2, "{ends:?}");
        // An operation ends when a timer does.
        rig.start(Op::Timeout { deadline: begin });
        assert_eq!(rig.driver.next_timer(), ends.first().copied());
    }

    fn without_slack_and_by_a_clock_that_stands_timers_are_exact(rig) {
        let deadline = Instant::now() + Duration::from_secs(10);
        assert_eq!(end_of_timer(rig, deadline), deadline);
        let mut rig = Rig::with(rig.kind, |config| {
            config.timer_slack = Duration::from_millis(100);
            config.clock.stop();
        });
        assert_eq!(end_of_timer(&mut rig, deadline), deadline);
    }

    /// A slack is a share of the wait, which begins at the time that was told: by the clock it would be that of an hour.
    fn slacks_count_from_the_time_that_was_told(rig) {
        let mut rig = Rig::with(rig.kind, |config| config.timer_slack = Duration::from_millis(100));
        let told = Moment::now().after(Duration::from_secs(3600));
        rig.driver.tell_time(told);
        for number in 0..100 {
            let wait = Duration::from_nanos(1_000_000 + 12_345 * number);
            let deadline = Instant::from(told.after(wait));
            assert!(end_of_timer(&mut rig, deadline) <= deadline + wait / 16);
        }
    }

    fn a_distant_timeout_does_not_disturb(rig) {
        let distant = rig.start(Op::Timeout { deadline: Instant::now() + Duration::from_secs(400 * 24 * 3600) });
        let deadline = Instant::now() + Duration::from_millis(5);
        assert_eq!(rig.run(Op::Timeout { deadline }).expect("the time comes"), 0);
        assert!(!rig.has_ended(distant));
        rig.cancel(distant);
        assert_eq!(crate::rig::errno(rig.finish(distant)), crate::rig::system::CANCELED);
    }
}
