//! What happens once happens once, whoever asks; who asks meanwhile waits, and blocks nobody.

use fibra::{
    cancel::{self, Cancelled},
    sync::{LazyLock, Once, OnceLock, mpsc, oneshot},
    thread, time,
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const LONG: Duration = Duration::from_secs(3600);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Lets everybody else on this worker run until they wait.
fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

fn was_cancelled<T>(joined: thread::Result<T>) -> bool {
    joined.is_err_and(|payload| payload.is::<Cancelled>())
}

#[fibra::test]
fn of_many_that_call_at_the_same_time_one_does_it_and_all_see_it_done() {
    for _ in 0..50 {
        let shared = Arc::new((Once::new(), OnceLock::new(), AtomicUsize::new(0)));
        let ask = |shared: &(Once, OnceLock<usize>, AtomicUsize)| {
            shared.0.call_once(|| {
                thread::yield_now();
                shared.2.fetch_add(1, SeqCst);
            });
            assert_eq!(shared.2.load(SeqCst) & 1, 1);
            let value = shared.1.get_or_init(|| {
                thread::yield_now();
                shared.2.fetch_add(10, SeqCst)
            });
            assert_eq!(*value, 1);
        };
        let green: Vec<_> = (0..4)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || ask(&shared))
            })
            .collect();
        let futures: Vec<_> = (0..4)
            .map(|i| {
                let shared = Arc::clone(&shared);
                fibra::future::spawn(async move {
                    if i % 2 == 0 {
                        shared.0.wait_async().await;
                        let make = async {
                            fibra::future::yield_now().await;
                            shared.2.fetch_add(10, SeqCst)
                        };
                        assert_eq!(shared.1.get_or_init_async(make).await, &1);
                    } else {
                        // A direct call in a future's poll: the stack of the poll parks.
                        ask(&shared);
                    }
                })
            })
            .collect();
        let os = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || ask(&shared)
        });
        assert_eq!(shared.1.wait(), &1);
        green.into_iter().for_each(|thread| thread.join().unwrap());
        futures.into_iter().for_each(|future| fibra::wait(future).unwrap());
        fibra::unblock(|| os.join().unwrap());
        assert_eq!(shared.2.load(SeqCst), 11);
    }
}

/// Has two ask, and then a third one answer whichever of them initialises. With one worker, this hangs if who asks blocks it.
fn waits_without_blocking_the_worker(ask: impl Fn(oneshot::Receiver<u32>) -> u32 + Send + Sync + 'static) {
    let ask = Arc::new(ask);
    let (answers, askers): (Vec<_>, Vec<_>) = (0..2)
        .map(|_| {
            let (answer, question) = oneshot::channel();
            let ask = Arc::clone(&ask);
            let asker = thread::spawn(move || ask(question));
            let_others_wait();
            (answer, asker)
        })
        .unzip();
    assert!(askers.iter().all(|asker| !asker.is_finished()));
    let third = thread::spawn(|| answers.into_iter().filter_map(|answer| answer.send(7).ok()).count());
    assert!(third.join().unwrap() >= 1);
    askers.into_iter().for_each(|asker| assert_eq!(asker.join().unwrap(), 7));
}

#[fibra::test(workers = 1)]
fn a_green_thread_that_asks_while_another_of_its_worker_initialises_parks() {
    let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
    waits_without_blocking_the_worker(move |question| {
        shared.0.call_once(|| shared.1.store(question.recv().unwrap() as usize, SeqCst));
        shared.1.load(SeqCst) as u32
    });
    let lock = OnceLock::new();
    waits_without_blocking_the_worker(move |question| *lock.get_or_init(|| question.recv().unwrap()));
    let lock = OnceLock::new();
    waits_without_blocking_the_worker(move |question| {
        *fibra::wait(lock.get_or_init_async(async { question.await.unwrap() }))
    });
    let first_question = Arc::new(Mutex::new(None));
    let lock = LazyLock::new({
        let first_question = Arc::clone(&first_question);
        move || {
            let question: oneshot::Receiver<u32> = first_question.lock().unwrap().take().unwrap();
            question.recv().unwrap()
        }
    });
    waits_without_blocking_the_worker(move |question| {
        first_question.lock().unwrap().get_or_insert(question);
        *lock
    });
}

#[fibra::test]
fn what_is_done_once_is_not_done_again() {
    let once = Once::new();
    assert!(!once.is_completed());
    once.call_once(|| ());
    assert!(once.is_completed());
    once.call_once(|| unreachable!());
    once.call_once_force(|_| unreachable!());
    once.wait();
    once.wait_force();
    fibra::wait(once.wait_async());
}

