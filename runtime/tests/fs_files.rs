//! What is written to a file is read from it: at its position, at an offset, appended, cut, and whole.

#[path = "support/directories.rs"]
mod directories;
#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use directories::{Scratch, everywhere};
use fibra::{
    fs::{self, File, OpenOptions},
    thread,
};
use std::{
    fs as std_fs,
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write},
};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place / 253) as u8 ^ place as u8).collect()
}

#[fibra::test]
fn a_file_is_read_as_it_was_written() {
    everywhere(|scratch| {
        let path = scratch.join("file");
        for len in [0, 1, 4096, 1_000_003] {
            let mut file = File::create(&path).unwrap();
            file.write_all(&pattern(len)).unwrap();
            file.flush().unwrap();
            assert!(std_fs::read(&path).unwrap() == pattern(len));
            let mut back = vec![1, 2, 3];
            assert_eq!(File::open(&path).unwrap().read_to_end(&mut back).unwrap(), len);
            assert!(back[3..] == pattern(len) && back[..3] == [1, 2, 3]);
        }
    });
}

#[fibra::test]
fn the_position_moves_and_clones_share_it() {
    everywhere(|scratch| {
        let mut file = File::create_new(scratch.join("file")).unwrap();
        file.write_all(b"0123456789").unwrap();
        assert_eq!(file.stream_position().unwrap(), 10);
        let mut clone = file.try_clone().unwrap();
        assert_eq!(clone.seek(SeekFrom::Start(2)).unwrap(), 2);
        let mut two = [0; 2];
        file.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"23");
        assert_eq!(clone.seek(SeekFrom::Current(1)).unwrap(), 5);
        assert_eq!(clone.seek(SeekFrom::End(-1)).unwrap(), 9);
        assert_eq!((&file).read(&mut two).unwrap(), 1);
        assert_eq!((&file).read(&mut two).unwrap(), 0);
        let before_the_beginning = SeekFrom::Current(-100);
        let refused =
            std_fs::File::open(scratch.join("file")).unwrap().seek(before_the_beginning).unwrap_err();
        assert_eq!(file.seek(before_the_beginning).unwrap_err().kind(), refused.kind());
    });
}

#[fibra::test]
fn an_offset_leaves_the_position_alone() {
    everywhere(|scratch| {
        let mut file = File::create_new(scratch.join("file")).unwrap();
        file.write_all_at(b"world", 6).unwrap();
        file.write_all_at(b"hello ", 0).unwrap();
        // On Windows it moves along, as it does for std.
        let stays =
            |file: &mut File| !system::OFFSETS_ARE_NO_POSITIONS || file.stream_position().unwrap() == 0;
        assert!(stays(&mut file));
        let mut end = [0; 8];
        assert_eq!(file.read_at(&mut end, 6).unwrap(), 5);
        assert_eq!(&end[..5], b"world");
        assert_eq!(file.read_at(&mut end, 100).unwrap(), 0);
        let error = file.read_exact_at(&mut end, 6).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(stays(&mut file));
        file.rewind().unwrap();
        let mut all = String::new();
        file.read_to_string(&mut all).unwrap();
        assert_eq!(all, "hello world");
    });
}

#[fibra::test]
fn many_threads_use_one_file_at_their_offsets() {
    const PIECE: usize = 10_000;
    let scratch = Scratch::new();
    let file = File::create_new(scratch.join("file")).unwrap();
    thread::scope(|scope| {
        for number in 0..32_usize {
            let file = &file;
            scope.spawn(move || file.write_all_at(&[number as u8; PIECE], (number * PIECE) as u64).unwrap());
        }
    });
    thread::scope(|scope| {
        for number in 0..32_usize {
            let file = &file;
            scope.spawn(move || {
                let mut piece = [0; PIECE];
                file.read_exact_at(&mut piece, (number * PIECE) as u64).unwrap();
                assert!(piece == [number as u8; PIECE]);
            });
        }
    });
}

#[fibra::test]
fn appended_bytes_go_to_the_end_wherever_that_is() {
    everywhere(|scratch| {
        let path = scratch.join("log");
        let mut one = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let mut two = File::options().append(true).read(true).open(&path).unwrap();
        one.write_all(b"a").unwrap();
        two.write_all(b"b").unwrap();
        one.write_all(b"c").unwrap();
        two.rewind().unwrap();
        let mut all = String::new();
        two.read_to_string(&mut all).unwrap();
        assert_eq!(all, "abc");
    });
}

