//! A child's standard streams, where they are pipes.

use super::Stdio;
use crate::io::{Buffer, BufferMut, pipe::Pipe};
use fibra_driver::{Descriptor, Handle};
use std::{
    fs::File,
    future::Future,
    io::{self, Read, Write},
};

/// Where a child reads from: written here. Dropping it closes it, and the child reads the end.
///
/// Like a stream it is used through a shared reference too. Each write that waits is a cancellation point.
///
/// ```
/// # #[cfg(unix)]
/// # fn main() -> std::io::Result<()> {
/// use fibra::process::{Command, Stdio};
/// use std::io::{Read, Write};
/// fibra::run(|| {
///     let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
///     child.stdin.take().unwrap().write_all(b"hello")?;
///     let mut echo = String::new();
///     child.stdout.take().unwrap().read_to_string(&mut echo)?;
///     assert_eq!(echo, "hello");
///     child.wait().map(drop)
/// })
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct ChildStdin {
    pipe: Pipe,
}

/// Where a child writes to: read here.
///
/// Like a stream it is used through a shared reference too. Each read that waits is a cancellation point.
///
/// An example is at [`ChildStdin`].
#[derive(Debug)]
pub struct ChildStdout {
    pipe: Pipe,
}

/// Where a child writes its errors to: read here, as a [`ChildStdout`] is.
///
/// ```
/// # #[cfg(unix)]
/// # fn main() -> std::io::Result<()> {
/// use fibra::process::{Command, Stdio};
/// use std::io::Read;
/// fibra::run(|| {
///     let mut child = Command::new("ls").arg("/no/such/folder").stderr(Stdio::piped()).spawn()?;
///     let mut why = String::new();
///     child.stderr.take().unwrap().read_to_string(&mut why)?;
///     assert!(!child.wait()?.success() && !why.is_empty());
///     Ok(())
/// })
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct ChildStderr {
    pipe: Pipe,
}

impl ChildStdin {
    /// Writes some bytes from the buffer's beginning; returns how many.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` once nobody can read them.
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
    /// As [`write_async`](ChildStdin::write_async).
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
}

impl Write for &ChildStdin {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.pipe.write(buf)
    }

    /// Does nothing: nothing is buffered here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for ChildStdin {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.pipe.write(buf)
    }

    /// Does nothing: nothing is buffered here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What both have that are read.
macro_rules! read_here {
    ($($type:ident),+) => {$(
        impl $type {
            /// Reads some bytes into the buffer's beginning; 0 once nobody can write any more: the child, and those who
            /// have the pipe from it.
            ///
            /// Reads as many bytes as the buffer is long at most, whatever its capacity; see [`BufferMut`].
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
            /// The system's; `UnexpectedEof` if the end comes before.
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

            /// Reads all that comes until the end.
            ///
            /// # Errors
            ///
            /// The system's. What had been read by then is lost.
            ///
            /// # Cancellation
            ///
            /// Dropping the future loses what has been read.
            pub fn read_to_end_async(&self) -> impl Future<Output = io::Result<Vec<u8>>> + Send + use<> {
                let pipe = self.pipe.clone();
                async move { read_to_end(&pipe).await }
            }
        }

        impl Read for &$type {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.pipe.read(buf)
            }
        }

        impl Read for $type {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.pipe.read(buf)
            }
        }
    )+};
}

read_here!(ChildStdout, ChildStderr);

/// What a pipe of Linux holds, unless somebody has asked for more.
const CHUNK: usize = 64 * 1024;

async fn read_to_end(pipe: &Pipe) -> io::Result<Vec<u8>> {
    let (mut all, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        let result;
        (result, chunk) = pipe.read_async(chunk).await;
        match result? {
            0 => return Ok(all),
            read => all.extend_from_slice(&chunk[..read]),
        }
    }
}

/// What the conversions from and to std's need, which are in `os`, and those into what another child's stream is to be.
macro_rules! conversions {
    ($($type:ident),+) => {$(
        impl $type {
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

        impl From<$type> for Stdio {
            /// # Panics
            ///
            /// If the descriptor is shared, with an operation of a dropped future, and the process can't have another one.
            fn from(pipe: $type) -> Stdio {
                let fd = pipe.into_fd().expect("a shared descriptor needs a duplicate when it is given away");
                File::from(fd).into()
            }
        }
    )+};
}

conversions!(ChildStdin, ChildStdout, ChildStderr);