#[fibra::test]
fn who_waits_goes_on_when_somebody_else_has_done_it() {
    let shared = Arc::new((Once::new(), OnceLock::new()));
    let waiters: Vec<_> = (0..4)
        .map(|i| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || match i {
                0 => shared.0.wait(),
                1 => shared.0.wait_force(),
                2 => assert_eq!(shared.1.wait(), &5),
                _ => assert_eq!(fibra::wait(shared.1.wait_async()), &5),
            })
        })
        .collect();
    thread::sleep(MILLISECOND);
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    shared.0.call_once(|| ());
    shared.1.set(5).unwrap();
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
}

#[fibra::test]
fn a_panic_poisons_a_once_until_it_is_forced() {
    let once = Once::new();
    assert!(panics(|| once.call_once(|| panic!("on purpose"))));
    assert!(!once.is_completed());
    assert!(panics(|| once.call_once(|| unreachable!("it is poisoned"))));
    assert!(panics(|| once.wait()));
    assert!(panics(|| fibra::wait(once.wait_async())));
    assert!(panics(|| once.call_once_force(|state| {
        assert!(state.is_poisoned());
        panic!("on purpose");
    })));
    once.call_once_force(|state| assert!(state.is_poisoned()));
    once.call_once(|| unreachable!());
    once.wait();
    let fresh = Once::new();
    fresh.call_once_force(|state| assert!(!state.is_poisoned()));
}

#[fibra::test(workers = 1)]
fn those_who_wait_learn_of_the_panic() {
    let once = Once::new();
    let (run, running) = oneshot::channel();
    thread::scope(|scope| {
        let panicking = scope.spawn(|| {
            once.call_once(|| {
                run.send(()).unwrap();
                let_others_wait();
                panic!("on purpose");
            })
        });
        running.recv().unwrap();
        let calls = scope.spawn(|| once.call_once(|| unreachable!()));
        let waits = scope.spawn(|| once.wait());
        let waits_for_force = scope.spawn(|| once.wait_force());
        assert!(panicking.join().is_err());
        assert!(calls.join().is_err() && waits.join().is_err());
        assert!(!waits_for_force.is_finished());
        once.call_once_force(|state| assert!(state.is_poisoned()));
        waits_for_force.join().unwrap();
    });
    assert!(once.is_completed());
}

#[fibra::test(workers = 1)]
fn a_once_lock_whose_making_panics_is_made_by_the_next() {
    let lock = OnceLock::new();
    let (run, running) = oneshot::channel();
    thread::scope(|scope| {
        let panicking = scope.spawn(|| {
            lock.get_or_init(|| {
                run.send(()).unwrap();
                let_others_wait();
                panic!("on purpose");
            });
        });
        running.recv().unwrap();
        let next = scope.spawn(|| *lock.get_or_init(|| 1));
        let waits = scope.spawn(|| *lock.wait());
        assert!(panicking.join().is_err());
        assert_eq!((next.join().unwrap(), waits.join().unwrap()), (1, 1));
    });
    assert_eq!(lock.get(), Some(&1));
}

#[fibra::test]
fn a_lazy_lock_whose_making_panics_is_lost() {
    let calls = Cell::new(0);
    let lock: LazyLock<u8, _> = LazyLock::new(|| {
        calls.set(calls.get() + 1);
        panic!("on purpose")
    });
    assert!(panics(|| assert_eq!(*lock, 0)));
    assert!(panics(|| assert_eq!(LazyLock::force(&lock), &0)));
    assert!(panics(|| assert_eq!(fibra::wait(LazyLock::force_async(&lock)), &0)));
    assert_eq!(calls.get(), 1);
    assert_eq!(format!("{lock:?}"), "LazyLock(<uninit>)");
}

#[fibra::test]
fn a_lazy_lock_makes_its_value_at_the_first_use() {
    let calls = AtomicUsize::new(0);
    let lock = LazyLock::new(|| calls.fetch_add(1, SeqCst) + 1);
    assert_eq!(calls.load(SeqCst), 0);
    assert_eq!(*lock, 1);
    assert_eq!((*lock, *fibra::wait(LazyLock::force_async(&lock))), (1, 1));
    let other = LazyLock::new(|| 5);
    assert_eq!(fibra::wait(LazyLock::force_async(&other)), &5);
    assert_eq!(calls.load(SeqCst), 1);
    assert_eq!(*LazyLock::<String>::default(), "");
}

