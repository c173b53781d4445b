//! What is in a directory.

use super::{FileType, Metadata, symlink_metadata};
use crate::{
    scheduler::blocking::{Offloaded, offload, unblock, unblock_async},
    wait::wait_uncancellable,
};
use std::{
    ffi::OsString,
    fmt, io, iter,
    panic::resume_unwind,
    path::{Path, PathBuf},
    vec,
};

/// How many entries are read at a time: enough that going to the pool for them costs little beside reading them.
const BATCH: usize = 256;

/// The entries of the directory at `path`, in no particular order, without `.` and `..`; read in batches off the workers.
///
/// # Errors
///
/// `NotFound`, `NotADirectory`, `PermissionDenied`, …; later ones come as entries.
///
/// # Cancellation
///
/// Not a cancellation point, neither this nor the entries: what has begun is waited for.
///
/// ```
/// fibra::run(|| -> std::io::Result<()> {
///     for entry in fibra::fs::read_dir("/")? {
///         println!("{}", entry?.path().display());
///     }
///     Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let path = path.as_ref();
    unblock(|| Batch::first(path)).map(ReadDir::new)
}

/// As [`read_dir`], for futures; goes on with [`ReadDir::next_async`].
///
/// # Errors
///
/// As [`read_dir`].
///
/// # Cancellation
///
/// Dropping the future changes nothing.
///
/// ```
/// fibra::block_on(async {
///     let mut entries = fibra::fs::read_dir_async("/").await?;
///     while let Some(entry) = entries.next_async().await {
///         println!("{}", entry?.path().display());
///     }
///     Ok::<_, std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn read_dir_async<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    unblock_async(move || Batch::first(&path)).await.map(ReadDir::new)
}

/// See [`read_dir`].
#[must_use = "iterators do nothing unless they are used"]
pub struct ReadDir {
    entries: vec::IntoIter<io::Result<DirEntry>>,
    /// Where more come from; `None` after the last, and while more are read.
    rest: Option<std::fs::ReadDir>,
    /// What a future has begun to read. It stays here when that is dropped, for the next one.
    reading: Option<Offloaded<Batch>>,
}

/// Some entries, and where more come from.
struct Batch {
    entries: Vec<io::Result<DirEntry>>,
    rest: Option<std::fs::ReadDir>,
}

impl Batch {
    fn first(path: &Path) -> io::Result<Batch> {
        std::fs::read_dir(path).map(Batch::next)
    }

    fn next(mut directory: std::fs::ReadDir) -> Batch {
        let entries: Vec<_> = directory.by_ref().take(BATCH).map(|entry| entry.map(DirEntry::new)).collect();
        let rest = (entries.len() == BATCH).then_some(directory);
        Batch { entries, rest }
    }
}

impl ReadDir {
    fn new(batch: Batch) -> Self {
        Self { entries: batch.entries.into_iter(), rest: batch.rest, reading: None }
    }

    /// The next entry, for futures.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no entry: the next call, of this or of `next`, goes on with what it had begun to read.
    pub async fn next_async(&mut self) -> Option<io::Result<DirEntry>> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(entry);
            }
            if let Some(rest) = self.rest.take() {
                self.reading = Some(offload(move || Batch::next(rest)));
            }
            let batch = self.reading.as_mut()?.await;
            self.reading = None;
            *self = Self::new(batch.unwrap_or_else(|panic| resume_unwind(panic)));
        }
    }
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(entry);
            }
            let batch = if let Some(reading) = self.reading.take() {
                wait_uncancellable(reading).unwrap_or_else(|panic| resume_unwind(panic))
            } else {
                let rest = self.rest.take()?;
                unblock(|| Batch::next(rest))
            };
            *self = Self::new(batch);
        }
    }
}

impl iter::FusedIterator for ReadDir {}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").field("rest", &self.rest).finish_non_exhaustive()
    }
}

/// An entry of a directory; std's, and [`std::os::unix::fs::DirEntryExt`] is implemented too.
///
/// ```
/// for entry in fibra::fs::read_dir("/")? {
///     let entry = entry?;
///     assert_eq!(entry.path().file_name(), Some(&*entry.file_name()));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct DirEntry {
    entry: std::fs::DirEntry,
    /// `None` if it could not be found out; it is tried again for whoever asks.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// On a thread that may block: some file systems don't tell what an entry is unless asked.
    fn new(entry: std::fs::DirEntry) -> Self {
        let file_type = entry.file_type().ok().map(FileType::from);
        Self { entry, file_type }
    }

    /// The directory's path, as it was given, and the entry's name.
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The entry's name.
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// What the system knows about it; links are not followed.
    ///
    /// # Errors
    ///
    /// As [`symlink_metadata`].
    ///
    /// # Cancellation
    ///
    /// A cancellation point, as [`symlink_metadata`].
    pub fn metadata(&self) -> io::Result<Metadata> {
        symlink_metadata(self.path())
    }

    /// What it is; links are not followed. Mostly known already.
    ///
    /// # Errors
    ///
    /// As [`symlink_metadata`].
    ///
    /// # Cancellation
    ///
    /// A cancellation point, as [`symlink_metadata`], if it has to be found out.
    pub fn file_type(&self) -> io::Result<FileType> {
        match self.file_type {
            Some(file_type) => Ok(file_type),
            None => Ok(self.metadata()?.file_type()),
        }
    }

    #[allow(dead_code, reason = "for the extension traits of Unix")]
    pub(crate) fn as_std(&self) -> &std::fs::DirEntry {
        &self.entry
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}
