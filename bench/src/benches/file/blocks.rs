//! The file that is read, those who read it, and the time that counts.
//!
//! The file lies beside this program, in cargo's target directory, and is made by the first sample that needs it. Each
//! of its blocks is full of its own number, so a read of the wrong place, or one that did not happen, is noticed.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::bench::{Case, Measurement};
use crate::stopwatch::{Span, Stopwatch};

/// What one read reads.
pub const BLOCK_SIZE: usize = 4096;
/// 256 MiB: more than a processor caches.
const BLOCKS: u64 = 65_536;

/// Readers run so long before counting starts.
pub const WARM_UP: Duration = Duration::from_millis(50);
/// And so long while they are counted.
pub const COUNTED: Duration = Duration::from_millis(300);

/// Memory for one block, as `O_DIRECT` wants it.
#[repr(C, align(4096))]
pub struct Block(pub [u8; BLOCK_SIZE]);

impl Block {
    /// One that holds no block of the file.
    pub const fn new() -> Self {
        Self([0xFF; BLOCK_SIZE])
    }

    /// One that lives for ever, which the traits of runtimes that take over buffers are implemented for.
    #[cfg(feature = "peers")]
    pub fn leaked() -> &'static mut [u8; BLOCK_SIZE] {
        &mut Box::leak(Box::new(Self::new())).0
    }
}

/// Who reads one block after the other, at random.
pub struct Reader {
    random: u64,
    read: u64,
    session: Arc<Session>,
    index: usize,
}

/// What the readers of one sample share.
struct Session {
    counters: Vec<Counter>,
    is_over: AtomicBool,
    /// Readers that were there until it was over, and have not read anything.
    starved: AtomicUsize,
}

impl Session {
    fn new(readers: usize) -> Arc<Self> {
        let counters = (0..readers).map(|_| Counter(AtomicU64::new(0))).collect();
        Arc::new(Self { counters, is_over: AtomicBool::new(false), starved: AtomicUsize::new(0) })
    }
}

/// How much a reader has read. No two of them share a cache line.
#[repr(align(128))]
struct Counter(AtomicU64);

impl Reader {
    fn new(session: &Arc<Session>, index: usize) -> Self {
        let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(index as u64 + 1);
        Self { random: seed, read: 0, session: Arc::clone(session), index }
    }

    /// Where to read next, in bytes; `None` when the time is over.
    #[inline]
    pub fn next_offset(&mut self) -> Option<u64> {
        if self.session.is_over.load(Relaxed) {
            return None;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        Some((self.random >> 32) % BLOCKS * BLOCK_SIZE as u64)
    }

    /// Takes what was read from `offset`.
    ///
    /// # Panics
    ///
    /// If it is not the block that was asked for.
    #[inline]
    pub fn check(&mut self, offset: u64, content: &[u8]) {
        assert_eq!(content.len(), BLOCK_SIZE, "a read within the file is not short");
        let number = (offset / BLOCK_SIZE as u64).to_ne_bytes();
        assert!(content.starts_with(&number) && content.ends_with(&number), "another block was read");
        self.read += 1;
        self.session.counters[self.index].0.store(self.read, Relaxed);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.read == 0 && self.session.is_over.load(Relaxed) {
            self.session.starved.fetch_add(1, Relaxed);
        }
    }
}

/// What a subject has to do.
pub struct Job {
    /// The file to open,
    pub path: &'static Path,
    /// and the flags to open it with.
    pub flags: i32,
    /// Who reads, each one block at a time, until it gets no more offsets.
    pub readers: Vec<Reader>,
    /// How many threads may run them.
    pub workers: usize,
}

impl Job {
    /// The same job in parts, one for each worker.
    pub fn split(mut self) -> Vec<Job> {
        let share = self.readers.len().div_ceil(self.workers);
        let mut parts = Vec::new();
        while !self.readers.is_empty() {
            let readers = self.readers.split_off(self.readers.len().saturating_sub(share));
            parts.push(Job { readers, workers: 1, ..self });
        }
        parts
    }

