//! What is done with paths: std's functions, on the runtime's pool, while the caller waits.

use crate::scheduler::blocking::unblock;
use std::{
    fs::{self, Permissions},
    io,
    path::{Path, PathBuf},
};

/// Creates a directory.
///
/// # Errors
///
/// `AlreadyExists`, `NotFound` (the directory for it), `PermissionDenied`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-create-dir-{}", std::process::id()));
/// fibra::fs::create_dir(&path)?;
/// fibra::fs::remove_dir(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    unblock(|| fs::create_dir(path))
}

/// Creates a directory, and those on the way to it, as far as they aren't there.
///
/// # Errors
///
/// `PermissionDenied`, `NotADirectory`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// fibra::fs::create_dir_all(std::env::temp_dir())?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    unblock(|| fs::create_dir_all(path))
}

/// Removes a file, or rather its name: whoever has it open keeps it.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`, `IsADirectory`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// let error = fibra::fs::remove_file("/there/is/no/such/file").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    unblock(|| fs::remove_file(path))
}

/// Removes an empty directory.
///
/// # Errors
///
/// `NotFound`, `DirectoryNotEmpty`, `PermissionDenied`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-remove-dir-{}", std::process::id()));
/// fibra::fs::create_dir_all(path.join("something"))?;
/// let error = fibra::fs::remove_dir(&path).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::DirectoryNotEmpty);
/// # fibra::fs::remove_dir_all(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    unblock(|| fs::remove_dir(path))
}

/// Removes a directory with all that is in it. Links are removed, not followed.
///
/// # Errors
///
/// The first that is met; part of the directory may be gone then.
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-remove-all-{}", std::process::id()));
/// fibra::fs::create_dir_all(path.join("deeper/still"))?;
/// fibra::fs::remove_dir_all(&path)?;
/// assert!(!fibra::fs::exists(&path)?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    unblock(|| fs::remove_dir_all(path))
}

/// Gives a file or directory another name, replacing a file that has it.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`, `CrossesDevices`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-rename-{}", std::process::id()));
/// fibra::fs::write(&path, "hello")?;
/// let other = path.with_extension("txt");
/// fibra::fs::rename(&path, &other)?;
/// # fibra::fs::remove_file(&other)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    unblock(|| fs::rename(from, to))
}

/// Copies a file's content and permissions; returns how many bytes. What `to` had is lost.
///
/// # Errors
///
/// As opening, reading and writing.
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-copy-{}", std::process::id()));
/// fibra::fs::write(&path, "hello")?;
/// let other = path.with_extension("txt");
/// fibra::fs::copy(&path, &other)?;
/// assert_eq!(fibra::fs::read(&other)?, b"hello");
/// # fibra::fs::remove_file(&path)?;
/// # fibra::fs::remove_file(&other)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    unblock(|| fs::copy(from, to))
}

/// Gives the file `original` a second name.
///
/// # Errors
///
/// `NotFound`, `AlreadyExists`, `CrossesDevices`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-link-{}", std::process::id()));
/// fibra::fs::write(&path, "hello")?;
/// let other = path.with_extension("txt");
/// fibra::fs::hard_link(&path, &other)?;
/// fibra::fs::remove_file(&path)?;
/// assert_eq!(fibra::fs::read(&other)?, b"hello");
/// # fibra::fs::remove_file(&other)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    unblock(|| fs::hard_link(original, link))
}

/// Where a symbolic link points to.
///
/// # Errors
///
/// `NotFound`; `InvalidInput` if it is no link.
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # #[cfg(target_os = "linux")]
/// assert_eq!(fibra::fs::read_link("/proc/self")?.to_str(), Some(&*std::process::id().to_string()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    unblock(|| fs::read_link(path))
}

/// The absolute path, without links, `.` and `..`.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// let path = fibra::fs::canonicalize("src/../Cargo.toml")?;
/// assert!(path.is_absolute() && !path.iter().any(|part| part == ".."));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    unblock(|| fs::canonicalize(path))
}

/// Whether there is something at `path`, links followed.
///
/// # Errors
///
/// If that can't be found out, as behind a directory that may not be entered.
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// assert!(fibra::fs::exists("/")? && !fibra::fs::exists("/there/is/no/such/file")?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    let path = path.as_ref();
    unblock(|| fs::exists(path))
}

/// Changes who may do what with the file or directory at `path`, links followed.
///
/// # Errors
///
/// `NotFound`, `PermissionDenied`, ….
///
/// # Cancellation
///
/// Not a cancellation point: what has begun is waited for.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-permissions-{}", std::process::id()));
/// fibra::fs::write(&path, "hello")?;
/// let mut permissions = fibra::fs::metadata(&path)?.permissions();
/// # let writable = permissions.clone();
/// permissions.set_readonly(true);
/// fibra::fs::set_permissions(&path, permissions)?;
/// # fibra::fs::set_permissions(&path, writable)?;
/// # fibra::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_permissions<P: AsRef<Path>>(path: P, perm: Permissions) -> io::Result<()> {
    let path = path.as_ref();
    unblock(|| fs::set_permissions(path, perm))
}
