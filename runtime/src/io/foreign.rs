//! Streams of others, which speak the traits of one library: here they speak those of all.

use super::polled::Polled;
use crate::wait::wait_for_io;
use std::{
    fmt,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    marker::PhantomData,
};

/// A stream of somebody else's that is polled, made usable by everybody: as [`Read`] and [`Write`] in direct style, and by the
/// traits of hyper, tokio and futures-io, as far as these features are on.
///
/// `Traits` says by which traits the stream itself is polled: `Tokio`, `Futures` or `Hyper`. There is a constructor for each of
/// them, `Foreign::tokio`, `Foreign::futures` and `Foreign::hyper`.
///
/// In direct style it waits as [`wait`](crate::wait) does: a green thread parks, an OS thread is blocked. So code that is
/// written for std's traits runs on top of what was written for futures, TLS or an HTTP upgrade, for example.
///
/// A stream that buffers what is written, as TLS does, sends it when it is flushed at the latest.
///
/// # Errors
///
/// Those of the stream.
///
/// # Panics
///
/// If the stream says that it has read more than there was room for.
///
/// # Cancellation
///
/// Each call that waits is a cancellation point, and fails with an error that wraps [`Cancelled`](crate::cancel::Cancelled). What
/// becomes of a write that was in the middle is up to the stream.
#[cfg_attr(
    feature = "tokio-io",
    doc = r#"
```
use fibra::io::Foreign;
use std::io::{Read, Write};

fibra::run(|| -> std::io::Result<()> {
    // Something that only speaks tokio's traits.
    let (near, far) = tokio::io::duplex(8);
    let (mut near, mut far) = (Foreign::tokio(near), Foreign::tokio(far));
    let reader = fibra::thread::spawn(move || {
        let mut text = String::new();
        near.read_to_string(&mut text).map(|_| text)
    });
    far.write_all(b"more than eight bytes")?;
    drop(far);
    assert_eq!(reader.join().unwrap()?, "more than eight bytes");
    Ok(())
})?;
# Ok::<(), std::io::Error>(())
```
"#
)]
pub struct Foreign<S, Traits> {
    pub(crate) stream: S,
    traits: PhantomData<fn(Traits)>,
}

/// Says of a [`Foreign`] stream that it is polled by tokio's traits; see [`tokio_io`](crate::tokio_io).
#[cfg(feature = "tokio-io")]
#[derive(Debug)]
pub enum Tokio {}

/// Says of a [`Foreign`] stream that it is polled by the traits of futures-io; see [`futures_io`](crate::futures_io).
#[cfg(feature = "futures-io")]
#[derive(Debug)]
pub enum Futures {}

/// Says of a [`Foreign`] stream that it is polled by hyper's traits; see [`hyper`](crate::hyper).
#[cfg(feature = "hyper")]
#[derive(Debug)]
pub enum Hyper {}

impl<S, Traits> Foreign<S, Traits> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, traits: PhantomData }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream itself, to be polled or changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream back. Nothing is buffered here.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, Traits> Foreign<S, Traits>
where
    Self: Polled,
{
    /// Sends what is buffered, and says that no more will come, in direct style: TLS says goodbye, a connection is shut down for
    /// writing.
    ///
    /// # Errors
    ///
    /// The stream's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point.
    pub fn shutdown(&mut self) -> io::Result<()> {
        wait_for_io(|context| self.poll_shutdown(context))
    }
}

impl<S, Traits> Read for Foreign<S, Traits>
where
    Self: Polled,
{
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        wait_for_io(|context| self.poll_recv_bytes(context, buf))
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        wait_for_io(|context| self.poll_recv_vectored(context, bufs))
    }
}

impl<S, Traits> Write for Foreign<S, Traits>
where
    Self: Polled,
{
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        wait_for_io(|context| self.poll_send(context, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        wait_for_io(|context| self.poll_send_vectored(context, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        wait_for_io(|context| self.poll_flush(context))
    }
}

impl<S: fmt::Debug, Traits> fmt::Debug for Foreign<S, Traits> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Foreign").field(&self.stream).finish()
    }
}
