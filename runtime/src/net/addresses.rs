//! What an address can be given as.

use super::resolve::{lookup, lookup_async, split};
use std::{
    future::{Future, ready},
    io, iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    option, slice, vec,
};

/// What can be turned into socket addresses: std's trait of this name, for the same types, without its blocking.
///
/// A name is looked up by the system's resolver on a thread of the runtime's pool; the caller waits as in any other
/// operation. Addresses that are written out in digits are not looked up.
///
/// ```
/// use fibra::net::ToSocketAddrs;
/// fibra::run(|| {
///     let mut addresses = "localhost:80".to_socket_addrs()?;
///     assert!(addresses.all(|address| address.ip().is_loopback() && address.port() == 80));
///     Ok::<_, std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// The addresses, in the order in which they should be tried.
    type Iter: Iterator<Item = SocketAddr> + Send;

    /// The addresses.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a text that is not `host:port`; the resolver's, if a name could not be resolved.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: the resolver can't be stopped.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;

    /// The same for futures. Dropping the future lets the look-up go on unheard.
    ///
    /// As provided, it is ready at once with the result of [`to_socket_addrs`](ToSocketAddrs::to_socket_addrs).
    ///
    /// ```
    /// use fibra::net::ToSocketAddrs;
    /// let mut addresses = fibra::wait(("127.0.0.1", 80).to_socket_addrs_async())?;
    /// assert_eq!(addresses.next(), Some(([127, 0, 0, 1], 80).into()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn to_socket_addrs_async(&self) -> impl Future<Output = io::Result<Self::Iter>> + Send {
        ready(self.to_socket_addrs())
    }
}

impl ToSocketAddrs for SocketAddr {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(Some(*self).into_iter())
    }
}

/// For what is one address already.
macro_rules! one_address {
    ($($type:ty),+) => {$(
        impl ToSocketAddrs for $type {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                Ok(Some(SocketAddr::from(*self)).into_iter())
            }
        }
    )+};
}

one_address!(SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        lookup(self.0, self.1)
    }

    fn to_socket_addrs_async(&self) -> impl Future<Output = io::Result<Self::Iter>> + Send {
        lookup_async(self.0, self.1)
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        lookup(&self.0, self.1)
    }

    fn to_socket_addrs_async(&self) -> impl Future<Output = io::Result<Self::Iter>> + Send {
        lookup_async(&self.0, self.1)
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        if let Ok(address) = self.parse() {
            return Ok(vec![address].into_iter());
        }
        let (host, port) = split(self)?;
        lookup(host, port)
    }

    async fn to_socket_addrs_async(&self) -> io::Result<Self::Iter> {
        if let Ok(address) = self.parse() {
            return Ok(vec![address].into_iter());
        }
        let (host, port) = split(self)?;
        lookup_async(host, port).await
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }

    fn to_socket_addrs_async(&self) -> impl Future<Output = io::Result<Self::Iter>> + Send {
        self.as_str().to_socket_addrs_async()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Copied<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().copied())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }

    fn to_socket_addrs_async(&self) -> impl Future<Output = io::Result<Self::Iter>> + Send {
        (**self).to_socket_addrs_async()
    }
}
