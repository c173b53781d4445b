//! A clock that stands: it moves on when nothing else can happen, to the next timer and no further.

#[macro_use]
#[path = "support/backends.rs"]
mod backends;
#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use fibra::{
    Backend, Builder,
    net::{TcpListener, TcpStream},
    sync::{Condvar, Mutex, mpsc},
    thread,
    time::{self, Duration, Instant},
};
use std::{
    io::{ErrorKind, Read, Write},
    sync::Arc,
};

const HOUR: Duration = Duration::from_secs(3600);

#[fibra::test(start_paused)]
fn an_hour_takes_no_time_and_is_an_hour_exactly() {
    let (shown, real) = (time::now(), Instant::now());
    thread::sleep(HOUR);
    assert_eq!(time::now() - shown, HOUR);
    fibra::wait(time::sleep(HOUR));
    assert_eq!(time::now() - shown, 2 * HOUR);
    assert!(real.elapsed() < HOUR);
}

#[fibra::test(start_paused, workers = 2)]
fn timers_of_all_workers_end_in_the_order_of_their_deadlines() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let start = time::now();
    let sleepers: Vec<_> = (1..=50)
        .rev()
        .map(|number| {
            let order = Arc::clone(&order);
            let wait = number * Duration::from_secs(10);
            let note = move || {
                assert_eq!(time::now() - start, wait);
                order.lock().unwrap().push(number);
            };
            if number % 2 == 0 {
                thread::spawn(move || {
                    thread::sleep_until(start + wait);
                    note();
                })
            } else {
                thread::spawn(move || {
                    fibra::wait(fibra::future::spawn(async move {
                        time::sleep_until(start + wait).await;
                        note();
                    }))
                    .unwrap();
                })
            }
        })
        .collect();
    for sleeper in sleepers {
        sleeper.join().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (1..=50).collect::<Vec<_>>());
}

#[fibra::test(start_paused)]
fn it_stands_while_a_task_runs() {
    let shown = time::now();
    let sleeper = thread::spawn(|| thread::sleep(HOUR));
    for _ in 0..1_000 {
        thread::yield_now();
        assert_eq!(time::now(), shown);
    }
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(time::now(), shown);
    sleeper.join().unwrap();
    assert_eq!(time::now() - shown, HOUR);
}

#[fibra::test(start_paused)]
fn it_stands_while_blocking_work_runs() {
    let late = time::timeout(HOUR, || {
        fibra::unblock(|| std::thread::sleep(Duration::from_millis(20)));
        time::now()
    });
    let shown = late.expect("the work takes no time by a clock that stands");
    assert_eq!(shown, time::now());
}

/// Reads a byte, and returns how often that timed out.
fn time_outs_before_an_answer(stream: &mut TcpStream) -> usize {
    let is_there = |_: &usize| match stream.read(&mut [0]) {
        Ok(read) => read == 1,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
            false
        }
    };
    (0..60_000).find(is_there).expect("the answer never comes")
}

#[fibra::test(start_paused)]
fn an_answer_over_the_loopback_comes_before_the_time_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Somebody whom the runtime doesn't know, and who takes a moment.
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        while stream.read(&mut byte).unwrap() == 1 {
            std::thread::sleep(Duration::from_micros(50));
            stream.write_all(&byte).unwrap();
        }
    });
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let in_time = (0..100).filter(|_| {
        stream.write_all(&[7]).unwrap();
        time_outs_before_an_answer(&mut stream) == 0
    });
    // The clock waits for a millisecond. On a busy machine, or one that is emulated, an answer may take longer at times.
    let in_time = in_time.count();
    assert!(in_time > 50, "{in_time} of 100");
    let (before, really_before) = (time::now(), Instant::now());
    for _ in 0..20 {
        let error = stream.read(&mut [0]).expect_err("nothing is sent");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    assert_eq!(time::now() - before, Duration::from_secs(20));
    assert!(really_before.elapsed() >= Duration::from_millis(20), "it did not wait");
    drop(stream);
    server.join().unwrap();
}

