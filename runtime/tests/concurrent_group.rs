//! A group's members come, end, and are known by their index, whatever becomes of them.

#[path = "support/patience.rs"]
mod patience;

use fibra::{
    cancel::Cancelled,
    concurrent::{MemberError, TaskGroup},
    future, metrics,
    sync::{Semaphore, channel, oneshot},
    thread, time,
};
use std::{
    collections::BTreeSet,
    future::{Future, pending},
    mem,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::Duration,
};

use patience::eventually;

const LONG: Duration = Duration::from_secs(3600);

/// Counts its drop.
#[derive(Clone)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[fibra::test]
fn results_come_in_the_order_of_the_ends_with_their_index() {
    let mut group = TaskGroup::new();
    let (gates, doors): (Vec<_>, Vec<_>) = (0..6).map(|_| oneshot::channel::<usize>()).unzip();
    for (index, door) in doors.into_iter().enumerate() {
        let spawned = match index % 2 {
            0 => group.spawn(async move { door.await.unwrap() }),
            _ => group.spawn_thread(move || door.recv().unwrap()),
        };
        assert_eq!(spawned, index);
    }
    assert!(group.try_next().is_none());
    let mut gates: Vec<_> = gates.into_iter().map(Some).collect();
    for (ended, index) in [3, 0, 5, 2, 1, 4].into_iter().enumerate() {
        gates[index].take().unwrap().send(index * 10).unwrap();
        let (of, result) = group.next().unwrap();
        assert_eq!((of, result.unwrap()), (index, index * 10));
        assert_eq!(group.progress().finished, ended + 1);
        assert_eq!((group.len(), group.progress().total), (5 - ended, 6));
    }
    assert!(group.next().is_none());
}

#[fibra::test]
async fn a_member_that_panics_is_reported_and_the_others_go_on() {
    let mut group = TaskGroup::new();
    group.spawn(async { 0 });
    group.spawn(async { panic!("one") });
    group.spawn_thread(|| panic!("two"));
    group.spawn_thread(|| 3);
    let all = group.all_async().await;
    let texts: Vec<_> = all
        .into_iter()
        .map(|(index, result)| match result {
            Ok(output) => format!("{index}: {output}"),
            Err(error) => format!("{index}: {error}"),
        })
        .collect();
    assert_eq!(texts, ["0: 0", "1: the task panicked: one", "2: the task panicked: two", "3: 3"]);
}

#[fibra::test]
fn a_limit_is_how_many_run_at_once() {
    const LIMIT: usize = 3;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut group = TaskGroup::with_limit(LIMIT);
    for index in 0..40 {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let enter = move || {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            running
        };
        if index % 2 == 0 {
            group.spawn(async move {
                let running = enter();
                future::yield_now().await;
                running.fetch_sub(1, SeqCst);
            });
        } else {
            group.spawn_thread(move || {
                let running = enter();
                thread::yield_now();
                running.fetch_sub(1, SeqCst);
            });
        }
    }
    assert_eq!(group.all().len(), 40);
    assert!((1..=LIMIT).contains(&most.load(SeqCst)), "{most:?}");
}

#[fibra::test]
fn a_full_group_gives_back_what_has_no_room() {
    let mut group = TaskGroup::with_limit(2);
    group.spawn(pending::<u8>());
    group.spawn_thread(|| {
        thread::park();
        0
    });
    let full = group.try_spawn(async { 7 }).unwrap_err();
    assert_eq!(full.to_string(), "as many members of the group run as its limit allows");
    assert_eq!(fibra::wait(full.0), 7);
    assert_eq!((group.try_spawn_thread(|| 8).unwrap_err().0)(), 8);
    {
        let mut waiting = pin!(group.spawn_async(async { 9 }));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    group.shutdown();
    // A place that somebody waited for, and gave up, is not lost; nor is that of a member that panicked, or was cancelled.
    group.spawn_thread(|| panic!("oh"));
    group.spawn_thread(|| panic!("oh"));
    group.spawn(async { 1 });
    assert_eq!(group.all().len(), 3);
}

#[test]
#[should_panic(expected = "a limit of 0")]
fn a_limit_of_nothing_is_refused() {
    let _ = TaskGroup::<u8>::with_limit(0);
}

#[fibra::test]
fn a_cancel_ends_all_and_what_comes_later_runs() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut group = TaskGroup::new();
    let started = Arc::new(Semaphore::new(0));
    for index in 0..30 {
        let (counted, started) = (Counted(Arc::clone(&dropped)), Arc::clone(&started));
        match index % 3 {
            0 => group.spawn(async move {
                started.add_permits(1);
                time::sleep(LONG).await;
                drop(counted)
            }),
            1 => group.spawn_thread(move || {
                started.add_permits(1);
                thread::sleep(LONG);
                drop(counted)
            }),
            // A future that waits in direct style.
            _ => group.spawn(async move {
                started.add_permits(1);
                thread::sleep(LONG);
                drop(counted)
            }),
        };
    }
    drop(started.acquire_many(30).unwrap());
    group.cancel();
    assert_eq!(group.spawn(async {}), 30);
    let all = group.all();
    assert_eq!(dropped.load(SeqCst), 30);
    assert_eq!(all.len(), 31);
    for (index, result) in all {
        assert_eq!(result.is_err_and(|error| error.is_cancelled()), index < 30, "member {index}");
    }
}

