//! What Windows knows about a file: std's own type, asked for on the pool.

use crate::{
    io::owned::HasHandle,
    scheduler::blocking::{unblock, unblock_async},
};
use fibra_driver::Handle;
use std::{fmt, fs::Permissions, future::Future, io, path::Path, sync::Arc, time::SystemTime};

/// What the system knows about a file; std's. It can be made into that, for what
/// `std::os::windows::fs::MetadataExt` tells.
///
/// ```
/// let metadata = fibra::fs::metadata("/")?;
/// assert!(metadata.is_dir() && metadata.modified()? <= std::time::SystemTime::now());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Metadata(pub(crate) std::fs::Metadata);

impl Metadata {
    /// What it is.
    pub fn file_type(&self) -> FileType {
        FileType(self.0.file_type())
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.0.is_dir()
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.0.is_file()
    }

    /// Whether it is a symbolic link, which only [`symlink_metadata`] can find.
    pub fn is_symlink(&self) -> bool {
        self.0.is_symlink()
    }

    /// Its size in bytes.
    #[expect(clippy::len_without_is_empty, reason = "std's has none")]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Who may do what with it.
    pub fn permissions(&self) -> Permissions {
        self.0.permissions()
    }

    /// When its content was last changed.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the file system doesn't know.
    pub fn modified(&self) -> io::Result<SystemTime> {
        self.0.modified()
    }

    /// When it was last read, as far as the file system keeps account.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the file system doesn't know.
    pub fn accessed(&self) -> io::Result<SystemTime> {
        self.0.accessed()
    }

    /// When it was created.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the file system doesn't know.
    pub fn created(&self) -> io::Result<SystemTime> {
        self.0.created()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of file it is; std's.
///
/// ```
/// assert!(fibra::fs::metadata("/")?.file_type().is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileType(std::fs::FileType);

impl FileType {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.0.is_dir()
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.0.is_file()
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.0.is_symlink()
    }
}

impl From<std::fs::FileType> for FileType {
    fn from(std: std::fs::FileType) -> Self {
        Self(std)
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the system knows about the file at `path`, links followed.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied` (for a directory on the way), ….
///
/// # Cancellation
///
/// A cancellation point. If the kernel has done it by then, the result is returned all the same.
///
/// ```
/// assert!(fibra::fs::metadata("/")?.is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    status(path.as_ref(), std::fs::metadata)
}

/// The same, without following a link at the end of `path`.
///
/// # Errors
///
/// As [`metadata`].
///
/// # Cancellation
///
/// As [`metadata`].
///
/// ```
/// assert!(fibra::fs::symlink_metadata("/")?.is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    status(path.as_ref(), std::fs::symlink_metadata)
}

/// As [`metadata`], for futures.
///
/// # Errors
///
/// As [`metadata`].
///
/// # Cancellation
///
/// Dropping the future changes nothing.
///
/// ```
/// assert!(fibra::block_on(fibra::fs::metadata_async("/"))?.is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn metadata_async<P: AsRef<Path>>(path: P) -> impl Future<Output = io::Result<Metadata>> + Send + use<P> {
    status_async(path.as_ref(), std::fs::metadata)
}

/// As [`symlink_metadata`], for futures.
///
/// # Errors
///
/// As [`metadata`].
///
/// # Cancellation
///
/// Dropping the future changes nothing.
///
/// ```
/// assert!(fibra::block_on(fibra::fs::symlink_metadata_async("/"))?.is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn symlink_metadata_async<P: AsRef<Path>>(
    path: P,
) -> impl Future<Output = io::Result<Metadata>> + Send + use<P> {
    status_async(path.as_ref(), std::fs::symlink_metadata)
}

type Ask = fn(Box<Path>) -> io::Result<std::fs::Metadata>;

fn status(path: &Path, ask: Ask) -> io::Result<Metadata> {
    let path = path.into();
    unblock(move || ask(path)).map(Metadata)
}

fn status_async(path: &Path, ask: Ask) -> impl Future<Output = io::Result<Metadata>> + Send + use<> {
    let path = path.into();
    async move { unblock_async(move || ask(path)).await.map(Metadata) }
}

/// The status of an open file.
pub(super) fn of_file(file: &Handle) -> io::Result<Metadata> {
    unblock(|| std::fs::File::from(file.duplicate()?).metadata()).map(Metadata)
}

/// The same for futures.
pub(super) async fn of_file_async(file: Arc<dyn HasHandle>) -> io::Result<Metadata> {
    let ask = move || std::fs::File::from(file.handle().duplicate()?).metadata();
    unblock_async(ask).await.map(Metadata)
}
