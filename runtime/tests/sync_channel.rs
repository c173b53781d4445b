//! A channel of many receivers gives each message to one of them, in order, and waits as it says.

use fibra::{
    cancel::Cancelled,
    future,
    sync::channel::{
        Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError, bounded, unbounded,
    },
    thread,
    time::{timeout, timeout_async},
};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

const SHORT: Duration = Duration::from_millis(5);

fn let_others_wait() {
    for _ in 0..3 {
        thread::yield_now();
    }
}

fn was_cancelled<T>(joined: thread::Result<T>) -> bool {
    joined.is_err_and(|payload| payload.is::<Cancelled>())
}

/// A channel of each kind.
fn channels<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [unbounded(), bounded(64), bounded(1), bounded(0)]
}

// Order and completeness

#[test]
fn messages_leave_in_the_order_in_which_they_came() {
    let (sender, receiver) = unbounded();
    (0..1_000).for_each(|i| sender.send(i).unwrap());
    let other = receiver.clone();
    assert!((0..500).all(|i| receiver.recv() == Ok(2 * i) && other.recv() == Ok(2 * i + 1)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[fibra::test]
fn each_message_of_every_kind_of_sender_is_received_once_by_some_kind_of_receiver() {
    const EACH: usize = 300;
    for (sender, receiver) in channels::<usize>() {
        let sum = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let (from_green, from_task, from_os) = (sender.clone(), sender.clone(), sender.clone());
            drop(thread::spawn(move || (1..=EACH).for_each(|i| from_green.send(i).unwrap())));
            drop(future::spawn(async move {
                for i in 1..=EACH {
                    from_task.send_async(i).await.unwrap();
                }
            }));
            drop(std::thread::spawn(move || (1..=EACH).for_each(|i| from_os.send(i).unwrap())));
        }
        drop(sender);
        let add = |sum: &Arc<AtomicUsize>| {
            let sum = Arc::clone(sum);
            move |message| {
                sum.fetch_add(message, SeqCst);
            }
        };
        let (to_green, add_of_green) = (receiver.clone(), add(&sum));
        let green = thread::spawn(move || to_green.iter().for_each(add_of_green));
        let (to_task, add_of_task) = (receiver.clone(), add(&sum));
        let task = future::spawn(async move {
            while let Ok(message) = to_task.recv_async().await {
                add_of_task(message);
            }
        });
        let (to_os, add_of_os) = (receiver.clone(), add(&sum));
        let os = std::thread::spawn(move || to_os.into_iter().for_each(add_of_os));
        receiver.iter().for_each(add(&sum));
        green.join().unwrap();
        fibra::wait(task).unwrap();
        fibra::unblock(|| os.join().unwrap());
        assert_eq!(sum.load(SeqCst), 6 * EACH * (EACH + 1) / 2);
    }
}

#[fibra::test]
fn one_receiver_gets_what_one_sender_sends_in_order() {
    for (sender, receiver) in channels() {
        let sending = thread::spawn(move || (0..2_000).for_each(|i| sender.send(i).unwrap()));
        // The other one takes some, and those that are left are in order.
        let other = receiver.clone();
        let taking = thread::spawn(move || other.iter().take(500).collect::<Vec<_>>());
        let mine: Vec<i32> = receiver.iter().collect();
        let others = taking.join().unwrap();
        assert!(mine.is_sorted() && others.is_sorted());
        assert_eq!(mine.len() + others.len(), 2_000);
        sending.join().unwrap();
    }
}

// Room

#[test]
fn a_bounded_channel_holds_as_many_as_it_says() {
    let (sender, receiver) = bounded(2);
    assert_eq!((sender.capacity(), receiver.capacity()), (Some(2), Some(2)));
    assert!(receiver.is_empty() && !receiver.is_full());
    sender.send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!((sender.len(), receiver.len(), sender.is_full(), receiver.is_full()), (2, 2, true, true));
    assert_eq!(receiver.recv(), Ok(1));
    sender.try_send(3).unwrap();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 3]);

    let (sender, receiver) = unbounded::<u8>();
    assert_eq!((sender.capacity(), sender.is_full()), (None, false));
    assert!(receiver.is_empty());
}

