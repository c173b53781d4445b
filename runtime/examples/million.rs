//! A million green threads, parked at once under default kernel limits, each woken once, all joined.
//!
//! ```text
//! cargo run --release --example million [THREADS] [STACK_KIB]
//! ```
//!
//! Prints what a parked thread costs: its resident memory (`VmRSS`) and its share of the page tables (`VmPTE`), which
//! the kernel counts apart. Run it with a stack of 2048 KiB (the default) and of 64 KiB to compare.

use std::{
    env, fs, process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

fn main() {
    let mut arguments = env::args().skip(1).map(|text| text.parse::<usize>());
    let (Ok(threads), Ok(stack_kib)) =
        (arguments.next().unwrap_or(Ok(1_000_000)), arguments.next().unwrap_or(Ok(2048)))
    else {
        eprintln!("usage: million [THREADS] [STACK_KIB]");
        process::exit(2);
    };
    fibra::Builder::new().stack_size(stack_kib << 10).run(move || park_and_wake(threads, stack_kib));
}

fn park_and_wake(threads: usize, stack_kib: usize) {
    let before = Memory::now();
    let woken = Arc::new(AtomicUsize::new(0));
    let parked = Arc::new(AtomicUsize::new(0));

    let start = Instant::now();
    let mut handles = Vec::with_capacity(threads);
    for _ in 0..threads {
        let (woken, parked) = (Arc::clone(&woken), Arc::clone(&parked));
        handles.push(fibra::thread::spawn(move || {
            parked.fetch_add(1, Ordering::Relaxed);
            fibra::thread::park();
            woken.fetch_add(1, Ordering::Relaxed);
        }));
    }
    while parked.load(Ordering::Relaxed) < threads {
        fibra::thread::sleep(Duration::from_millis(1));
    }
    println!("{threads} green threads of {stack_kib} KiB parked in {:.2?}", start.elapsed());
    let (rss, page_tables) = Memory::now().since(&before, threads);
    println!(
        "a thread costs {rss:.0} B of VmRSS + {page_tables:.0} B of VmPTE = {:.2} KiB",
        (rss + page_tables) / 1024.0
    );

    let start = Instant::now();
    for handle in &handles {
        handle.thread().unpark();
    }
    for handle in handles {
        handle.join().expect("a thread that only parks does not panic");
    }
    assert_eq!(woken.load(Ordering::Relaxed), threads);
    println!("all woken once and joined in {:.2?}", start.elapsed());
}

/// What the kernel says of this process, in bytes.
struct Memory {
    rss: usize,
    page_tables: usize,
}

impl Memory {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("Linux tells about processes in /proc");
        let field = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = rest.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
            kib.expect("the field is there") << 10
        };
        Self { rss: field("VmRSS:"), page_tables: field("VmPTE:") }
    }

    /// The growth per thread.
    fn since(&self, before: &Self, threads: usize) -> (f64, f64) {
        let per_thread = |after: usize, before: usize| after.saturating_sub(before) as f64 / threads as f64;
        (per_thread(self.rss, before.rss), per_thread(self.page_tables, before.page_tables))
    }
}
