//! What the paths of Windows lead to.

use std::{fs, os::windows::fs::symlink_file, path::Path};

/// A file that nobody else writes to, which would change its times.
pub const QUIET: &str = r"C:\windows\system32\kernel32.dll";

/// Makes `path` a symbolic link to a file. Whether there are such here: not everybody may make them, and Wine says that it
/// has made one, but makes none.
pub fn link(target: impl AsRef<Path>, path: impl AsRef<Path>) -> bool {
    symlink_file(target, &path).is_ok() && fs::symlink_metadata(path).is_ok_and(|made| made.is_symlink())
}
