//! How a file is opened.

use super::{
    File,
    system::{self, Extra},
};
use crate::io::{borrowed, owned, path::SystemPath};
use fibra_driver::OpenFlags;
use std::{future::Future, io, path::Path};

/// How a file is opened; std's builder. `OpenOptionsExt` of the system's part of std is implemented too.
///
/// ```
/// use fibra::fs::OpenOptions;
/// use std::io::Write;
/// # let directory = std::env::temp_dir().join(format!("fibra-doc-options-{}", std::process::id()));
/// # fibra::fs::create_dir_all(&directory)?;
/// # let path = directory.join("log");
/// let mut log = OpenOptions::new().append(true).create(true).open(&path)?;
/// writeln!(log, "started")?;
/// # drop(log);
/// # fibra::fs::remove_dir_all(directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    asked: Asked,
    /// What this system has beyond that.
    pub(crate) extra: Extra,
}

/// What can be asked for anywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
    pub(super) truncate: bool,
    pub(super) create: bool,
    pub(super) create_new: bool,
}

impl Asked {
    /// Whether a file may be made or emptied only by who may not write it.
    pub(super) fn contradicts_itself(&self) -> bool {
        let creates = self.create || self.create_new;
        match (self.write, self.append) {
            (true, false) => false,
            (false, false) => self.truncate || creates,
            (_, true) => self.truncate && !self.create_new,
        }
    }
}

impl OpenOptions {
    /// Nothing is allowed yet.
    #[expect(clippy::new_without_default, reason = "std's has none")]
    pub fn new() -> Self {
        Self { asked: Asked::default(), extra: Extra::default() }
    }

    /// Whether it may be read.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.asked.read = read;
        self
    }

    /// Whether it may be written. What is there already is overwritten, not cut off.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.asked.write = write;
        self
    }

    /// Whether each write goes to the end of the file.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.asked.append = append;
        self
    }

    /// Whether what is there is cut off; the file must be opened for writing.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.asked.truncate = truncate;
        self
    }

    /// Whether a file that is not there is created; it must be opened for writing or appending.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.asked.create = create;
        self
    }

    /// Whether the file must be created here; then `create` and `truncate` don't matter.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.asked.create_new = create_new;
        self
    }

    /// Opens the file at `path`.
    ///
    /// # Errors
    ///
    /// `NotFound`, `PermissionDenied`, `AlreadyExists` (with `create_new`), `IsADirectory`, …; `InvalidInput` if the
    /// options contradict each other or the path has a NUL byte.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. A file that had been opened by then is returned.
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        let (path, flags, mode) = self.prepare(path.as_ref())?;
        Ok(File::from_fd(borrowed::open(&path, flags, mode)?))
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// As [`open`](OpenOptions::open).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes a file that had been opened by then. It may have been created, or emptied.
    ///
    /// ```
    /// use fibra::fs::OpenOptions;
    /// let missing = fibra::wait(OpenOptions::new().read(true).open_async("/there/is/no/such/file"));
    /// assert_eq!(missing.unwrap_err().kind(), std::io::ErrorKind::NotFound);
    /// ```
    pub fn open_async<P: AsRef<Path>>(
        &self,
        path: P,
    ) -> impl Future<Output = io::Result<File>> + Send + use<P> {
        let prepared = self.prepare(path.as_ref());
        async {
            let (path, flags, mode) = prepared?;
            Ok(File::from_fd(owned::open(path, flags, mode).await?))
        }
    }

    fn prepare(&self, path: &Path) -> io::Result<(SystemPath, OpenFlags, u32)> {
        let (flags, mode) = system::flags(&self.asked, &self.extra)?;
        Ok((SystemPath::new(path)?, flags, mode))
    }
}
