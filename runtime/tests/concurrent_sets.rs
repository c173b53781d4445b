//! Sets of closures and of futures run concurrently, borrow, and end together.

use fibra::{
    cancel::Cancelled,
    concurrent::{
        self, AllFailed, EmptySet, OneOf1, OneOf2, OneOf3, all, all_async, any, any_async, race, race_async,
        select, select_async, try_all, try_all_async,
    },
    sync::{Semaphore, channel, oneshot},
    thread, time,
};
use std::{
    cell::Cell,
    future::{Future, pending, poll_fn, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(3600);

/// Counts its drop.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> &'static str {
    payload.downcast_ref::<&str>().copied().expect("a panic with a text")
}

#[fibra::test]
fn closures_borrow_and_return_in_their_order() {
    let mut numbers = [1, 2, 3, 4];
    let (left, right) = numbers.split_at_mut(2);
    let (sum, product, text) = all((
        || {
            left.iter_mut()
                .map(|n| {
                    *n *= 10;
                    *n
                })
                .sum::<i32>()
        },
        || {
            right
                .iter_mut()
                .map(|n| {
                    *n *= 10;
                    *n
                })
                .product::<i32>()
        },
        || String::from("text"),
    ));
    assert_eq!((sum, product, &text[..]), (30, 1200, "text"));
    assert_eq!(numbers, [10, 20, 30, 40]);
    let lengths = all(["a", "bc", "def"].map(|word| move || word.len()));
    assert_eq!(lengths, [1, 2, 3]);
    let many = all((0..1000)
        .map(|n| {
            let numbers = &numbers;
            move || numbers[n % 4] + n as i32
        })
        .collect::<Vec<_>>());
    assert!((0..1000).all(|n| many[n] == numbers[n % 4] + n as i32));
}

#[fibra::test]
fn closures_run_at_the_same_time() {
    let (one, other) = (fibra::sync::Barrier::new(2), Semaphore::new(0));
    all((
        || {
            one.wait();
            other.add_permits(1)
        },
        || {
            one.wait();
            other.acquire().unwrap().forget()
        },
    ));
}

#[fibra::test]
fn futures_borrow_and_need_not_be_send() {
    let counter = Rc::new(Cell::new(0));
    let count = |by: i32| {
        let counter = Rc::clone(&counter);
        async move {
            fibra::future::yield_now().await;
            counter.set(counter.get() + by);
            by
        }
    };
    assert_eq!(fibra::wait(all_async((count(1), count(2)))), (1, 2));
    assert_eq!(fibra::wait(all_async([count(3), count(4)])), [3, 4]);
    assert_eq!(fibra::wait(all_async((0..100).map(count).collect::<Vec<_>>())), (0..100).collect::<Vec<_>>());
    assert_eq!(counter.get(), 10 + 4950);
}

/// Ready when it was let go; counts its polls.
#[derive(Default)]
struct Gate {
    polls: AtomicUsize,
    state: Mutex<(bool, Option<Waker>)>,
}

impl Gate {
    fn open(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap();
        // Under the lock: who sees the count and opens the gate finds the waker in it.
        self.polls.fetch_add(1, SeqCst);
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

#[fibra::test]
fn of_many_futures_only_the_woken_ones_are_polled() {
    const COUNT: usize = 200;
    let gates: Arc<[Gate]> = (0..COUNT).map(|_| Gate::default()).collect();
    let opener = thread::spawn({
        let gates = Arc::clone(&gates);
        move || {
            gates.iter().rev().for_each(|gate| {
                while gate.polls.load(SeqCst) == 0 {
                    thread::yield_now();
                }
                gate.open();
                thread::yield_now();
            });
        }
    });
    let waiting = gates.iter().map(|gate| poll_fn(|context| gate.poll(context))).collect::<Vec<_>>();
    assert_eq!(fibra::wait(all_async(waiting)).len(), COUNT);
    opener.join().unwrap();
    assert!(
        gates.iter().all(|gate| gate.polls.load(SeqCst) == 2),
        "each is polled at first, and when it was woken"
    );
}

type Boxed<'a> = Pin<Box<dyn Future<Output = Result<u8, &'static str>> + 'a>>;

#[fibra::test]
fn the_first_error_cancels_the_others_and_waits_for_them() {
    let dropped = AtomicUsize::new(0);
    let failed = try_all((
        || {
            let _counted = Counted(&dropped);
            thread::sleep(LONG);
            Ok(())
        },
        || Err::<(), _>("no"),
        || {
            let _counted = Counted(&dropped);
            thread::park();
            Ok(())
        },
    ));
    assert_eq!(failed, Err("no"));
    // Each closure has either never begun, or ended.
    assert!(dropped.load(SeqCst) <= 2);
    let futures: Vec<Boxed<'_>> = vec![
        Box::pin(async {
            let _counted = Counted(&dropped);
            pending().await
        }),
        Box::pin(async {
            fibra::future::yield_now().await;
            Err("never")
        }),
        Box::pin(ready(Ok(7))),
    ];
    dropped.store(0, SeqCst);
    assert_eq!(fibra::wait(try_all_async(futures)), Err("never"));
    assert_eq!(dropped.load(SeqCst), 1);
    assert_eq!(try_all([|| Ok::<_, ()>(1), || Ok(2)]), Ok([1, 2]));
    assert_eq!(fibra::wait(try_all_async((async { Ok::<_, ()>(1) }, async { Ok("two") }))), Ok((1, "two")));
}

#[fibra::test]
fn any_takes_the_first_success_and_reports_all_errors_in_order() {
    let first = any((
        || {
            thread::sleep(LONG);
            Ok(1)
        },
        || Err::<u8, _>("no"),
        || Ok("yes"),
    ));
    assert_eq!(first, Ok(OneOf3::Third("yes")));
    let failed = any([3, 1, 2].map(|n| {
        move || {
            thread::sleep(Duration::from_millis(n));
            Err::<(), _>(n)
        }
    }));
    assert_eq!(failed.unwrap_err().errors(), [3, 1, 2]);
    let failed = fibra::wait(any_async((async { Err::<u8, _>("one") }, async { Err::<u8, _>("two") })));
    assert_eq!(failed.unwrap_err().into_errors(), ["one", "two"]);
    let first = fibra::wait(any_async(vec![
        Box::pin(async { Err("no") }) as Pin<Box<dyn Future<Output = _>>>,
        Box::pin(async { Ok(7) }),
    ]));
    assert_eq!(first, Ok(7));
}

#[fibra::test]
fn nothing_is_an_error_where_a_first_one_is_asked_for_and_never_a_wait() {
    type Nobody = Vec<fn() -> Result<u8, u8>>;
    let futures = Vec::<std::future::Ready<Result<u8, u8>>>::new;
    assert!(all(Nobody::new()).is_empty());
    assert_eq!(try_all(Nobody::new()), Ok(Vec::new()));
    assert!(any(Nobody::new()).unwrap_err().is_empty());
    assert_eq!(race(Nobody::new()), Err(EmptySet));
    assert!(fibra::wait(all_async(futures())).is_empty());
    assert_eq!(fibra::wait(try_all_async(futures())), Ok(Vec::new()));
    assert!(fibra::wait(any_async(futures())).unwrap_err().is_empty());
    assert_eq!(fibra::wait(race_async(futures())), Err(EmptySet));
    assert_eq!(select(futures()), Err(EmptySet));
    assert_eq!(fibra::wait(race_async([(); 0].map(ready))), Err(EmptySet));
    assert_eq!(
        AllFailed::<u8>::to_string(&any(Nobody::new()).unwrap_err()),
        "none of an empty set has succeeded"
    );
}

#[fibra::test]
fn a_panic_cancels_the_others_and_goes_on_when_they_have_ended() {
    let ended = AtomicUsize::new(0);
    let started = Semaphore::new(0);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        all((
            || {
                let _counted = Counted(&ended);
                started.add_permits(1);
                thread::sleep(LONG);
            },
            || {
                started.acquire().unwrap().forget();
                if true {
                    panic!("oh");
                }
            },
        ))
    }));
    assert_eq!(message(&*outcome.unwrap_err()), "oh");
    assert_eq!(ended.load(SeqCst), 1);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        fibra::wait(all_async((
            async {
                let _counted = Counted(&ended);
                pending::<()>().await;
            },
            async {
                fibra::future::yield_now().await;
                panic!("oh no")
            },
        )))
    }));
    assert_eq!(message(&*outcome.map(|(_, ())| ()).unwrap_err()), "oh no");
    assert_eq!(ended.load(SeqCst), 2);
}

