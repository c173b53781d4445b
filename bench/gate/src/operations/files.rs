//! Reads from the page cache, of tasks whose reads are all under way together: submitted, ended, and gone on with.
//!
//! The only operations here on a runtime with io_uring. While one thread is in io_uring_enter valgrind lets no other run, so a
//! worker must not sleep there, or nobody could wake it: `run` has its first task before the worker begins, each enter ends
//! what it submits, and with the last read the process ends.

use super::Operation;
use crate::clock;
use crate::region::{begin, end};
use fibra::{Backend, fs::File, future, thread, wait};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

pub const ALL: &[Operation] = &[
    Operation {
        name: "thread-read",
        about: "a read of a green thread, 128 a turn",
        run: || on_a_ring(|| read_in_threads(READERS)),
    },
    Operation {
        name: "future-read",
        about: "a read of a future, 128 a turn",
        run: || on_a_ring(|| read_in_futures(READERS)),
    },
    Operation {
        name: "thread-read-alone",
        about: "a read of a green thread, alone",
        run: || on_a_ring(|| read_in_threads(1)),
    },
    Operation {
        name: "future-read-alone",
        about: "a read of a future, alone",
        run: || on_a_ring(|| read_in_futures(1)),
    },
];

const READERS: usize = 128;
const READS: usize = READERS * 100;
const BLOCK: usize = 4096;

fn on_a_ring(readers: impl FnOnce() + Send + 'static) -> usize {
    let builder = fibra::Builder::new().workers(1).backend(Backend::IoUring).monitor(false);
    builder.run(move || {
        let _stopped = clock::stop();
        readers();
        unreachable!("the process ends with the last read")
    })
}

/// All reads together. The second `READS` of them count.
#[derive(Default)]
struct Progress(AtomicUsize);

impl Progress {
    /// Before a read.
    fn note(&self) {
        match self.0.fetch_add(1, Relaxed) {
            READS => begin(),
            before if before == 2 * READS => {
                end();
                println!("{READS}");
                std::process::exit(0);
            }
            _ => {}
        }
    }
}

fn open() -> File {
    File::open(std::env::current_exe().expect("the program has a path")).expect("the program can be read")
}

fn read_in_threads(readers: usize) {
    let (file, progress) = (open(), Progress::default());
    let read = || {
        let mut block = [0; BLOCK];
        loop {
            progress.note();
            file.read_at(&mut block, 0).expect("the program can be read");
        }
    };
    thread::scope(|scope| (0..readers).for_each(|_| drop(scope.spawn(read))));
}

fn read_in_futures(readers: usize) {
    async fn read(file: File, progress: Arc<Progress>) {
        let mut block = vec![0; BLOCK];
        loop {
            progress.note();
            let result;
            (result, block) = file.read_at_async(block, 0).await;
            result.expect("the program can be read");
        }
    }
    let (file, progress) = (open(), Arc::new(Progress::default()));
    let spawn =
        |_| future::spawn(read(file.try_clone().expect("a clone costs nothing"), Arc::clone(&progress)));
    let readers: Vec<_> = (0..readers).map(spawn).collect();
    for reader in readers {
        wait(reader).expect("the body doesn't panic");
    }
}
