//! The limits: threads that block, and a bare ring.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use io_uring::{IoUring, opcode, squeue, types};

use super::blocks::{BLOCK_SIZE, Block, Job, Reader, measure};
use super::is_direct;
use crate::bench::{Case, Measurement, Subject};

/// Nobody's runtime.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("plain threads", "libc", plain_threads),
    Subject::new("raw io_uring", "io-uring", |case| measure(case, |job| job.on_threads(read_by_ring))),
];

/// The file, by std.
pub fn open(job: &Job) -> File {
    OpenOptions::new().read(true).custom_flags(job.flags).open(job.path).expect("the file can be opened")
}

/// Where reads wait for the disk a thread for each of them; else one for each worker, since none ever waits.
fn plain_threads(case: &Case) -> Vec<Measurement> {
    fn read(file: &File, mut reader: Reader) {
        let mut block = Block::new();
        while let Some(offset) = reader.next_offset() {
            let count = file.read_at(&mut block.0, offset).expect("the file can be read");
            reader.check(offset, &block.0[..count]);
        }
    }
    measure(case, |mut job| {
        if !is_direct(case) {
            job.readers.truncate(job.workers);
        }
        let file = open(&job);
        std::thread::scope(|scope| {
            for reader in job.readers {
                scope.spawn(|| read(&file, reader));
            }
        });
    })
}

/// Whoever has waited longest reads first, and each reads in its turn, as tasks do. Waits for one read only: a disk that has
/// fewer to do at a time does fewer in all.
fn read_by_ring(mut job: Job) {
    let file = open(&job);
    let depth = job.readers.len();
    // The kernel writes to them whatever becomes of this frame.
    let blocks = Vec::leak((0..depth).map(|_| Block::new()).collect());
    let mut ring = new_ring(&file, blocks).expect("there is io_uring, and it takes the file and the blocks");
    let mut offsets = vec![0; depth];
    let mut free: VecDeque<usize> = (0..depth).collect();
    let mut under_way = 0;
    loop {
        for slot in free.drain(..) {
            let Some(offset) = job.readers[slot].next_offset() else { continue };
            offsets[slot] = offset;
            let entry = read_entry(slot, &mut blocks[slot], offset);
            // SAFETY: the block lives for ever, and is not touched before the read has completed.
            unsafe { ring.submission().push(&entry) }.expect("the queue has room for every reader");
            under_way += 1;
        }
        if under_way == 0 {
            return;
        }
        ring.submit_and_wait(1).expect("the ring takes reads");
        for completion in ring.completion() {
            let slot = completion.user_data() as usize;
            let count = usize::try_from(completion.result()).expect("the file can be read");
            job.readers[slot].check(offsets[slot], &blocks[slot].0[..count]);
            free.push_back(slot);
            under_way -= 1;
        }
    }
}

/// A ring for so many reads as there are blocks, which it knows by their indices, as it does the file.
fn new_ring(file: &File, blocks: &mut [Block]) -> io::Result<IoUring> {
    let slice =
        |block: &mut Block| libc::iovec { iov_base: block.0.as_mut_ptr().cast(), iov_len: BLOCK_SIZE };
    let slices: Vec<_> = blocks.iter_mut().map(slice).collect();
    let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(slices.len() as u32)?;
    ring.submitter().register_files(&[file.as_raw_fd()])?;
    // SAFETY: the slices are memory of the blocks, which the only caller leaks.
    unsafe { ring.submitter().register_buffers(&slices)? };
    Ok(ring)
}

fn read_entry(slot: usize, block: &mut Block, offset: u64) -> squeue::Entry {
    opcode::ReadFixed::new(types::Fixed(0), block.0.as_mut_ptr(), BLOCK_SIZE as u32, slot as u16)
        .offset(offset)
        .build()
        .user_data(slot as u64)
}
