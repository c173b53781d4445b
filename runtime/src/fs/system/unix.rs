//! What Unix knows of an open file, and how it opens one.

use crate::fs::open_options::Asked;
use fibra_driver::{Handle, OpenFlags};
use rustix::{fs, io::Errno};
use std::io::{self, SeekFrom};

/// What std's extension trait adds to the options.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) custom_flags: i32,
    pub(crate) mode: u32,
}

impl Default for Extra {
    fn default() -> Self {
        Self { custom_flags: 0, mode: 0o666 }
    }
}

/// The flags and the mode.
pub(super) fn flags(asked: &Asked, extra: &Extra) -> io::Result<(OpenFlags, u32)> {
    let flags = access(asked)? | creation(asked)? | extra.custom_flags & !libc::O_ACCMODE;
    Ok((flags, extra.mode))
}

fn access(asked: &Asked) -> io::Result<i32> {
    match (asked.read, asked.write, asked.append) {
        (true, false, false) => Ok(libc::O_RDONLY),
        (false, true, false) => Ok(libc::O_WRONLY),
        (true, true, false) => Ok(libc::O_RDWR),
        (false, _, true) => Ok(libc::O_WRONLY | libc::O_APPEND),
        (true, _, true) => Ok(libc::O_RDWR | libc::O_APPEND),
        (false, false, false) => Err(contradiction()),
    }
}

fn creation(asked: &Asked) -> io::Result<i32> {
    if asked.contradicts_itself() {
        return Err(contradiction());
    }
    Ok(match (asked.create, asked.truncate, asked.create_new) {
        (false, false, false) => 0,
        (true, false, false) => libc::O_CREAT,
        (false, true, false) => libc::O_TRUNC,
        (true, true, false) => libc::O_CREAT | libc::O_TRUNC,
        (_, _, true) => libc::O_CREAT | libc::O_EXCL,
    })
}

fn contradiction() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

/// Whether there are places in it. A pipe has none.
pub(super) fn is_seekable(file: &Handle) -> bool {
    fs::seek(file, fs::SeekFrom::Current(0)) != Err(Errno::SPIPE)
}

pub(super) fn not_seekable() -> io::Error {
    Errno::SPIPE.into()
}

pub(super) fn seek(file: &Handle, pos: SeekFrom) -> io::Result<u64> {
    let pos = match pos {
        SeekFrom::Start(offset) => fs::SeekFrom::Start(offset),
        SeekFrom::End(offset) => fs::SeekFrom::End(offset),
        SeekFrom::Current(offset) => fs::SeekFrom::Current(offset),
    };
    Ok(fs::seek(file, pos)?)
}

pub(super) fn set_len(file: &Handle, size: u64) -> io::Result<()> {
    Ok(fs::ftruncate(file, size)?)
}

pub(super) fn len(file: &Handle) -> io::Result<u64> {
    u64::try_from(fs::fstat(file)?.st_size).map_err(|_| io::ErrorKind::InvalidData.into())
}
