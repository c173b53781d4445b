//! Windows' own names: descriptors are sockets or handles, paths are wide.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::net::{
    Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream, UdpSocket,
};
use std::os::windows::io::{
    AsHandle, AsRawHandle, AsRawSocket, AsSocket, BorrowedHandle, BorrowedSocket, FromRawHandle,
    FromRawSocket, OwnedHandle, OwnedSocket, RawHandle, RawSocket,
};
use std::ptr::NonNull;

use windows_sys::Win32::Foundation::{ERROR_CANCELLED, GENERIC_READ};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, POLLIN, POLLOUT, POLLPRI, SO_TYPE, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_STORAGE,
    SOCKET, SOL_SOCKET, WSABUF, getsockopt,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, OPEN_EXISTING,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

use crate::handle::Handle;

/// A descriptor's number: that of a socket or of a handle.
pub type RawDescriptor = usize;
pub(crate) type RawFd = RawDescriptor;
pub(crate) type OwnedFd = Descriptor;

/// A slice of memory as the system sees it, with the layout of [`std::io::IoSlice`] and [`std::io::IoSliceMut`].
pub type RawSlice = WSABUF;

/// What [`Op::Statx`](crate::Op::Statx) writes.
pub type RawStatx = BY_HANDLE_FILE_INFORMATION;

/// What paths consist of, ended by zero: UTF-16, wide characters.
pub type PathUnit = u16;

/// How a file is opened: what `CreateFileW` takes. Attributes and flags stand in `mode`: a file that is opened with
/// `FILE_FLAG_OVERLAPPED` is read and written by the system's own means, others by the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFlags {
    /// What is to be done with it: `GENERIC_READ`, …
    pub access: u32,
    /// What others may do with it meanwhile: `FILE_SHARE_READ`, …
    pub share: u32,
    /// What if it is there, and what if not: `OPEN_EXISTING`, …
    pub disposition: u32,
}

impl Default for OpenFlags {
    /// Reads what is there, and lets others do what they like.
    fn default() -> OpenFlags {
        let share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
        OpenFlags { access: GENERIC_READ, share, disposition: OPEN_EXISTING }
    }
}

/// A socket or a handle, with its owner.
#[derive(Debug)]
pub enum Descriptor {
    /// Closed by `closesocket`.
    Socket(OwnedSocket),
    /// Closed by `CloseHandle`.
    Handle(OwnedHandle),
}

/// Conversions from and to the types of the standard library. Those back panic if it is the other kind.
macro_rules! conversions {
    ($($variant:ident: $owned:ty, $($type:ty),+;)+) => {$(
        impl From<$owned> for Descriptor {
            fn from(owned: $owned) -> Descriptor {
                Descriptor::$variant(owned)
            }
        }

        $(
            impl From<$type> for Descriptor {
                fn from(value: $type) -> Descriptor {
                    Descriptor::$variant(value.into())
                }
            }

            impl From<Descriptor> for $type {
                /// # Panics
                ///
                /// If a handle is to become a socket, or a socket a file.
                fn from(descriptor: Descriptor) -> $type {
                    match descriptor {
                        Descriptor::$variant(owned) => owned.into(),
                        other => panic!("{other:?} can't become a {}", stringify!($type)),
                    }
                }
            }
        )+
    )+};
}

conversions! {
    Socket: OwnedSocket, TcpStream, TcpListener, UdpSocket;
    Handle: OwnedHandle, File;
}

/// The number of what can be waited for.
pub trait AsRawFd {
    /// The number.
    fn as_raw_fd(&self) -> RawDescriptor;
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Descriptor::Socket(socket) => socket.as_raw_socket() as RawFd,
            Descriptor::Handle(handle) => handle.as_raw_handle().addr(),
        }
    }
}

/// A number that is borrowed from its owner.
#[derive(Clone, Copy, Debug)]
pub struct BorrowedFd<'a>(RawFd, PhantomData<&'a Descriptor>);