#[fibra::test(workers = 1)]
fn a_cancelled_or_late_wait_leaves_the_others_alone() {
    let shared = Arc::new((Once::new(), OnceLock::new(), AtomicUsize::new(0)));
    let (run, running) = oneshot::channel();
    let (go, gone) = oneshot::channel::<()>();
    let runner = thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            shared.0.call_once(|| {
                run.send(()).unwrap();
                gone.recv().unwrap();
            });
            shared.1.set(1).unwrap();
        }
    });
    running.recv().unwrap();
    let wait = |how: usize| {
        let shared = Arc::clone(&shared);
        let waiter = thread::spawn(move || match how {
            0 => shared.0.call_once(|| ()),
            1 => shared.0.wait(),
            2 => assert_eq!(shared.1.wait(), &1),
            _ => shared.0.call_once_force(|_| ()),
        });
        let_others_wait();
        waiter
    };
    let (cancelled, patient): (Vec<_>, Vec<_>) = (0..4).map(|how| (wait(how), wait(how))).unzip();
    for waiter in cancelled {
        waiter.cancel();
        assert!(was_cancelled(waiter.join()));
    }
    assert!(time::timeout(MILLISECOND, || shared.0.call_once(|| ())).is_err());
    assert!(fibra::wait(time::timeout_async(MILLISECOND, shared.0.wait_async())).is_err());
    assert!(fibra::wait(time::timeout_async(MILLISECOND, shared.1.wait_async())).is_err());
    go.send(()).unwrap();
    patient.into_iter().for_each(|waiter| waiter.join().unwrap());
    runner.join().unwrap();
}

#[fibra::test(workers = 1)]
fn who_is_cancelled_in_the_middle_leaves_it_half_done() {
    let (once, lock) = (Arc::new(Once::new()), Arc::new(OnceLock::new()));
    let (run, running) = mpsc::channel();
    let runner = thread::spawn({
        let (once, run) = (Arc::clone(&once), run.clone());
        move || {
            once.call_once(|| {
                run.send(()).unwrap();
                thread::sleep(LONG);
            })
        }
    });
    let maker = thread::spawn({
        let lock = Arc::clone(&lock);
        move || {
            lock.get_or_init(|| {
                run.send(()).unwrap();
                thread::sleep(LONG);
                1
            });
        }
    });
    assert_eq!(running.iter().take(2).count(), 2);
    let next = thread::spawn({
        let lock = Arc::clone(&lock);
        move || *lock.get_or_init(|| 2)
    });
    let_others_wait();
    runner.cancel();
    maker.cancel();
    assert!(was_cancelled(runner.join()) && was_cancelled(maker.join()));
    assert!(panics(|| once.call_once(|| ())));
    assert_eq!(next.join().unwrap(), 2);
}

#[fibra::test]
fn who_is_shielded_in_the_middle_completes_it() {
    let once = Arc::new(Once::new());
    let (run, running) = oneshot::channel();
    let runner = thread::spawn({
        let once = Arc::clone(&once);
        move || {
            once.call_once(|| {
                run.send(()).unwrap();
                cancel::shield(|| thread::sleep(2 * MILLISECOND));
            })
        }
    });
    running.recv().unwrap();
    runner.cancel();
    runner.join().unwrap();
    assert!(once.is_completed());
}

#[test]
fn a_once_lock_is_made_shown_and_taken_apart_as_std_does() {
    let mut lock = OnceLock::new();
    assert_eq!(lock.get(), None);
    assert_eq!(lock.get_mut(), None);
    assert_eq!(format!("{lock:?}"), "OnceLock(<uninit>)");
    assert_eq!(lock, OnceLock::default());
    assert_eq!(lock.clone(), lock);
    assert_eq!((lock.set(1), lock.set(2)), (Ok(()), Err(2)));
    assert_eq!(format!("{lock:?}"), "OnceLock(1)");
    *lock.get_mut().unwrap() = 3;
    assert_eq!(lock.clone(), OnceLock::from(3));
    assert_ne!(lock, OnceLock::from(4));
    assert_eq!((lock.take(), lock.get()), (Some(3), None));
    assert_eq!(lock.get_or_init(|| 5), &5);
    assert_eq!(lock.into_inner(), Some(5));
    assert_eq!(OnceLock::<u8>::new().into_inner(), None);
    assert_eq!(format!("{:?}", Once::default()), "Once { .. }");
    let lazy = LazyLock::new(|| 1);
    assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
    assert_eq!(*lazy, 1);
    assert_eq!(format!("{lazy:?}"), "LazyLock(1)");
}

#[test]
fn values_and_closures_are_dropped_once() {
    let value = Arc::new(());
    let (from_set, from_closure, unused) = (Arc::clone(&value), Arc::clone(&value), Arc::clone(&value));
    let lock = OnceLock::from(from_set);
    let lazy = LazyLock::new(move || from_closure);
    let never_used = LazyLock::new(move || unused);
    LazyLock::force(&lazy);
    assert_eq!(Arc::strong_count(&value), 4);
    drop((lock, lazy, never_used));
    assert_eq!(Arc::strong_count(&value), 1);
}