#[fibra::test(workers = 1)]
fn senders_that_wait_get_room_in_order_and_are_not_overtaken() {
    let (sender, receiver) = bounded(1);
    sender.send(0).unwrap();
    let senders: Vec<_> = (1..=3)
        .map(|i| {
            let sender = sender.clone();
            let sending = thread::spawn(move || sender.send(i).unwrap());
            let_others_wait();
            sending
        })
        .collect();
    for i in 0..3 {
        assert_eq!(sender.try_send(99), Err(TrySendError::Full(99)));
        assert_eq!(receiver.recv(), Ok(i));
        assert_eq!(receiver.len(), 1, "the next one has moved up at once");
    }
    senders.into_iter().for_each(|sending| sending.join().unwrap());
    assert_eq!(receiver.recv(), Ok(3));
}

#[fibra::test(workers = 1)]
fn with_a_capacity_of_zero_a_message_needs_both() {
    let (sender, receiver) = bounded(0);
    assert_eq!((sender.is_empty(), sender.is_full(), sender.len()), (true, true, 0));
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    let sending = thread::spawn({
        let sender = sender.clone();
        move || sender.send(1).unwrap()
    });
    let_others_wait();
    assert!(!sending.is_finished());
    assert_eq!(receiver.try_recv(), Ok(1));
    sending.join().unwrap();

    let receiving = thread::spawn({
        let receiver = receiver.clone();
        move || receiver.recv()
    });
    let_others_wait();
    sender.try_send(2).unwrap();
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)), "one waited, and has its message");
    assert_eq!((sender.is_empty(), sender.is_full()), (true, true));
    assert_eq!(receiving.join().unwrap(), Ok(2));
}

// Time limits

#[test]
fn timed_calls_are_never_early_and_give_the_message_back() {
    let (sender, receiver) = bounded(1);
    let start = Instant::now();
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= SHORT);
    assert_eq!(receiver.recv_deadline(start), Err(RecvTimeoutError::Timeout));
    assert_eq!(sender.send_timeout(1, SHORT), Ok(()));
    let start = Instant::now();
    assert_eq!(sender.send_timeout(2, SHORT), Err(SendTimeoutError::Timeout(2)));
    assert!(start.elapsed() >= SHORT);
    assert_eq!(sender.send_deadline(2, start).unwrap_err().into_inner(), 2);
    assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(1));
    assert_eq!(sender.send_timeout(3, Duration::MAX), Ok(()));
    assert_eq!(receiver.len(), 1, "what was given back is not in it");
}

#[fibra::test]
fn timed_calls_end_when_there_is_a_partner() {
    let (sender, receiver) = bounded(0);
    let sending = thread::spawn(move || (0..50).for_each(|i| sender.send_timeout(i, Duration::MAX).unwrap()));
    for i in 0..50 {
        assert_eq!(receiver.recv_timeout(Duration::from_secs(3600)), Ok(i));
    }
    sending.join().unwrap();
}

#[test]
fn no_message_is_lost_between_a_message_and_a_time_limit_that_meet() {
    for bound in [0, 1] {
        let (sender, receiver) = bounded(bound);
        let sending = std::thread::spawn(move || {
            let mut given_back = 0;
            for i in 0..2_000_u32 {
                let mut message = i;
                while let Err(error) = sender.send_timeout(message, Duration::from_micros(u64::from(i % 40)))
                {
                    message = error.into_inner();
                    given_back += 1;
                }
            }
            given_back
        });
        for i in 0..2_000 {
            loop {
                match receiver.recv_timeout(Duration::from_micros(u64::from((i * 7) % 40))) {
                    Ok(message) => break assert_eq!(message, i),
                    Err(error) => assert_eq!(error, RecvTimeoutError::Timeout),
                }
            }
        }
        let _: u32 = sending.join().unwrap();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    }
}

// Waits that are given up

#[test]
fn a_receive_that_is_dropped_after_it_was_woken_wakes_the_next() {
    let (sender, receiver) = unbounded();
    let mut context = Context::from_waker(Waker::noop());
    let mut dropped = Box::pin(receiver.recv_async());
    let mut next = pin!(receiver.recv_async());
    assert!(dropped.as_mut().poll(&mut context).is_pending());
    assert!(next.as_mut().poll(&mut context).is_pending());
    sender.send(1).unwrap();
    assert!(next.as_mut().poll(&mut context).is_pending(), "the other one was woken");
    drop(dropped);
    assert!(next.as_mut().poll(&mut context).is_ready());
}

