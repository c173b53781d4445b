//! Files: at offsets, opened, synced, asked for their status.

use std::ffi::CString;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use fibra_driver::{Offset, Op, RawStatx};

use crate::rig::{Rig, errno, system};
use crate::scratch::{Scratch, write};

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
    fn more_slices_than_the_kernel_takes_are_cut(rig) {
        let scratch = Scratch::new();
        let file = system::new_file(&scratch.0);
        let parts = vec![IoSlice::new(b"ab"); 1500];
        let slices = parts.as_ptr().cast();
        let op = Op::WriteVectored { fd: file.target(), slices, count: 1500, offset: Offset::at(0) };
        assert_eq!(rig.run(op).expect("cut, not refused"), 2048);
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
        let file = system::new_file(&scratch.0);
        rig.run(write(&file, b"data", Offset::at(0))).expect("there is room");
        assert_eq!(rig.run(Op::Sync { fd: file.target(), data_only: false }).expect("it can be synced"), 0);
        assert_eq!(rig.run(Op::Sync { fd: file.target(), data_only: true }).expect("it can be synced"), 0);
        let (socket, _peer) = crate::net::pair();
        assert_eq!(errno(rig.run(Op::Sync { fd: socket.target(), data_only: false })), libc::EINVAL);
    }

    fn statx_tells_the_status_by_path_and_by_descriptor(rig) {
        let scratch = Scratch::new();
        let file = system::new_file(&scratch.0);
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
        let file = system::new_file(&scratch.0).into_fd().into_raw_fd();
        assert_eq!(rig.run(Op::Close { fd: file }).expect("it is open"), 0);
        assert_eq!(rig.run(Op::Close { fd: socket.into_fd().into_raw_fd() }).expect("it is open"), 0);
        assert_eq!(std::io::Read::read(&mut peer, &mut [0; 1]).expect("the end is no error"), 0);
    }

    fn what_may_wait_for_a_disk_never_runs_on_the_drivers_thread(rig) {
        let scratch = Scratch::new();
        let file = system::new_file(&scratch.0);
        let path = c_path(&scratch.0);
        // SAFETY: plain data, for which all zeros is a value.
        let mut status: RawStatx = unsafe { std::mem::zeroed() };
        let ops = [
            Op::Sync { fd: file.target(), data_only: true },
            Op::Statx { fd: None, path: path.as_ptr(), flags: 0, mask: 0, out: &raw mut status },
            Op::Close { fd: system::new_file(&scratch.0).into_fd().into_raw_fd() },
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
        let file = system::new_file(&scratch.0);
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
