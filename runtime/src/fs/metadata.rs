//! What the system knows about a file.

use crate::io::{
    borrowed,
    owned::{self, HasHandle},
    path::SystemPath,
};
use fibra_driver::{Handle, RawStatx};
use std::{
    fmt,
    fs::Permissions,
    future::Future,
    io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[cfg(not(target_os = "linux"))]
mod bsd;
#[cfg(target_os = "linux")]
mod linux;

/// What a system says of a file, in whatever shape.
pub(crate) trait Status {
    /// What is asked for.
    const MASK: u32;
    /// Asks for the status of the file itself that a descriptor names.
    const OF_DESCRIPTOR: i32;

    fn mode(&self) -> u32;
    fn size(&self) -> u64;
    /// `None`, here and below: the file system doesn't know.
    fn modified(&self) -> Option<Moment>;
    fn accessed(&self) -> Option<Moment>;
    fn created(&self) -> Option<Moment>;
    fn changed(&self) -> Moment;
    fn device(&self) -> u64;
    fn special_device(&self) -> u64;
    fn inode(&self) -> u64;
    fn links(&self) -> u64;
    /// The user and the group.
    fn owner(&self) -> (u32, u32);
    fn block_size(&self) -> u64;
    fn blocks(&self) -> u64;
}

/// So long after the epoch, or before it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moment {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

/// The bits of a mode that say what a file is: the same on each Unix.
pub(crate) mod kind {
    pub(crate) const MASK: u32 = 0o170_000;
    pub(crate) const FIFO: u32 = 0o010_000;
    pub(crate) const CHARACTER_DEVICE: u32 = 0o020_000;
    pub(crate) const DIRECTORY: u32 = 0o040_000;
    pub(crate) const BLOCK_DEVICE: u32 = 0o060_000;
    pub(crate) const REGULAR: u32 = 0o100_000;
    pub(crate) const LINK: u32 = 0o120_000;
    pub(crate) const SOCKET: u32 = 0o140_000;
}

/// What the system knows about a file; std's, and [`std::os::unix::fs::MetadataExt`] is implemented too.
///
/// ```
/// let metadata = fibra::fs::metadata("/")?;
/// assert!(metadata.is_dir() && metadata.modified()? <= std::time::SystemTime::now());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Metadata(pub(crate) RawStatx);

impl Metadata {
    /// What it is.
    pub fn file_type(&self) -> FileType {
        FileType { mode: self.0.mode() & kind::MASK }
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a symbolic link, which only [`symlink_metadata`] can find.
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// Its size in bytes.
    #[expect(clippy::len_without_is_empty, reason = "std's has none")]
    pub fn len(&self) -> u64 {
        self.0.size()
    }

    /// Who may do what with it.
    pub fn permissions(&self) -> Permissions {
        Permissions::from_mode(self.0.mode())
    }

    /// When its content was last changed.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the file system doesn't know.
    pub fn modified(&self) -> io::Result<SystemTime> {
        time(self.0.modified())
    }

    /// When it was last read, as far as the file system keeps account.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the file system doesn't know.
    pub fn accessed(&self) -> io::Result<SystemTime> {
        time(self.0.accessed())
    }

    /// When it was created.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the file system doesn't know.
    pub fn created(&self) -> io::Result<SystemTime> {
        time(self.0.created())
    }
}

fn time(moment: Option<Moment>) -> io::Result<SystemTime> {
    let Some(Moment { seconds, nanoseconds }) = moment else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "the file system does not keep this time"));
    };
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance };
    Ok(whole + Duration::from_nanos(nanoseconds.into()))
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Metadata");
        shown
            .field("file_type", &self.file_type())
            .field("permissions", &self.permissions())
            .field("len", &self.len());
        for (name, time) in
            [("modified", self.modified()), ("accessed", self.accessed()), ("created", self.created())]
        {
            if let Ok(time) = time {
                shown.field(name, &time);
            }
        }
        shown.finish_non_exhaustive()
    }
}

/// What kind of file it is; std's, and [`std::os::unix::fs::FileTypeExt`] is implemented too.
///
/// ```
/// use std::os::unix::fs::FileTypeExt;
/// let null = fibra::fs::metadata("/dev/null")?.file_type();
/// assert!(null.is_char_device() && !null.is_file());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileType {
    /// One of those of [`kind`].
    mode: u32,
}

impl FileType {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.is(kind::DIRECTORY)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.is(kind::REGULAR)
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.is(kind::LINK)
    }

    pub(crate) fn is(&self, mode: u32) -> bool {
        self.mode == mode
    }
}

impl From<std::fs::FileType> for FileType {
    fn from(std: std::fs::FileType) -> Self {
        let kinds = [
            (std.is_file(), kind::REGULAR),
            (std.is_dir(), kind::DIRECTORY),
            (std.is_symlink(), kind::LINK),
            (std.is_socket(), kind::SOCKET),
            (std.is_fifo(), kind::FIFO),
            (std.is_char_device(), kind::CHARACTER_DEVICE),
            (std.is_block_device(), kind::BLOCK_DEVICE),
        ];
        Self { mode: kinds.iter().find(|(is, _)| *is).map_or(0, |(_, mode)| *mode) }
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileType")
            .field("is_file", &self.is_file())
            .field("is_dir", &self.is_dir())
            .field("is_symlink", &self.is_symlink())
            .finish_non_exhaustive()
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
/// assert!(fibra::fs::metadata("/dev/null")?.len() == 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    status(path.as_ref(), 0)
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
/// assert!(fibra::fs::symlink_metadata("/proc/self")?.is_symlink());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    status(path.as_ref(), libc::AT_SYMLINK_NOFOLLOW)
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
    status_async(path.as_ref(), 0)
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
/// assert!(fibra::block_on(fibra::fs::symlink_metadata_async("/proc/self"))?.is_symlink());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn symlink_metadata_async<P: AsRef<Path>>(
    path: P,
) -> impl Future<Output = io::Result<Metadata>> + Send + use<P> {
    status_async(path.as_ref(), libc::AT_SYMLINK_NOFOLLOW)
}

fn status(path: &Path, flags: i32) -> io::Result<Metadata> {
    let path = SystemPath::new(path)?;
    borrowed::status(borrowed::StatusOf::Path(&path), flags, RawStatx::MASK).map(Metadata)
}

fn status_async(path: &Path, flags: i32) -> impl Future<Output = io::Result<Metadata>> + Send + use<> {
    let path = SystemPath::new(path);
    async move {
        let path = owned::StatusOf::Path(path?);
        owned::status(path, flags, RawStatx::MASK).await.map(Metadata)
    }
}

/// The status of an open file.
pub(super) fn of_file(file: &Handle) -> io::Result<Metadata> {
    borrowed::status(borrowed::StatusOf::File(file), RawStatx::OF_DESCRIPTOR, RawStatx::MASK).map(Metadata)
}

/// The same for futures.
pub(super) async fn of_file_async(file: Arc<dyn HasHandle>) -> io::Result<Metadata> {
    owned::status(owned::StatusOf::File(file), RawStatx::OF_DESCRIPTOR, RawStatx::MASK).await.map(Metadata)
}
