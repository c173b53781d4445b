//! Files: at offsets, opened, synced, asked for their status.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use fibra_driver::{Handle, Offset, Op, RawStatx};

use crate::rig::{Rig, errno, system};
use crate::scratch::{Scratch, read, write};

fn file_of(scratch: &Scratch) -> Handle {
    let options = File::options().read(true).write(true).create(true).truncate(true).open(&scratch.0);
    Handle::new(options.expect("a file in the temporary directory").into())
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no NUL in the path")
}

fn open(rig: &mut Rig, path: &Path, flags: i32) -> std::io::Result<OwnedFd> {
    let path = c_path(path);
    let result = rig.run(Op::Open { path: path.as_ptr(), flags, mode: 0o600 });
    // SAFETY: an open's result is a new descriptor that belongs to whoever receives it.
    result.map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

promises! {
    fn reads_and_writes_happen_at_their_offsets(rig) {
        let scratch = Scratch::new();
        let file = file_of(&scratch);
        assert_eq!(rig.run(write(&file, b"world", Offset::at(6))).expect("there is room"), 5);
        assert_eq!(rig.run(write(&file, b"hello ", Offset::at(0))).expect("there is room"), 6);
        let mut buffer = [0; 32];
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(3))).expect("data is there"), 8);
        assert_eq!(&buffer[..8], b"lo world");
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(11))).expect("the end is no error"), 0);
    }

    fn the_files_own_position_moves_along(rig) {
        let scratch = Scratch::new();
        let file = file_of(&scratch);
        for part in [b"one", b"two"] {
            assert_eq!(rig.run(write(&file, part, Offset::CURRENT)).expect("there is room"), 3);
        }
        assert_eq!(rig.run(read(&file, &mut [0; 8], Offset::CURRENT)).expect("the end is no error"), 0);
        assert_eq!(fs::read(&scratch.0).expect("it is there"), b"onetwo");
    }

    fn vectored_reads_and_writes_use_all_slices_and_are_cut_where_the_kernel_ends(rig) {
        let scratch = Scratch::new();
        let file = file_of(&scratch);
        let parts = vec![IoSlice::new(b"ab"); 1500];
        let slices = parts.as_ptr().cast();
        let op = Op::WriteVectored { fd: file.target(), slices, count: 1500, offset: Offset::at(0) };
        assert_eq!(rig.run(op).expect("cut, not refused"), 2048);
        let (mut first, mut second) = ([0; 3], [0; 4]);
        let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let slices = parts.as_mut_ptr().cast();
        let op = Op::ReadVectored { fd: file.target(), slices, count: 2, offset: Offset::at(1) };
        assert_eq!(rig.run(op).expect("data is there"), 7);
        assert_eq!((&first, &second), (b"bab", b"abab"));
    }

    fn many_reads_at_once_each_get_their_own_data(rig) {
        let scratch = Scratch::new();
        let content: Vec<u8> = (0..64 * 1024u32).map(|index| (index / 1024) as u8).collect();
        fs::write(&scratch.0, &content).expect("a file in the temporary directory");
        let file = Handle::new(File::open(&scratch.0).expect("it is there").into());
        let mut buffers = vec![[0u8; 1024]; 64];
        let starts: Vec<_> = buffers.iter_mut().enumerate()
            .map(|(index, buffer)| rig.start(read(&file, buffer, Offset::at(index as u64 * 1024))))
            .collect();
        for start in starts {
            assert_eq!(rig.finish(start).expect("data is there"), 1024);
        }
        for (index, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|&byte| byte == index as u8));
        }
        rig.assert_idle();
    }

    fn open_creates_and_opens_and_says_what_is_wrong(rig) {
        let scratch = Scratch::new();
        assert_eq!(open(rig, &scratch.0, libc::O_RDONLY).expect_err("not yet").raw_os_error(), Some(libc::ENOENT));
        let created = open(rig, &scratch.0, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL).expect("it can be made");
        // SAFETY: no pointers.
        assert_ne!(unsafe { libc::fcntl(created.as_raw_fd(), libc::F_GETFD) } & libc::FD_CLOEXEC, 0);
        let error = open(rig, &scratch.0, libc::O_CREAT | libc::O_EXCL).expect_err("it is there");
        assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
        let error = open(rig, &scratch.0.join("below"), libc::O_RDONLY).expect_err("a file has nothing below");
        assert_eq!(error.raw_os_error(), Some(libc::ENOTDIR));
    }

    fn sync_waits_for_the_storage_and_refuses_what_has_none(rig) {
        let scratch = Scratch::new();
        let file = file_of(&scratch);
        rig.run(write(&file, b"data", Offset::at(0))).expect("there is room");
        assert_eq!(rig.run(Op::Sync { fd: file.target(), data_only: false }).expect("it can be synced"), 0);
        assert_eq!(rig.run(Op::Sync { fd: file.target(), data_only: true }).expect("it can be synced"), 0);
        let (socket, _peer) = crate::net::pair();
        assert_eq!(errno(rig.run(Op::Sync { fd: socket.target(), data_only: false })), libc::EINVAL);
    }

    fn statx_tells_the_status_by_path_and_by_descriptor(rig) {
        let scratch = Scratch::new();
        let file = file_of(&scratch);
        rig.run(write(&file, b"12345", Offset::at(0))).expect("there is room");
        let path = c_path(&scratch.0);
        for (fd, path) in [(None, path.as_ptr()), (Some(file.as_raw_fd()), ptr::null())] {
            // SAFETY: plain data, for which all zeros is a value.
            let mut status: RawStatx = unsafe { std::mem::zeroed() };
            let op = Op::Statx { fd, path, flags: 0, mask: system::MASK, out: &raw mut status };
            assert_eq!(rig.run(op).expect("it is there"), 0);
            assert_eq!(system::size(&status), 5);
        }
        let gone = c_path(Path::new("/nonexistent/file"));
        // SAFETY: plain data, for which all zeros is a value.
        let mut status: RawStatx = unsafe { std::mem::zeroed() };
        let op = Op::Statx { fd: None, path: gone.as_ptr(), flags: 0, mask: system::MASK, out: &raw mut status };
        assert_eq!(errno(rig.run(op)), libc::ENOENT);
    }

    fn close_closes_files_and_sockets(rig) {
        let scratch = Scratch::new();
        let (socket, mut peer) = crate::net::pair();
        let file = file_of(&scratch).into_fd().into_raw_fd();
        assert_eq!(rig.run(Op::Close { fd: file }).expect("it is open"), 0);
        assert_eq!(rig.run(Op::Close { fd: socket.into_fd().into_raw_fd() }).expect("it is open"), 0);
        assert_eq!(std::io::Read::read(&mut peer, &mut [0; 1]).expect("the end is no error"), 0);
    }

    fn what_may_wait_for_a_disk_never_runs_on_the_drivers_thread(rig) {
        let scratch = Scratch::new();
        let file = file_of(&scratch);
        let path = c_path(&scratch.0);
        // SAFETY: plain data, for which all zeros is a value.
        let mut status: RawStatx = unsafe { std::mem::zeroed() };
        let ops = [
            Op::Sync { fd: file.target(), data_only: true },
            Op::Statx { fd: None, path: path.as_ptr(), flags: 0, mask: 0, out: &raw mut status },
            Op::Close { fd: file_of(&scratch).into_fd().into_raw_fd() },
        ];
        for op in ops {
            let started = rig.start(op);
            assert!(started.key.is_some(), "{} was done at once", op.name());
            rig.finish(started).expect("nothing is wrong with it");
        }
        let pool = rig.driver.stats().offloaded;
        assert_eq!(pool, if rig.is_ring() { 0 } else { 3 });
    }

    fn a_cancelled_file_operation_ends_once(rig) {
        let scratch = Scratch::new();
        let file = file_of(&scratch);
        let data = vec![7u8; 1 << 20];
        for _ in 0..20 {
            let write = rig.start(write(&file, &data, Offset::at(0)));
            let sync = rig.start(Op::Sync { fd: file.target(), data_only: false });
            rig.cancel(write);
            rig.cancel(sync);
            if let Err(error) = rig.finish(write) {
                assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
            }
            if let Err(error) = rig.finish(sync) {
                assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
            }
        }
        rig.assert_idle();
    }
}
