//! An open file.

mod asynchronous;
mod stream;

pub(super) use stream::not_text;

use super::{Metadata, OpenOptions, metadata, system};
use crate::{
    io::{borrowed, owned::HasHandle},
    scheduler::blocking::unblock,
};
use fibra_driver::{Descriptor, Handle, Offset};
use std::{
    fmt,
    fs::{FileTimes, Permissions},
    io,
    path::Path,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

/// An open file; std's, for green threads, futures and OS threads alike.
///
/// [`Read`](io::Read), [`Write`](io::Write) and [`Seek`](io::Seek) use its position, which all clones share, and are
/// implemented for `&File` too. `read_at` and `write_at` leave it alone, so any number of threads can use them at once.
///
/// # Cancellation
///
/// Each read and write is a cancellation point. If the kernel has done it by then, the result is returned all the same. What
/// consists of several of them, like `read_to_end` and `write_all`, may have done some. `seek` and `flush` are none.
///
/// ```
/// use fibra::fs::{self, File};
/// use std::io::{Read, Write};
/// # let directory = std::env::temp_dir().join(format!("fibra-doc-file-{}", std::process::id()));
/// # fs::create_dir_all(&directory)?;
/// # let path = directory.join("greeting");
/// fibra::run(move || {
///     File::create(&path)?.write_all(b"hello")?;
///     let mut greeting = String::new();
///     let mut file = File::open(&path)?;
///     file.read_to_string(&mut greeting)?;
///     assert_eq!(greeting, "hello");
///
///     let mut end = [0; 3];
///     assert_eq!(file.read_at(&mut end, 2)?, 3);
///     assert_eq!(&end, b"llo");
/// #   drop(file);
/// #   fs::remove_dir_all(directory)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a file is closed when it is dropped"]
pub struct File {
    share: Arc<Share>,
}

/// One handle's share of an open file. An operation of a future counts as one more owner of it; handles are cloned for tasks,
/// which run on several workers, and one count for all of them would go to and fro between their CPUs with each operation.
struct Share(Arc<Open>);

/// An open file.
struct Open {
    handle: Handle,
    /// Whether it has places in it, once somebody has asked.
    seekable: OnceLock<bool>,
}

impl Share {
    fn new(open: Arc<Open>) -> Arc<Self> {
        Arc::new(Self(open))
    }

    /// The file itself, if nobody else has it.
    fn into_open(self: Arc<Self>) -> Result<Open, Arc<Self>> {
        Arc::try_unwrap(self).and_then(|share| Arc::try_unwrap(share.0).map_err(Self::new))
    }
}

impl Open {
    /// A place in the file. A pipe has none, and the kernel must not be asked: a ring would take the offset for no offset.
    fn at(&self, offset: u64) -> io::Result<Offset> {
        if *self.seekable.get_or_init(|| system::is_seekable(&self.handle)) {
            return Ok(Offset::at(offset));
        }
        Err(system::not_seekable())
    }
}

impl HasHandle for Share {
    fn handle(&self) -> &Handle {
        &self.0.handle
    }
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open`].
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file for writing, empty; creates it if need be.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open`].
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Creates a file, for reading and writing, where none was.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, and as [`OpenOptions::open`].
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open`].
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// The same as [`OpenOptions::new`].
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Reads from `offset` on, whatever the position. Returns how many bytes; 0 at the end of the file. (On Windows, the
    /// position moves behind them, as with std's `seek_read`.)
    ///
    /// # Errors
    ///
    /// The system's, such as `NotSeekable` for a pipe.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. If the kernel has done it by then, the result is returned all the same.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        borrowed::read(self.as_handle(), buf, self.share.0.at(offset)?)
    }

    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at); `UnexpectedEof` if the file ends before: then, what is in `buf` is not said.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. How much of `buf` was filled by then is not said.
    ///
    /// ```
    /// # use fibra::fs::File;
    /// # use std::io::ErrorKind;
    /// # let path = std::env::temp_dir().join(format!("fibra-doc-read-exact-at-{}", std::process::id()));
    /// fibra::fs::write(&path, "hello")?;
    /// let error = File::open(&path)?.read_exact_at(&mut [0; 8], 0).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    /// # fibra::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            match self.read_at(buf, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buf = &mut buf[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes from `offset` on, whatever the position; beyond the end, what lies between becomes zeros. Returns how many
    /// bytes were taken. (On Linux, a file that was opened for appending ignores the offset. On Windows, the position moves
    /// behind the bytes.)
    ///
    /// # Errors
    ///
    /// The system's, such as `StorageFull`.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. If the kernel has done it by then, the result is returned all the same.
    pub fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        borrowed::write(self.as_handle(), buf, self.share.0.at(offset)?)
    }

    /// Writes all of `buf` from `offset` on.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at); some of the bytes may have been written.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. Some of the bytes may have been written by then.
    ///
    /// ```
    /// # use fibra::fs::File;
    /// # let path = std::env::temp_dir().join(format!("fibra-doc-write-all-at-{}", std::process::id()));
    /// File::create(&path)?.write_all_at(b"hello", 2)?;
    /// assert_eq!(fibra::fs::read(&path)?, b"\0\0hello");
    /// # fibra::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_all_at(&self, mut buf: &[u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            match self.write_at(buf, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    buf = &buf[written..];
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until the file's data and metadata have reached the disk.
    ///
    /// # Errors
    ///
    /// The system's. It may be that of an earlier write.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. Whether the data has reached the disk is not known then.
    pub fn sync_all(&self) -> io::Result<()> {
        borrowed::sync(self.as_handle(), false)
    }

    /// The same, without metadata that isn't needed to read the data back.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](File::sync_all).
    ///
    /// # Cancellation
    ///
    /// As [`sync_all`](File::sync_all).
    pub fn sync_data(&self) -> io::Result<()> {
        borrowed::sync(self.as_handle(), true)
    }

    /// What the system knows about the file.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. If the kernel has done it by then, the result is returned all the same.
    pub fn metadata(&self) -> io::Result<Metadata> {
        metadata::of_file(self.as_handle())
    }

    /// Makes the file so long: cuts it off, or adds zeros. The position stays.
    ///
    /// # Errors
    ///
    /// The system's; `InvalidInput` if it was not opened for writing.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: what has begun is waited for.
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        unblock(|| system::set_len(self.as_handle(), size))
    }

    /// Changes who may do what with the file.
    ///
    /// # Errors
    ///
    /// The system's, such as `PermissionDenied`.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: what has begun is waited for.
    pub fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        unblock(|| self.std_clone()?.set_permissions(perm))
    }

    /// Changes the file's times.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: what has begun is waited for.
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        unblock(|| self.std_clone()?.set_times(times))
    }

    /// Changes when the file is said to have been modified.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: what has begun is waited for.
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time))
    }

    /// Has the workers' rings know the file by a number of their own, so that a read or a write does not look its descriptor up each
    /// time. For files that are used often and stay open for long; see [`FixedBuffers`](crate::io::FixedBuffers) for their buffers.
    ///
    /// When the last handle has closed, a worker that has used the file keeps it open until it looks at its ring the next time, for which
    /// it is woken, but which a task that computes for long holds up. A lock on the file, or the room on the disk of a removed one,
    /// is given up then. Beyond 64 such files at a time in a process, and where there are no rings, this does nothing.
    ///
    /// ```
    /// use fibra::fs::File;
    /// # let path = std::env::temp_dir().join(format!("fibra-doc-fix-{}", std::process::id()));
    /// # std::fs::write(&path, "0123456789")?;
    /// fibra::run(move || {
    ///     let file = File::open(&path)?;
    ///     file.fix();
    ///     let mut buffer = [0; 4];
    ///     assert_eq!(file.read_at(&mut buffer, 6)?, 4);
    ///     assert_eq!(&buffer, b"6789");
    /// #   std::fs::remove_file(path)?;
    ///     Ok::<_, std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn fix(&self) {
        self.share.handle().fix();
    }

    /// A second handle for the same open file, position included. It costs no descriptor.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    pub fn try_clone(&self) -> io::Result<File> {
        Ok(Self { share: Share::new(Arc::clone(&self.share.0)) })
    }

    /// Closes the file and tells what std's drop swallows: on some file systems a failed write is not reported before.
    /// Doesn't hold up the worker, even if the file system lets it wait. While there are clones, nothing is closed.
    ///
    /// # Errors
    ///
    /// The system's. The descriptor is closed in any case.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: a close that has begun can't be taken back.
    ///
    /// ```
    /// fibra::run(|| fibra::fs::File::open("Cargo.toml")?.close())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(self) -> io::Result<()> {
        match self.share.into_open() {
            Ok(open) => crate::cancel::shield(|| borrowed::close(open.handle)),
            Err(_) => Ok(()),
        }
    }

    /// The file as std's type.
    ///
    /// The file must leave its descriptor to nobody else: if there are clones, or an operation of a dropped future
    /// that the kernel hasn't answered yet, the result has a duplicate.
    ///
    /// # Errors
    ///
    /// If a duplicate is needed and can't be had. `From` is the same for those who know that it isn't.
    pub fn into_std(self) -> io::Result<std::fs::File> {
        self.into_fd().map(Into::into)
    }

    /// A file of std's beside this one.
    fn std_clone(&self) -> io::Result<std::fs::File> {
        Ok(self.as_handle().duplicate()?.into())
    }

    pub(crate) fn as_handle(&self) -> &Handle {
        self.share.handle()
    }

    /// For operations that may outlive it.
    pub(crate) fn share(&self) -> Arc<dyn HasHandle> {
        Arc::clone(&self.share) as _
    }

    pub(crate) fn into_fd(self) -> io::Result<Descriptor> {
        match self.share.into_open() {
            Ok(open) => Ok(open.handle.into_fd()),
            Err(share) => share.handle().duplicate(),
        }
    }

    pub(crate) fn from_fd(fd: Descriptor) -> Self {
        let open = Open { handle: Handle::new(fd), seekable: OnceLock::new() };
        Self { share: Share::new(Arc::new(open)) }
    }
}

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> Self {
        Self::from_fd(file.into())
    }
}

impl From<File> for std::fs::File {
    /// As [`File::into_std`].
    ///
    /// # Panics
    ///
    /// If the descriptor is shared, and the process can't have another one.
    fn from(file: File) -> Self {
        file.into_fd().expect("a shared descriptor needs a duplicate when it is given away").into()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("fd", &self.as_handle().target().fd()).finish()
    }
}
