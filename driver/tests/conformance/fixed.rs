//! Fixed files and fixed memory: used as others are, and let go when their owners have gone.

use std::fs;
use std::io::{PipeReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::slice;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fibra_driver::{FixedMemory, Handle, Offset, Op, Wait};

use crate::rig::{Rig, Started, kernel};
use crate::scratch::{Scratch, read, write};

const PAGE: usize = 4096;

/// A file full of one byte.
fn file_of(byte: u8) -> Handle {
    let scratch = Scratch::new();
    fs::write(&scratch.0, [byte; 2 * PAGE]).expect("there is room");
    Handle::new(fs::OpenOptions::new().read(true).write(true).open(&scratch.0).expect("it was made").into())
}

/// A part of the memory, which nobody else uses.
#[expect(clippy::mut_from_ref, reason = "the memory is shared with the kernel, and taken by parts")]
fn part(memory: &FixedMemory, begin: usize, len: usize) -> &mut [u8] {
    assert!(begin + len <= memory.len());
    // SAFETY: it lies in the memory, which was zeroed, and each test looks at one part at a time, between operations.
    unsafe { slice::from_raw_parts_mut(memory.as_ptr().add(begin), len) }
}

fn read_at(rig: &mut Rig, file: &Handle, buffer: &mut [u8]) -> usize {
    rig.run(read(file, buffer, Offset::at(0))).expect("it can be read") as usize
}

/// Waits for reads of a page each.
fn finish_pages(rig: &mut Rig, reads: impl IntoIterator<Item = Started>) {
    for read in reads {
        assert_eq!(rig.finish(read).expect("it can be read"), PAGE as u32);
    }
}

/// The slots are the process's: one test uses them at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a ring here has tables of what is fixed.
fn has_tables(rig: &Rig) -> bool {
    rig.is_ring() && kernel() >= (5, 19)
}

/// A pipe whose writing end is fixed and has been used by the driver.
fn fixed_pipe(rig: &mut Rig) -> (PipeReader, Handle) {
    let (mut reader, writer) = std::io::pipe().expect("there is one");
    let writer = Handle::new(OwnedFd::from(writer));
    writer.fix();
    assert_eq!(rig.run(write(&writer, b"x", Offset::CURRENT)).expect("there is room"), 1);
    reader.read_exact(&mut [0]).expect("it was written");
    (reader, writer)
}

promises! {
    fn what_is_fixed_is_read_and_written_like_anything_else(rig) {
        let _alone = alone();
        let memory = FixedMemory::new(2 * PAGE).expect("there is memory");
        let files = [file_of(1), file_of(2)];
        files[1].fix();
        files[1].fix();
        for (file, byte) in files.iter().zip([1, 2]) {
            let mut elsewhere = [0; PAGE];
            assert_eq!(read_at(rig, file, &mut elsewhere), PAGE);
            assert_eq!(elsewhere, [byte; PAGE]);
            for (begin, len) in [(0, 2 * PAGE), (0, 1), (2 * PAGE - 1, 1), (100, PAGE)] {
                let buffer = part(&memory, 0, 2 * PAGE);
                buffer.fill(0);
                assert_eq!(read_at(rig, file, &mut buffer[begin..begin + len]), len);
                let is_read = |(place, &found)| found == if (begin..begin + len).contains(&place) { byte } else { 0 };
                assert!(buffer.iter().enumerate().all(is_read), "{begin}..{}", begin + len);
            }
            let buffer = part(&memory, 100, 3);
            buffer.copy_from_slice(b"new");
            assert_eq!(rig.run(write(file, buffer, Offset::at(50))).expect("there is room"), 3);
            assert_eq!(rig.run(write(file, b"er", Offset::at(53))).expect("there is room"), 2);
            assert_eq!(rig.run(read(file, part(&memory, 0, 7), Offset::at(49))).expect("it can be read"), 7);
            assert_eq!(*part(&memory, 0, 7), [byte, b'n', b'e', b'w', b'e', b'r', byte]);
        }
        rig.assert_idle();
    }

    fn a_ring_holds_the_pages_of_fixed_memory(rig) {
        let _alone = alone();
        // So much that it is mapped for itself.
        let memory = FixedMemory::new(1 << 20).expect("there is memory");
        let file = file_of(7);
        assert_eq!(read_at(rig, &file, part(&memory, 0, 2 * PAGE)), 2 * PAGE);
        // SAFETY: the page is ours, nobody has a reference to it, and its new content is all zeros, as it was in the beginning.
        let mapped = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            libc::mmap(memory.as_ptr().cast(), PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        assert_eq!(mapped, memory.as_ptr().cast());
        let reads = [0, PAGE].map(|begin| rig.start(read(&file, part(&memory, begin, PAGE), Offset::at(0))));
        finish_pages(rig, reads);
        assert_eq!(part(&memory, 0, 1)[0], if has_tables(rig) { 0 } else { 7 });
        assert_eq!(part(&memory, PAGE, 1)[0], 7);
    }

    fn a_fixed_file_that_was_closed_is_let_go_in_the_next_turn(rig) {
        let _alone = alone();
        let (mut reader, writer) = fixed_pipe(rig);
        drop(writer);
        // SAFETY: the descriptor is open; the call points to nothing.
        unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        let error = reader.read(&mut [0]).err().map(|error| error.kind());
        assert_eq!(error, has_tables(rig).then_some(std::io::ErrorKind::WouldBlock), "a ring keeps it");
        rig.turn(Wait::Not);
        assert_eq!(reader.read(&mut [0]).expect("nobody has the other end"), 0);
    }

    fn a_ring_that_sleeps_is_woken_to_let_a_file_go(rig) {
        let _alone = alone();
        let (mut reader, writer) = fixed_pipe(rig);
        let closer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            drop(writer);
            reader.read(&mut [0]).expect("nobody has the other end")
        });
        let deadline = Instant::now() + Duration::from_secs(30);
        if has_tables(rig) {
            rig.turn(Wait::Until(deadline));
            assert!(Instant::now() < deadline, "it slept on");
            rig.turn(Wait::Not);
        }
        assert_eq!(closer.join().expect("it doesn't panic"), 0);
    }

    fn a_file_is_not_taken_for_one_that_had_its_slot(rig) {
        let _alone = alone();
        for byte in 0..=255 {
            // Each round has the slots of the round before, whose files a ring has not let go yet.
            let files = [file_of(byte), file_of(byte ^ 1)];
            files.iter().for_each(Handle::fix);
            let mut buffers = [[0; PAGE]; 2];
            let [first, second] = &mut buffers;
            let reads = [rig.start(read(&files[0], first, Offset::at(0))), rig.start(read(&files[1], second, Offset::at(0)))];
            finish_pages(rig, reads);
            assert_eq!(buffers, [[byte; PAGE], [byte ^ 1; PAGE]]);
        }
    }

    fn more_files_and_memory_than_there_are_slots_for_are_as_if_not_fixed(rig) {
        let _alone = alone();
        let files: Vec<_> = (0..100).map(file_of).collect();
        let memory: Vec<_> = files.iter().map(|_| FixedMemory::new(PAGE).expect("there is memory")).collect();
        files.iter().for_each(Handle::fix);
        for _ in 0..2 {
            let reads: Vec<_> = files.iter().zip(&memory).map(|(file, memory)| {
                rig.start(read(file, part(memory, 0, PAGE), Offset::at(0)))
            }).collect();
            for (byte, started) in (0..100).zip(reads) {
                assert_eq!(rig.finish(started).expect("it can be read"), PAGE as u32);
                let buffer = part(&memory[usize::from(byte)], 0, PAGE);
                assert!(buffer.iter().all(|&found| found == byte), "file {byte}");
                buffer.fill(255);
            }
        }
    }

    fn memory_is_not_taken_for_freed_memory_that_lay_there(rig) {
        let _alone = alone();
        let file = file_of(9);
        for _ in 0..20 {
            let memory = FixedMemory::new(1 << 20).expect("there is memory");
            assert_eq!(part(&memory, 0, 1)[0], 0);
            let parts = [0, PAGE].map(|begin| {
                Op::Read { fd: file.target(), buffer: part(&memory, begin, PAGE).as_mut_ptr(), len: PAGE, offset: Offset::at(0) }
            });
            let reads = parts.map(|op| rig.start(op));
            finish_pages(rig, reads);
            assert!(part(&memory, 0, 2 * PAGE).iter().all(|&byte| byte == 9));
        }
    }
}
