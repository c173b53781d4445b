//! Nobody is starved: not by those who only yield, not by those who always have something to do.

use fibra::{future, thread, time};
use std::{
    future::poll_fn,
    hint,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::{Duration, Instant},
};

/// Keeps the only worker busy in some way while `others` must get done.
fn done_beside(busy: impl FnOnce(Arc<AtomicBool>), others: impl FnOnce()) {
    let stop = Arc::new(AtomicBool::new(false));
    busy(Arc::clone(&stop));
    others();
    stop.store(true, SeqCst);
}

fn everything_else() {
    thread::sleep(Duration::from_millis(1));
    assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
    assert_eq!(fibra::wait(future::spawn(async { 2 })).unwrap(), 2);
    fibra::wait(time::sleep(Duration::from_millis(1)));
    // From another thread, through the inbox and the injector.
    let (sender, receiver) = fibra::sync::oneshot::channel();
    let outside = std::thread::spawn(move || sender.send(3));
    assert_eq!(receiver.recv(), Ok(3));
    outside.join().unwrap().unwrap();
}

#[fibra::test(workers = 1)]
fn green_threads_that_only_yield_starve_nobody() {
    done_beside(
        |stop| {
            for _ in 0..3 {
                let stop = Arc::clone(&stop);
                drop(thread::spawn(move || {
                    while !stop.load(SeqCst) {
                        thread::yield_now();
                    }
                }));
            }
        },
        everything_else,
    );
}

#[fibra::test(workers = 1)]
fn a_future_that_always_wakes_itself_starves_nobody() {
    let hot = |stop: Arc<AtomicBool>| {
        poll_fn(move |context| {
            context.waker().wake_by_ref();
            if stop.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
    };
    done_beside(|stop| drop(future::spawn(hot(stop))), everything_else);
    // The same, polled by a green thread.
    done_beside(|stop| drop(thread::spawn(move || fibra::wait(hot(stop)))), everything_else);
}

#[fibra::test(workers = 1)]
fn who_reads_what_is_in_the_page_cache_starves_nobody() {
    let open = || fibra::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    done_beside(
        |stop| {
            let file = open();
            drop(thread::spawn(move || {
                while !stop.load(SeqCst) {
                    assert_eq!(file.read_at(&mut [0; 64], 0).unwrap(), 64);
                }
            }));
        },
        everything_else,
    );
    done_beside(
        |stop| {
            let file = open();
            drop(future::spawn(async move {
                let mut buffer = vec![0; 64];
                while !stop.load(SeqCst) {
                    let read;
                    (read, buffer) = file.read_at_async(buffer, 0).await;
                    assert_eq!(read.unwrap(), 64);
                }
            }));
        },
        everything_else,
    );
}

#[fibra::test(workers = 1)]
fn a_pair_of_futures_that_wake_each_other_starve_nobody() {
    done_beside(
        |stop| {
            let (ping, mut ping_receiver) = fibra::sync::mpsc::channel();
            let (pong, mut pong_receiver) = fibra::sync::mpsc::channel();
            drop(future::spawn(async move {
                while pong.send(()).is_ok() && ping_receiver.recv_async().await.is_ok() {}
            }));
            drop(future::spawn(async move {
                while !stop.load(SeqCst) && pong_receiver.recv_async().await.is_ok() && ping.send(()).is_ok()
                {
                }
            }));
        },
        everything_else,
    );
}

#[fibra::test(workers = 1)]
fn a_pair_of_green_threads_that_unpark_each_other_starve_nobody() {
    done_beside(
        |stop| {
            let other = thread::spawn({
                let stop = Arc::clone(&stop);
                move || {
                    while !stop.load(SeqCst) {
                        thread::park_timeout(Duration::from_millis(1));
                    }
                }
            });
            drop(thread::spawn(move || {
                while !stop.load(SeqCst) {
                    other.thread().unpark();
                    thread::yield_now();
                }
            }));
        },
        everything_else,
    );
}

#[fibra::test(workers = 1)]
fn a_thread_whose_waits_fail_at_once_starves_nobody() {
    done_beside(
        |stop| {
            drop(thread::spawn(move || {
                time::timeout(Duration::ZERO, || {
                    while !stop.load(SeqCst) {
                        assert!(
                            std::panic::catch_unwind(|| thread::sleep(Duration::from_secs(3600))).is_err()
                        );
                        assert!(std::panic::catch_unwind(thread::park).is_err());
                    }
                })
            }));
        },
        everything_else,
    );
}

#[fibra::test(workers = 2)]
fn work_spawned_on_one_worker_is_done_by_all() {
    let workers = Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    let rounds = AtomicUsize::new(0);
    while workers.lock().unwrap().len() < 2 {
        assert!(rounds.fetch_add(1, SeqCst) < 1000, "a second worker never took a task");
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let workers = Arc::clone(&workers);
                let busy = move || {
                    std::hint::black_box((0..10_000u64).fold(n, |sum, n| sum ^ n.wrapping_mul(31)));
                    workers.lock().unwrap().insert(std::thread::current().id());
                };
                future::spawn(async move { busy() })
            })
            .collect();
        tasks.into_iter().for_each(|task| fibra::wait(task).unwrap());
    }
}

