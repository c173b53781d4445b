//! What is known of a socket, and what can be set.

use super::UdpSocket;
use crate::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::io;

/// # Addresses and options
///
/// Those of std. An option that is not here is set through the descriptor, for example by `socket2::SockRef`.
///
/// ```
/// use fibra::net::UdpSocket;
/// use std::{io::ErrorKind, time::Duration};
/// fibra::run(|| -> std::io::Result<()> {
///     let socket = UdpSocket::bind("127.0.0.1:0")?;
///     socket.set_read_timeout(Some(Duration::from_millis(1)))?;
///     assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
///     socket.set_broadcast(true)?;
///     assert!(socket.broadcast()?);
///     socket.set_nonblocking(true)?;
///     assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
///     Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl UdpSocket {
    /// The address of this side.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The address of the peer that [`connect`](UdpSocket::connect) has named.
    ///
    /// # Errors
    ///
    /// `NotConnected` if none was named.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }
}

crate::net::direct::direct_style!(UdpSocket);

/// # To many
///
/// ```
/// use fibra::net::{Ipv4Addr, UdpSocket};
/// let socket = UdpSocket::bind("0.0.0.0:0")?;
/// socket.set_multicast_ttl_v4(3)?;
/// assert_eq!(socket.multicast_ttl_v4()?, 3);
/// socket.set_multicast_loop_v4(false)?;
/// assert!(!socket.multicast_loop_v4()?);
/// let group = Ipv4Addr::new(239, 255, 70, 77);
/// socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
/// socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl UdpSocket {
    /// Whether a datagram may be sent to all of a network at once.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.socket.options().set_broadcast(broadcast)
    }

    /// What [`set_broadcast`](UdpSocket::set_broadcast) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.options().broadcast()
    }

    /// How many routers a datagram may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.options().set_ttl_v4(ttl)
    }

    /// What [`set_ttl`](UdpSocket::set_ttl) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.options().ttl_v4()
    }

    /// How many routers a datagram to a group may pass; 1, the default, keeps it in its network.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.socket.options().set_multicast_ttl_v4(ttl)
    }

    /// What [`set_multicast_ttl_v4`](UdpSocket::set_multicast_ttl_v4) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket.options().multicast_ttl_v4()
    }

    /// Whether this machine, too, gets what is sent to a group.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_multicast_loop_v4(&self, multicast_loop_v4: bool) -> io::Result<()> {
        self.socket.options().set_multicast_loop_v4(multicast_loop_v4)
    }

    /// What [`set_multicast_loop_v4`](UdpSocket::set_multicast_loop_v4) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.socket.options().multicast_loop_v4()
    }

    /// Whether this machine, too, gets what is sent to a group, with IPv6.
    ///
    /// # Errors
    ///
    /// The system's; that of a socket for IPv4 is one.
    pub fn set_multicast_loop_v6(&self, multicast_loop_v6: bool) -> io::Result<()> {
        self.socket.options().set_multicast_loop_v6(multicast_loop_v6)
    }

    /// What [`set_multicast_loop_v6`](UdpSocket::set_multicast_loop_v6) has set.
    ///
    /// # Errors
    ///
    /// The system's; that of a socket for IPv4 is one.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.socket.options().multicast_loop_v6()
    }

    /// Joins a group, by the interface with this address; `UNSPECIFIED` leaves the choice to the system.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket.options().join_multicast_v4(multiaddr, interface)
    }

    /// Joins a group, by the interface with this number; 0 leaves the choice to the system.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.options().join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group that was [joined](UdpSocket::join_multicast_v4).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket.options().leave_multicast_v4(multiaddr, interface)
    }

    /// Leaves a group that was [joined](UdpSocket::join_multicast_v6).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.options().leave_multicast_v6(multiaddr, interface)
    }
}