#[fibra::test]
fn a_file_is_cut_and_lengthened() {
    everywhere(|scratch| {
        let path = scratch.join("file");
        fs::write(&path, pattern(100)).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(10).unwrap();
        file.set_len(20).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 20);
        assert_eq!(fs::read(&path).unwrap(), [&pattern(10)[..], &[0; 10]].concat());
        drop(OpenOptions::new().write(true).truncate(true).open(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        let refused = std_fs::File::open(&path).unwrap().set_len(1).unwrap_err();
        assert_eq!(File::open(&path).unwrap().set_len(1).unwrap_err().kind(), refused.kind());
    });
}

#[fibra::test]
fn several_buffers_are_one_stream() {
    everywhere(|scratch| {
        let mut file = File::create_new(scratch.join("file")).unwrap();
        let slices = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"three")];
        assert_eq!(file.write_vectored(&slices).unwrap(), 8);
        file.rewind().unwrap();
        let (mut first, mut second) = ([0; 2], [0; 10]);
        let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(file.read_vectored(&mut slices).unwrap(), 8);
        assert_eq!((&first, &second[..6]), (b"on", &b"ethree"[..]));
    });
}

#[fibra::test]
fn whole_files_are_read_and_written() {
    everywhere(|scratch| {
        let path = scratch.join("file");
        fs::write(&path, "text").unwrap();
        fs::write(&path, "text ü").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "text ü");
        fs::write(&path, [0xFF; 3]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [0xFF; 3]);
        assert_eq!(fs::read_to_string(&path).unwrap_err().kind(), ErrorKind::InvalidData);
        let mut text = String::from("before");
        let error = File::open(&path).unwrap().read_to_string(&mut text).unwrap_err();
        assert_eq!((error.kind(), &*text), (ErrorKind::InvalidData, "before"));
        assert_eq!(fs::read(system::NOTHING).unwrap(), [0_u8; 0]);
    });
}

#[fibra::test]
async fn futures_do_the_same() {
    let scratch = Scratch::new();
    let path = scratch.join("file");
    let file = File::create_new_async(&path).await.unwrap();
    let (written, bytes) = file.write_all_async(pattern(100_000)).await;
    written.unwrap();
    file.write_all_at_async("hello", 10).await.0.unwrap();
    assert_eq!(file.write_at_async("!", 100_000).await.0.unwrap(), 1);
    assert_eq!(file.write_async("at its position").await.0.unwrap(), 15);
    file.set_len_async(100_000).await.unwrap();
    assert_eq!(file.metadata_async().await.unwrap().len(), 100_000);

    let mut expected = bytes;
    expected[10..15].copy_from_slice(b"hello");
    let (read, all) = file.read_exact_at_async(vec![0; 100_000], 0).await;
    read.unwrap();
    assert!(all == expected);
    let (read, some) = file.read_at_async(vec![0; 64], 99_990).await;
    assert_eq!(&some[..read.unwrap()], &expected[99_990..]);
    let (read, _) = file.read_exact_at_async(vec![0; 64], 99_990).await;
    assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);

    let file = File::open_async(&path).await.unwrap();
    let (read, start) = file.read_async(vec![0; 4]).await;
    assert_eq!((read.unwrap(), &start[..]), (4, &expected[..4]));
    let (read, next) = file.read_async(vec![0; 4]).await;
    assert_eq!((read.unwrap(), &next[..]), (4, &expected[4..8]));

    let (written, contents) = fs::write_async(&path, String::from("whole")).await;
    written.unwrap();
    assert_eq!(contents, "whole");
    assert_eq!(fs::read_to_string_async(&path).await.unwrap(), "whole");
    assert_eq!(fs::read_async(&path).await.unwrap(), b"whole");
    drop(File::create_async(&path).await.unwrap());
    assert_eq!(fs::read_async(&path).await.unwrap(), b"");
}

#[fibra::test]
fn what_is_synced_is_there() {
    everywhere(|scratch| {
        let mut file = File::create_new(scratch.join("file")).unwrap();
        file.write_all(&pattern(5000)).unwrap();
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        fibra::wait(file.sync_all_async()).unwrap();
        fibra::wait(file.sync_data_async()).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 5000);
    });
}

const fn of_a_handle<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
const fn send<T: Send>(_: &T) {}

#[test]
fn handles_go_anywhere_and_futures_to_any_worker() {
    of_a_handle::<File>();
    of_a_handle::<OpenOptions>();
    of_a_handle::<fs::Metadata>();
    of_a_handle::<fs::FileType>();
    of_a_handle::<fs::DirEntry>();
    const fn of_an_iterator<T: Send + Sync + Unpin>() {}
    of_an_iterator::<fs::ReadDir>();
    let file = File::open(system::NOTHING).unwrap();
    send(&File::open_async(system::NOTHING));
    send(&file.read_async(vec![0]));
    send(&file.write_at_async("x", 0));
    send(&file.metadata_async());
    send(&file.sync_all_async());
    send(&file.set_len_async(0));
    send(&file.close_async());
    send(&fs::read_async(system::NOTHING));
    send(&fs::write_async(system::NOTHING, "x"));
    send(&fs::metadata_async(system::NOTHING));
    send(&fs::read_dir_async("."));
}
