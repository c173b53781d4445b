//! How a directory is created.

use crate::scheduler::blocking::unblock;
use std::{fs, io, path::Path};

/// How a directory is created; std's builder. On Unix `std::os::unix::fs::DirBuilderExt` is implemented too.
///
/// ```
/// use fibra::fs::DirBuilder;
/// # let path = std::env::temp_dir().join(format!("fibra-doc-dir-builder-{}", std::process::id()));
/// DirBuilder::new().recursive(true).create(path.join("deeper/still"))?;
/// assert!(fibra::fs::metadata(path.join("deeper"))?.is_dir());
/// # fibra::fs::remove_dir_all(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct DirBuilder {
    pub(crate) std: fs::DirBuilder,
}

impl DirBuilder {
    /// One that creates a directory in one that is there.
    #[expect(clippy::new_without_default, reason = "std's has none")]
    pub fn new() -> Self {
        Self { std: fs::DirBuilder::new() }
    }

    /// Whether the directories on the way are created too. Then it is no error if the directory is there already.
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.std.recursive(recursive);
        self
    }

    /// Creates the directory at `path`.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, `NotFound` (the directory for it), `PermissionDenied`, …; of the first two neither with
    /// [`recursive`](Self::recursive), unless what exists is no directory.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: what has begun is waited for.
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let path = path.as_ref();
        unblock(|| self.std.create(path))
    }
}
