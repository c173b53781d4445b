//! Whole files at once.

use super::{File, file::not_text};
use crate::io::Buffer;
use std::{
    io::{self, Read, Write},
    path::Path,
};

/// What is asked for at least, where nobody knows how much there is.
const GROWTH: usize = 8 * 1024;

/// The bytes of the file at `path`.
///
/// # Errors
///
/// As [`File::open`] and `read`; `OutOfMemory` if it is too large.
///
/// # Cancellation
///
/// A cancellation point. What was read by then is lost.
///
/// ```
/// assert!(!fibra::fs::read("Cargo.toml")?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of the file at `path`.
///
/// # Errors
///
/// As [`read`]; `InvalidData` if it isn't UTF-8.
///
/// # Cancellation
///
/// As [`read`].
///
/// ```
/// assert!(fibra::fs::read_to_string("Cargo.toml")?.starts_with("[package]"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| not_text())
}

/// Makes `contents` the whole of the file at `path`, which is created if need be.
///
/// # Errors
///
/// As [`File::create`] and `write`. The file may then have a part of the contents.
///
/// # Cancellation
///
/// A cancellation point. The file may then have a part of the contents.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-write-{}", std::process::id()));
/// fibra::fs::write(&path, "hello")?;
/// assert_eq!(fibra::fs::read_to_string(&path)?, "hello");
/// # fibra::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
    File::create(path)?.write_all(contents.as_ref())
}

/// As [`read`], for futures.
///
/// # Errors
///
/// As [`read`].
///
/// # Cancellation
///
/// Dropping the future loses what was read.
///
/// ```
/// assert!(!fibra::block_on(fibra::fs::read_async("Cargo.toml"))?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn read_async<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let file = File::open_async(path).await?;
    let len = usize::try_from(file.metadata_async().await?.len()).unwrap_or(usize::MAX);
    let mut whole = Vec::new();
    loop {
        // One more than is left: a read that finds less than it asked for has most likely met the end.
        let ask = match len.saturating_sub(whole.len()) {
            0 => GROWTH,
            left => left.saturating_add(1),
        };
        let mut part = Vec::new();
        part.try_reserve_exact(ask)?;
        part.resize(ask, 0);
        let (read, mut part) = file.read_async(part).await;
        part.truncate(read?);
        if part.is_empty() {
            return Ok(whole);
        }
        if whole.is_empty() {
            whole = part;
        } else {
            whole.try_reserve(part.len())?;
            whole.extend_from_slice(&part);
        }
    }
}

/// As [`read_to_string`], for futures.
///
/// # Errors
///
/// As [`read_to_string`].
///
/// # Cancellation
///
/// As [`read_async`].
///
/// ```
/// let manifest = fibra::block_on(fibra::fs::read_to_string_async("Cargo.toml"))?;
/// assert!(manifest.starts_with("[package]"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn read_to_string_async<P: AsRef<Path>>(path: P) -> io::Result<String> {
    String::from_utf8(read_async(path).await?).map_err(|_| not_text())
}

/// As [`write()`], for futures; gives `contents` back.
///
/// # Errors
///
/// As [`write()`].
///
/// # Cancellation
///
/// Dropping the future loses `contents`; the file may have a part of them.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("fibra-doc-write-async-{}", std::process::id()));
/// let (written, _) = fibra::block_on(fibra::fs::write_async(&path, "hello"));
/// written?;
/// # fibra::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn write_async<P: AsRef<Path>, B: Buffer>(path: P, contents: B) -> (io::Result<()>, B) {
    match File::create_async(path).await {
        Ok(file) => file.write_all_async(contents).await,
        Err(error) => (Err(error), contents),
    }
}