impl AsRawFd for BorrowedFd<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// What lends its number.
pub trait AsFd {
    /// The number, for as long as its owner is borrowed.
    fn as_fd(&self) -> BorrowedFd<'_>;
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd(self.as_raw_fd(), PhantomData)
    }
}

/// Room for any socket address.
pub(crate) type SocketAddress = SOCKADDR_STORAGE;

/// The length of a socket address.
pub(crate) type AddressLength = i32;

/// What the record of an operation keeps for the backend: where the system has what it was given, for a cancel.
pub(crate) type Attachment = Option<NonNull<OVERLAPPED>>;

/// The size of a record's place in the slab, at most, in bytes.
#[cfg(test)]
pub(crate) const LARGEST_SLOT: usize = 112;

pub(crate) const READABLE: u32 = POLLIN as u16 as u32;
pub(crate) const WRITABLE: u32 = POLLOUT as u16 as u32;
pub(crate) const PRIORITY: u32 = POLLPRI as u16 as u32;

/// The flag of a receive or send that rather fails than waits. Winsock has none: this bit never reaches it.
///
/// ```
/// use fibra_driver::{DONT_WAIT, Op, Target};
/// let mut buffer = [0; 8];
/// let fd = Target::foreign(0);
/// let op = Op::Recv { fd, buffer: buffer.as_mut_ptr(), len: 8, flags: DONT_WAIT };
/// ```
pub const DONT_WAIT: i32 = 1 << 30;

/// The error number of an operation that was cancelled.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(fibra_driver::CANCELED);
/// assert_eq!(error.raw_os_error(), Some(fibra_driver::CANCELED));
/// ```
pub const CANCELED: i32 = ERROR_CANCELLED as i32;

/// Whether a socket has to ask, by `SO_REUSEADDR`, for an address at which connections of a listener before it are still ending.
/// On Windows nobody minds those, and who asks gets addresses at which others listen.
///
/// ```
/// assert!(fibra_driver::REUSE_ADDRESS || cfg!(windows));
/// ```
pub const REUSE_ADDRESS: bool = false;

/// Sockets raise no signals here.
pub(crate) fn silence(_: RawFd) {}

/// There are no forks here.
pub(crate) fn on_fork(_in_child: extern "C" fn()) {}

/// Handles and sockets as numbers have 32 bits that matter, so that programs of both widths may exchange them.
pub(crate) fn number_of(fd: RawFd) -> u32 {
    fd as u32
}

/// The descriptor that the result of an [`Op::Accept`](crate::Op::Accept) or [`Op::Open`](crate::Op::Open) names.
///
/// # Safety
///
/// The operation has made it, and nobody else owns it.
///
/// ```
/// use fibra_driver::Descriptor;
/// fn own(accepted: std::io::Result<u32>) -> std::io::Result<Descriptor> {
///     // SAFETY: the result of an accept, which nobody else has got.
///     accepted.map(|result| unsafe { fibra_driver::descriptor(result) })
/// }
/// ```
pub unsafe fn descriptor(result: u32) -> Descriptor {
    let fd = result as RawFd;
    // SAFETY: by contract; which of the two it is, the system has said.
    unsafe {
        if is_socket(fd) {
            Descriptor::Socket(OwnedSocket::from_raw_socket(fd as RawSocket))
        } else {
            Descriptor::Handle(OwnedHandle::from_raw_handle(fd as RawHandle))
        }
    }
}

/// A slice of memory as the system sees it.
///
/// ```
/// let mut bytes = *b"abc";
/// let slice: fibra_driver::RawSlice = fibra_driver::raw_slice(bytes.as_mut_ptr(), bytes.len());
/// ```
pub fn raw_slice(buffer: *mut u8, len: usize) -> RawSlice {
    RawSlice { len: u32::try_from(len).unwrap_or(u32::MAX), buf: buffer }
}

/// Another descriptor of the same.
pub(crate) fn duplicate(fd: &Descriptor) -> io::Result<Descriptor> {
    match fd {
        Descriptor::Socket(socket) => socket.try_clone().map(Descriptor::Socket),
        Descriptor::Handle(handle) => handle.try_clone().map(Descriptor::Handle),
    }
}