#[test]
fn a_send_that_waits_for_room_wakes_a_receiver_though_another_one_is_on_its_way() {
    let (sender, receiver) = bounded(1);
    let mut context = Context::from_waker(Waker::noop());
    let mut first = pin!(receiver.recv_async());
    let mut second = pin!(receiver.recv_async());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    sender.try_send(1).unwrap();
    let mut send = pin!(sender.send_async(2));
    assert!(send.as_mut().poll(&mut context).is_pending());
    assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(Ok(2)));
    assert_eq!(send.as_mut().poll(&mut context), Poll::Ready(Ok(())));
}

#[test]
fn a_receive_that_was_overtaken_waits_before_all_others() {
    let (sender, receiver) = unbounded();
    let mut context = Context::from_waker(Waker::noop());
    let mut first = pin!(receiver.recv_async());
    let mut second = pin!(receiver.recv_async());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(first.as_mut().poll(&mut context).is_pending());
    sender.send(2).unwrap();
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(first.as_mut().poll(&mut context).is_ready());
}

#[fibra::test(workers = 1)]
fn a_cancelled_receive_loses_no_message() {
    let (sender, receiver) = unbounded();
    for i in 0..20 {
        let receiving = thread::spawn({
            let receiver = receiver.clone();
            move || receiver.recv().unwrap()
        });
        let_others_wait();
        sender.send(i).unwrap();
        receiving.cancel();
        match receiving.join() {
            Ok(message) => assert_eq!(message, i),
            cancelled => {
                assert!(was_cancelled(cancelled));
                assert_eq!(receiver.try_recv(), Ok(i));
            }
        }
    }
}

#[fibra::test(workers = 1)]
fn a_send_that_is_given_up_drops_its_message() {
    let message = Arc::new(());
    let (sender, receiver) = bounded(0);
    let sending = thread::spawn({
        let (sender, message) = (sender.clone(), Arc::clone(&message));
        move || sender.send(message)
    });
    let_others_wait();
    sending.cancel();
    assert!(was_cancelled(sending.join()));
    assert!(timeout(SHORT, || sender.send(Arc::clone(&message))).is_err());
    assert!(fibra::wait(timeout_async(SHORT, sender.send_async(Arc::clone(&message)))).is_err());
    drop(sender.send_async(Arc::clone(&message)));
    assert_eq!(Arc::strong_count(&message), 1);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[fibra::test]
fn no_message_is_lost_in_a_storm_of_cancelled_receives() {
    const MESSAGES: usize = 2_000;
    for (sender, receiver) in channels() {
        let sending = thread::spawn(move || (0..MESSAGES).for_each(|i| sender.send(i).unwrap()));
        let received = Arc::new(AtomicUsize::new(0));
        let receivers: Vec<_> = (0..200)
            .map(|_| {
                let (receiver, received) = (receiver.clone(), Arc::clone(&received));
                thread::spawn(move || {
                    while receiver.recv().is_ok() {
                        received.fetch_add(1, SeqCst);
                        thread::yield_now();
                    }
                })
            })
            .collect();
        thread::yield_now();
        for victim in receivers.iter().step_by(2) {
            victim.cancel();
            thread::yield_now();
        }
        for receiver in receivers {
            let outcome = receiver.join();
            assert!(outcome.is_ok() || was_cancelled(outcome));
        }
        sending.join().unwrap();
        assert_eq!(received.load(SeqCst), MESSAGES);
    }
}

// Turns

#[fibra::test(workers = 1)]
fn who_always_finds_a_message_or_room_leaves_others_their_turn() {
    let (sender, receiver) = unbounded();
    (0..100_000).for_each(|i| sender.send(i).unwrap());
    let other = thread::spawn(|| {});
    let mut seen = None;
    for i in receiver.iter().take(100_000) {
        if other.is_finished() {
            seen = Some(i);
            break;
        }
    }
    assert!(seen.is_some(), "it had no turn among 100,000 receives");
    drop(sender);
}
