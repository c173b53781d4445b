//! Socket addresses in the kernel's layout.

#[cfg(unix)]
mod unix;

use std::fmt;
use std::io;
use std::mem;
use std::net::SocketAddr;

use crate::backend::os::{self, AddressLength, SocketAddress};

/// A socket address in the layout of the kernel, with its length: what [`Op::Connect`](crate::Op::Connect) reads and
/// [`Op::Accept`](crate::Op::Accept) writes.
///
/// The conversions go field by field. The layout of [`SocketAddr`] is not the kernel's, and code that assumed so broke.
///
/// ```
/// use fibra_driver::RawAddress;
/// let address: std::net::SocketAddr = "[::1]:80".parse()?;
/// assert_eq!(RawAddress::from(address).to_socket_addr()?, address);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RawAddress {
    storage: SocketAddress,
    length: AddressLength,
}

impl RawAddress {
    /// Room for an address that the kernel will write.
    ///
    /// ```
    /// assert!(fibra_driver::RawAddress::empty().to_socket_addr().is_err());
    /// ```
    pub fn empty() -> RawAddress {
        // SAFETY: `sockaddr_storage` is plain data for which all zeros is a value (family `AF_UNSPEC`).
        let storage = unsafe { mem::zeroed() };
        RawAddress { storage, length: mem::size_of::<SocketAddress>() as AddressLength }
    }

    /// A copy of an address of any family, as system calls take it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if it is larger than any address can be.
    ///
    /// # Safety
    ///
    /// `address` is valid for reads of `size` bytes.
    ///
    /// ```
    /// use fibra_driver::RawAddress;
    /// let nowhere = [0xff_u8; 16];
    /// // SAFETY: the pointer and the size belong together.
    /// let raw = unsafe { RawAddress::from_raw(nowhere.as_ptr(), nowhere.len()) }?;
    /// assert!(raw.to_socket_addr().is_err()); // not an internet address
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub unsafe fn from_raw(address: *const u8, size: usize) -> io::Result<RawAddress> {
        let mut raw = RawAddress::empty();
        if size > mem::size_of::<SocketAddress>() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "larger than any socket address"));
        }
        // SAFETY: `address` is valid for `size` bytes by contract, `storage` is at least as large, and they are apart.
        unsafe { address.copy_to_nonoverlapping((&raw mut raw.storage).cast(), size) };
        raw.length = size as AddressLength;
        Ok(raw)
    }

    /// The internet address that is stored.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if it is of another family, or shorter than its family says.
    ///
    /// ```
    /// use fibra_driver::RawAddress;
    /// use std::net::SocketAddr;
    /// let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    /// assert_eq!(RawAddress::from(address).to_socket_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        os::decode_address(&self.storage, self.length)
    }

    /// The pointers that system calls take.
    ///
    /// # Safety
    ///
    /// `address` is valid for reads and writes, or null (then both are null).
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) unsafe fn parts<T>(address: *mut RawAddress) -> (*mut T, *mut AddressLength) {
        if address.is_null() {
            return (std::ptr::null_mut(), std::ptr::null_mut());
        }
        // SAFETY: `address` is valid by contract, so its fields are.
        unsafe { ((&raw mut (*address).storage).cast(), &raw mut (*address).length) }
    }

    /// The pointer and the length that system calls take of an address which they read.
    ///
    /// # Safety
    ///
    /// `address` is valid for reads, or null (then it is nobody's).
    pub(crate) unsafe fn named<T>(address: *const RawAddress) -> (*const T, AddressLength) {
        // SAFETY: by contract.
        match unsafe { address.as_ref() } {
            Some(raw) => (address.cast(), raw.length),
            None => (std::ptr::null(), 0),
        }
    }

    /// Resets the length to the room there is. The kernel reads it as the size of the buffer and then overwrites it with
    /// the size of the address, so that an address used twice would come out cut.
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) fn clear(&mut self) {
        self.length = mem::size_of::<SocketAddress>() as AddressLength;
    }

    /// The address' size in bytes.
    pub(crate) fn length(&self) -> AddressLength {
        self.length
    }
}

impl From<SocketAddr> for RawAddress {
    fn from(address: SocketAddr) -> RawAddress {
        let mut raw = RawAddress::empty();
        raw.length = os::encode_address(address, &mut raw.storage);
        raw
    }
}

impl Default for RawAddress {
    fn default() -> Self {
        RawAddress::empty()
    }
}

impl fmt::Debug for RawAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_socket_addr() {
            Ok(address) => write!(f, "RawAddress({address})"),
            Err(_) => write!(f, "RawAddress(family {}, {} bytes)", self.storage.ss_family, self.length),
        }
    }
}
