//! A connection through a named pipe.

use crate::{
    io::{Buffer, BufferMut, borrowed, owned, path::SystemPath, pipe::Pipe, sleep_until},
    scheduler::clock,
    time,
};
use fibra_driver::{Descriptor, Handle, OpenFlags};
use std::{
    fmt,
    future::Future,
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};
use windows_sys::Win32::{
    Foundation::{ERROR_PIPE_BUSY, GENERIC_READ, GENERIC_WRITE},
    Storage::FileSystem::{
        FILE_FLAG_OVERLAPPED, OPEN_EXISTING, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT,
    },
};

/// How long a client waits before it tries again to find an end that is free: first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// A connection through a named pipe, for green threads, futures and OS threads alike.
///
/// It is read and written through a shared reference too, so two green threads may use both directions at once. Dropping the last
/// clone closes it: the other side reads what is there, and then the end.
///
/// # Cancellation
///
/// Each read and write that waits is a cancellation point. What the system has done by then is returned all the same. What consists
/// of several calls, like `read_exact` and `write_all`, may have moved some bytes, and doesn't say how many.
///
/// A future that is dropped stops its operation: what was read into its buffer is lost, and a write may have written some bytes.
///
/// An example is at [`PipeListener`](super::PipeListener).
#[must_use = "a stream closes its pipe when it is dropped"]
pub struct PipeStream {
    pipe: Pipe,
}

impl PipeStream {
    /// Opens the client's end of the pipe of this name. While all of the server's ends are taken it waits. The server may ask who the
    /// client is, but can't act in its name.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such pipe, `PermissionDenied`, …
    ///
    /// # Cancellation
    ///
    /// A cancellation point. A connection that was made by then is returned.
    pub fn connect<P: AsRef<Path>>(name: P) -> io::Result<PipeStream> {
        let path = SystemPath::new(name.as_ref())?;
        let mut pauses = pauses();
        loop {
            match borrowed::open(&path, FLAGS, ATTRIBUTES) {
                Err(error) if is_busy(&error) => {
                    let now = clock::now();
                    sleep_until(now, now + pauses())?;
                }
                opened => return opened.map(Self::from_fd),
            }
        }
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// As [`connect`](PipeStream::connect).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes a connection that had been made by then.
    pub fn connect_async<P: AsRef<Path>>(
        name: P,
    ) -> impl Future<Output = io::Result<PipeStream>> + Send + use<P> {
        let path = SystemPath::new(name.as_ref());
        async {
            let (path, mut pauses) = (path?, pauses());
            loop {
                match owned::open(path.clone(), FLAGS, ATTRIBUTES).await {
                    Err(error) if is_busy(&error) => time::sleep(pauses()).await,
                    opened => return opened.map(Self::from_fd),
                }
            }
        }
    }

    /// Reads some bytes into the buffer's beginning; 0 once the other side has closed.
    ///
    /// Reads as many bytes as the buffer is long at most, whatever its capacity: with `Vec::with_capacity(4096)` it reads nothing
    /// and returns 0, as at the end. Give it `vec![0; 4096]`; see [`BufferMut`].
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and what has been read into it.
    pub fn read_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        self.pipe.read_async(buffer)
    }

    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// The system's; `UnexpectedEof` if the other side closes before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and what has been read into it.
    pub fn read_exact_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        self.pipe.read_exact_async(buffer)
    }

    /// Writes some bytes from the buffer's beginning; returns how many.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` once the other side has closed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; some of its bytes may have been written.
    pub fn write_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        self.pipe.write_async(buffer)
    }

    /// Writes the whole buffer.
    ///
    /// # Errors
    ///
    /// As [`write_async`](PipeStream::write_async).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; some of its bytes may have been written.
    pub fn write_all_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        self.pipe.write_all_async(buffer)
    }

    /// A second handle for the same connection. It costs no handle of the system's.
    ///
    /// # Errors
    ///
    /// None; the signature is that of sockets.
    pub fn try_clone(&self) -> io::Result<PipeStream> {
        Ok(Self { pipe: self.pipe.clone() })
    }

    pub(super) fn of(pipe: Pipe) -> Self {
        Self { pipe }
    }

    pub(crate) fn from_fd(fd: Descriptor) -> Self {
        Self { pipe: Pipe::new(fd) }
    }

    pub(crate) fn as_handle(&self) -> &Handle {
        self.pipe.as_handle()
    }

    pub(crate) fn into_fd(self) -> io::Result<Descriptor> {
        self.pipe.into_fd()
    }
}

const FLAGS: OpenFlags =
    OpenFlags { access: GENERIC_READ | GENERIC_WRITE, share: 0, disposition: OPEN_EXISTING };

const ATTRIBUTES: u32 = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION;

fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_PIPE_BUSY as i32)
}

/// Pauses that grow: nothing tells a client that an end is free but trying.
fn pauses() -> impl FnMut() -> Duration + Send {
    let mut next = FIRST_PAUSE;
    move || {
        let pause = next;
        next = (next * 2).min(LONGEST_PAUSE);
        pause
    }
}

impl Read for &PipeStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.pipe.read(buf)
    }
}

impl Write for &PipeStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.pipe.write(buf)
    }

    /// Does nothing: nothing is buffered here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for PipeStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for PipeStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    /// Does nothing: nothing is buffered here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for PipeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeStream").field("handle", &self.as_handle().target().fd()).finish()
    }
}