#[fibra::test]
fn a_cancel_at_any_moment_ends_a_future_that_waits_in_direct_style() {
    for round in 0..200 {
        let mut group = TaskGroup::new();
        group.spawn(async { thread::sleep(LONG) });
        (0..round % 7).for_each(|_| thread::yield_now());
        group.cancel();
        assert!(group.next().unwrap().1.unwrap_err().is_cancelled());
    }
}

#[fibra::test]
fn a_group_that_is_dropped_in_the_middle_takes_its_members_along() {
    let before = metrics::snapshot().alive;
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut group = TaskGroup::new();
    for index in 0..100 {
        let counted = Counted(Arc::clone(&dropped));
        match index % 4 {
            0 => group.spawn(async move {
                pending::<()>().await;
                drop(counted)
            }),
            1 => group.spawn_thread(move || {
                thread::park();
                drop(counted)
            }),
            2 => group.spawn(async move { drop(counted) }),
            _ => group.spawn_thread(move || {
                let _counted = counted;
                panic!("oh")
            }),
        };
    }
    (0..10).for_each(|_| assert!(group.next().is_some()));
    let mut progress = group.watch_progress();
    drop(group);
    while progress.changed().is_some() {}
    assert!(progress.get().is_complete());
    eventually("all members are gone", || dropped.load(SeqCst) == 100);
    eventually("all tasks are gone", || metrics::snapshot().alive == before);
}

#[fibra::test]
fn a_group_that_is_forgotten_harms_nobody() {
    let (sender, receiver) = channel::unbounded();
    let mut group = TaskGroup::new();
    for index in 0..10 {
        let sender = sender.clone();
        group.spawn(async move {
            future::yield_now().await;
            sender.send(index).unwrap()
        });
    }
    mem::forget(group);
    let received: BTreeSet<_> = (0..10).map(|_| receiver.recv().unwrap()).collect();
    assert_eq!(received.len(), 10);
}

#[fibra::test]
fn detached_members_go_on() {
    let (sender, receiver) = channel::unbounded();
    let mut group = TaskGroup::new();
    let (open, door) = oneshot::channel();
    group.spawn({
        let sender = sender.clone();
        async move {
            door.await.unwrap();
            sender.send(1).unwrap()
        }
    });
    group.spawn_thread(move || {
        thread::sleep(Duration::from_millis(5));
        sender.send(2).unwrap()
    });
    group.detach();
    open.send(()).unwrap();
    assert_eq!(receiver.iter().collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]));
}

#[fibra::test]
fn any_leaves_the_rest_to_the_caller() {
    let mut group = TaskGroup::new();
    let (open, door) = oneshot::channel();
    group.spawn(async { Err("no") });
    // Otherwise the first `any` may be over before that one, which then fails for the third.
    while group.progress().finished == 0 {
        thread::yield_now();
    }
    group.spawn(async move { door.await.map_err(|_| "hung up") });
    group.spawn_thread(|| Ok(2));
    assert_eq!(group.any().unwrap(), (2, 2));
    open.send(1).unwrap();
    assert_eq!(group.any().unwrap(), (1, 1));
    assert!(group.any().unwrap_err().is_empty());
    group.spawn_thread(|| panic!("oh"));
    group.spawn(async { Err("late") });
    let failed = group.any().unwrap_err();
    let [MemberError::Ended { index: 3, error }, MemberError::Returned { index: 4, error: "late" }] =
        failed.errors()
    else {
        panic!("{failed:?}")
    };
    assert!(error.is_panic());
    assert_eq!(
        failed.to_string(),
        "all 2 members have failed, the first one with: member 3: the task panicked: oh"
    );
}

