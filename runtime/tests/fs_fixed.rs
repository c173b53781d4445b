//! Fixed files and fixed buffers: used like any others, by whichever kind of task on whichever worker.

#[path = "support/scratch.rs"]
mod scratch;

use fibra::{
    fs::{File, OpenOptions},
    future,
    io::{Buffer, FixedBuffers},
    thread, wait,
};
use scratch::Scratch;
use std::{fs, io};

const BLOCK: usize = 4096;
const BLOCKS: u8 = 100;

/// A fixed file each of whose blocks is full of its own number.
fn blocks(scratch: &Scratch) -> File {
    let path = scratch.join("blocks");
    fs::write(&path, (0..BLOCKS).flat_map(|number| [number; BLOCK]).collect::<Vec<_>>())
        .expect("there is room");
    let file = OpenOptions::new().read(true).write(true).open(path).expect("it was made");
    file.fix();
    file
}

#[fibra::test(workers = 2)]
fn many_tasks_read_one_file_into_buffers_of_one_set() {
    let scratch = Scratch::new();
    let file = blocks(&scratch);
    let buffers = FixedBuffers::new(2 * usize::from(BLOCKS), BLOCK).expect("there is memory");
    let futures: Vec<_> = (0..BLOCKS)
        .map(|number| {
            let (file, mut buffer) = (file.try_clone().unwrap(), buffers.take().expect("one for each"));
            future::spawn(async move {
                for _ in 0..20 {
                    let result;
                    (result, buffer) = file.read_at_async(buffer, u64::from(number) * BLOCK as u64).await;
                    assert_eq!(result.unwrap(), BLOCK);
                    assert!(buffer.iter().all(|&byte| byte == number));
                }
            })
        })
        .collect();
    thread::scope(|scope| {
        for number in 0..BLOCKS {
            let (file, mut buffer) = (&file, buffers.take().expect("one for each"));
            scope.spawn(move || {
                for _ in 0..20 {
                    assert_eq!(file.read_at(&mut buffer, u64::from(number) * BLOCK as u64).unwrap(), BLOCK);
                    assert!(buffer.iter().all(|&byte| byte == number));
                }
            });
        }
    });
    futures.into_iter().for_each(|reader| wait(reader).expect("it doesn't panic"));
}

#[fibra::test]
fn a_part_of_a_buffer_is_written_and_read() {
    let scratch = Scratch::new();
    let file = blocks(&scratch);
    let mut buffer = FixedBuffers::new(1, 100).unwrap().take().expect("nobody has it");
    buffer[10..13].copy_from_slice(b"new");
    assert_eq!(file.write_at(&buffer[10..13], 1).unwrap(), 3);
    let read = async move {
        let (result, part) = file.read_at_async(buffer.slice(50..54), 0).await;
        (result, part.into_inner())
    };
    let (result, buffer) = wait(future::spawn(read)).expect("it doesn't panic");
    assert_eq!((result.unwrap(), &buffer[50..54]), (4, &b"\0new"[..]));
}

#[fibra::test]
fn a_read_that_is_dropped_gives_its_buffer_back_when_it_has_ended() -> io::Result<()> {
    let scratch = Scratch::new();
    let file = blocks(&scratch);
    let buffers = FixedBuffers::new(1, BLOCK)?;
    let take = || {
        loop {
            match buffers.take() {
                Some(buffer) => break buffer,
                None => thread::yield_now(),
            }
        }
    };
    for _ in 0..100 {
        drop(future::spawn(file.read_at_async(take(), 0)));
        thread::yield_now();
    }
    // A read that is under way has the file open, whose directory could not be removed on Windows.
    drop(take());
    Ok(())
}
