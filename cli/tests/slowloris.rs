//! What a thousand slow connections cost everybody else, in time and memory. A measurement rather than a test: it takes
//! two minutes, and its numbers only mean something in a build with optimisations:
//!
//! ```sh
//! cargo test --release -p fibra-cli --test slowloris -- --ignored --nocapture
//! ```
//!
//! Rounds without slow clients and rounds with them take turns, and each pair has its ratio: what else the machine does falls
//! on both. That slow clients are cut off in the end, and others served meanwhile, is what `limits.rs` tests.

mod server;

use server::{Client, Directory, Server, wait_until};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Clients that send a byte of a head now and then, and never its end.
const SLOW: usize = 1000;
/// How long such a client waits for its next byte.
const NOW_AND_THEN: Duration = Duration::from_millis(100);
/// Clients whose requests are timed. They don't pause between them: else the times would be those of a server that has to be
/// woken, which slow clients keep awake, and would show little of what they cost.
const GOOD: usize = 4;
/// How long a round is, and how many there are with slow clients, and without.
const ROUND: Duration = Duration::from_secs(2);
const PAIRS: usize = 12;
/// What each slow client may take of memory, with what the allocator keeps for the next ones.
const KILOBYTES: u64 = 48;
/// How many times as long the slowest hundredth of requests may take beside slow clients.
const MOST: f64 = 3.0;

#[test]
#[ignore = "a measurement, for a build with optimisations"]
fn slow_clients_cost_others_little() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    for backend in server::BACKENDS {
        let ratio = measure(backend);
        assert!(ratio <= MOST, "{backend}: {ratio:.2} times");
    }
}

/// The median of the pairs' ratios.
fn measure(backend: &str) -> f64 {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    let server = Server::start_with(backend, directory, &["--quiet"]);
    let mut good: Vec<_> = (0..GOOD).map(|_| server.connect()).collect();
    // The first one warms up.
    percentile_99(&mut good);
    let before = server.memory();
    println!("{backend}: p99 without slow clients, with {SLOW}, ratio; memory, at first {before} KiB");
    let pair = |_| {
        let without = percentile_99(&mut good);
        let (with, memory) = beside_slow_clients(&server, &mut good);
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        println!("{without:>10.1?} {with:>10.1?} {ratio:>6.2} {memory:>8} KiB");
        assert!(memory < before + SLOW as u64 * KILOBYTES, "{memory} KiB, and {before} KiB at first");
        ratio
    };
    let mut ratios: Vec<_> = (0..PAIRS).map(pair).collect();
    ratios.sort_by(f64::total_cmp);
    let median = (ratios[(PAIRS - 1) / 2] + ratios[PAIRS / 2]) / 2.0;
    println!("{backend}: median ratio {median:.2}");
    median
}

/// A round beside slow clients, and what memory the server has at its end, in KiB.
fn beside_slow_clients(server: &Server, good: &mut [Client]) -> (Duration, u64) {
    let open = |count: usize| server.metric("fibra_http_connections_open") == (count + 1) as u64;
    let mut slow: Vec<_> = (0..SLOW).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.send("GET /a.txt HTTP/1.1\r\nHost: test\r\nX-Slow: ");
    }
    wait_until("all slow clients are connected", || open(SLOW + good.len()));
    let stop = AtomicBool::new(false);
    let measured = thread::scope(|scope| {
        scope.spawn(|| dribble(&mut slow, &stop));
        let time = percentile_99(good);
        let memory = server.memory();
        assert!(open(SLOW + good.len()), "they were all there to the end");
        stop.store(true, Ordering::Relaxed);
        (time, memory)
    });
    drop(slow);
    wait_until("all slow clients are gone", || open(good.len()));
    measured
}

/// Sends each client's next byte, one client after the other, as clients that don't know each other do.
fn dribble(clients: &mut [Client], stop: &AtomicBool) {
    let pause = NOW_AND_THEN / SLOW as u32;
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        clients[number % SLOW].stream.get_mut().write_all(b"x").unwrap();
        thread::sleep(pause);
    }
}

/// Has each client request for a round. Of all the requests' times, the one that 99 of 100 are below.
fn percentile_99(clients: &mut [Client]) -> Duration {
    let end = Instant::now() + ROUND;
    let mut times: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(move || request_until(client, end))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Each request's time, from its first byte to the last one of the response.
fn request_until(client: &mut Client, end: Instant) -> Vec<Duration> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        assert_eq!(client.get("/a.txt").text(), "text");
        times.push(begin.elapsed());
    }
    times
}
