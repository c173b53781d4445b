//! A token is cancelled with those above it, and ends the waits of its scopes.

use fibra::{
    cancel::{self, Cancelled},
    future,
    net::TcpListener,
    sync::{CancellationToken, Mutex, channel, oneshot},
    thread,
    time::{Elapsed, timeout, timeout_async},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

// The tree

#[test]
fn a_token_is_cancelled_with_those_above_it_and_with_no_other() {
    let root = CancellationToken::new();
    let (left, right) = (root.child(), root.child());
    let (below_left, below_right) = (left.child(), right.child());
    left.clone().cancel();
    assert!(left.is_cancelled() && below_left.is_cancelled());
    assert!(!root.is_cancelled() && !right.is_cancelled() && !below_right.is_cancelled());
    assert!(left.child().is_cancelled() && !right.child().is_cancelled());
    root.cancel();
    root.cancel();
    assert!(root.is_cancelled() && right.is_cancelled() && below_right.is_cancelled());
    assert!(below_left.child().child().is_cancelled());
}

#[test]
fn dropping_a_token_cancels_nothing_and_its_children_belong_to_its_parent() {
    let root = CancellationToken::new();
    let middle = root.child();
    let (first, second) = (middle.child(), middle.child());
    drop(middle);
    let below = first.child();
    drop(first);
    assert!(!second.is_cancelled() && !below.is_cancelled());
    root.cancel();
    assert!(second.is_cancelled() && below.is_cancelled());

    let orphan = CancellationToken::new().child();
    let below = orphan.child();
    assert!(!orphan.is_cancelled());
    orphan.cancel();
    assert!(below.is_cancelled());
}

#[test]
fn trees_may_be_as_deep_and_as_wide_as_memory_allows() {
    let root = CancellationToken::new();
    let mut line = vec![root.child()];
    for _ in 0..200_000 {
        line.push(line[line.len() - 1].child());
    }
    let wide: Vec<_> = (0..200_000).map(|_| root.child()).collect();
    root.cancel();
    assert!(line.iter().chain(&wide).all(CancellationToken::is_cancelled));
    // Top down, with everything below still there.
    let tokens: Vec<_> = std::iter::successors(Some(CancellationToken::new()), |token| Some(token.child()))
        .take(200_000)
        .collect();
    drop(tokens);
}

#[test]
fn tokens_may_be_made_dropped_and_cancelled_from_everywhere_at_once() {
    for _ in 0..50 {
        let root = CancellationToken::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut last = root.child();
                    let mut kept = Vec::new();
                    for i in 0..200 {
                        last = last.child();
                        match i % 5 {
                            0 => kept.push(last.clone()),
                            1 => last.child().cancel(),
                            2 => drop((root.child(), last.child().child())),
                            _ => {}
                        }
                    }
                    last.wait();
                    assert!(kept.iter().all(CancellationToken::is_cancelled));
                });
            }
            std::thread::yield_now();
            root.cancel();
        });
        assert!(root.child().is_cancelled());
    }
}

