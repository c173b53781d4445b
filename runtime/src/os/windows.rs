//! What is Windows about fibra's types: sockets and handles, and what files have there, by std's extension traits.

use crate::{
    fs::{File, Metadata, OpenOptions},
    net::{TcpListener, TcpStream, UdpSocket, named_pipe::PipeStream},
    process::{ChildStderr, ChildStdin, ChildStdout},
};
use fibra_driver::Descriptor;
use std::{
    os::windows::{
        fs::OpenOptionsExt,
        io::{
            AsHandle, AsRawHandle, AsRawSocket, AsSocket, BorrowedHandle, BorrowedSocket, FromRawHandle,
            FromRawSocket, IntoRawHandle, IntoRawSocket, OwnedHandle, OwnedSocket, RawHandle, RawSocket,
        },
    },
    process,
};

/// The conversions of std's types, for one of ours that has `from_fd`, `into_fd` and `as_handle`.
macro_rules! descriptor {
    ($kind:ident, $owned:ident, $borrowed:ident, $raw:ident, $as:ident :: $as_fn:ident,
     $as_raw:ident :: $as_raw_fn:ident, $from_raw:ident :: $from_raw_fn:ident,
     $into_raw:ident :: $into_raw_fn:ident: $($type:ident),+) => {$(
        impl $as for $type {
            fn $as_fn(&self) -> $borrowed<'_> {
                $as::$as_fn(<$type>::as_handle(self))
            }
        }

        impl $as_raw for $type {
            fn $as_raw_fn(&self) -> $raw {
                $as::$as_fn(self).$as_raw_fn()
            }
        }

        impl From<$owned> for $type {
            fn from(owned: $owned) -> Self {
                Self::from_fd(owned.into())
            }
        }

        impl From<$type> for $owned {
            /// # Panics
            ///
            /// If the descriptor is shared, with a clone or with an operation of a dropped future, and the process can't
            /// have another one.
            fn from(owner: $type) -> $owned {
                match owner.into_fd().expect("a shared descriptor needs a duplicate when it is given away") {
                    Descriptor::$kind(owned) => owned,
                    other => unreachable!("it was made of the other kind: {other:?}"),
                }
            }
        }

        impl $from_raw for $type {
            unsafe fn $from_raw_fn(raw: $raw) -> Self {
                // SAFETY: the trait's contract is the same as the owner's.
                Self::from(unsafe { $owned::$from_raw_fn(raw) })
            }
        }

        impl $into_raw for $type {
            /// # Panics
            ///
            /// As the conversion into the owner.
            fn $into_raw_fn(self) -> $raw {
                $owned::from(self).$into_raw_fn()
            }
        }
    )+};
}

descriptor!(Socket, OwnedSocket, BorrowedSocket, RawSocket, AsSocket::as_socket, AsRawSocket::as_raw_socket,
    FromRawSocket::from_raw_socket, IntoRawSocket::into_raw_socket: TcpListener, TcpStream, UdpSocket);
descriptor!(Handle, OwnedHandle, BorrowedHandle, RawHandle, AsHandle::as_handle, AsRawHandle::as_raw_handle,
    FromRawHandle::from_raw_handle, IntoRawHandle::into_raw_handle: File, PipeStream, ChildStdin, ChildStdout, ChildStderr);

/// From std's.
macro_rules! pipes_of_children {
    ($($type:ident),+) => {$(
        impl From<process::$type> for $type {
            fn from(pipe: process::$type) -> Self {
                Self::from(OwnedHandle::from(pipe))
            }
        }
    )+};
}

pipes_of_children!(ChildStdin, ChildStdout, ChildStderr);

impl OpenOptionsExt for OpenOptions {
    fn access_mode(&mut self, access: u32) -> &mut Self {
        self.extra.access = Some(access);
        self
    }

    fn share_mode(&mut self, share: u32) -> &mut Self {
        self.extra.share = share;
        self
    }

    fn custom_flags(&mut self, flags: u32) -> &mut Self {
        self.extra.attributes |= flags;
        self
    }

    fn attributes(&mut self, attributes: u32) -> &mut Self {
        self.extra.attributes |= attributes;
        self
    }

    fn security_qos_flags(&mut self, flags: u32) -> &mut Self {
        /// Says that the flags are meant.
        const PRESENT: u32 = windows_sys::Win32::Storage::FileSystem::SECURITY_SQOS_PRESENT;
        self.extra.attributes |= flags | PRESENT;
        self
    }
}

/// For what `std::os::windows::fs::MetadataExt` tells of it.
impl From<Metadata> for std::fs::Metadata {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

/// Leaves a test in for a backend that the system has, for `#[fibra::test]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __where_there_is {
    (io_uring $($test:tt)*) => {};
    (epoll $($test:tt)*) => {};
    (kqueue $($test:tt)*) => {};
    (iocp $($test:tt)*) => { $($test)* };
}
