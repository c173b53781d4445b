//! Up to 200,000 operations cancelled at random moments: no byte is lost, no descriptor is left over, and nothing stays in flight.
//!
//! Alone in its file: it counts the descriptors of the whole process.

#[macro_use]
#[path = "support/backends.rs"]
mod backends;
#[cfg(unix)]
#[path = "support/census_of_unix.rs"]
mod census;
#[cfg(windows)]
#[path = "support/census_of_windows.rs"]
mod census;

use fibra::{
    Backend, Builder, Runtime,
    cancel::Cancelled,
    fs::File,
    net::{TcpListener, TcpStream},
    thread,
    time::{self, Duration, Instant},
};
use std::{
    collections::hash_map::DefaultHasher,
    env,
    future::Future,
    hash::Hasher,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

const CANCELS: usize = 200_000;
/// Machines that are emulated, and Wine, manage fewer.
const LONGEST: Duration = Duration::from_secs(20);
/// Of each kind of task.
const TASKS: u64 = 8;

#[derive(Clone)]
struct Storm {
    /// How many operations were cancelled so far.
    cancelled: Arc<AtomicUsize>,
    end: Instant,
}

impl Storm {
    fn new() -> Self {
        Self { cancelled: Arc::default(), end: Instant::now() + LONGEST }
    }

    fn note(&self, cancelled: bool) {
        self.cancelled.fetch_add(usize::from(cancelled), SeqCst);
    }

    fn rages(&self) -> bool {
        self.cancelled.load(SeqCst) < CANCELS && Instant::now() < self.end
    }

    /// Runs an operation that gets `moment` at most. `None`: it was cancelled.
    fn within<T>(
        &self,
        moment: Duration,
        operation: impl FnOnce() -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        let outcome = time::timeout(moment, operation);
        let cancelled = match &outcome {
            Ok(Err(error)) => Cancelled::caused(error),
            Ok(Ok(_)) => false,
            Err(_) => true,
        };
        self.note(cancelled);
        outcome.ok().filter(|_| !cancelled)
    }

    /// The same for a future, which is dropped then.
    async fn within_async<F: Future>(&self, moment: Duration, operation: F) -> Option<F::Output> {
        let outcome = time::timeout_async(moment, operation).await;
        self.note(outcome.is_err());
        outcome.ok()
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Zero, now and then; otherwise about as long as an operation takes.
    fn moment(&mut self) -> Duration {
        Duration::from_nanos(self.next(60_000).saturating_sub(2_000))
    }
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (client, listener.accept().expect("there is one").0)
}

/// Writes a stream whose writes are cancelled all the time; returns the hash of what was said to be written.
fn write(storm: &Storm, mut stream: TcpStream, mut random: Random) -> u64 {
    let (mut hash, mut next) = (DefaultHasher::new(), 0_u8);
    while storm.rages() {
        let length = 1 + random.next(4096) as usize;
        let bytes: Vec<u8> = (0..length).map(|at| next.wrapping_add(at as u8)).collect();
        if let Some(written) = storm.within(random.moment(), || stream.write(&bytes)) {
            let written = written.expect("the peer reads");
            hash.write(&bytes[..written]);
            next = next.wrapping_add(written as u8);
        }
        thread::sleep(random.moment());
    }
    stream.shutdown(Shutdown::Write).expect("it is connected");
    hash.finish()
}

/// Reads it by reads that are cancelled all the time; returns the hash of what was read.
fn read(storm: &Storm, mut stream: TcpStream, mut random: Random) -> u64 {
    let (mut hash, mut buffer) = (DefaultHasher::new(), [0; 1024]);
    loop {
        match storm.within(random.moment(), || stream.read(&mut buffer)) {
            None => {}
            Some(Ok(0)) => return hash.finish(),
            Some(read) => hash.write(&buffer[..read.expect("the peer writes")]),
        }
    }
}

/// The hash goes byte for byte: where reads and writes were cut does not matter.
fn streams(storm: &Storm) -> Vec<(thread::JoinHandle<u64>, thread::JoinHandle<u64>)> {
    let start = |seed: u64| {
        let (here, there) = pair();
        let (for_writer, for_reader) = (storm.clone(), storm.clone());
        let writer = thread::spawn(move || write(&for_writer, here, Random(seed)));
        (writer, thread::spawn(move || read(&for_reader, there, Random(seed << 32))))
    };
    (1..=TASKS).map(start).collect()
}

/// Connections that come while they are accepted by those who lose patience.
fn accepts(storm: &Storm) -> Vec<thread::JoinHandle<()>> {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").expect("loopback is there"));
    let address = listener.local_addr().expect("it is bound");
    let start = |seed: u64| {
        let (storm, listener) = (storm.clone(), Arc::clone(&listener));
        let mut random = Random(seed);
        thread::spawn(move || {
            while storm.rages() {
                connect(&storm, address, &mut random);
                drop(storm.within(random.moment(), || listener.accept()));
                drop(fibra::wait(storm.within_async(random.moment(), listener.accept_async())));
            }
        })
    };
    (1..=TASKS).map(start).collect()
}

fn connect(storm: &Storm, address: SocketAddr, random: &mut Random) {
    // Most of them are not in time; a full backlog is no failure of ours either.
    if random.next(8) == 0 {
        drop(storm.within(random.moment(), || TcpStream::connect(address)));
    }
}

/// A file that is there.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| env::current_exe().expect("it has a name"));
    &PROGRAM
}

/// Futures that are dropped: their buffers belong to the kernel for as long as it takes.
fn futures(storm: &Storm) -> Vec<fibra::future::JoinHandle<()>> {
    let start = |seed: u64| {
        let (storm, mut random) = (storm.clone(), Random(seed));
        let (here, there) = pair();
        fibra::future::spawn(async move {
            let _there = there;
            let file = File::open_async(program()).await.expect("it runs");
            while storm.rages() {
                storm.within_async(random.moment(), here.read_async(vec![0; 4096])).await;
                let (offset, buffer) = (random.next(1 << 16), vec![0; 4096]);
                storm.within_async(random.moment() / 16, file.read_at_async(buffer, offset)).await;
                storm.within_async(random.moment() / 16, File::open_async(program())).await;
                storm.within_async(random.moment(), time::sleep(random.moment())).await;
            }
        })
    };
    (1..=TASKS).map(start).collect()
}

/// Green threads that are cancelled by name, from elsewhere, before, while or after they wait.
fn threads(storm: &Storm) -> Vec<thread::JoinHandle<()>> {
    let start = |seed: u64| {
        let (storm, mut random) = (storm.clone(), Random(seed));
        thread::spawn(move || {
            let (here, there) = pair();
            while storm.rages() {
                let mut here = here.try_clone().expect("it never fails");
                let reader = thread::spawn(move || here.read(&mut [0; 16]));
                thread::sleep(random.moment());
                reader.cancel();
                match reader.join() {
                    Ok(read) => storm.note(Cancelled::caused(&read.expect_err("nothing was sent"))),
                    Err(payload) => storm.note(payload.is::<Cancelled>()),
                }
            }
            drop(there);
        })
    };
    (1..=TASKS).map(start).collect()
}

fn rage() {
    let storm = Storm::new();
    let (streams, accepts) = (streams(&storm), accepts(&storm));
    let (futures, threads) = (futures(&storm), threads(&storm));
    for (writer, reader) in streams {
        let written = writer.join().expect("it writes");
        assert_eq!(reader.join().expect("it reads"), written, "bytes were lost, or doubled");
    }
    for thread in accepts.into_iter().chain(threads) {
        thread.join().expect("it doesn't panic");
    }
    for future in futures {
        fibra::wait(future).expect("it doesn't panic");
    }
}

/// What was dropped may belong to the kernel for a moment.
fn settle(what: &str, is_settled: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_settled() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what}");
}

fn nothing_is_lost_and_nothing_stays(backend: Backend) {
    let runtime: Runtime = Builder::new().workers(2).backend(backend).build().expect("the backend is there");
    runtime.run(|| drop(File::open(program()).expect("it runs")));
    let before = census::descriptors();
    runtime.run(rage);
    settle("descriptors are left over", || census::descriptors() <= before);
    settle("operations are left in flight", || {
        // A turn of a worker, for the numbers of its last one.
        runtime.run(|| thread::sleep(Duration::from_millis(1)));
        runtime.metrics().total().in_flight == 0
    });
    settle("tasks are left over", || runtime.metrics().alive == 0);
}

one_backend_at_a_time!(nothing_is_lost_and_nothing_stays);
