//! fibra's readers: green threads that lend the kernel a block on their stacks, and futures that hand one over.

use std::os::unix::fs::OpenOptionsExt;

use fibra::fs::{File, OpenOptions};
use fibra::io::{Buffer, BufferMut};
use fibra::{Backend, Builder};

use super::blocks::{Block, Job, Reader, measure};
use crate::bench::{Case, Measurement, Subject};

/// Both kinds of task on both backends.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra thread", "fibra", |case| threads(case, Backend::IoUring)),
    Subject::new("fibra future", "fibra", |case| futures(case, Backend::IoUring)),
    Subject::new("fibra thread, epoll", "fibra", |case| threads(case, Backend::Epoll)),
    Subject::new("fibra future, epoll", "fibra", |case| futures(case, Backend::Epoll)),
];

fn threads(case: &Case, backend: Backend) -> Vec<Measurement> {
    measure(case, |job| {
        Builder::new().workers(job.workers).backend(backend).run(move || {
            let file = open(&job);
            fibra::thread::scope(|scope| {
                for reader in job.readers {
                    scope.spawn(|| read(&file, reader));
                }
            });
        });
    })
}

fn read(file: &File, mut reader: Reader) {
    let mut block = Block::new();
    while let Some(offset) = reader.next_offset() {
        let count = file.read_at(&mut block.0, offset).expect("the file can be read");
        reader.check(offset, &block.0[..count]);
    }
}

fn futures(case: &Case, backend: Backend) -> Vec<Measurement> {
    measure(case, |job| {
        Builder::new().workers(job.workers).backend(backend).run(move || {
            let file = open(&job);
            let spawn = |reader| {
                let file = file.try_clone().expect("a clone costs no descriptor");
                fibra::future::spawn(read_async(file, reader))
            };
            let readers: Vec<_> = job.readers.into_iter().map(spawn).collect();
            for reader in readers {
                fibra::wait(reader).expect("the reader doesn't panic");
            }
        });
    })
}

async fn read_async(file: File, mut reader: Reader) {
    let mut block = Aligned(Box::new(Block::new()));
    while let Some(offset) = reader.next_offset() {
        let result;
        (result, block) = file.read_at_async(block, offset).await;
        reader.check(offset, &block.bytes()[..result.expect("the file can be read")]);
    }
}

fn open(job: &Job) -> File {
    OpenOptions::new().read(true).custom_flags(job.flags).open(job.path).expect("the file can be opened")
}

/// A block that an operation can own, and that `O_DIRECT` takes.
struct Aligned(Box<Block>);

// SAFETY: the bytes are on the heap, initialised, and nobody else knows of them: as long as the value is not used they
// stay what and where they are.
unsafe impl Buffer for Aligned {
    fn bytes(&self) -> &[u8] {
        &self.0.0
    }
}

// SAFETY: both functions return the same memory.
unsafe impl BufferMut for Aligned {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0.0
    }
}
