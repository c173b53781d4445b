//! TLS between hyper and a connection.
//!
//! rustls does no I/O: it takes what has come and gives what is to be sent. Here it is handed the connection for the length
//! of one poll, in which a read or write that would wait fails with `WouldBlock`; the waker is registered by then.
//!
//! ```text
//!   hyper ── plaintext ──► rustls ── records ──► the connection
//!         ◄──────────────         ◄─────────────
//! ```
//!
//! No plaintext is accepted while records wait to be sent, so a connection holds as much as rustls buffers at once (64 KiB)
//! and no more.

use std::io::{self, BufRead, IoSlice, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use fibra::hyper::ReadAhead;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use rustls::{ServerConfig, ServerConnection};

/// The server's side of a TLS connection.
pub struct TlsStream {
    connection: ReadAhead,
    tls: ServerConnection,
    /// The other side has closed the connection, in TLS or without.
    is_at_end: bool,
    is_closed: bool,
}

impl TlsStream {
    /// Does the handshake.
    ///
    /// # Errors
    ///
    /// The connection failed, or the client doesn't speak TLS, or none that this side accepts.
    pub async fn accept(config: Arc<ServerConfig>, connection: ReadAhead) -> io::Result<TlsStream> {
        let tls = ServerConnection::new(config).map_err(io::Error::other)?;
        let mut stream = TlsStream { connection, tls, is_at_end: false, is_closed: false };
        std::future::poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// Whether the client has chosen HTTP/2.
    pub fn has_agreed_on_http2(&self) -> bool {
        self.tls.alpn_protocol() == Some(b"h2")
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_send(cx))?;
            if !self.tls.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_receive(cx))?;
            if self.is_at_end {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Sends all records that there are.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let sent = self.tls.write_tls(&mut Lent { connection: &mut self.connection, cx });
            if ready!(not_waiting(sent))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Receives records once, and has rustls work on them.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let received = self.tls.read_tls(&mut Lent { connection: &mut self.connection, cx });
        self.is_at_end = ready!(not_waiting(received))? == 0;
        if let Err(error) = self.tls.process_new_packets() {
            // An alert tells the client why. Whether it can be sent makes no difference any more.
            let _ = self.poll_send(cx);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        Poll::Ready(Ok(()))
    }

    /// Hands records to the connection as far as it takes them; the rest goes with the next write or flush.
    fn begin_to_send(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.poll_send(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }
}

impl Read for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut reader = self.tls.reader();
            match reader.fill_buf() {
                // None at the end; what is left of a request that was cut off there is for hyper to judge.
                Ok(plaintext) => {
                    let count = plaintext.len().min(cursor.remaining());
                    cursor.put_slice(&plaintext[..count]);
                    reader.consume(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(self.poll_receive(cx))?;
            // What came may want an answer: a new key does.
            self.begin_to_send(cx)?;
        }
    }
}

impl Write for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        plaintext: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let count = self.tls.writer().write(plaintext)?;
        self.begin_to_send(cx)?;
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let count = self.tls.writer().write_vectored(slices)?;
        self.begin_to_send(cx)?;
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_closed {
            self.tls.send_close_notify();
            self.is_closed = true;
        }
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

/// The connection as rustls wants it, for the length of one poll.
struct Lent<'a, 'b> {
    connection: &'a mut ReadAhead,
    cx: &'a mut Context<'b>,
}

impl io::Read for Lent<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        waiting(Pin::new(&mut *self.connection).poll_read(self.cx, buffer.unfilled()))?;
        Ok(buffer.filled().len())
    }
}

impl io::Write for Lent<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        waiting(Pin::new(&mut *self.connection).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        waiting(Pin::new(&mut *self.connection).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        waiting(Pin::new(&mut *self.connection).poll_flush(self.cx))
    }
}

fn waiting<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn not_waiting<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}
