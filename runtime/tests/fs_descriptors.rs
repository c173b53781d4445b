//! Files are descriptors, turn into std's and back, have holes, and may be pipes, or made up as they are read.
//!
//! Those of Windows are in `os_windows.rs`.
#![cfg(unix)]

#[path = "support/directories.rs"]
mod directories;

use directories::everywhere;
use fibra::{
    fs::{self, File},
    thread,
};
use std::{
    fs as std_fs,
    io::{ErrorKind, Read, Write},
    os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd},
    path::Path,
};

#[fibra::test]
fn a_hole_is_zeros() {
    everywhere(|scratch| {
        let file = File::create_new(scratch.join("sparse")).unwrap();
        let far = 5 << 30;
        file.write_all_at(b"end", far).unwrap();
        assert_eq!(file.metadata().unwrap().len(), far + 3);
        let mut bytes = [7; 5];
        file.read_exact_at(&mut bytes, far - 2).unwrap();
        assert_eq!(&bytes, b"\0\0end");
        use std::os::unix::fs::MetadataExt;
        assert!(file.metadata().unwrap().blocks() * 512 < 1 << 20);
    });
}

#[fibra::test]
fn a_file_is_closed_by_its_last_owner() {
    everywhere(|scratch| {
        let path = scratch.join("file");
        let open = |path: &Path| {
            let open = std_fs::read_dir("/proc/self/fd").unwrap();
            let mut targets = open.filter_map(|entry| std_fs::read_link(entry.ok()?.path()).ok());
            targets.any(|target| target == path)
        };
        let drop_it = |file| {
            drop(file);
            Ok(())
        };
        let ways: [fn(File) -> std::io::Result<()>; 3] =
            [File::close, |file| fibra::wait(file.close_async()), drop_it];
        for close in ways {
            let file = File::create(&path).unwrap();
            let clone = file.try_clone().unwrap();
            close(file).unwrap();
            assert!(open(&path));
            close(clone).unwrap();
            assert!(!open(&path));
        }
    });
}

#[fibra::test]
fn files_turn_into_std_and_back() {
    everywhere(|scratch| {
        let file = File::create_new(scratch.join("file")).unwrap();
        let number = file.as_raw_fd();
        let mut std = std_fs::File::from(file);
        assert_eq!(std.as_raw_fd(), number);
        std.write_all(b"from std").unwrap();
        let file = File::from(OwnedFd::from(File::from(std)));
        // SAFETY: the number was just given away by its owner.
        let file = unsafe { File::from_raw_fd(file.into_raw_fd()) };
        let mut text = [0; 8];
        file.read_exact_at(&mut text, 0).unwrap();
        assert_eq!(&text, b"from std");
        let clone = file.try_clone().unwrap();
        assert_ne!(file.into_std().unwrap().as_raw_fd(), clone.as_raw_fd());
        assert_eq!(format!("{clone:?}"), format!("File {{ fd: {} }}", clone.as_raw_fd()));
    });
}

#[fibra::test]
fn pipes_are_files_too() {
    let (reader, writer) = std::io::pipe().unwrap();
    let (mut reader, writer) = (File::from(OwnedFd::from(reader)), File::from(OwnedFd::from(writer)));
    let reading = thread::spawn(move || {
        let mut all = String::new();
        reader.read_to_string(&mut all).map(|_| all)
    });
    thread::yield_now();
    (&writer).write_all(b"through the pipe").unwrap();
    assert_eq!(writer.write_at(b"nowhere", 3).unwrap_err().kind(), ErrorKind::NotSeekable);
    let (written, buffer) = fibra::wait(writer.write_at_async("nowhere", 3));
    assert_eq!((written.unwrap_err().kind(), buffer), (ErrorKind::NotSeekable, "nowhere"));
    drop(writer);
    assert_eq!(reading.join().unwrap().unwrap(), "through the pipe");
}

#[fibra::test]
fn what_the_system_calls_empty_is_read_to_its_end() {
    everywhere(|_| {
        assert_eq!(fs::read("/proc/self/cmdline").unwrap(), std_fs::read("/proc/self/cmdline").unwrap());
        assert!(fs::read("/proc/self/smaps").unwrap().len() > 8192);
    });
    let maps = fibra::wait(fs::read_async("/proc/self/smaps")).unwrap();
    assert!(maps.len() > 8192 && maps.ends_with(b"\n"));
}
