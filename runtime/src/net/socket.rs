//! A socket as its streams, listeners and operations share it.

use crate::{
    io::{
        borrowed,
        owned::{self, HasHandle},
    },
    primitive::{AtomicBool, AtomicU64, Relaxed},
    scheduler::clock,
};
use fibra_driver::{Descriptor, Handle, REUSE_ADDRESS, RawAddress, RawDescriptor};
use socket2::{Domain, Protocol, SockRef, Type};
use std::{
    borrow::Borrow,
    io::{self, IoSlice, IoSliceMut},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// How many connections may wait to be accepted. The kernel cuts it to `net.core.somaxconn`, which is 4096.
const BACKLOG: i32 = 4096;

pub(super) struct Socket {
    handle: Handle,
    pub(super) read_timeout: Timeout,
    pub(super) write_timeout: Timeout,
    /// As its user has set it. The descriptor's own mode is the driver's business.
    nonblocking: AtomicBool,
}

impl HasHandle for Socket {
    fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Socket {
    pub(super) fn new(fd: Descriptor) -> Self {
        Self {
            handle: Handle::new(fd),
            read_timeout: Timeout::none(),
            write_timeout: Timeout::none(),
            nonblocking: AtomicBool::new(false),
        }
    }

    /// A socket that somebody else has made, with its timeouts.
    pub(super) fn adopted(fd: Descriptor) -> Self {
        let socket = Self::new(fd);
        // What is no socket has no timeouts; its first operation will say what is wrong with it.
        let (read, write) = (socket.options().read_timeout(), socket.options().write_timeout());
        socket.read_timeout.store(read.unwrap_or(None));
        socket.write_timeout.store(write.unwrap_or(None));
        socket
    }

    fn for_address(address: &SocketAddr) -> io::Result<socket2::Socket> {
        socket2::Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))
    }

    pub(super) fn listening(address: &SocketAddr) -> io::Result<Self> {
        let socket = Self::for_address(address)?;
        // As std does: a server that is started again doesn't fail because of its old connections.
        if REUSE_ADDRESS {
            socket.set_reuse_address(true)?;
        }
        socket.bind(&(*address).into())?;
        socket.listen(BACKLOG)?;
        Ok(Self::new(descriptor(socket)))
    }

    pub(super) fn for_datagrams(address: &SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(*address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.bind(&(*address).into())?;
        Ok(Self::new(descriptor(socket)))
    }

    pub(super) fn connected(address: &SocketAddr, deadline: Option<Instant>) -> io::Result<Self> {
        let socket = Self::new(descriptor(Self::for_address(address)?));
        socket.connect(&RawAddress::from(*address), deadline)?;
        Ok(socket)
    }

    pub(super) async fn connected_async(address: SocketAddr) -> io::Result<Arc<Self>> {
        let socket = Arc::new(Self::new(descriptor(Self::for_address(&address)?)));
        owned::connect(Arc::clone(&socket), RawAddress::from(address)).await?;
        Ok(socket)
    }

    pub(super) fn connect(&self, address: &RawAddress, deadline: Option<Instant>) -> io::Result<()> {
        borrowed::connect(&self.handle, address, deadline)
    }

    #[inline]
    pub(super) fn recv(&self, buf: &mut [u8], flags: i32) -> io::Result<usize> {
        self.wait(Some(&self.read_timeout), |socket, deadline| borrowed::recv(socket, buf, flags, deadline))
    }

    pub(super) fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.wait(Some(&self.read_timeout), |socket, deadline| {
            borrowed::recv_vectored(socket, bufs, deadline)
        })
    }

    pub(super) fn recv_from(&self, buf: &mut [u8], peek: bool) -> io::Result<(usize, RawAddress)> {
        self.wait(Some(&self.read_timeout), |socket, deadline| {
            borrowed::recv_from(socket, buf, peek, deadline)
        })
    }

    #[inline]
    pub(super) fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.wait(Some(&self.write_timeout), |socket, deadline| borrowed::send(socket, buf, deadline))
    }

    pub(super) fn send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.wait(Some(&self.write_timeout), |socket, deadline| {
            borrowed::send_vectored(socket, bufs, deadline)
        })
    }

    pub(super) fn send_to(&self, buf: &[u8], receiver: Option<&RawAddress>) -> io::Result<usize> {
        self.wait(Some(&self.write_timeout), |socket, deadline| {
            borrowed::send_to(socket, buf, receiver, deadline)
        })
    }

    /// For options and addresses.
    pub(super) fn options(&self) -> SockRef<'_> {
        SockRef::from(&self.handle)
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(self.options().local_addr()?)
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet(self.options().peer_addr()?)
    }

    /// The descriptor's number, to be shown.
    pub(super) fn number(&self) -> RawDescriptor {
        self.handle.target().fd()
    }

    pub(super) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Relaxed);
    }

    pub(super) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Relaxed)
    }

    /// Runs an operation as the mode and the timeout say. In non-blocking mode its deadline is now: what the kernel can
    /// do at once, it does before it looks at the time.
    #[inline]
    pub(super) fn wait<T>(
        &self,
        timeout: Option<&Timeout>,
        operation: impl FnOnce(&Handle, Option<Instant>) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.is_nonblocking() {
            return operation(&self.handle, Some(clock::now())).map_err(would_block);
        }
        operation(&self.handle, timeout.and_then(Timeout::deadline))
    }

    /// The descriptor, for whoever is the last to have the socket; otherwise a duplicate.
    pub(super) fn into_fd<S: Borrow<Self> + Into<Self>>(this: Arc<S>) -> io::Result<Descriptor> {
        let socket = S::borrow(&this);
        let nonblocking = socket.is_nonblocking();
        let timeouts = (socket.read_timeout.get(), socket.write_timeout.get());
        let fd = match Arc::try_unwrap(this) {
            Ok(owner) => owner.into().handle.into_fd(),
            Err(shared) => S::borrow(&shared).handle.duplicate()?,
        };
        let options = SockRef::from(&fd);
        // What can be set on a socket is set. What is no socket, which somebody may have passed off as one, has neither.
        let _ = options.set_read_timeout(timeouts.0.map(in_microseconds));
        let _ = options.set_write_timeout(timeouts.1.map(in_microseconds));
        if nonblocking {
            options.set_nonblocking(true)?;
        }
        Ok(fd)
    }
}