#[test]
fn a_guard_cancels_unless_it_is_disarmed() {
    let token = CancellationToken::new();
    let guard = token.clone().drop_guard();
    assert!(!guard.disarm().is_cancelled());
    let panicked = std::panic::catch_unwind({
        let token = token.clone();
        move || {
            let _guard = token.drop_guard();
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    });
    assert!(panicked.is_err() && token.is_cancelled());
}

// Waiting

#[fibra::test]
fn a_cancel_ends_the_waits_of_all_kinds() {
    let root = CancellationToken::new();
    let green = thread::spawn({
        let token = root.child();
        move || token.wait()
    });
    let task = future::spawn({
        let token = root.child();
        async move { token.cancelled_async().await }
    });
    let os = std::thread::spawn({
        let token = root.clone();
        move || token.wait_timeout(LONG)
    });
    thread::sleep(SHORT);
    assert!(!root.wait_timeout(SHORT));
    root.cancel();
    green.join().unwrap();
    fibra::wait(task).unwrap();
    assert!(fibra::unblock(|| os.join().unwrap()));
}

#[fibra::test]
fn a_wait_that_is_given_up_disturbs_nobody() {
    let token = CancellationToken::new();
    assert!(timeout(SHORT, || token.wait()).is_err());
    assert!(fibra::wait(timeout_async(SHORT, token.cancelled_async())).is_err());
    let wait = || {
        let token = token.clone();
        thread::spawn(move || token.wait())
    };
    let (cancelled, other) = (wait(), wait());
    cancelled.cancel();
    assert!(cancelled.join().is_err_and(|payload| payload.is::<Cancelled>()));
    token.cancel();
    other.join().unwrap();
}

// Scopes

/// Runs `wait` in a scope of a token, which is cancelled once it waits, by whoever.
fn cancelled_in_scope<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> Result<T, Cancelled> {
    let token = CancellationToken::new();
    let waiter = thread::spawn({
        let token = token.child();
        move || token.scope(wait)
    });
    let_others_wait();
    assert!(!waiter.is_finished());
    fibra::unblock(|| token.cancel());
    waiter.join().unwrap()
}

#[fibra::test(workers = 1)]
fn a_cancel_ends_every_kind_of_wait_in_its_scope() {
    assert!(cancelled_in_scope(|| thread::sleep(LONG)).unwrap_err().is_token());
    assert!(cancelled_in_scope(thread::park).is_err());
    assert!(cancelled_in_scope(|| fibra::wait(std::future::pending::<()>())).is_err());
    let (_sender, receiver) = channel::bounded::<u8>(0);
    assert!(cancelled_in_scope(move || receiver.recv()).is_err());
    assert!(cancelled_in_scope(|| CancellationToken::new().wait()).is_err());
    // What returns an error returns it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = cancelled_in_scope(move || listener.accept().map(drop)).unwrap().unwrap_err();
    assert!(Cancelled::caused(&error));
    assert_eq!(error.kind(), std::io::ErrorKind::Other);
}

#[fibra::test(workers = 1)]
fn after_a_cancel_every_wait_in_the_scope_fails_and_none_outside_of_it() {
    let token = CancellationToken::new();
    token.cancel();
    let failed = token.scope(|| {
        assert!(cancel::is_requested());
        let first = std::panic::catch_unwind(|| thread::sleep(LONG));
        assert!(first.is_err_and(|payload| payload.downcast::<Cancelled>().unwrap().is_token()));
        cancel::shield(|| thread::sleep(Duration::from_micros(1)));
        thread::sleep(LONG);
    });
    assert!(failed.is_err());
    assert!(!cancel::is_requested());
    thread::sleep(Duration::from_micros(1));
    assert_eq!(token.scope(|| 7), Ok(7), "what ends by itself has ended");
}

#[fibra::test(workers = 1)]
fn a_lock_is_waited_for_to_the_end() {
    let (token, mutex) = (CancellationToken::new(), Arc::new(Mutex::new(0)));
    let held = mutex.lock().unwrap();
    let waiter = thread::spawn({
        let (token, mutex) = (token.clone(), Arc::clone(&mutex));
        move || {
            token.scope(|| {
                *mutex.lock().unwrap() += 1;
                thread::sleep(LONG);
            })
        }
    });
    let_others_wait();
    token.cancel();
    let_others_wait();
    assert!(!waiter.is_finished());
    drop(held);
    assert!(waiter.join().unwrap().is_err());
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[fibra::test(workers = 1)]
fn scopes_and_timeouts_nest_and_each_knows_its_own_end() {
    let (outer, inner) = (CancellationToken::new(), CancellationToken::new());
    inner.cancel();
    let result = outer.scope(|| {
        let inner = inner.scope(|| thread::sleep(LONG));
        assert!(inner.is_err());
        timeout(SHORT, || thread::sleep(LONG))
    });
    assert_eq!(result, Ok(Err(Elapsed::default())));

    outer.cancel();
    let sibling = CancellationToken::new();
    let unwound = outer.scope(|| sibling.scope(|| timeout(LONG, || thread::sleep(LONG))));
    assert!(unwound.is_err(), "past the scope and the timeout that are not over");

    let late = timeout(SHORT, || sibling.scope(|| thread::sleep(LONG)));
    assert_eq!(late, Err(Elapsed::default()));
}

#[fibra::test(workers = 1)]
fn a_cancel_of_the_task_goes_through_a_scope() {
    let token = CancellationToken::new();
    let task = thread::spawn({
        let token = token.clone();
        move || token.scope(|| thread::sleep(LONG))
    });
    let_others_wait();
    task.cancel();
    assert!(task.join().is_err_and(|payload| !payload.downcast::<Cancelled>().unwrap().is_token()));
    let panicked = thread::spawn(move || token.scope(|| std::panic::resume_unwind(Box::new(7))));
    assert_eq!(*panicked.join().unwrap_err().downcast::<i32>().unwrap(), 7);
}

#[fibra::test]
fn a_scope_inside_of_a_future_ends_its_direct_waits() {
    let token = CancellationToken::new();
    let task = future::spawn({
        let token = token.clone();
        async move { token.scope(|| thread::sleep(LONG)).is_err() }
    });
    thread::sleep(SHORT);
    token.cancel();
    assert!(fibra::wait(task).unwrap());
}

#[fibra::test]
fn a_future_in_a_scope_is_dropped_once_the_token_is_cancelled() {
    struct TellsDrop(oneshot::Sender<()>);
    impl Drop for TellsDrop {
        fn drop(&mut self) {
            let (unused, _) = oneshot::channel();
            let _ = std::mem::replace(&mut self.0, unused).send(());
        }
    }
    let token = CancellationToken::new();
    let (sender, dropped) = oneshot::channel();
    let tells = TellsDrop(sender);
    let task = future::spawn({
        let token = token.child();
        async move {
            let ended = token.scope_async(async move {
                let _tells = tells;
                std::future::pending::<()>().await
            });
            let cancelled = ended.await.unwrap_err();
            (cancelled.is_token(), dropped.recv().is_ok())
        }
    });
    thread::sleep(SHORT);
    assert!(!task.is_finished());
    token.cancel();
    assert_eq!(fibra::wait(task).unwrap(), (true, true));
}

#[fibra::test]
fn a_future_that_ends_by_itself_has_ended_cancelled_or_not() {
    let token = CancellationToken::new();
    let waits = async {
        future::yield_now().await;
        7
    };
    assert_eq!(fibra::wait(token.scope_async(waits)), Ok(7));
    token.cancel();
    assert_eq!(fibra::wait(token.scope_async(async { 7 })), Ok(7));
    assert!(fibra::wait(token.scope_async(future::yield_now())).is_err());
}

#[fibra::test]
fn scopes_of_futures_nest_and_each_knows_its_own_end() {
    let (outer, inner) = (CancellationToken::new(), CancellationToken::new());
    inner.cancel();
    let ended = fibra::wait(outer.scope_async(async {
        assert!(inner.scope_async(std::future::pending::<()>()).await.is_err());
        timeout_async(SHORT, outer.child().scope_async(std::future::pending::<()>())).await
    }));
    assert_eq!(ended, Ok(Err(Elapsed::default())));
    outer.cancel();
    let other = CancellationToken::new();
    assert!(fibra::wait(outer.scope_async(other.scope_async(std::future::pending::<()>()))).is_err());
}

#[test]
fn on_an_os_thread_a_scope_just_runs() {
    let token = CancellationToken::new();
    token.cancel();
    let ran = AtomicUsize::new(0);
    let result = token.scope(|| {
        std::thread::sleep(Duration::from_micros(1));
        ran.fetch_add(1, SeqCst)
    });
    assert_eq!((result, ran.into_inner()), (Ok(0), 1));
}

#[fibra::test]
fn a_storm_of_scopes_and_cancels_leaves_nobody_behind() {
    for round in 0..20 {
        let root = CancellationToken::new();
        let waiters: Vec<_> = (0..50)
            .map(|i| {
                let token = root.child();
                thread::spawn(move || {
                    let _ = token.scope(|| match i % 3 {
                        0 => thread::sleep(LONG),
                        1 => thread::park(),
                        _ => token.wait(),
                    });
                })
            })
            .collect();
        if round % 2 == 0 {
            thread::sleep(Duration::from_micros(200));
        }
        root.cancel();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }
}
