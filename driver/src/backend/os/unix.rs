//! What Linux, macOS and FreeBSD have in common.

use std::ffi::c_char;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::FromRawFd;

/// A descriptor with its owner: that of the standard library.
///
/// ```
/// let file: fibra_driver::Descriptor = std::fs::File::open("/dev/null")?.into();
/// # Ok::<(), std::io::Error>(())
/// ```
pub type Descriptor = std::os::fd::OwnedFd;

/// A descriptor's number.
///
/// ```
/// let stdin: fibra_driver::RawDescriptor = 0;
/// ```
pub type RawDescriptor = std::os::fd::RawFd;

/// What paths consist of, ended by zero: bytes.
///
/// ```
/// let path: *const fibra_driver::PathUnit = c"/etc/hostname".as_ptr();
/// ```
pub type PathUnit = c_char;

/// How a file is opened: the flags of `open(2)`.
///
/// ```
/// let flags: fibra_driver::OpenFlags = libc::O_RDONLY;
/// ```
pub type OpenFlags = i32;

/// Room for any socket address.
pub(crate) type SocketAddress = libc::sockaddr_storage;

/// The length of a socket address.
pub(crate) type AddressLength = libc::socklen_t;

/// The size of a record's place in the slab, at most, in bytes.
#[cfg(test)]
pub(crate) const LARGEST_SLOT: usize = 96;

pub(crate) const READABLE: u32 = libc::POLLIN as u32;
pub(crate) const WRITABLE: u32 = libc::POLLOUT as u32;
pub(crate) const PRIORITY: u32 = libc::POLLPRI as u32;

/// The flag of a receive or send that rather fails than waits.
///
/// ```
/// use fibra_driver::{DONT_WAIT, Op, Target};
/// let mut buffer = [0; 8];
/// let fd = Target::foreign(0);
/// let op = Op::Recv { fd, buffer: buffer.as_mut_ptr(), len: 8, flags: DONT_WAIT };
/// ```
pub const DONT_WAIT: i32 = libc::MSG_DONTWAIT;

/// The error number of an operation that was cancelled.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(fibra_driver::CANCELED);
/// assert_eq!(error.raw_os_error(), Some(fibra_driver::CANCELED));
/// ```
pub const CANCELED: i32 = libc::ECANCELED;

/// Whether a socket has to ask, by `SO_REUSEADDR`, for an address at which connections of a listener before it are still ending.
/// On Windows nobody minds those, and who asks gets addresses at which others listen.
///
/// ```
/// assert!(fibra_driver::REUSE_ADDRESS || cfg!(windows));
/// ```
pub const REUSE_ADDRESS: bool = true;

/// Has `in_child` run in every child that this process forks. It has to be async-signal-safe.
pub(crate) fn on_fork(in_child: extern "C" fn()) {
    // SAFETY: a function of the type that is taken. If it cannot be registered (no memory), forks go unnoticed, which is
    // where every program without this check stands.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
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
    // SAFETY: by contract.
    unsafe { Descriptor::from_raw_fd(result as i32) }
}

/// A slice of memory as the system sees it.
///
/// ```
/// let mut bytes = *b"abc";
/// let slice: fibra_driver::RawSlice = fibra_driver::raw_slice(bytes.as_mut_ptr(), bytes.len());
/// ```
pub fn raw_slice(buffer: *mut u8, len: usize) -> libc::iovec {
    libc::iovec { iov_base: buffer.cast(), iov_len: len }
}

/// Another descriptor of the same.
pub(crate) fn duplicate(fd: &Descriptor) -> io::Result<Descriptor> {
    fd.try_clone()
}

/// Writes an internet address in the kernel's layout. Returns its length.
pub(crate) fn encode_address(address: SocketAddr, storage: &mut SocketAddress) -> AddressLength {
    let storage = &raw mut *storage;
    match address {
        SocketAddr::V4(v4) => {
            // SAFETY: `storage` is larger than `sockaddr_in`, at least as aligned, and initialised; this is the only
            // reference to it.
            let inet = unsafe { &mut *storage.cast::<libc::sockaddr_in>() };
            inet.sin_family = libc::AF_INET as libc::sa_family_t;
            inet.sin_port = v4.port().to_be();
            inet.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            mem::size_of::<libc::sockaddr_in>() as AddressLength
        }
        SocketAddr::V6(v6) => {
            // SAFETY: as above, with `sockaddr_in6`.
            let inet = unsafe { &mut *storage.cast::<libc::sockaddr_in6>() };
            inet.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            inet.sin6_port = v6.port().to_be();
            inet.sin6_flowinfo = v6.flowinfo();
            inet.sin6_addr.s6_addr = v6.ip().octets();
            inet.sin6_scope_id = v6.scope_id();
            mem::size_of::<libc::sockaddr_in6>() as AddressLength
        }
    }
}

/// Reads an internet address in the kernel's layout.
///
/// # Errors
///
/// `InvalidData` if it is of another family, or shorter than its family says.
pub(crate) fn decode_address(storage: &SocketAddress, length: AddressLength) -> io::Result<SocketAddr> {
    let (place, length) = (&raw const *storage, length as usize);
    match i32::from(storage.ss_family) {
        libc::AF_INET if length >= mem::size_of::<libc::sockaddr_in>() => {
            // SAFETY: `storage` is larger than `sockaddr_in`, at least as aligned, and initialised.
            let raw = unsafe { &*place.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
            Ok(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into())
        }
        libc::AF_INET6 if length >= mem::size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above, with `sockaddr_in6`.
            let raw = unsafe { &*place.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            let port = u16::from_be(raw.sin6_port);
            Ok(SocketAddrV6::new(ip, port, raw.sin6_flowinfo, raw.sin6_scope_id).into())
        }
        family => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("not an internet address: family {family}, {length} bytes"),
        )),
    }
}
