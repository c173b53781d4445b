//! Fixed files and fixed buffers: used like any others, by whichever kind of task on whichever worker.

use fibra::{
    fs::{File, OpenOptions},
    future,
    io::{Buffer, FixedBuffers},
    thread, wait,
};
use std::{
    fs, io,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

const BLOCK: usize = 4096;
const BLOCKS: u8 = 100;

/// A file each of whose blocks is full of its own number; gone when the test is over.
struct Blocks(PathBuf);

impl Blocks {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("fibra-fixed-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::write(&path, (0..BLOCKS).flat_map(|number| [number; BLOCK]).collect::<Vec<_>>())
            .expect("there is room");
        Self(path)
    }

    fn open(&self) -> File {
        let file = OpenOptions::new().read(true).write(true).open(&self.0).expect("it was made");
        file.fix();
        file
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("it is ours");
    }
}

#[fibra::test(workers = 2)]
fn many_tasks_read_one_file_into_buffers_of_one_set() {
    let blocks = Blocks::new();
    let file = blocks.open();
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
    let blocks = Blocks::new();
    let file = blocks.open();
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
    let blocks = Blocks::new();
    let file = blocks.open();
    let buffers = FixedBuffers::new(1, BLOCK)?;
    for _ in 0..100 {
        let buffer = loop {
            match buffers.take() {
                Some(buffer) => break buffer,
                None => thread::yield_now(),
            }
        };
        drop(future::spawn(file.read_at_async(buffer, 0)));
        thread::yield_now();
    }
    Ok(())
}