#[fibra::test]
fn a_cancel_of_the_caller_reaches_the_closures() {
    let (started, starts) = channel::unbounded();
    let ended = Arc::new(AtomicUsize::new(0));
    let caller = thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let sleep = || {
                let _counted = Counted(&ended);
                started.send(()).unwrap();
                thread::sleep(LONG);
            };
            all([sleep, sleep])
        }
    });
    (0..2).for_each(|_| starts.recv().unwrap());
    caller.cancel();
    assert!(caller.join().unwrap_err().is::<Cancelled>());
    assert_eq!(ended.load(SeqCst), 2, "the closures had ended when the call did");
}

#[fibra::test]
fn a_deadline_reaches_closures_and_futures() {
    let limit = Duration::from_millis(5);
    let sleep = || thread::sleep(LONG);
    assert!(time::timeout(limit, || all([sleep, sleep])).is_err());
    assert!(time::timeout(limit, || fibra::wait(all_async([time::sleep(LONG), time::sleep(LONG)]))).is_err());
    assert!(
        fibra::wait(time::timeout_async(limit, all_async([time::sleep(LONG), time::sleep(LONG)]))).is_err()
    );
}

/// Each member has an alarm of its own for the deadline, and any of them may be the first to go off.
#[fibra::test(workers = 2)]
fn a_deadline_that_a_member_hears_of_first_is_the_timeouts_all_the_same() {
    let limit = Duration::from_millis(10);
    for _ in 0..20 {
        // Long enough in their bodies that the other worker takes some of them, each of which sees the deadline from nearer.
        let member = || {
            std::thread::sleep(Duration::from_micros(500));
            thread::sleep(LONG);
        };
        assert!(time::timeout(limit, || all([member; 16])).is_err());
    }
}

