//! Green threads, futures and OS threads wait for the same locks and channels, and wake each other.

use fibra::{
    sync::{Condvar, Mutex, mpsc, oneshot},
    thread,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

#[test]
fn a_mutex_excludes_all_three_kinds_also_across_waits() {
    fibra::run(|| {
        let (mutex, inside) = (Arc::new(Mutex::new(0)), Arc::new(AtomicUsize::new(0)));
        let enter = |count: &mut usize, inside: &AtomicUsize| {
            assert_eq!(inside.fetch_add(1, SeqCst), 0);
            *count += 1;
        };
        let shared = || (Arc::clone(&mutex), Arc::clone(&inside));
        let green: Vec<_> = (0..8)
            .map(|_| {
                let (mutex, inside) = shared();
                thread::spawn(move || {
                    for i in 0..200 {
                        let mut guard = mutex.lock().unwrap();
                        enter(&mut guard, &inside);
                        if i % 8 == 0 {
                            thread::yield_now();
                        }
                        inside.fetch_sub(1, SeqCst);
                    }
                })
            })
            .collect();
        let futures: Vec<_> = (0..8)
            .map(|_| {
                let (mutex, inside) = shared();
                fibra::future::spawn(async move {
                    for i in 0..200 {
                        let mut guard = mutex.lock_async().await.unwrap();
                        enter(&mut guard, &inside);
                        if i % 8 == 0 {
                            fibra::future::yield_now().await;
                        }
                        inside.fetch_sub(1, SeqCst);
                    }
                })
            })
            .collect();
        let os: Vec<_> = (0..2)
            .map(|_| {
                let (mutex, inside) = shared();
                std::thread::spawn(move || {
                    for _ in 0..200 {
                        let mut guard = mutex.lock().unwrap();
                        enter(&mut guard, &inside);
                        inside.fetch_sub(1, SeqCst);
                    }
                })
            })
            .collect();
        green.into_iter().for_each(|thread| thread.join().unwrap());
        futures.into_iter().for_each(|future| fibra::wait(future).unwrap());
        fibra::unblock(|| os.into_iter().for_each(|thread| thread.join().unwrap()));
        assert_eq!(*mutex.lock().unwrap(), 18 * 200);
    });
}

#[test]
fn a_green_thread_that_waits_for_a_lock_leaves_its_worker_to_the_holder() {
    fibra::Builder::new().workers(1).run(|| {
        let mutex = Mutex::new(0);
        thread::scope(|scope| {
            let mut held = mutex.lock().unwrap();
            scope.spawn(|| assert_eq!(*mutex.lock().unwrap(), 1));
            for _ in 0..3 {
                thread::yield_now();
            }
            *held = 1;
        });
    });
}

#[test]
fn a_condition_variable_sends_on_waiters_of_all_three_kinds() {
    fibra::run(|| {
        let shared = Arc::new((Mutex::new((0, false)), Condvar::new()));
        let wait = |shared: &(Mutex<(u32, bool)>, Condvar)| {
            let mut guard = shared.0.lock().unwrap();
            guard.0 += 1;
            drop(shared.1.wait_while(guard, |(_, open)| !*open).unwrap());
        };
        let green: Vec<_> = (0..10)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || wait(&shared))
            })
            .collect();
        // A direct call in a future's poll: the stack of the poll parks.
        let futures: Vec<_> = (0..10)
            .map(|_| {
                let shared = Arc::clone(&shared);
                fibra::future::spawn(async move { wait(&shared) })
            })
            .collect();
        let os: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || wait(&shared))
            })
            .collect();
        while shared.0.lock().unwrap().0 < 22 {
            thread::sleep(Duration::from_millis(1));
        }
        shared.0.lock().unwrap().1 = true;
        shared.1.notify_all();
        green.into_iter().for_each(|thread| thread.join().unwrap());
        futures.into_iter().for_each(|future| fibra::wait(future).unwrap());
        fibra::unblock(|| os.into_iter().for_each(|thread| thread.join().unwrap()));
    });
}

