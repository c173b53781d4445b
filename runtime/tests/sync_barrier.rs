//! A barrier lets as many pass together as it was made for, and counts nobody who has gone.

use fibra::{cancel::Cancelled, sync::Barrier, thread, time};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

const MILLISECOND: Duration = Duration::from_millis(1);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets everybody else on this worker run until they wait.
fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

#[fibra::test]
fn green_threads_futures_and_os_threads_pass_together_round_after_round() {
    const ROUNDS: usize = 200;
    let shared = Arc::new((Barrier::new(6), AtomicUsize::new(0), AtomicUsize::new(0)));
    let check = |shared: &(Barrier, AtomicUsize, AtomicUsize), round: usize, is_leader: bool| {
        // Nobody is in the next round but one while somebody is in this.
        assert!((6 * round..=6 * (round + 1)).contains(&shared.1.load(SeqCst)));
        shared.2.fetch_add(usize::from(is_leader), SeqCst);
    };
    let pass = move |shared: &(Barrier, AtomicUsize, AtomicUsize)| {
        for round in 1..=ROUNDS {
            shared.1.fetch_add(1, SeqCst);
            check(shared, round, shared.0.wait().is_leader());
        }
    };
    let green: Vec<_> = (0..2)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || pass(&shared))
        })
        .collect();
    let futures: Vec<_> = (0..2)
        .map(|_| {
            let shared = Arc::clone(&shared);
            fibra::future::spawn(async move {
                for round in 1..=ROUNDS {
                    shared.1.fetch_add(1, SeqCst);
                    check(&shared, round, shared.0.wait_async().await.is_leader());
                }
            })
        })
        .collect();
    let os: Vec<_> = (0..2)
        .map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || pass(&shared))
        })
        .collect();
    green.into_iter().for_each(|thread| thread.join().unwrap());
    futures.into_iter().for_each(|future| fibra::wait(future).unwrap());
    fibra::unblock(|| os.into_iter().for_each(|thread| thread.join().unwrap()));
    assert_eq!(shared.2.load(SeqCst), ROUNDS, "each round has one leader");
}

#[fibra::test(workers = 1)]
fn nobody_passes_before_all_have_arrived() {
    let (barrier, passed, leaders) = (Barrier::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
    let pass = || leaders.fetch_add(usize::from(barrier.wait().is_leader()), SeqCst);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                pass();
                passed.fetch_add(1, SeqCst);
            });
        }
        let_others_wait();
        assert_eq!(passed.load(SeqCst), 0);
        pass();
    });
    assert_eq!((passed.load(SeqCst), leaders.load(SeqCst)), (2, 1));
}

#[test]
fn for_one_or_nobody_there_is_no_wait() {
    for size in [0, 1] {
        let barrier = Barrier::new(size);
        for _ in 0..3 {
            assert!(barrier.wait().is_leader());
        }
    }
}

#[test]
fn a_future_that_is_dropped_takes_its_arrival_back() {
    let barrier = Barrier::new(2);
    for _ in 0..5 {
        let mut given_up = Box::pin(barrier.wait_async());
        assert!(poll(given_up.as_mut()).is_pending());
    }
    let mut first = Box::pin(barrier.wait_async());
    assert!(poll(first.as_mut()).is_pending(), "nobody else is here");
    assert!(barrier.wait().is_leader());
    assert!(matches!(poll(first.as_mut()), Poll::Ready(result) if !result.is_leader()));
}

#[test]
fn a_future_that_is_dropped_after_the_barrier_has_opened_had_arrived() {
    let barrier = Barrier::new(2);
    let mut first = Box::pin(barrier.wait_async());
    assert!(poll(first.as_mut()).is_pending());
    assert!(barrier.wait().is_leader());
    drop(first);
    // The next round counts from the beginning.
    let mut next = Box::pin(barrier.wait_async());
    assert!(poll(next.as_mut()).is_pending());
    assert!(barrier.wait().is_leader());
    assert!(poll(next.as_mut()).is_ready());
}

#[fibra::test(workers = 1)]
fn a_cancelled_or_late_wait_takes_its_arrival_back() {
    let barrier = Arc::new(Barrier::new(2));
    let wait = || {
        let barrier = Arc::clone(&barrier);
        thread::spawn(move || barrier.wait().is_leader())
    };
    let cancelled = wait();
    let_others_wait();
    cancelled.cancel();
    assert!(cancelled.join().unwrap_err().is::<Cancelled>());
    assert!(time::timeout(MILLISECOND, || barrier.wait()).is_err());
    assert!(fibra::wait(time::timeout_async(MILLISECOND, barrier.wait_async())).is_err());

    let patient = wait();
    let_others_wait();
    assert!(!patient.is_finished(), "the ones who have gone do not count");
    assert_ne!(barrier.wait().is_leader(), patient.join().unwrap());
}

#[fibra::test]
fn a_barrier_among_waits_that_are_cancelled_opens_for_those_who_stay() {
    for _ in 0..50 {
        let barrier = Arc::new(Barrier::new(8));
        let wait = || {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.wait().is_leader())
        };
        let (stay, go): (Vec<_>, Vec<_>) = (0..8).map(|_| (wait(), wait())).unzip();
        go.iter().for_each(thread::JoinHandle::cancel);
        // Who was cancelled just as the barrier opened has passed, and doesn't tell. So more come until the others are through.
        let mut more = Vec::new();
        while !stay.iter().all(thread::JoinHandle::is_finished) {
            more.push(wait());
            thread::sleep(MILLISECOND);
        }
        more.iter().for_each(thread::JoinHandle::cancel);
        let all: Vec<_> = go.into_iter().chain(more).map(|thread| thread.join().ok()).collect();
        let told = || all.iter().flatten().copied();
        let stayed: Vec<bool> = stay.into_iter().map(|thread| thread.join().unwrap()).collect();
        let passed = stayed.len() + told().count();
        // Who leads a round is the last to come, and waits for nobody.
        let rounds = stayed.iter().copied().chain(told()).filter(|leads| *leads).count();
        let untold = all.iter().filter(|leads| leads.is_none()).count();
        assert!((passed..=passed + untold).contains(&(8 * rounds)), "{passed} in {rounds} rounds");
    }
}

#[test]
fn it_is_shown_as_std_does() {
    let barrier = Barrier::new(1);
    assert_eq!(
        format!("{barrier:?} {:?}", barrier.wait()),
        "Barrier { .. } BarrierWaitResult { is_leader: true }"
    );
}
