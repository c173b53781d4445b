//! Named pipes of Windows: streams between programs of one machine. Elsewhere there is no such module.
//!
//! ```text
//!   PipeListener::bind(name) ─► the end that waits ─ accept ─► PipeStream ◄─ connect(name) ─ the client
//!                                     ▲                │
//!                                     └── a new one ◄──┘
//! ```
//!
//! A server has one end for each client. The one that waits is always there, from [`bind`](PipeListener::bind) on, and is replaced
//! before [`accept`](PipeListener::accept) returns: a client that comes finds the name taken for that moment, and tries again,
//! but never finds nobody.
//!
//! Bytes are bytes: messages of pipes are not kept apart. Clients of other machines are refused.

mod server;
mod stream;

pub use stream::PipeStream;

use crate::{
    io::{path::SystemPath, pipe::Pipe},
    sync::{Mutex, MutexGuard},
    wait::wait_for_io,
};
use std::{
    fmt,
    future::Future,
    io, mem,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, LockResult, PoisonError},
};

/// A named pipe that takes clients.
///
/// Any number of threads and futures may accept at once; they take turns. Dropping the last clone ends it, and leaves the name to
/// others once the streams are gone, too.
///
/// ```
/// # #[cfg(windows)] // Named pipes are Windows'.
/// # fn main() -> std::io::Result<()> {
/// use fibra::{net::named_pipe::{PipeListener, PipeStream}, thread};
/// use std::io::{Read, Write};
/// fibra::run(|| -> std::io::Result<()> {
///     let name = format!(r"\\.\pipe\fibra-doc-{}", std::process::id());
///     let listener = PipeListener::bind(&name)?;
///     thread::spawn(move || listener.accept()?.write_all(b"hello"));
///     let mut greeting = String::new();
///     PipeStream::connect(&name)?.read_to_string(&mut greeting)?;
///     assert_eq!(greeting, "hello");
///     Ok(())
/// })
/// # }
/// # #[cfg(not(windows))]
/// # fn main() {}
/// ```
#[must_use = "a listener closes its pipe when it is dropped"]
pub struct PipeListener {
    inner: Arc<Inner>,
}

struct Inner {
    name: PathBuf,
    path: SystemPath,
    /// The end that waits. Who waits for its client holds the lock, so that there is one, and everybody waits for it.
    next: Mutex<Pipe>,
}

impl PipeListener {
    /// Makes a pipe of this name, such as `\\.\pipe\name`.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if there is a pipe of this name; `InvalidInput` or `NotFound` if it is no name for a pipe.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point.
    pub fn bind<P: AsRef<Path>>(name: P) -> io::Result<PipeListener> {
        let path = SystemPath::new(name.as_ref())?;
        let first = Pipe::new(server::create(&path, true)?);
        let inner = Inner { name: name.as_ref().to_owned(), path, next: Mutex::new(first) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes the next client.
    ///
    /// # Errors
    ///
    /// The system's, as when it has no memory for a further end; the client is there for the next call then.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. No client is lost by it.
    pub fn accept(&self) -> io::Result<PipeStream> {
        let mut turn = pin!(self.inner.next.lock_async());
        let next = wait_for_io(|context| turn.as_mut().poll(context).map(unpoisoned).map(Ok))?;
        next.accept()?;
        self.inner.replace(next)
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// As [`accept`](PipeListener::accept).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no client.
    ///
    /// ```
    /// # #[cfg(windows)] // Named pipes are Windows'.
    /// # fn main() -> std::io::Result<()> {
    /// use fibra::net::named_pipe::{PipeListener, PipeStream};
    /// fibra::block_on(async {
    ///     let name = format!(r"\\.\pipe\fibra-doc-async-{}", std::process::id());
    ///     let listener = PipeListener::bind(&name)?;
    ///     let client = PipeStream::connect_async(&name).await?;
    ///     let server = listener.accept_async().await?;
    ///     client.write_all_async("ping").await.0?;
    ///     let (read, message) = server.read_exact_async(vec![0; 4]).await;
    ///     read?;
    ///     assert_eq!(message, b"ping");
    ///     Ok(())
    /// })
    /// # }
    /// # #[cfg(not(windows))]
    /// # fn main() {}
    /// ```
    pub fn accept_async(&self) -> impl Future<Output = io::Result<PipeStream>> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        async move {
            let next = unpoisoned(inner.next.lock_async().await);
            next.accept_async().await?;
            inner.replace(next)
        }
    }

    /// The name that it was made with.
    pub fn name(&self) -> &Path {
        &self.inner.name
    }

    /// A second handle for the same listener.
    ///
    /// # Errors
    ///
    /// None; the signature is that of sockets.
    pub fn try_clone(&self) -> io::Result<PipeListener> {
        Ok(Self { inner: Arc::clone(&self.inner) })
    }
}

impl Inner {
    /// Has a new end wait in the place of the one that has its client.
    fn replace(&self, mut next: MutexGuard<'_, Pipe>) -> io::Result<PipeStream> {
        let successor = Pipe::new(server::create(&self.path, false)?);
        Ok(PipeStream::of(mem::replace(&mut *next, successor)))
    }
}

/// The end is replaced at once or not at all: a panic leaves nothing half done.
fn unpoisoned<T>(lock: LockResult<T>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for PipeListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeListener").field("name", &self.name()).finish()
    }
}