#[test]
fn two_green_threads_play_ping_pong() {
    for workers in [1, 2] {
        fibra::Builder::new().workers(workers).run(|| {
            let (ping, pings) = mpsc::channel();
            let (pong, pongs) = mpsc::sync_channel(0);
            let peer = thread::spawn(move || pings.into_iter().for_each(|i: u32| pong.send(i + 1).unwrap()));
            for i in 0..5_000 {
                ping.send(i).unwrap();
                assert_eq!(pongs.recv(), Ok(i + 1));
            }
            drop(ping);
            peer.join().unwrap();
        });
    }
}

#[test]
fn messages_go_from_all_three_kinds_to_one_receiver() {
    fibra::run(|| {
        for bound in [0, 1, 16] {
            let (sender, receiver) = mpsc::sync_channel(bound);
            for _ in 0..4 {
                let sender = sender.clone();
                drop(thread::spawn(move || (0..100).for_each(|i| sender.send(i).unwrap())));
            }
            for _ in 0..4 {
                let sender = sender.clone();
                drop(fibra::future::spawn(async move {
                    for i in 0..100 {
                        sender.send_async(i).await.unwrap();
                    }
                }));
            }
            std::thread::spawn(move || (0..100).for_each(|i| sender.send(i).unwrap()));
            assert_eq!(receiver.iter().count(), 900);
        }
    });
}

#[test]
fn a_oneshot_answers_across_kinds() {
    fibra::run(|| {
        for _ in 0..100 {
            let (sender, receiver) = oneshot::channel();
            let (reply, answer) = oneshot::channel();
            drop(fibra::future::spawn(async move { reply.send(receiver.await.unwrap() + 1).unwrap() }));
            std::thread::spawn(move || sender.send(1).unwrap());
            assert_eq!(answer.recv(), Ok(2));
        }
    });
}

#[test]
fn timed_waits_end_in_green_threads_too() {
    fibra::run(|| {
        let (_sender, receiver) = mpsc::channel::<u8>();
        let limit = Duration::from_millis(3);
        let start = std::time::Instant::now();
        assert_eq!(receiver.recv_timeout(limit), Err(mpsc::RecvTimeoutError::Timeout));
        assert!(start.elapsed() >= limit);
        let (mutex, changed) = (Mutex::new(()), Condvar::new());
        assert!(changed.wait_timeout(mutex.lock().unwrap(), limit).unwrap().1.timed_out());
        assert!(start.elapsed() >= limit * 2);
    });
}

#[test]
fn a_panic_in_a_green_thread_poisons_what_it_holds_and_nothing_else() {
    fibra::Builder::new().workers(1).run(|| {
        let (held_by_it, held_by_me) = (Mutex::new(()), Mutex::new(()));
        let mine = held_by_me.lock().unwrap();
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _guard = held_by_it.lock().unwrap();
                thread::yield_now();
                panic!("on purpose");
            });
            assert!(panics.join().is_err());
        });
        drop(mine);
        assert!(held_by_it.is_poisoned());
        assert!(!held_by_me.is_poisoned());
    });
}

#[test]
fn a_task_that_always_finds_a_message_lets_others_run() {
    fibra::Builder::new().workers(1).run(|| {
        let done = Arc::new(AtomicUsize::new(0));
        let other = thread::spawn({
            let done = Arc::clone(&done);
            move || done.fetch_add(1, SeqCst)
        });
        let (sender, mut receiver) = mpsc::channel();
        let rounds = (0..100_000).take_while(|_| done.load(SeqCst) == 0);
        assert!(rounds.inspect(|_| sender.send(()).unwrap()).all(|_| receiver.recv().is_ok()));
        assert_eq!(done.load(SeqCst), 1);
        other.join().unwrap();

        let other = thread::spawn(move || done.fetch_add(1, SeqCst));
        fibra::wait(async {
            for _ in 0..100_000 {
                sender.send(()).unwrap();
                receiver.recv_async().await.unwrap();
            }
        });
        assert!(other.is_finished());
    });
}
