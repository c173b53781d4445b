//! What is Unix about fibra's types: descriptors, modes and inodes, by std's extension traits.

use crate::{
    fs::{
        DirBuilder, DirEntry, File, FileType, Metadata, OpenOptions,
        metadata::{Status, kind},
    },
    net::{
        TcpListener, TcpStream, UdpSocket,
        unix::{UnixDatagram, UnixListener, UnixStream},
    },
    process::{ChildStderr, ChildStdin, ChildStdout},
};
use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
        unix::fs::{DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    process,
};

/// The conversions of std's types, for one of ours that has `from_fd`, `into_fd` and `as_handle`.
macro_rules! descriptor {
    ($($type:ident),+) => {$(
        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.as_handle().as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.as_handle().as_raw_fd()
            }
        }

        impl From<OwnedFd> for $type {
            fn from(fd: OwnedFd) -> Self {
                Self::from_fd(fd)
            }
        }

        impl From<$type> for OwnedFd {
            /// # Panics
            ///
            /// If the descriptor is shared, with a clone or with an operation of a dropped future, and the process can't
            /// have another one. `into_std` returns an error instead.
            fn from(owner: $type) -> OwnedFd {
                owner.into_fd().expect("a shared descriptor needs a duplicate when it is given away")
            }
        }

        impl FromRawFd for $type {
            unsafe fn from_raw_fd(fd: RawFd) -> Self {
                // SAFETY: the trait's contract is the same as `OwnedFd`'s.
                Self::from_fd(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }

        impl IntoRawFd for $type {
            /// # Panics
            ///
            /// As the conversion into `OwnedFd`.
            fn into_raw_fd(self) -> RawFd {
                OwnedFd::from(self).into_raw_fd()
            }
        }
    )+};
}

descriptor!(
    TcpListener,
    TcpStream,
    UdpSocket,
    UnixDatagram,
    UnixListener,
    UnixStream,
    File,
    ChildStdin,
    ChildStdout,
    ChildStderr
);

/// From std's.
macro_rules! pipes_of_children {
    ($($type:ident),+) => {$(
        impl From<process::$type> for $type {
            fn from(pipe: process::$type) -> Self {
                Self::from(OwnedFd::from(pipe))
            }
        }
    )+};
}

pipes_of_children!(ChildStdin, ChildStdout, ChildStderr);

// The traits that a `TcpStream` has too.
#[cfg(feature = "futures-io")]
crate::futures_io::polled_as_futures!(UnixStream);
#[cfg(feature = "futures-io")]
crate::futures_io::polled_as_futures!(&UnixStream);
#[cfg(feature = "hyper")]
crate::hyper::stream::polled_as_hyper!(UnixStream);
#[cfg(feature = "tokio-io")]
crate::tokio_io::polled_as_tokio!(UnixStream);

impl FileExt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        File::read_at(self, buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        File::write_at(self, buf, offset)
    }
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.extra.mode = mode;
        self
    }

    fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.extra.custom_flags = flags;
        self
    }
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.std.mode(mode);
        self
    }
}

impl FileTypeExt for FileType {
    fn is_block_device(&self) -> bool {
        self.is(kind::BLOCK_DEVICE)
    }

    fn is_char_device(&self) -> bool {
        self.is(kind::CHARACTER_DEVICE)
    }

    fn is_fifo(&self) -> bool {
        self.is(kind::FIFO)
    }

    fn is_socket(&self) -> bool {
        self.is(kind::SOCKET)
    }
}

impl DirEntryExt for DirEntry {
    fn ino(&self) -> u64 {
        self.as_std().ino()
    }
}

impl MetadataExt for Metadata {
    fn dev(&self) -> u64 {
        self.0.device()
    }

    fn ino(&self) -> u64 {
        self.0.inode()
    }

    fn mode(&self) -> u32 {
        self.0.mode()
    }

    fn nlink(&self) -> u64 {
        self.0.links()
    }

    fn uid(&self) -> u32 {
        self.0.owner().0
    }

    fn gid(&self) -> u32 {
        self.0.owner().1
    }

    fn rdev(&self) -> u64 {
        self.0.special_device()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn atime(&self) -> i64 {
        self.0.accessed().unwrap_or_default().seconds
    }

    fn atime_nsec(&self) -> i64 {
        self.0.accessed().unwrap_or_default().nanoseconds.into()
    }

    fn mtime(&self) -> i64 {
        self.0.modified().unwrap_or_default().seconds
    }

    fn mtime_nsec(&self) -> i64 {
        self.0.modified().unwrap_or_default().nanoseconds.into()
    }

    fn ctime(&self) -> i64 {
        self.0.changed().seconds
    }

    fn ctime_nsec(&self) -> i64 {
        self.0.changed().nanoseconds.into()
    }

    fn blksize(&self) -> u64 {
        self.0.block_size()
    }

    fn blocks(&self) -> u64 {
        self.0.blocks()
    }
}

/// Leaves a test in for a backend that the system has, for `#[fibra::test]`.
#[cfg(all(target_os = "linux", not(feature = "fake-kqueue")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __where_there_is {
    (io_uring $($test:tt)*) => { $($test)* };
    (epoll $($test:tt)*) => { $($test)* };
    (kqueue $($test:tt)*) => {};
    (iocp $($test:tt)*) => {};
}

/// Leaves a test in for a backend that the system has, for `#[fibra::test]`.
#[cfg(all(target_os = "linux", feature = "fake-kqueue"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __where_there_is {
    (io_uring $($test:tt)*) => { $($test)* };
    (epoll $($test:tt)*) => { $($test)* };
    (kqueue $($test:tt)*) => { $($test)* };
    (iocp $($test:tt)*) => {};
}

/// Leaves a test in for a backend that the system has, for `#[fibra::test]`.
#[cfg(not(target_os = "linux"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __where_there_is {
    (io_uring $($test:tt)*) => {};
    (epoll $($test:tt)*) => {};
    (kqueue $($test:tt)*) => { $($test)* };
    (iocp $($test:tt)*) => {};
}
