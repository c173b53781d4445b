//! Files and handles that are not sockets, and what goes wrong with them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::windows::ffi::OsStrExt;
use std::path::Path;

use fibra_driver::{Handle, Interest, Offset, Op, OpenFlags, RawStatx, Target};
use windows_sys::Win32::Foundation::{ERROR_FILE_EXISTS, ERROR_FILE_NOT_FOUND, GENERIC_READ, GENERIC_WRITE};
use windows_sys::Win32::Networking::WinSock::WSAENOTSOCK;
use windows_sys::Win32::Storage::FileSystem::{CREATE_NEW, FILE_ATTRIBUTE_NORMAL, FILE_FLAG_OVERLAPPED};

use crate::net::{pair, recv};
use crate::rig::system::CANCELED;
use crate::rig::{Rig, errno};
use crate::scratch::{Scratch, read, write};

pub(super) fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

fn open(rig: &mut Rig, path: &Path, disposition: Option<u32>) -> std::io::Result<Handle> {
    let mut flags = OpenFlags { access: GENERIC_READ | GENERIC_WRITE, ..OpenFlags::default() };
    flags.disposition = disposition.unwrap_or(flags.disposition);
    let path = wide(path);
    let result =
        rig.run(Op::Open { path: path.as_ptr(), flags, mode: FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OVERLAPPED });
    // SAFETY: an open's result is a new descriptor that belongs to whoever receives it.
    result.map(|file| Handle::new(unsafe { fibra_driver::descriptor(file) }))
}

fn create(rig: &mut Rig, path: &Path) -> Handle {
    open(rig, path, Some(CREATE_NEW)).expect("a file in the temporary directory")
}

promises! {
    fn a_handle_that_is_not_overlapped_goes_to_the_pool(rig) {
        let (reader, mut writer) = std::io::pipe().expect("a pipe can be made");
        let reader = Handle::new(std::os::windows::io::OwnedHandle::from(reader).into());
        let mut buffer = [0; 8];
        let waiting = rig.start(read(&reader, &mut buffer, Offset::CURRENT));
        rig.settle();
        assert!(!rig.has_ended(waiting));
        writer.write_all(b"abc").expect("the pipe has room");
        assert_eq!(rig.finish(waiting).expect("data has come"), 3);
        assert_eq!(rig.driver.stats().offloaded, 1);
        drop(writer);
        assert_eq!(rig.run(read(&reader, &mut buffer, Offset::CURRENT)).expect("the end is no error"), 0);
    }

    fn a_console_or_whatever_standard_input_is_has_no_readiness(rig) {
        use std::os::windows::io::AsRawHandle;
        let stdin = Target::foreign(std::io::stdin().as_raw_handle().addr());
        match rig.run(Op::Poll { fd: stdin, interest: Interest::READABLE }) {
            // A file, as the harness may give it, is always ready.
            Ok(ready) => assert_ne!(ready & Interest::READABLE.bits(), 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
        }
    }

    fn a_file_of_the_standard_library_is_read_at_offsets_and_where_it_stands(rig) {
        let scratch = Scratch::new();
        fs::write(&scratch.0, b"hello world").expect("a file in the temporary directory");
        let file = Handle::new(File::open(&scratch.0).expect("it is there").into());
        let mut buffer = [0; 5];
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(6))).expect("data is there"), 5);
        assert_eq!(&buffer, b"world");
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(11))).expect("the end is no error"), 0);
    }

    fn open_creates_and_opens_and_says_what_is_wrong(rig) {
        let scratch = Scratch::new();
        let error = open(rig, &scratch.0, None).expect_err("not yet");
        assert_eq!(error.raw_os_error(), Some(ERROR_FILE_NOT_FOUND as i32));
        drop(create(rig, &scratch.0));
        let error = open(rig, &scratch.0, Some(CREATE_NEW)).expect_err("it is there");
        assert_eq!(error.raw_os_error(), Some(ERROR_FILE_EXISTS as i32));
    }

    fn a_path_may_be_longer_than_max_path(rig) {
        let scratch = Scratch::new();
        let mut path = scratch.0.clone();
        (0..8).for_each(|_| path.push("a-directory-with-quite-a-long-name-to-get-there"));
        fs::create_dir_all(&path).expect("the standard library knows how");
        path.push("file");
        assert!(path.as_os_str().len() > 260);
        let file = create(rig, &path);
        assert_eq!(rig.run(write(&file, b"deep", Offset::at(0))).expect("there is room"), 4);
        assert_eq!(fs::read(&path).expect("it is there"), b"deep");
        let units = wide(&path);
        let mut status = RawStatx::default();
        let op = Op::Statx { fd: None, path: units.as_ptr(), flags: 0, mask: 0, out: &raw mut status };
        assert_eq!(rig.run(op).expect("it is there"), 0);
        assert_eq!(status.nFileSizeLow, 4);
    }

    fn status_and_sync_and_close(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        rig.run(write(&file, b"12345", Offset::at(0))).expect("there is room");
        assert_eq!(rig.run(Op::Sync { fd: file.target(), data_only: false }).expect("it can be synced"), 0);
        let path = wide(&scratch.0);
        for (fd, path) in [(None, path.as_ptr()), (Some(file.target().fd()), std::ptr::null())] {
            let mut status = RawStatx::default();
            let op = Op::Statx { fd, path, flags: 0, mask: 0, out: &raw mut status };
            assert_eq!(rig.run(op).expect("it is there"), 0);
            assert_eq!(status.nFileSizeLow, 5);
        }
        let fd = file.target().fd();
        std::mem::forget(file.into_fd());
        let close = rig.start(Op::Close { fd });
        assert!(close.key.is_some(), "a file's close may write, and was done at once");
        assert_eq!(rig.finish(close).expect("it is open"), 0);
        let (socket, mut peer) = pair();
        let fd = socket.target().fd();
        std::mem::forget(socket.into_fd());
        assert_eq!(rig.run(Op::Close { fd }).expect("it is open"), 0);
        assert_eq!(peer.read(&mut [0; 1]).expect("the end is no error"), 0);
    }

    fn an_operation_on_what_is_no_socket_is_an_error(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        assert_eq!(errno(rig.run(recv(file.target(), &mut [0; 4]))), WSAENOTSOCK);
    }

    fn a_cancelled_file_operation_ends_once(rig) {
        let scratch = Scratch::new();
        let file = create(rig, &scratch.0);
        let data = vec![7u8; 1 << 20];
        for _ in 0..20 {
            let write = rig.start(write(&file, &data, Offset::at(0)));
            let sync = rig.start(Op::Sync { fd: file.target(), data_only: false });
            rig.cancel(write);
            rig.cancel(sync);
            for started in [write, sync] {
                if let Err(error) = rig.finish(started) {
                    assert_eq!(error.raw_os_error(), Some(CANCELED));
                }
            }
        }
        rig.assert_idle();
    }
}
