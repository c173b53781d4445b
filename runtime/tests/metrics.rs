//! What a runtime counts, and that it counts right.

#[path = "support/patience.rs"]
mod patience;

use fibra::{
    Builder,
    metrics::{self, Metrics},
    net::{TcpListener, TcpStream},
    thread,
    time::{self, Duration},
};
use patience::eventually;
use std::io::{Read, Write};

#[fibra::test(workers = 1)]
fn tasks_and_green_threads_are_counted_apart() {
    let before = metrics::snapshot();
    let threads: Vec<_> = (0..10).map(|_| thread::spawn(thread::park)).collect();
    let futures: Vec<_> = (0..20).map(|_| fibra::future::spawn(std::future::pending::<()>())).collect();
    thread::yield_now();
    let during = metrics::snapshot();
    assert_eq!((during.spawned - before.spawned, during.threads_spawned - before.threads_spawned), (30, 10));
    assert_eq!((during.alive - before.alive, during.threads_alive - before.threads_alive), (30, 10));
    threads.iter().for_each(|thread| thread.thread().unpark());
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let after = metrics::snapshot();
    assert_eq!((after.alive - before.alive, after.threads_alive - before.threads_alive), (20, 0));
    for future in futures {
        future.cancel();
        assert!(fibra::wait(future).is_err());
    }
    assert_eq!(metrics::snapshot().alive, before.alive);
}

#[test]
fn a_worker_does_not_sleep_before_main() {
    for _ in 0..1_000 {
        let started = Builder::new().workers(1).run(|| metrics::snapshot().total());
        assert_eq!((started.parks, started.polls), (0, 1));
    }
}

#[fibra::test(workers = 1)]
fn polls_switches_and_samples_grow_with_the_work() {
    const RUNS: u64 = 6_100;
    let before = metrics::snapshot().total();
    let yields = thread::spawn(|| (0..RUNS).for_each(|_| thread::yield_now()));
    yields.join().unwrap();
    for _ in 0..RUNS {
        fibra::wait(fibra::future::spawn(async {})).unwrap();
    }
    let after = metrics::snapshot().total();
    assert!(after.polls - before.polls >= RUNS);
    assert!(after.switches - before.switches >= RUNS);
    let sampled = after.run_times.count() - before.run_times.count();
    assert!(sampled >= RUNS / 61, "{sampled}");
    assert!(after.delays.count() > before.delays.count());
}

#[fibra::test(workers = 1)]
fn slow_tasks_and_long_waits_for_a_turn_are_seen() {
    let slow: Vec<_> = (0..200)
        .map(|_| fibra::future::spawn(async { std::thread::sleep(Duration::from_millis(1)) }))
        .collect();
    // The last one first: so they run in a row, and each sample among them is of a slow one.
    slow.into_iter().rev().for_each(|slow| fibra::wait(slow).unwrap());
    let total = metrics::snapshot().total();
    assert!(total.run_times.quantile(1.0) >= 1_000_000, "{:?}", total.run_times);
    // Of so many in a row, some have waited for dozens of others.
    assert!(total.delays.quantile(1.0) >= 10_000_000, "{:?}", total.delays);
}

#[fibra::test(workers = 1)]
fn what_is_under_way_is_seen_while_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut there, _) = listener.accept().unwrap();
    let reader = thread::spawn(move || here.read(&mut [0; 1]).unwrap());
    let sleeper = thread::spawn(|| thread::sleep(Duration::from_secs(3600)));
    eventually("both wait on their stacks", || {
        let during = metrics::snapshot().total();
        during.in_flight >= 1 && during.timers >= 1 && during.stacks_in_use >= 3
    });
    there.write_all(b"!").unwrap();
    assert_eq!(reader.join().unwrap(), 1);
    sleeper.cancel();
    assert!(sleeper.join().is_err());
    eventually("neither is there any more", || {
        let after = metrics::snapshot().total();
        (after.in_flight, after.timers) == (0, 0)
    });
    // A slow machine's worker may have had something to do all the time until now.
    eventually("the worker parks", || metrics::snapshot().total().parks >= 1);
    let after = metrics::snapshot().total();
    assert!(after.enters > 0 && after.batches.count() > 0);
}

#[test]
fn stolen_tasks_are_counted() {
    let runtime = Builder::new().workers(2).build().unwrap();
    runtime.run(|| {
        let tasks: Vec<_> = (0..100)
            .map(|_| fibra::future::spawn(async { std::thread::sleep(Duration::from_millis(1)) }))
            .collect();
        tasks.into_iter().for_each(|task| fibra::wait(task).unwrap());
    });
    assert!(runtime.metrics().total().steals > 0);
    assert_eq!(runtime.metrics().workers.len(), 2);
}

/// The value of a line of the text.
fn value(text: &str, line: &str) -> f64 {
    let rest = text.lines().find_map(|candidate| candidate.strip_prefix(line));
    rest.unwrap_or_else(|| panic!("no {line} in\n{text}")).trim().parse().unwrap()
}

#[test]
fn prometheus_gets_the_same_numbers_with_a_head_for_each() {
    let runtime = Builder::new().workers(2).build().unwrap();
    runtime.run(|| {
        for _ in 0..500 {
            thread::spawn(time::now).join().unwrap();
        }
    });
    let metrics: Metrics = runtime.metrics();
    let text = metrics.prometheus().to_string();
    assert_eq!(value(&text, "fibra_threads_spawned_total "), 501.0);
    for (index, worker) in metrics.workers.iter().enumerate() {
        assert_eq!(value(&text, &format!("fibra_polls_total{{worker=\"{index}\"}} ")), worker.polls as f64);
        let infinity = format!("fibra_run_time_seconds_bucket{{worker=\"{index}\",le=\"+Inf\"}} ");
        assert_eq!(value(&text, &infinity), worker.run_times.count() as f64);
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
        assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
        let number = line.rsplit(' ').next().unwrap();
        assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
    }
}
