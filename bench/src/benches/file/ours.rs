//! fibra's readers: green threads that lend the kernel a block, and futures that hand one over.

use std::os::unix::fs::OpenOptionsExt;

use fibra::fs::{File, OpenOptions};
use fibra::io::{FixedBuffer, FixedBuffers};
use fibra::{Backend, Builder};

use super::blocks::{BLOCK_SIZE, Job, Reader, measure};
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
            let (file, buffers) = open(&job);
            fibra::thread::scope(|scope| {
                for reader in job.readers {
                    let block = buffers.take().expect("there is one for each reader");
                    scope.spawn(|| read(&file, block, reader));
                }
            });
        });
    })
}

fn read(file: &File, mut block: FixedBuffer, mut reader: Reader) {
    while let Some(offset) = reader.next_offset() {
        let count = file.read_at(&mut block, offset).expect("the file can be read");
        reader.check(offset, &block[..count]);
    }
}

fn futures(case: &Case, backend: Backend) -> Vec<Measurement> {
    measure(case, |job| {
        Builder::new().workers(job.workers).backend(backend).run(move || {
            let (file, buffers) = open(&job);
            let spawn = |reader| {
                let file = file.try_clone().expect("a clone costs no descriptor");
                let block = buffers.take().expect("there is one for each reader");
                fibra::future::spawn(read_async(file, block, reader))
            };
            let readers: Vec<_> = job.readers.into_iter().map(spawn).collect();
            for reader in readers {
                fibra::wait(reader).expect("the reader doesn't panic");
            }
        });
    })
}

async fn read_async(file: File, mut block: FixedBuffer, mut reader: Reader) {
    while let Some(offset) = reader.next_offset() {
        let result;
        (result, block) = file.read_at_async(block, offset).await;
        reader.check(offset, &block[..result.expect("the file can be read")]);
    }
}

/// The file, and a block for each reader: as the bare ring does, the workers' rings know both.
fn open(job: &Job) -> (File, FixedBuffers) {
    let file = OpenOptions::new().read(true).custom_flags(job.flags).open(job.path);
    let file = file.expect("the file can be opened");
    file.fix();
    let buffers = FixedBuffers::new(job.readers.len(), BLOCK_SIZE).expect("there is memory");
    (file, buffers)
}
