//! A span stays with the green thread that has entered it, whoever runs in between.

use fibra::{sync::mpsc, thread};
use std::sync::Once;
use tracing::{Span, info_span};

fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("there is no other");
    });
}

#[fibra::test(workers = 1)]
fn spans_that_are_left_in_another_order_stay_with_their_threads() {
    subscribe();
    let threads: Vec<_> = (0..4)
        .map(|number| {
            thread::spawn(move || {
                let outer = info_span!("outer", number);
                let _outer = outer.enter();
                for round in 0..20 {
                    let inner = info_span!("inner", round);
                    let guard = inner.enter();
                    (0..=(number + round) % 3).for_each(|_| thread::yield_now());
                    assert_eq!(Span::current().id(), inner.id());
                    drop(guard);
                    assert_eq!(Span::current().id(), outer.id());
                    thread::yield_now();
                    assert_eq!(Span::current().id(), outer.id());
                }
            })
        })
        .collect();
    for _ in 0..40 {
        assert!(Span::current().id().is_none(), "somebody else's span was left behind");
        thread::yield_now();
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[fibra::test(workers = 1)]
fn a_task_that_starts_while_others_wait_in_spans_is_in_none() {
    subscribe();
    let span = info_span!("waiting");
    let (sender, receiver) = mpsc::channel();
    let _entered = span.enter();
    let task = fibra::future::spawn(async move { sender.send(Span::current().id()).unwrap() });
    assert_eq!(receiver.recv().unwrap(), None);
    assert_eq!(Span::current().id(), span.id());
    fibra::wait(task).unwrap();
}
