//! How a file is opened.

use super::{File, c_path};
use crate::io::{borrowed, owned};
use std::{ffi::CString, future::Future, io, path::Path};

/// How a file is opened; std's builder. [`std::os::unix::fs::OpenOptionsExt`] is implemented too.
///
/// ```
/// use fibra::fs::OpenOptions;
/// use std::io::Write;
/// # let directory = std::env::temp_dir().join(format!("fibra-doc-options-{}", std::process::id()));
/// # fibra::fs::create_dir_all(&directory)?;
/// # let path = directory.join("log");
/// let mut log = OpenOptions::new().append(true).create(true).open(&path)?;
/// writeln!(log, "started")?;
/// # fibra::fs::remove_dir_all(directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    pub(crate) custom_flags: i32,
    pub(crate) mode: u32,
}

impl OpenOptions {
    /// Nothing is allowed yet.
    #[expect(clippy::new_without_default, reason = "std's has none")]
    pub fn new() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            custom_flags: 0,
            mode: 0o666,
        }
    }

    /// Whether it may be read.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// Whether it may be written. What is there already is overwritten, not cut off.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// Whether each write goes to the end of the file.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Whether what is there is cut off; the file must be opened for writing.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// Whether a file that is not there is created; it must be opened for writing or appending.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Whether the file must be created here; then `create` and `truncate` don't matter.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
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
        let path = c_path(path.as_ref())?;
        Ok(File::from_fd(borrowed::open(&path, self.flags()?, self.mode)?))
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

    fn prepare(&self, path: &Path) -> io::Result<(CString, i32, u32)> {
        Ok((c_path(path)?, self.flags()?, self.mode))
    }

    fn flags(&self) -> io::Result<i32> {
        Ok(self.access()? | self.creation()? | self.custom_flags & !libc::O_ACCMODE)
    }

    fn access(&self) -> io::Result<i32> {
        match (self.read, self.write, self.append) {
            (true, false, false) => Ok(libc::O_RDONLY),
            (false, true, false) => Ok(libc::O_WRONLY),
            (true, true, false) => Ok(libc::O_RDWR),
            (false, _, true) => Ok(libc::O_WRONLY | libc::O_APPEND),
            (true, _, true) => Ok(libc::O_RDWR | libc::O_APPEND),
            (false, false, false) => Err(contradiction()),
        }
    }

    fn creation(&self) -> io::Result<i32> {
        let creates = self.create || self.create_new;
        let may_not = match (self.write, self.append) {
            (true, false) => false,
            (false, false) => self.truncate || creates,
            (_, true) => self.truncate && !self.create_new,
        };
        if may_not {
            return Err(contradiction());
        }
        Ok(match (self.create, self.truncate, self.create_new) {
            (false, false, false) => 0,
            (true, false, false) => libc::O_CREAT,
            (false, true, false) => libc::O_TRUNC,
            (true, true, false) => libc::O_CREAT | libc::O_TRUNC,
            (_, _, true) => libc::O_CREAT | libc::O_EXCL,
        })
    }
}

fn contradiction() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}
