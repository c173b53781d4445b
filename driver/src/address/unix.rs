//! Addresses of Unix sockets: a path, on Linux also a name outside of the file system, or none at all.

use std::ffi::OsStr;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;

use super::RawAddress;
use crate::backend::os::{self, AddressLength};

/// Where the name begins, in bytes.
const NAME: usize = mem::offset_of!(libc::sockaddr_un, sun_path);

impl From<&SocketAddr> for RawAddress {
    /// Of a socket without a name, an address that no call takes.
    fn from(address: &SocketAddr) -> RawAddress {
        let (begin, name, end): (&[u8], &[u8], &[u8]) =
            match (address.as_pathname(), os::abstract_name(address)) {
                (Some(path), _) => (&[], path.as_os_str().as_bytes(), &[0]),
                (None, Some(name)) => (&[0], name, &[]),
                (None, None) => (&[], &[], &[]),
            };
        let mut raw = RawAddress::empty();
        // SAFETY: the storage is larger than `sockaddr_un`, at least as aligned, and initialised; this is the only reference
        // to it.
        let unix = unsafe { &mut *(&raw mut raw.storage).cast::<libc::sockaddr_un>() };
        unix.sun_family = libc::AF_UNIX as libc::sa_family_t;
        // std's address has been in such a place, so it fits.
        for (place, &byte) in unix.sun_path.iter_mut().zip([begin, name, end].into_iter().flatten()) {
            *place = byte as libc::c_char;
        }
        raw.length = (NAME + begin.len() + name.len() + end.len()) as AddressLength;
        raw
    }
}

impl RawAddress {
    /// Whether it is a Unix socket's.
    pub(crate) fn is_unix(&self) -> bool {
        i32::from(self.storage.ss_family) == libc::AF_UNIX
    }

    /// The address of a socket's own end.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// ```
    /// use fibra_driver::RawAddress;
    /// use std::os::fd::AsFd;
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert_eq!(RawAddress::of_socket(listener.as_fd())?.to_socket_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn of_socket(socket: BorrowedFd<'_>) -> io::Result<RawAddress> {
        ask(socket, libc::getsockname)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// The system's, such as `NotConnected`.
    ///
    /// ```
    /// use fibra_driver::RawAddress;
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// let (one, _other) = UnixStream::pair()?;
    /// assert!(RawAddress::of_peer(one.as_fd())?.to_unix_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn of_peer(socket: BorrowedFd<'_>) -> io::Result<RawAddress> {
        ask(socket, libc::getpeername)
    }

    /// The Unix socket's address that is stored. A path that fills the kernel's structure to the last byte, which std's type
    /// can't hold, counts as none: a server must not fail because of how its client has named itself.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if it is of another family.
    ///
    /// ```
    /// use fibra_driver::RawAddress;
    /// use std::os::unix::net::SocketAddr;
    /// let address = SocketAddr::from_pathname("/run/service")?;
    /// let again = RawAddress::from(&address).to_unix_addr()?;
    /// assert_eq!(again.as_pathname(), address.as_pathname());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_unix_addr(&self) -> io::Result<SocketAddr> {
        // The BSDs tell no address of a peer that has none, or has gone.
        if self.length != 0 && !self.is_unix() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not the address of a Unix socket"));
        }
        // SAFETY: the storage is larger than `sockaddr_un`, at least as aligned, and initialised.
        let unix = unsafe { &*(&raw const self.storage).cast::<libc::sockaddr_un>() };
        let told = (self.length as usize).saturating_sub(NAME).min(unix.sun_path.len());
        let name = unix.sun_path.map(|unit| unit as u8);
        match &name[..told] {
            [] => unnamed(),
            [0, name @ ..] => os::from_abstract_name(name).map_or_else(unnamed, Ok),
            path => {
                let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
                SocketAddr::from_pathname(OsStr::from_bytes(path)).or_else(|_| unnamed())
            }
        }
    }
}

/// std's address of a socket without a name.
fn unnamed() -> io::Result<SocketAddr> {
    SocketAddr::from_pathname("")
}

/// `getsockname(2)`, and calls like it.
type AddressCall =
    unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn ask(socket: BorrowedFd<'_>, call: AddressCall) -> io::Result<RawAddress> {
    let mut raw = RawAddress::empty();
    // SAFETY: the descriptor is open while it is borrowed; the storage has the room that the length says, and both are this
    // frame's.
    let status = unsafe { call(socket.as_raw_fd(), (&raw mut raw.storage).cast(), &raw mut raw.length) };
    if status == 0 { Ok(raw) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::fd::AsFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    fn there_and_back(address: &SocketAddr) -> SocketAddr {
        RawAddress::from(address).to_unix_addr().expect("it is of this family")
    }

    #[test]
    fn paths_of_every_length_come_back_as_they_were() {
        let longest = mem::size_of::<libc::sockaddr_un>() - NAME - 1;
        for length in [1, 2, longest - 1, longest] {
            let address = SocketAddr::from_pathname("x".repeat(length)).expect("it is short enough");
            assert_eq!(there_and_back(&address).as_pathname(), address.as_pathname());
        }
    }

    #[test]
    fn no_name_stays_none() {
        let unnamed = unnamed().expect("std takes it");
        assert!(there_and_back(&unnamed).is_unnamed());
        let (one, _other) = UnixStream::pair().expect("there are descriptors");
        let told = RawAddress::of_socket(one.as_fd()).and_then(|raw| raw.to_unix_addr());
        assert!(told.expect("it is of this family").is_unnamed());
    }

    #[test]
    fn a_path_without_an_end_counts_as_no_name() {
        let mut raw = RawAddress::from(&SocketAddr::from_pathname("x".repeat(100)).expect("it is short"));
        // SAFETY: as in `from`.
        let unix = unsafe { &mut *(&raw mut raw.storage).cast::<libc::sockaddr_un>() };
        unix.sun_path.fill(b'x' as libc::c_char);
        raw.length = mem::size_of::<libc::sockaddr_un>() as AddressLength;
        assert!(raw.to_unix_addr().expect("it is of this family").is_unnamed());
        // As Linux tells it: with the end that it has put behind it.
        raw.length += 1;
        assert!(raw.to_unix_addr().expect("it is of this family").is_unnamed());
    }

    #[test]
    fn the_kernel_takes_what_std_has_made_and_tells_the_same() {
        let path = std::env::temp_dir().join(format!("fibra-address-{}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("nobody has this name");
        let own = RawAddress::of_socket(listener.as_fd()).expect("it is a socket");
        let raw = RawAddress::from(&listener.local_addr().expect("it is bound"));
        assert_eq!(own.length(), raw.length());
        assert_eq!(own.to_unix_addr().expect("it is of this family").as_pathname(), Some(&*path));
        fs::remove_file(path).expect("it is ours");
    }

    #[test]
    fn another_family_is_refused() {
        let internet = RawAddress::from(std::net::SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(internet.to_unix_addr().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
