//! The stream under HTTP: plain or encrypted, and watched.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use fibra::hyper::ReadAhead;
use fibra::time::{Sleep, sleep};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use crate::patience::Patience;
use crate::tls::TlsStream;

/// What every HTTP/2 connection begins with, and no request of HTTP/1 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long after the last bytes of a client, which has been told that the connection ends, more of them are waited for.
const LISTENING: Duration = Duration::from_secs(2);

/// What carries the bytes.
pub enum Transport {
    /// A connection as it is.
    Plain(ReadAhead),
    /// TLS over one.
    Tls(Box<TlsStream>),
}

/// A transport that tells its connection's [`Patience`] what it does.
pub struct Stream {
    transport: Transport,
    patience: Arc<Patience>,
    /// Read to tell the protocol, and not by hyper yet.
    unread: Bytes,
    end: End,
}

/// How far the end of the connection has come.
enum End {
    Open,
    /// Nothing more is sent, but the client may still be speaking.
    Listening {
        until: Sleep,
    },
    Over,
}

impl Stream {
    /// Watches `transport`.
    pub fn new(transport: Transport, patience: Arc<Patience>) -> Stream {
        Stream { transport, patience, unread: Bytes::new(), end: End::Open }
    }

    /// Whether the client speaks HTTP/2: looks at the first bytes, until they differ from the preface or are all of it.
    pub async fn begins_with_preface(&mut self) -> io::Result<bool> {
        let (mut bytes, mut len) = ([0; 1024], 0);
        let begins = loop {
            let count = std::future::poll_fn(|cx| self.poll_read_into(cx, &mut bytes[len..])).await?;
            len += count;
            let compared = len.min(PREFACE.len());
            if count == 0 || bytes[..compared] != PREFACE[..compared] {
                break false;
            }
            if compared == PREFACE.len() {
                break true;
            }
        };
        self.unread = Bytes::copy_from_slice(&bytes[..len]);
        Ok(begins)
    }

    fn poll_read_into(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(bytes);
        ready!(Pin::new(&mut *self).poll_read(cx, buffer.unfilled()))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Takes what still comes, until the client closes its side or falls silent. To close a connection with something unread
    /// resets it, and all is lost that the client has not received yet (RFC 9112, section 9.6).
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ignored = [0; 4096];
        loop {
            match self.poll_read_into(cx, &mut ignored) {
                Poll::Ready(Ok(1..)) => self.end = End::Listening { until: sleep(LISTENING) },
                // An error is an end as well.
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        match &mut self.end {
            End::Listening { until } => Pin::new(until).poll(cx),
            End::Open | End::Over => Poll::Ready(()),
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.has_remaining() {
            let count = self.unread.len().min(cursor.remaining());
            cursor.put_slice(&self.unread.split_to(count));
            return Poll::Ready(Ok(()));
        }
        ready!(match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, cursor),
            Transport::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, cursor),
        })?;
        self.patience.received();
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        })?;
        self.patience.written(count);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Transport::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, slices),
        })?;
        self.patience.written(count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.end {
                End::Open => {
                    ready!(match &mut self.transport {
                        Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
                        Transport::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
                    })?;
                    let is_speaking = self.patience.begin_to_close();
                    self.end =
                        if is_speaking { End::Listening { until: sleep(LISTENING) } } else { End::Over };
                }
                End::Listening { .. } => {
                    ready!(self.poll_listen(cx));
                    self.end = End::Over;
                }
                End::Over => return Poll::Ready(Ok(())),
            }
        }
    }
}