/// By way of std, whose sockets both sides know.
pub(super) fn descriptor(socket: socket2::Socket) -> Descriptor {
    std::net::TcpStream::from(socket).into()
}

/// The deadline of a non-blocking operation is no error that its user knows of.
#[cold]
fn would_block(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::TimedOut && error.get_ref().is_none() && error.raw_os_error().is_none()
    {
        return io::ErrorKind::WouldBlock.into();
    }
    error
}

fn internet(address: socket2::SockAddr) -> io::Result<SocketAddr> {
    let other = || io::Error::new(io::ErrorKind::InvalidInput, "the socket is of another family than IP");
    address.as_socket().ok_or_else(other)
}

/// How long an operation may take. Clones of a stream share it, as they do with std.
pub(super) struct Timeout {
    /// 0: for ever.
    nanos: AtomicU64,
}

impl Timeout {
    fn none() -> Self {
        Self { nanos: AtomicU64::new(0) }
    }

    pub(super) fn get(&self) -> Option<Duration> {
        let nanos = self.nanos.load(Relaxed);
        (nanos != 0).then(|| Duration::from_nanos(nanos))
    }

    pub(super) fn set(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(zero());
        }
        self.store(timeout);
        Ok(())
    }

    fn store(&self, timeout: Option<Duration>) {
        let nanos = timeout.map_or(0, |timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
        self.nanos.store(nanos, Relaxed);
    }

    fn deadline(&self) -> Option<Instant> {
        // Without a time limit, which is the usual case, the clock is not asked.
        let timeout = self.get()?;
        clock::now().checked_add(timeout)
    }
}

/// As the kernel keeps it; what would be cut to zero would be for ever.
fn in_microseconds(timeout: Duration) -> Duration {
    timeout.max(Duration::from_micros(1))
}

/// As std refuses it.
pub(super) fn zero() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout")
}
