//! The peers' readers, each in the way that its users read files.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use compio::io::AsyncReadAt;
use futures_util::future::join_all;
use glommio::io::{BufferedFile, DmaFile, ReadResult};
use glommio::{LocalExecutorBuilder, Placement};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

use super::blocks::{BLOCK_SIZE, Block, Job, Reader, measure};
use super::is_direct;
use super::raw::open;
use crate::bench::{Case, Measurement, Subject};

/// Those who have files.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio_fs).only(|case| !is_direct(case)),
    Subject::new("tokio spawn_blocking", "tokio", tokio_spawn_blocking),
    Subject::new("smol", "smol", |case| measure(case, |job| job.on_threads(smol_thread))),
    Subject::new("monoio", "monoio", |case| measure(case, |job| job.on_threads(monoio_thread))),
    Subject::new("compio", "compio", |case| measure(case, |job| job.on_threads(compio_thread))),
    Subject::new("glommio", "glommio", |case| measure(case, |job| job.on_threads(glommio_thread))),
];

/// A file has one position, so every reader opens its own. With `O_DIRECT` it fails: tokio's buffer isn't aligned.
fn tokio_fs(case: &Case) -> Vec<Measurement> {
    async fn read(path: &Path, mut reader: Reader) {
        let mut file = tokio::fs::File::open(path).await.expect("the file can be opened");
        let mut block = [0; BLOCK_SIZE];
        while let Some(offset) = reader.next_offset() {
            file.seek(SeekFrom::Start(offset)).await.expect("the file has places");
            let count = file.read(&mut block).await.expect("the file can be read");
            reader.check(offset, &block[..count]);
        }
    }
    measure(case, |job| tokio_tasks(job, |job, reader| read(job.path, reader)))
}

/// What those do who know that `tokio::fs` makes several trips to the pool for this.
fn tokio_spawn_blocking(case: &Case) -> Vec<Measurement> {
    async fn read(file: Arc<File>, mut reader: Reader) {
        let mut block = Box::new(Block::new());
        while let Some(offset) = reader.next_offset() {
            let file = Arc::clone(&file);
            let read = move || file.read_at(&mut block.0, offset).map(|count| (count, block));
            let result = tokio::task::spawn_blocking(read).await.expect("reading doesn't panic");
            let count;
            (count, block) = result.expect("the file can be read");
            reader.check(offset, &block.0[..count]);
        }
    }
    measure(case, |job| {
        let file = Arc::new(open(&job));
        tokio_tasks(job, |_, reader| read(Arc::clone(&file), reader));
    })
}

fn tokio_tasks<F: Future<Output = ()> + Send + 'static>(mut job: Job, read: impl Fn(&Job, Reader) -> F) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(job.workers).build().expect("tokio starts");
    let readers = std::mem::take(&mut job.readers);
    let tasks: Vec<_> = readers.into_iter().map(|reader| runtime.spawn(read(&job, reader))).collect();
    for ended in runtime.block_on(join_all(tasks)) {
        ended.expect("the reader doesn't panic");
    }
}

/// The same by smol's pool, which its own files use too.
fn smol_thread(job: Job) {
    async fn read(file: Arc<File>, mut reader: Reader) {
        let mut block = Box::new(Block::new());
        while let Some(offset) = reader.next_offset() {
            let file = Arc::clone(&file);
            let read = move || file.read_at(&mut block.0, offset).map(|count| (count, block));
            let count;
            (count, block) = smol::unblock(read).await.expect("the file can be read");
            reader.check(offset, &block.0[..count]);
        }
    }
    let file = Arc::new(open(&job));
    let executor = smol::LocalExecutor::new();
    let spawn = |reader| executor.spawn(read(Arc::clone(&file), reader));
    let readers: Vec<_> = job.readers.into_iter().map(spawn).collect();
    smol::block_on(executor.run(join_all(readers)));
}

fn monoio_thread(job: Job) {
    async fn read(file: Rc<monoio::fs::File>, mut reader: Reader) {
        let mut block = Block::leaked();
        while let Some(offset) = reader.next_offset() {
            let result;
            (result, block) = file.read_at(block, offset).await;
            reader.check(offset, &block[..result.expect("the file can be read")]);
        }
    }
    let mut runtime =
        monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().build().expect("monoio starts on io_uring");
    runtime.block_on(async {
        let mut options = monoio::fs::OpenOptions::new();
        let file = options.read(true).custom_flags(job.flags).open(job.path).await;
        let file = Rc::new(file.expect("the file can be opened"));
        join_all(job.readers.into_iter().map(|reader| monoio::spawn(read(Rc::clone(&file), reader)))).await;
    });
}

fn compio_thread(job: Job) {
    async fn read(file: compio::fs::File, mut reader: Reader) {
        let mut block = Block::leaked();
        while let Some(offset) = reader.next_offset() {
            let result;
            compio::BufResult(result, block) = file.read_at(block, offset).await;
            reader.check(offset, &block[..result.expect("the file can be read")]);
        }
    }
    compio::runtime::Runtime::new().expect("compio starts").block_on(async {
        let mut options = compio::fs::OpenOptions::new();
        let file = options.read(true).custom_flags(job.flags).open(job.path).await;
        let file = file.expect("the file can be opened");
        let spawn = |reader| compio::runtime::spawn(read(file.clone(), reader));
        for ended in join_all(job.readers.into_iter().map(spawn)).await {
            ended.expect("the reader doesn't panic");
        }
    });
}

/// glommio reads into buffers of its own.
fn glommio_thread(job: Job) {
    async fn read(read_at: impl AsyncFn(u64) -> glommio::Result<ReadResult, ()>, mut reader: Reader) {
        while let Some(offset) = reader.next_offset() {
            let block = read_at(offset).await.expect("the file can be read");
            reader.check(offset, &block);
        }
    }
    async fn direct(job: Job) {
        let file = Rc::new(DmaFile::open(job.path).await.expect("the file can be opened"));
        let spawn = |reader| {
            let file = Rc::clone(&file);
            let read_at = async move |offset| file.read_at_aligned(offset, BLOCK_SIZE).await;
            glommio::spawn_local(read(read_at, reader))
        };
        join_all(job.readers.into_iter().map(spawn)).await;
    }
    async fn cached(job: Job) {
        let file = Rc::new(BufferedFile::open(job.path).await.expect("the file can be opened"));
        let spawn = |reader| {
            let file = Rc::clone(&file);
            let read_at = async move |offset| file.read_at(offset, BLOCK_SIZE).await;
            glommio::spawn_local(read(read_at, reader))
        };
        join_all(job.readers.into_iter().map(spawn)).await;
    }
    let executor = LocalExecutorBuilder::new(Placement::Unbound).make().expect("glommio starts");
    if job.flags == 0 { executor.run(cached(job)) } else { executor.run(direct(job)) }
}
