//! Transfers that a caller makes by himself, and that don't wait: for those who lend memory for one call and no longer.
//!
//! An operation keeps its memory until it has ended. Who can't promise that (the traits of hyper, tokio and the like lend a
//! buffer for the length of one poll) tries at once, and has an [`Op::Poll`](crate::Op::Poll) tell when to try again.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

use crate::backend::at_once;
use crate::handle::Handle;

/// Transfers that don't wait: if there is nothing to do yet, the error is of the kind `WouldBlock`.
impl Handle {
    /// Receives what a socket has. Returns how many bytes, from the buffer's beginning on, are initialised now; 0 at the end of
    /// the stream.
    ///
    /// # Errors
    ///
    /// Those of `recv(2)`, which may be interrupted.
    ///
    /// ```
    /// # use fibra_driver::Handle;
    /// # use std::mem::MaybeUninit;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let socket = Handle::new(listener.accept()?.0.into());
    /// let nothing_yet = socket.try_recv(&mut [MaybeUninit::uninit(); 8]).unwrap_err();
    /// assert_eq!(nothing_yet.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn try_recv(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        at_once::recv(self.target(), buffer)
    }

    /// [`try_recv`](Handle::try_recv) into several buffers in turn.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// # use fibra_driver::Handle;
    /// # use std::io::IoSliceMut;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let socket = Handle::new(listener.accept()?.0.into());
    /// let (mut head, mut rest) = ([0; 2], [0; 8]);
    /// let slices = &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut rest)];
    /// assert!(socket.try_recv_vectored(slices).is_err()); // nothing yet
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn try_recv_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        at_once::recv_vectored(self.target(), buffers)
    }

    /// Sends as much as there is room for. Returns how many bytes were taken. A broken pipe is an error, never a signal.
    ///
    /// # Errors
    ///
    /// Those of `send(2)`, which may be interrupted.
    ///
    /// ```
    /// # use fibra_driver::Handle;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let socket = Handle::new(listener.accept()?.0.into());
    /// assert_eq!(socket.try_send(b"hello")?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn try_send(&self, buffer: &[u8]) -> io::Result<usize> {
        at_once::send(self.target(), buffer)
    }

    /// [`try_send`](Handle::try_send) from several buffers in turn.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// # use fibra_driver::Handle;
    /// # use std::io::IoSlice;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let socket = Handle::new(listener.accept()?.0.into());
    /// assert_eq!(socket.try_send_vectored(&[IoSlice::new(b"hel"), IoSlice::new(b"lo")])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn try_send_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        at_once::send_vectored(self.target(), buffers)
    }
}
