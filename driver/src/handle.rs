//! Descriptors with an identity.
//!
//! A descriptor's number says little: it is reused as soon as it is closed, and a `dup` keeps an epoll registration alive
//! beyond the close of the number it was made for. So what fibra owns is a [`Handle`]: it knows with which epoll
//! instances and kqueues it is registered, and takes itself out of each before it closes or leaves.

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::ptr;

use crate::backend::Lazy;
use crate::backend::os::{self, AsFd, AsRawFd, BorrowedFd, Descriptor, OwnedFd, RawFd};
use crate::op::Op;

/// A descriptor that fibra owns. It can be shared between threads, and used with several drivers.
///
/// It has to stay alive, and where it is, until every operation on its [`target`](Handle::target) has had its terminal
/// completion: operations point to it.
///
/// ```
/// use fibra_driver::Handle;
/// use std::net::TcpListener;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let handle = Handle::new(listener.into());
/// let listener = TcpListener::from(handle.into_fd());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a handle closes its descriptor when it is dropped"]
pub struct Handle {
    fd: ManuallyDrop<OwnedFd>,
    registrations: Lazy,
}

impl Handle {
    /// Takes a descriptor over.
    ///
    /// ```
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listener = fibra_driver::Handle::new(listener.into());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(fd: OwnedFd) -> Handle {
        os::silence(fd.as_raw_fd());
        Handle { fd: ManuallyDrop::new(fd), registrations: Lazy::default() }
    }

    /// How an operation names this handle.
    ///
    /// ```
    /// use fibra_driver::{Handle, Interest, Op};
    /// let listener = Handle::new(std::net::TcpListener::bind("127.0.0.1:0")?.into());
    /// let op = Op::Poll { fd: listener.target(), interest: Interest::READABLE };
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn target(&self) -> Target {
        Target { fd: self.fd.as_raw_fd(), registrations: &raw const self.registrations }
    }

    /// Has rings know the file by a number of their own, from their next operation on it: a read or a write then costs less than
    /// with its descriptor, which has to be looked up each time. For files that are used often and stay open for long.
    ///
    /// Each driver that has done an operation on it keeps the file open too, until it turns after this handle has closed, for which
    /// it is woken: so a lock on the file, or its room on the disk, is given up a moment later than with other handles, or, by
    /// a driver that does not turn, not before it is dropped. Beyond 64 such handles at a time, and without rings, this does nothing.
    ///
    /// ```
    /// let file = fibra_driver::Handle::new(std::fs::File::open("Cargo.toml")?.into());
    /// file.fix();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn fix(&self) {
        self.registrations.fix();
    }

    /// Shuts down one or both directions of a connection, at once. Who waits for bytes of it gets the end of the stream,
    /// on Windows too, where that takes more than the system's call.
    ///
    /// # Errors
    ///
    /// Those of `shutdown(2)`.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// fibra_driver::Handle::new(stream.into()).shutdown(std::net::Shutdown::Write)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        // SAFETY: the operation points to nothing but this handle, which outlives the call.
        unsafe { Op::Shutdown { fd: self.target(), how }.perform_blocking(None) }.map(drop)
    }

    /// Another descriptor of the same socket or file, which no driver knows.
    ///
    /// # Errors
    ///
    /// If the process can't have another one.
    ///
    /// ```
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let twin = std::net::TcpListener::from(fibra_driver::Handle::new(listener.into()).duplicate()?);
    /// assert_eq!(twin.local_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn duplicate(&self) -> io::Result<Descriptor> {
        os::duplicate(&self.fd)
    }

    /// Gives the descriptor back. No driver watches it any more, and its blocking mode is the one it came with.
    ///
    /// ```
    /// use std::net::TcpListener;
    /// let handle = fibra_driver::Handle::new(TcpListener::bind("127.0.0.1:0")?.into());
    /// let listener = TcpListener::from(handle.into_fd());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_fd(self) -> OwnedFd {
        let mut this = ManuallyDrop::new(self);
        if let Some(registrations) = this.registrations.get() {
            registrations.withdraw(this.fd.as_raw_fd(), false);
            registrations.restore_blocking_mode(this.fd.as_fd());
        }
        // SAFETY: `this` is never dropped nor used again, so each field is moved out exactly once.
        unsafe {
            drop(ptr::read(&raw const this.registrations));
            ManuallyDrop::take(&mut this.fd)
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Before the close: after it the number may be somebody else's, and with a `dup` around, the registration would
        // outlive it and report events for a descriptor that nobody here has.
        if let Some(registrations) = self.registrations.get() {
            registrations.withdraw(self.fd.as_raw_fd(), true);
        }
        // SAFETY: this is the end of `self`; nothing uses the field afterwards.
        unsafe { ManuallyDrop::drop(&mut self.fd) };
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Handle {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.as_raw_fd()).finish()
    }
}

/// How an operation names its descriptor: a [`Handle`], or a foreign descriptor that fibra must leave no trace on.
///
/// A foreign descriptor costs more where readiness is told: its registration is made and removed for each wait.
///
/// ```
/// use fibra_driver::Target;
/// let stdin = Target::foreign(0);
/// assert_eq!(stdin.fd(), 0);
/// ```
// Packed, for it is a part of every operation in flight: an operation's kind fits in where the padding was.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub struct Target {
    fd: RawFd,
    /// Null for a foreign descriptor.
    registrations: *const Lazy,
}

impl Target {
    /// Names a descriptor that fibra does not own.
    ///
    /// ```
    /// let stdin = fibra_driver::Target::foreign(0);
    /// ```
    pub const fn foreign(fd: RawFd) -> Target {
        Target { fd, registrations: ptr::null() }
    }

    /// The descriptor's number.
    ///
    /// ```
    /// assert_eq!(fibra_driver::Target::foreign(2).fd(), 2);
    /// ```
    pub const fn fd(self) -> RawFd {
        self.fd
    }

    pub(crate) fn is_foreign(self) -> bool {
        let registrations = self.registrations;
        registrations.is_null()
    }

    /// The record of the handle's registrations; `None` for a foreign descriptor.
    ///
    /// # Safety
    ///
    /// If it names a handle, that stays alive, and where it is, for `'a`.
    pub(crate) const unsafe fn registrations<'a>(self) -> Option<&'a Lazy> {
        // SAFETY: it is null, or points into a handle, which stays by contract.
        unsafe { self.registrations.as_ref() }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_foreign() { "foreign" } else { "handle" };
        write!(f, "Target({kind} {})", self.fd())
    }
}
