//! A connection that is received from ahead of its reader.
//!
//! ```text
//!   read ──► what has come before ──(nothing)──► a system call ──(nothing, or less than there was room for)──► ahead
//!                     ▲                                                                                         │
//!                     └──────────────── an operation that takes memory when the bytes have come ◄───────────────┘
//! ```
//!
//! Who waits for readiness is told, and then has to receive; here the bytes come along. That is a system call less for each
//! message, and nothing waits with memory in hand. It needs a driver that receives in that way by itself; on another one
//! the stream is polled as it is.

use super::{TcpStream, socket::Socket};
use crate::{
    io::{
        OpFuture,
        owned::{Arrival, HasHandle, arrival},
        polled::Polled,
    },
    scheduler::{share, worker::Worker},
};
use fibra_driver::{CANCELED, Capability, Op, Target};
use std::{
    fmt,
    future::Future,
    io::{self, IoSlice},
    mem::{self, MaybeUninit},
    pin::Pin,
    ptr,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A connection for hyper that receives ahead: while hyper waits for the next request, the kernel already has an
/// operation that will receive it, instead of one that tells when there is something to be received.
///
/// It costs a system call less for each request than the [`TcpStream`] alone, which implements hyper's traits as well. The
/// difference: bytes may be here that nobody has read yet, at most 2 KiB. Whoever wants the stream back gets them from
/// [`into_parts`](ReadAhead::into_parts); a read from a [clone](TcpStream::try_clone) of the stream doesn't see them.
///
/// ```
/// use fibra::{hyper::ReadAhead, net::{TcpListener, TcpStream}};
/// use hyper::{Request, Response, server::conn::http1, service::service_fn};
/// use std::{convert::Infallible, io::{Read, Write}};
///
/// fibra::run(|| -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let mut client = TcpStream::connect(listener.local_addr()?)?;
///     let (stream, _) = listener.accept()?;
///     let greet = service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(String::from("hello"))));
///     let server = fibra::future::spawn(http1::Builder::new().serve_connection(ReadAhead::new(stream), greet));
///
///     client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
///     let mut response = String::new();
///     client.read_to_string(&mut response)?;
///     assert!(response.ends_with("hello"));
///     fibra::wait(server).unwrap().map_err(std::io::Error::other)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a stream closes its connection when it is dropped"]
pub struct ReadAhead {
    stream: TcpStream,
    receiving: Option<OpFuture<Arrival<Socket>>>,
    /// What has come, and how much of it was read.
    bytes: Vec<u8>,
    read: usize,
    /// The last receive left nothing behind: the next would find nothing yet.
    emptied: bool,
}

impl ReadAhead {
    /// Takes a connection over.
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = fibra::hyper::ReadAhead::new(TcpStream::connect(listener.local_addr()?)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, receiving: None, bytes: Vec::new(), read: 0, emptied: false }
    }

    /// The connection: its options and addresses. What is received from it directly leaves out what has come ahead.
    ///
    /// ```
    /// # use fibra::{hyper::ReadAhead, net::{TcpListener, TcpStream}};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = ReadAhead::new(TcpStream::connect(listener.local_addr()?)?);
    /// stream.stream().set_nodelay(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Stops receiving ahead, and gives the connection back with what had come and was not read yet. So it goes on where
    /// the last read ended, as after an upgrade to another protocol.
    ///
    /// # Errors
    ///
    /// What the connection failed with meanwhile, such as `ConnectionReset`.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection, and what had come is lost.
    ///
    /// ```
    /// # use fibra::{hyper::ReadAhead, net::{TcpListener, TcpStream}};
    /// fibra::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let stream = ReadAhead::new(TcpStream::connect(listener.local_addr()?)?);
    ///     let (stream, unread) = stream.into_parts().await?;
    ///     assert!(unread.is_empty());
    ///     Ok(())
    /// })
    /// # .map_err(|error: std::io::Error| panic!("{error}")).unwrap();
    /// ```
    pub async fn into_parts(mut self) -> io::Result<(TcpStream, Vec<u8>)> {
        if let Some(mut receiving) = self.receiving.take() {
            receiving.stop();
            let (result, arrival) = receiving.await;
            if let Err(error) = result
                && error.raw_os_error() != Some(CANCELED)
            {
                return Err(error);
            }
            (self.bytes, self.read) = (arrival.into_bytes(), 0);
        }
        self.bytes.drain(..self.read);
        Ok((self.stream, self.bytes))
    }

    /// What has come ahead, as much as there is room for. Memory that was read is no longer kept.
    fn hand_out(&mut self, buffer: &mut [MaybeUninit<u8>]) -> usize {
        let unread = &self.bytes[self.read..];
        let count = unread.len().min(buffer.len());
        buffer.iter_mut().zip(unread).for_each(|(to, from)| _ = to.write(*from));
        self.read += count;
        if self.read == self.bytes.len() {
            (self.bytes, self.read) = (Vec::new(), 0);
        }
        count
    }

    /// Receives without waiting.
    fn try_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        // A peer that always has something ready must not starve the other tasks.
        ready!(share::poll_charge(context));
        let received = self.stream.socket().handle().try_recv(buffer);
        self.emptied = received.as_ref().is_ok_and(|received| (1..buffer.len()).contains(received));
        Poll::Ready(received)
    }
}

// SAFETY: bytes that have come are copied to the buffer's beginning, or else the stream's own `poll_recv` is called, or a
// system call that only writes.
unsafe impl Polled for ReadAhead {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if self.read < self.bytes.len() {
                return Poll::Ready(Ok(self.hand_out(buffer)));
            }
            if let Some(receiving) = &mut self.receiving {
                let (result, arrival) = ready!(Pin::new(receiving).poll(context));
                self.receiving = None;
                let received = result?;
                if received == 0 {
                    return Poll::Ready(Ok(0));
                }
                self.emptied = (received as usize) < Op::MOST_SHARED;
                (self.bytes, self.read) = (arrival.into_bytes(), 0);
            } else if !driver_receives_ahead() {
                return self.stream.poll_recv(context, buffer);
            } else if mem::take(&mut self.emptied) {
                self.receiving = Some(arrival(Arc::clone(self.stream.socket())));
            } else {
                match ready!(self.try_recv(context, buffer)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.emptied = true,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => return Poll::Ready(result),
                }
            }
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_send(context, buffer)
    }

    fn poll_send_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_send_vectored(context, buffers)
    }

    fn is_send_vectored(&self) -> bool {
        self.stream.is_send_vectored()
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(context)
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(context)
    }
}

/// Whether the driver of this thread can receive without having memory first, and has no better way.
fn driver_receives_ahead() -> bool {
    let op = Op::RecvShared { fd: Target::foreign(0), bytes: ptr::null_mut() };
    let capability = Worker::here().map(|worker| worker.with_driver(|driver| driver.capability(&op)));
    capability == Some(Capability::Native)
}

impl fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.bytes.len() - self.read;
        f.debug_struct("ReadAhead").field("stream", &self.stream).field("unread", &unread).finish()
    }
}