#[test]
fn sets_work_on_threads_that_are_no_workers() {
    let text = String::from("text");
    assert_eq!(all((|| text.len(), || thread::sleep(Duration::from_millis(1)))), (4, ()));
    let first = race((|| thread::sleep(LONG), || &text));
    assert_eq!((first.index, first.output), (1, OneOf2::Second(&text)));
    assert_eq!(
        fibra::wait(all_async((async { text.len() }, time::sleep(Duration::from_millis(1))))),
        (4, ())
    );
    let first = fibra::wait(race_async((time::sleep(LONG), time::sleep(Duration::from_millis(1)))));
    assert_eq!(first.index, 1);
    let (sender, receiver) = channel::unbounded();
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(7).unwrap());
        assert_eq!(select((receiver.recv_async(), time::sleep(LONG))), OneOf2::First(Ok(7)));
    });
}

#[fibra::test]
fn tuples_have_one_to_eight_members() {
    assert_eq!(all((|| 1,)), (1,));
    assert_eq!(fibra::wait(race_async((ready(1),))).output, OneOf1::First(1));
    let (a, b, c, d, e, f, g, h) = all((|| 1, || "2", || 3.0, || '4', || 5_u8, || (6,), || [7], || Some(8)));
    assert_eq!((a, b, c, d), (1, "2", 3.0, '4'));
    assert_eq!((e, f, g, h), (5, (6,), [7], Some(8)));
    let n = || pending::<u8>();
    let race = fibra::wait(race_async((n(), n(), n(), n(), n(), n(), n(), ready(8))));
    assert_eq!((race.index, race.output.into_inner()), (7, 8));
}

#[fibra::test]
fn select_loses_no_message_and_hears_everybody() {
    let channels = [channel::unbounded(), channel::unbounded(), channel::unbounded()];
    for (sender, _) in &channels {
        (0..100).for_each(|number| sender.send(number).unwrap());
    }
    let [one, two, three] = &channels;
    let mut received = [0; 3];
    let mut firsts = [0; 3];
    for turn in 0..300 {
        let (index, number) = select([one.1.recv_async(), two.1.recv_async(), three.1.recv_async()]).unwrap();
        assert_eq!(number, Ok(received[index]), "in order, and none missing");
        received[index] += 1;
        if turn < 60 {
            firsts[index] += 1;
        }
    }
    assert_eq!(received, [100; 3]);
    assert!(
        firsts.iter().all(|count| *count > 0),
        "of three that are always ready, each is heard: {firsts:?}"
    );
}

#[fibra::test]
fn a_future_that_is_lent_to_select_goes_on() {
    let (sender, receiver) = oneshot::channel();
    let mut answer = pin!(receiver);
    for _ in 0..3 {
        let first = select((answer.as_mut(), time::sleep(Duration::from_millis(1))));
        assert_eq!(first, OneOf2::Second(()));
    }
    sender.send(7).unwrap();
    assert_eq!(select((answer, time::sleep(LONG))), OneOf2::First(Ok(7)));
}

#[fibra::test]
fn a_cancelled_select_leaves_the_messages() {
    let (sender, receiver) = channel::unbounded();
    let selecting = thread::spawn({
        let receiver = receiver.clone();
        move || select((receiver.recv_async(), pending::<()>()))
    });
    thread::sleep(Duration::from_millis(1));
    selecting.cancel();
    assert!(selecting.join().unwrap_err().is::<Cancelled>());
    sender.send(7).unwrap();
    assert_eq!(receiver.recv(), Ok(7));
    assert_eq!(fibra::wait(select_async((pending::<()>(), async { 8 }))), OneOf2::Second(8));
    assert_eq!(concurrent::EmptySet.to_string(), "there is no first of an empty set");
}