/// For options and the like. What is no socket says so when it is asked.
impl AsSocket for Descriptor {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        // SAFETY: it stays open as long as its owner is borrowed.
        unsafe { BorrowedSocket::borrow_raw(self.as_raw_fd() as RawSocket) }
    }
}

impl AsSocket for Handle {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        // SAFETY: as above.
        unsafe { BorrowedSocket::borrow_raw(self.as_raw_fd() as RawSocket) }
    }
}

impl AsHandle for Handle {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        // SAFETY: as above.
        unsafe { BorrowedHandle::borrow_raw(self.as_raw_fd() as RawHandle) }
    }
}

/// Whether it is a socket.
pub(crate) fn is_socket(fd: RawFd) -> bool {
    let (mut kind, mut size) = (0_i32, mem::size_of::<i32>() as i32);
    // SAFETY: the value is valid for its size. What is no socket is an error.
    unsafe { getsockopt(fd as SOCKET, SOL_SOCKET, SO_TYPE, (&raw mut kind).cast(), &raw mut size) == 0 }
}

/// Writes an internet address in the system's layout. Returns its length.
pub(crate) fn encode_address(address: SocketAddr, storage: &mut SocketAddress) -> AddressLength {
    let storage = &raw mut *storage;
    match address {
        SocketAddr::V4(v4) => {
            // SAFETY: `storage` is larger than `SOCKADDR_IN`, at least as aligned, and initialised; this is the only
            // reference to it.
            let inet = unsafe { &mut *storage.cast::<SOCKADDR_IN>() };
            inet.sin_family = AF_INET;
            inet.sin_port = v4.port().to_be();
            inet.sin_addr.S_un.S_addr = u32::from(*v4.ip()).to_be();
            mem::size_of::<SOCKADDR_IN>() as AddressLength
        }
        SocketAddr::V6(v6) => {
            // SAFETY: as above, with `SOCKADDR_IN6`.
            let inet = unsafe { &mut *storage.cast::<SOCKADDR_IN6>() };
            inet.sin6_family = AF_INET6;
            inet.sin6_port = v6.port().to_be();
            inet.sin6_flowinfo = v6.flowinfo();
            inet.sin6_addr.u.Byte = v6.ip().octets();
            inet.Anonymous.sin6_scope_id = v6.scope_id();
            mem::size_of::<SOCKADDR_IN6>() as AddressLength
        }
    }
}

/// Reads an internet address in the system's layout.
///
/// # Errors
///
/// `InvalidData` if it is of another family, or shorter than its family says.
pub(crate) fn decode_address(storage: &SocketAddress, length: AddressLength) -> io::Result<SocketAddr> {
    let (place, length) = (&raw const *storage, length as usize);
    match storage.ss_family {
        AF_INET if length >= mem::size_of::<SOCKADDR_IN>() => {
            // SAFETY: `storage` is larger than `SOCKADDR_IN`, at least as aligned, and initialised; any bits are a number.
            let (raw, ip) = unsafe {
                let raw = &*place.cast::<SOCKADDR_IN>();
                (raw, raw.sin_addr.S_un.S_addr)
            };
            Ok(SocketAddrV4::new(Ipv4Addr::from(u32::from_be(ip)), u16::from_be(raw.sin_port)).into())
        }
        AF_INET6 if length >= mem::size_of::<SOCKADDR_IN6>() => {
            // SAFETY: as above, with `SOCKADDR_IN6`.
            let (raw, ip, scope) = unsafe {
                let raw = &*place.cast::<SOCKADDR_IN6>();
                (raw, raw.sin6_addr.u.Byte, raw.Anonymous.sin6_scope_id)
            };
            let port = u16::from_be(raw.sin6_port);
            Ok(SocketAddrV6::new(Ipv6Addr::from(ip), port, raw.sin6_flowinfo, scope).into())
        }
        family => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("not an internet address: family {family}, {length} bytes"),
        )),
    }
}
