//! Files and sockets on Windows, as std has them there.
#![cfg(windows)]

#[path = "support/scratch.rs"]
mod scratch;

use fibra::{
    fs::{self, File, OpenOptions},
    net::{TcpListener, TcpStream},
    thread,
};
use scratch::Scratch;
use std::{
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write},
    os::windows::{
        fs::{MetadataExt, OpenOptionsExt},
        io::{AsRawHandle, AsRawSocket, OwnedHandle, OwnedSocket},
    },
};

#[fibra::test]
fn metadata_turns_into_std_s_with_what_windows_tells() {
    let scratch = Scratch::new();
    let path = scratch.join("file");
    fs::write(&path, "content").unwrap();
    let file = File::open(&path).unwrap();
    let numbers = |metadata: std::fs::Metadata| {
        let times = [metadata.creation_time(), metadata.last_access_time(), metadata.last_write_time()];
        (metadata.file_attributes(), times, metadata.file_size())
    };
    let std = numbers(std::fs::metadata(&path).unwrap());
    assert_eq!(std.2, 7);
    assert_eq!(numbers(fs::metadata(&path).unwrap().into()), std);
    assert_eq!(numbers(fs::symlink_metadata(&path).unwrap().into()), std);
    assert_eq!(numbers(file.metadata().unwrap().into()), std);
}

#[fibra::test]
fn a_file_is_written_read_and_moved_about_in() {
    let scratch = Scratch::new();
    let path = scratch.join("file");
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    file.write_all(b"hello world").unwrap();
    assert_eq!(file.seek(SeekFrom::Start(6)).unwrap(), 6);
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "world");
    assert_eq!(file.seek(SeekFrom::End(-5)).unwrap(), 6);
    assert_eq!(file.write_at(b"W", 6).unwrap(), 1);
    let mut word = [0; 5];
    assert_eq!(file.read_at(&mut word, 6).unwrap(), 5);
    assert_eq!(&word, b"World");
    file.set_len(5).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 5);
    file.sync_all().unwrap();
    file.close().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "hello");
    let again = OpenOptions::new().write(true).create_new(true).open(&path).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
}

#[fibra::test]
async fn futures_have_files_too() {
    let scratch = Scratch::new();
    let path = scratch.join("file");
    fs::write_async(&path, "content").await.0.unwrap();
    let file = File::open_async(&path).await.unwrap();
    let (read, buffer) = file.read_at_async(vec![0; 16], 3).await;
    assert_eq!((read.unwrap(), &buffer[..4]), (4, &b"tent"[..]));
    assert_eq!(file.metadata_async().await.unwrap().len(), 7);
    assert!(fs::metadata_async(&scratch.0).await.unwrap().is_dir());
    let missing = File::open_async(scratch.join("missing")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let entries: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(entries, ["file"]);
}

#[fibra::test]
fn what_is_appended_goes_to_the_end() {
    let scratch = Scratch::new();
    let path = scratch.join("log");
    for line in ["one\n", "two\n"] {
        OpenOptions::new().append(true).create(true).open(&path).unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
}

#[fibra::test]
fn a_path_may_be_longer_than_max_path() {
    let scratch = Scratch::new();
    let mut path = scratch.0.clone();
    (0..8).for_each(|_| path.push("a-directory-with-quite-a-long-name-to-get-there"));
    fs::create_dir_all(&path).unwrap();
    path.push("file");
    fs::write(&path, "deep").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"deep");
}

#[fibra::test]
fn files_are_shared_as_std_shares_them_or_as_asked() {
    let scratch = Scratch::new();
    let path = scratch.join("file");
    fs::write(&path, "x").unwrap();
    let _first = File::open(&path).unwrap();
    let _second = OpenOptions::new().write(true).open(&path).unwrap();
    fs::write(scratch.join("alone"), "x").unwrap();
    let path = scratch.join("alone");
    let _alone = OpenOptions::new().read(true).share_mode(0).open(&path).unwrap();
    File::open(&path).unwrap_err();
}

#[fibra::test]
fn handles_and_sockets_come_and_go() {
    let scratch = Scratch::new();
    let path = scratch.join("file");
    fs::write(&path, "content").unwrap();
    let file = File::from(std::fs::File::open(&path).unwrap());
    let raw = file.as_raw_handle();
    let handle = OwnedHandle::from(file);
    assert_eq!(handle.as_raw_handle(), raw);
    let mut content = String::new();
    std::fs::File::from(handle).read_to_string(&mut content).unwrap();
    assert_eq!(content, "content");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    client.write_all(b"hello").unwrap();
    let raw = server.as_raw_socket();
    let mut server = std::net::TcpStream::from(OwnedSocket::from(server));
    assert_eq!(server.as_raw_socket(), raw);
    let mut word = [0; 5];
    server.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"hello");
    // And back, though its port is known already.
    let mut server = TcpStream::from(server);
    client.write_all(b"again").unwrap();
    server.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"again");
}

#[fibra::test]
fn several_buffers_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    assert_eq!(client.write_vectored(&[IoSlice::new(b"he"), IoSlice::new(b"llo")]).unwrap(), 5);
    let (mut first, mut second) = ([0; 3], [0; 4]);
    let mut received = 0;
    while received < 5 {
        received += server
            .read_vectored(&mut [
                IoSliceMut::new(&mut first[received.min(3)..]),
                IoSliceMut::new(&mut second),
            ])
            .unwrap();
    }
    assert_eq!((&first, &second[..2]), (b"hel", &b"lo"[..]));
}

/// Whoever shares a file with nobody keeps others out of it until it is closed.
#[fibra::test]
fn a_file_is_closed_by_its_last_owner() {
    let scratch = Scratch::new();
    let path = scratch.join("file");
    let drop_it = |file| {
        drop(file);
        Ok(())
    };
    let ways: [fn(File) -> std::io::Result<()>; 3] =
        [File::close, |file| fibra::wait(file.close_async()), drop_it];
    for close in ways {
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).share_mode(0).open(&path).unwrap();
        let clone = file.try_clone().unwrap();
        close(file).unwrap();
        std::fs::File::open(&path).unwrap_err();
        close(clone).unwrap();
        std::fs::File::open(&path).unwrap();
    }
}

#[fibra::test]
fn pipes_are_files_too() {
    let (reader, writer) = std::io::pipe().unwrap();
    let (mut reader, writer) = (File::from(OwnedHandle::from(reader)), File::from(OwnedHandle::from(writer)));
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