#[fibra::test(start_paused)]
fn every_kind_of_time_out_goes_by_it() {
    let start = time::now();
    assert!(time::timeout(HOUR, thread::park).is_err());
    let (_sender, receiver) = mpsc::channel::<()>();
    assert!(receiver.recv_timeout(HOUR).is_err());
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    assert!(condvar.wait_timeout(mutex.lock().unwrap(), HOUR).unwrap().1.timed_out());
    assert!(condvar.wait_timeout_while(mutex.lock().unwrap(), HOUR, |()| true).unwrap().1.timed_out());
    thread::park_timeout(HOUR);
    assert!(fibra::wait(time::timeout_async(HOUR, std::future::pending::<()>())).is_err());
    assert_eq!(time::now() - start, 6 * HOUR);
}

#[fibra::test(start_paused)]
fn ticks_come_at_their_times() {
    let start = time::now();
    let mut ticks = time::interval(HOUR);
    for tick in 0..5 {
        ticks.tick();
        assert_eq!(time::now() - start, tick * HOUR);
    }
}

#[fibra::test(workers = 2)]
fn it_can_be_paused_advanced_and_resumed_at_any_time() {
    let sleeper = thread::spawn(|| thread::sleep(HOUR));
    thread::yield_now();
    time::pause();
    let standing = time::now();
    let (sender, receiver) = mpsc::channel();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_secs(10));
        sender.send(time::now()).unwrap();
    });
    // Both wait for more than that, so the clock stands where it is moved to while we run.
    time::advance(Duration::from_secs(4));
    assert_eq!(time::now() - standing, Duration::from_secs(4));
    assert!(receiver.recv().unwrap() - standing >= Duration::from_secs(10));
    sleeper.join().unwrap();
    assert!(time::now() - standing >= HOUR - Duration::from_secs(60));
    time::resume();
    let running = time::now();
    thread::sleep(Duration::from_millis(2));
    assert!(time::now() - running >= Duration::from_millis(2));
    other.join().unwrap();
}

#[fibra::test(start_paused)]
fn whoever_waits_for_what_was_advanced_past_has_had_a_turn() {
    let (sender, receiver) = mpsc::channel();
    let task = fibra::future::spawn(async move {
        time::sleep(HOUR).await;
        sender.send(()).unwrap();
    });
    thread::yield_now();
    time::advance(2 * HOUR);
    receiver.recv().unwrap();
    fibra::wait(task).unwrap();
}

#[fibra::test(start_paused)]
fn without_any_timer_it_stands_for_ever() {
    let shown = time::now();
    let (sender, receiver) = mpsc::channel();
    let waker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        sender.send(()).unwrap();
    });
    receiver.recv().unwrap();
    assert_eq!(time::now(), shown);
    waker.join().unwrap();
}

#[test]
fn one_runtimes_clock_is_not_anothers() {
    let paused = Builder::new().workers(1).start_paused(true).build().unwrap();
    let other = Builder::new().workers(1).build().unwrap();
    let standing = paused.run(|| {
        time::advance(HOUR);
        time::now()
    });
    assert!(standing >= Instant::now() + HOUR - Duration::from_secs(60));
    assert!(other.run(time::now) <= Instant::now());
    assert!(time::now() <= Instant::now());
    assert_eq!(paused.block_on(async { time::now() }), standing);
}

#[test]
#[should_panic(expected = "the clock runs")]
fn a_clock_that_runs_cannot_be_advanced() {
    fibra::run(|| time::advance(HOUR));
}

/// While an operation is in flight, a worker waits twice: for that, and then for whatever comes.
fn who_comes_from_outside_is_heard_while_an_operation_is_waited_for(backend: Backend) {
    let builder = Builder::new().backend(backend).workers(1).start_paused(true);
    let runtime = builder.build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _accept = runtime.spawn(async move { listener.accept_async().await });
    for round in 0..500 {
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(async move { sender.send(round).unwrap() });
        assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Ok(round));
    }
}

one_backend_at_a_time!(who_comes_from_outside_is_heard_while_an_operation_is_waited_for);
