//! Descriptors that aren't fibra's: those of libraries in C, of devices, of what the kernel tells by a descriptor, as inotify.

use super::{OpFuture, Payload, perform};
use fibra_driver::{Interest, Op, Target};
use std::{
    fmt,
    future::Future,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    sync::Arc,
};

/// Something with a descriptor that is used by calls of its own, and waited for here.
///
/// The descriptor has to be in non-blocking mode, or the calls may block the worker. Readiness is asked for anew each time, so
/// nothing is lost by not having waited before, and nothing by waiting twice. Any number of threads and futures may wait at once.
///
/// ```
/// use fibra::io::unix::Watched;
/// use std::os::unix::net::UnixDatagram;
/// fibra::run(|| -> std::io::Result<()> {
///     let (here, there) = UnixDatagram::pair()?;
///     here.set_nonblocking(true)?;
///     let here = Watched::new(here);
///     let sender = fibra::thread::spawn(move || there.send(b"hello"));
///     let mut buffer = [0; 512];
///     let length = here.when_readable(|socket| socket.recv(&mut buffer))?;
///     assert_eq!(&buffer[..length], b"hello");
///     sender.join().unwrap().map(drop)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Watched<T> {
    /// Shared with the operations that wait: the descriptor stays open until the kernel knows nothing of it any more.
    inner: Arc<T>,
}

impl<T: AsFd + Send + Sync + 'static> Watched<T> {
    /// Leaves the descriptor as it is: its mode too.
    pub fn new(inner: T) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Waits until a read would not block, or an error or the other side's end would tell itself to one. Somebody else may be
    /// faster then: see [`when_readable`](Watched::when_readable).
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point.
    pub fn readable(&self) -> io::Result<()> {
        ready(self.inner.as_fd(), Interest::READABLE)
    }

    /// The same for a write.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point.
    pub fn writable(&self) -> io::Result<()> {
        ready(self.inner.as_fd(), Interest::WRITABLE)
    }

    /// Calls `attempt` until that doesn't end with `WouldBlock`, and waits for readiness in between.
    ///
    /// # Errors
    ///
    /// Those of `attempt`, but for `WouldBlock` and `Interrupted`, and the system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits.
    pub fn when_readable<R>(&self, attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.when(Interest::READABLE, attempt)
    }

    /// The same for what writes.
    ///
    /// # Errors
    ///
    /// As [`when_readable`](Watched::when_readable).
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits.
    pub fn when_writable<R>(&self, attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.when(Interest::WRITABLE, attempt)
    }

    fn when<R>(&self, interest: Interest, mut attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            match attempt(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready(self.inner.as_fd(), interest)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// # For futures
///
/// ```
/// use fibra::io::unix::Watched;
/// use std::os::unix::net::UnixDatagram;
/// fibra::block_on(async {
///     let (here, there) = UnixDatagram::pair()?;
///     here.set_nonblocking(true)?;
///     let here = Watched::new(here);
///     let sender = fibra::future::spawn(async move { there.send(b"hello") });
///     let length = here.when_readable_async(|socket| socket.recv(&mut [0; 512])).await?;
///     assert_eq!(length, 5);
///     sender.await.unwrap().map(drop)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl<T: AsFd + Send + Sync + 'static> Watched<T> {
    /// Waits as [`readable`](Watched::readable).
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future takes nothing.
    pub fn readable_async(&self) -> impl Future<Output = io::Result<()>> + Send + use<T> {
        ready_async(Arc::clone(&self.inner), Interest::READABLE)
    }

    /// Waits as [`writable`](Watched::writable).
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future takes nothing.
    pub fn writable_async(&self) -> impl Future<Output = io::Result<()>> + Send + use<T> {
        ready_async(Arc::clone(&self.inner), Interest::WRITABLE)
    }

    /// Calls `attempt` as [`when_readable`](Watched::when_readable).
    ///
    /// # Errors
    ///
    /// As [`when_readable`](Watched::when_readable).
    ///
    /// # Cancellation
    ///
    /// Dropping the future calls it no more, and loses nothing: what it has done was returned at once.
    pub async fn when_readable_async<R>(&self, attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.when_async(Interest::READABLE, attempt).await
    }

    /// Calls `attempt` as [`when_writable`](Watched::when_writable).
    ///
    /// # Errors
    ///
    /// As [`when_readable`](Watched::when_readable).
    ///
    /// # Cancellation
    ///
    /// As [`when_readable_async`](Watched::when_readable_async).
    pub async fn when_writable_async<R>(&self, attempt: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.when_async(Interest::WRITABLE, attempt).await
    }

    async fn when_async<R>(
        &self,
        interest: Interest,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match attempt(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready_async(Arc::clone(&self.inner), interest).await?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl<T> Watched<T> {
    /// What is watched.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Gives back what is watched.
    ///
    /// # Errors
    ///
    /// It comes back as it was while somebody waits for it: also if that is a future which was dropped, until the kernel has
    /// answered its operation.
    ///
    /// ```
    /// use fibra::io::unix::Watched;
    /// let watched = Watched::new(std::net::UdpSocket::bind("127.0.0.1:0")?);
    /// let socket: std::net::UdpSocket = watched.try_into_inner().expect("nobody waits for it");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_into_inner(self) -> Result<T, Self> {
        Arc::try_unwrap(self.inner).map_err(|inner| Self { inner })
    }
}

impl<T: AsFd> AsFd for Watched<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: fmt::Debug> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.inner).finish()
    }
}

fn ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
    let op = Op::Poll { fd: Target::foreign(fd.as_raw_fd()), interest };
    // SAFETY: the descriptor is borrowed for the call, and there is no memory.
    unsafe { perform(op, None) }.map(drop)
}

async fn ready_async<T: AsFd + Send + Sync + 'static>(watched: Arc<T>, interest: Interest) -> io::Result<()> {
    OpFuture::new(Ready { watched, interest }).await.0.map(drop)
}

struct Ready<T> {
    watched: Arc<T>,
    interest: Interest,
}

// SAFETY: there is no memory, and the payload keeps open what has the descriptor. A type that closes its descriptor all the same
// has another one, or none, waited for.
unsafe impl<T: AsFd + Send + Sync + 'static> Payload for Ready<T> {
    fn op(&mut self) -> Op {
        Op::Poll { fd: Target::foreign(self.watched.as_fd().as_raw_fd()), interest: self.interest }
    }
}