    /// Has each worker's part done on a thread of its own.
    pub fn on_threads(self, part: impl Fn(Job) + Sync) {
        thread::scope(|scope| {
            for job in self.split() {
                scope.spawn(|| part(job));
            }
        });
    }
}

/// Has `subject` read, and counts for a while.
pub fn measure(case: &Case, subject: impl FnOnce(Job)) -> Vec<Measurement> {
    let path = prepare(super::is_direct(case)).expect("the file can be made and read");
    let session = Session::new(case.count("depth"));
    let job = Job {
        path,
        flags: if super::is_direct(case) { libc::O_DIRECT } else { 0 },
        readers: (0..case.count("depth")).map(|index| Reader::new(&session, index)).collect(),
        workers: case.count("workers"),
    };
    let clock = thread::spawn({
        let session = Arc::clone(&session);
        move || count(&session)
    });
    subject(job);
    let (read, span) = clock.join().expect("the counting thread doesn't panic");
    assert_eq!(session.starved.load(Relaxed), 0, "each reader has its turns");
    assert!(read > 0, "nothing was read while it counted");
    figures(read as f64, span.wall, span.cpu)
}

/// The figures of a sample.
pub fn figures(read: f64, wall: Duration, cpu: Duration) -> Vec<Measurement> {
    vec![
        Measurement::new("iops", read / wall.as_secs_f64(), "reads/s"),
        Measurement::new("cpu", cpu.as_nanos() as f64 / read, "ns/read"),
    ]
}

/// Counts from outside, so that how readers start and end makes no difference.
fn count(session: &Session) -> (u64, Span) {
    let read = || session.counters.iter().map(|counter| counter.0.load(Relaxed)).sum::<u64>();
    thread::sleep(WARM_UP);
    let (before, stopwatch) = (read(), Stopwatch::start());
    thread::sleep(COUNTED);
    let (after, span) = (read(), stopwatch.stop());
    session.is_over.store(true, Relaxed);
    (after - before, span)
}

/// The file, made if it isn't there; in the page cache, unless it is read past that.
pub fn prepare(direct: bool) -> io::Result<&'static Path> {
    let path = std::env::current_exe()?.with_file_name("fibra-bench.blocks");
    let is_whole = path.metadata().is_ok_and(|metadata| metadata.len() == BLOCKS * BLOCK_SIZE as u64);
    if !is_whole {
        create(&path)?;
    }
    if !direct {
        read_through(&path)?;
    }
    Ok(Box::leak(path.into_boxed_path()))
}

/// Under another name first: nobody shall take a part of it for the whole.
fn create(path: &PathBuf) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
    for number in 0..BLOCKS {
        for _ in 0..BLOCK_SIZE / size_of::<u64>() {
            file.write_all(&number.to_ne_bytes())?;
        }
    }
    file.into_inner()?.sync_all()?;
    std::fs::rename(unfinished, path)
}

fn read_through(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; 1 << 20];
    while file.read(&mut piece)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(readers: usize, workers: usize) -> Job {
        let session = Session::new(readers);
        let readers = (0..readers).map(|index| Reader::new(&session, index)).collect();
        Job { path: Path::new(""), flags: 0, readers, workers }
    }

    #[test]
    fn a_job_is_split_evenly() {
        let shares = |readers, workers| -> Vec<usize> {
            job(readers, workers).split().iter().map(|part| part.readers.len()).collect()
        };
        assert_eq!(shares(128, 2), [64, 64]);
        assert_eq!(shares(1, 1), [1]);
        assert_eq!(shares(1, 2), [1]);
    }

    #[test]
    fn readers_go_to_different_places_within_the_file() {
        let mut readers = job(2, 1).readers;
        let mut offsets = |index: usize| -> Vec<u64> {
            (0..1000).map(|_| readers[index].next_offset().expect("it is not over")).collect()
        };
        let (first, second) = (offsets(0), offsets(1));
        assert_ne!(first, second);
        for offset in first.into_iter().chain(second) {
            assert!(offset < BLOCKS * BLOCK_SIZE as u64 && offset.is_multiple_of(BLOCK_SIZE as u64));
        }
    }

    #[test]
    fn a_reader_that_had_no_turn_is_noticed() {
        let mut readers = job(3, 1).readers;
        let session = Arc::clone(&readers[0].session);
        drop(readers.pop());
        readers[0].read = 1;
        session.is_over.store(true, Relaxed);
        drop(readers);
        assert_eq!(session.starved.load(Relaxed), 1, "one has read, and one was given up before");
    }

    #[test]
    #[should_panic = "another block was read"]
    fn a_wrong_block_is_noticed() {
        let mut content = [0; BLOCK_SIZE];
        content.as_chunks_mut().0.fill(7_u64.to_ne_bytes());
        let mut reader = job(1, 1).readers.remove(0);
        reader.check(7 * BLOCK_SIZE as u64, &content);
        assert_eq!(reader.session.counters[0].0.load(Relaxed), 1, "the right one counts");
        reader.check(8 * BLOCK_SIZE as u64, &content);
    }
}