#[fibra::test(workers = 2)]
fn a_burst_larger_than_a_ring_is_all_run() {
    let ran = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..5000)
        .map(|n| {
            let ran = Arc::clone(&ran);
            let run = move || ran.fetch_add(1, SeqCst);
            if n % 2 == 0 { drop(thread::spawn(run)) } else { drop(future::spawn(async move { run() })) }
        })
        .collect();
    assert_eq!(tasks.len(), 5000);
    while ran.load(SeqCst) < 5000 {
        thread::yield_now();
    }
}

#[fibra::test(workers = 1)]
fn joining_many_that_have_ended_starves_nobody() {
    const TASKS: usize = 10_000;
    let turns = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let ended: Vec<_> = (0..TASKS).map(|_| future::spawn(async {})).collect();
    let threads: Vec<_> = (0..TASKS).map(|_| thread::spawn(|| ())).collect();
    while !ended.iter().all(|task| task.is_finished()) || !threads.iter().all(|thread| thread.is_finished()) {
        thread::yield_now();
    }
    let counting = future::spawn({
        let (turns, stop) = (Arc::clone(&turns), Arc::clone(&stop));
        async move {
            while !stop.load(SeqCst) {
                turns.fetch_add(1, SeqCst);
                future::yield_now().await;
            }
        }
    });
    fibra::wait(async {
        for task in ended {
            task.await.unwrap();
        }
    });
    let while_tasks = turns.load(SeqCst);
    for thread in threads {
        thread.join().unwrap();
    }
    let while_threads = turns.load(SeqCst) - while_tasks;
    stop.store(true, SeqCst);
    fibra::wait(counting).unwrap();
    assert!(while_tasks >= TASKS / 200 && while_threads >= TASKS / 200, "{while_tasks}, {while_threads}");
}

/// Computes until that moment.
fn compute_until(moment: Instant) {
    while Instant::now() < moment {
        hint::spin_loop();
    }
}

/// Somebody's sleep ends while a job computes. When that yields, the sleeper goes first.
fn goes_first_when_a_job_yields(spawn_sleeper: impl Fn(Instant, Arc<AtomicBool>), yield_now: impl Fn()) {
    // The worker learns that its tasks are slow.
    for _ in 0..20 {
        compute_until(Instant::now() + Duration::from_micros(200));
        yield_now();
    }
    let in_time = (0..1000).filter(|_| {
        let has_run = Arc::new(AtomicBool::new(false));
        let due = Instant::now() + Duration::from_millis(2);
        spawn_sleeper(due, Arc::clone(&has_run));
        // It starts to sleep. If the system takes the processor away here, its time may come meanwhile.
        yield_now();
        let slept = !has_run.load(SeqCst);
        compute_until(due + Duration::from_millis(2));
        yield_now();
        assert!(has_run.load(SeqCst));
        slept
    });
    assert_eq!(in_time.take(5).count(), 5, "the sleeper sleeps");
}

#[fibra::test(workers = 1)]
fn a_green_thread_that_yields_lets_those_go_first_whose_time_has_come() {
    goes_first_when_a_job_yields(
        |due, has_run| {
            drop(thread::spawn(move || {
                thread::sleep_until(due);
                has_run.store(true, SeqCst);
            }));
        },
        thread::yield_now,
    );
}

#[fibra::test(workers = 1)]
fn whose_moment_came_first_runs_first() {
    const TASKS: u32 = 20;
    // All of them begin to wait before the first one's moment, even on a slow machine.
    let start = Instant::now() + Duration::from_millis(200);
    let order = Arc::new(Mutex::new(Vec::new()));
    let begun = Arc::new(AtomicUsize::new(0));
    let tasks = (0..TASKS).map(|number| {
        let (order, begun) = (Arc::clone(&order), Arc::clone(&begun));
        future::spawn(async move {
            begun.fetch_add(1, SeqCst);
            time::sleep_until(start + number * Duration::from_millis(1)).await;
            order.lock().unwrap().push(number);
        })
    });
    let tasks: Vec<_> = tasks.collect();
    while begun.load(SeqCst) < tasks.len() {
        thread::yield_now();
    }
    // They become ready together: nobody else can look at the clock.
    std::thread::sleep((start + TASKS * Duration::from_millis(1)) - Instant::now());
    tasks.into_iter().for_each(|task| fibra::wait(task).unwrap());
    assert!(order.lock().unwrap().iter().copied().eq(0..TASKS), "{order:?}");
}