#[fibra::test]
fn a_race_hands_back_what_had_ended_too() {
    let mut group = TaskGroup::new();
    group.spawn(async { 0 });
    group.spawn(async { 1 });
    group.spawn(pending());
    eventually("two have ended", || group.progress().finished == 2);
    let race = group.race().unwrap();
    let mut ended = vec![(race.index, race.output.unwrap())];
    let mut others = race.others.into_iter();
    ended.extend(others.next().map(|(index, result)| (index, result.unwrap())));
    ended.sort_unstable();
    assert_eq!(ended, [(0, 0), (1, 1)]);
    let (index, result) = others.next().unwrap();
    assert!(index == 2 && result.unwrap_err().is_cancelled());
    assert!(group.is_empty() && group.race().is_err());
}

#[fibra::test]
fn a_wait_that_is_given_up_loses_no_result() {
    let mut group = TaskGroup::new();
    let (open, door) = oneshot::channel();
    group.spawn(async move { door.await.unwrap() });
    assert!(time::timeout(Duration::from_millis(2), || group.next()).is_err());
    {
        let mut next = pin!(group.next_async());
        assert!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    open.send(7).unwrap();
    assert_eq!(group.next().unwrap().1.unwrap(), 7);
}

#[fibra::test]
fn a_cancelled_owner_unwinds_and_its_members_end() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let (started, starts) = oneshot::channel();
    let owner = thread::spawn({
        let counted = Counted(Arc::clone(&dropped));
        move || {
            let mut group = TaskGroup::new();
            group.spawn_thread(move || {
                let _counted = counted;
                thread::sleep(LONG)
            });
            started.send(()).unwrap();
            group.all().len()
        }
    });
    starts.recv().unwrap();
    owner.cancel();
    assert!(owner.join().unwrap_err().is::<Cancelled>());
    eventually("the member is gone", || dropped.load(SeqCst) == 1);
}

#[test]
fn a_group_works_on_a_thread_that_is_no_worker() {
    let mut group = TaskGroup::with_limit(2);
    for number in 0..10 {
        group.spawn_thread(move || {
            thread::sleep(Duration::from_millis(1));
            number
        });
    }
    let sum: i32 = group.all().into_iter().map(|(_, result)| result.unwrap()).sum();
    assert_eq!(sum, 45);
}

#[fibra::test]
fn places_are_used_again_and_indices_are_not() {
    let mut group = TaskGroup::new();
    let mut spawned = 0;
    for round in 0..300 {
        let waiting: Vec<_> = (0..round % 4).map(|_| group.spawn(pending())).collect();
        let ready: Vec<_> = (0..round % 3).map(|_| group.spawn(async move { round })).collect();
        assert_eq!([&waiting[..], &ready].concat(), (spawned..group.progress().total).collect::<Vec<_>>());
        spawned = group.progress().total;
        for _ in &ready {
            let (index, result) = group.next().unwrap();
            assert!(ready.contains(&index) && result.unwrap() == round);
        }
        group.cancel();
        assert_eq!(group.all().into_iter().map(|(index, _)| index).collect::<Vec<_>>(), waiting);
    }
}

#[fibra::test]
fn many_members_end_on_all_workers() {
    const COUNT: usize = 20_000;
    let mut group = TaskGroup::new();
    for number in 0..COUNT {
        group.spawn(async move { number });
    }
    let mut seen = vec![false; COUNT];
    while let Some((index, result)) = group.next() {
        assert_eq!(result.unwrap(), index);
        assert!(!mem::replace(&mut seen[index], true), "member {index} came twice");
    }
    assert!(seen.into_iter().all(|seen| seen));
}

#[fibra::test]
fn progress_is_seen_by_many_and_never_goes_back() {
    let mut group = TaskGroup::new();
    let watchers: Vec<_> = (0..3)
        .map(|_| {
            let mut progress = group.watch_progress();
            thread::spawn(move || {
                let mut last = 0;
                while let Some(progress) = progress.changed() {
                    assert!(progress.finished >= last && progress.finished <= progress.total, "{progress}");
                    last = progress.finished;
                }
                last
            })
        })
        .collect();
    for _ in 0..200 {
        group.spawn(future::yield_now());
    }
    group.all();
    drop(group);
    for watcher in watchers {
        assert_eq!(watcher.join().unwrap(), 200);
    }
}

#[fibra::test]
fn a_group_outlives_the_runtime_of_its_members() {
    let mut group = TaskGroup::new();
    let runtime = fibra::Builder::new().workers(1).build().unwrap();
    let mut group = runtime.run(move || {
        group.spawn(pending::<u8>());
        group.spawn_thread(|| {
            thread::park();
            0
        });
        group
    });
    drop(runtime);
    let ended: Vec<_> = std::iter::from_fn(|| group.next()).collect();
    assert_eq!(ended.len(), 2);
    assert!(ended.into_iter().all(|(_, result)| result.unwrap_err().is_cancelled()));
}
