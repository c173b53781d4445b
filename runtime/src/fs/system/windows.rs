//! What Windows knows of an open file, and how it opens one.
//!
//! Files are not opened overlapped: the pool reads and writes them. So a file that leaves is one as std makes them, and its
//! position is the system's.

use crate::fs::open_options::Asked;
use fibra_driver::{Handle, OpenFlags};
use std::{
    io::{self, SeekFrom},
    mem, ptr,
};
use windows_sys::Win32::{
    Foundation::{ERROR_INVALID_PARAMETER, ERROR_SEEK_ON_DEVICE, GENERIC_READ, GENERIC_WRITE, HANDLE},
    Storage::FileSystem::{
        CREATE_ALWAYS, CREATE_NEW, FILE_BEGIN, FILE_CURRENT, FILE_END, FILE_END_OF_FILE_INFO,
        FILE_GENERIC_WRITE, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_TYPE_DISK,
        FILE_WRITE_DATA, FileEndOfFileInfo, GetFileSizeEx, GetFileType, OPEN_ALWAYS, OPEN_EXISTING,
        SetFileInformationByHandle, SetFilePointerEx, TRUNCATE_EXISTING,
    },
};

/// What std's extension trait adds to the options.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    /// Instead of what reading and writing make of it.
    pub(crate) access: Option<u32>,
    pub(crate) share: u32,
    /// Flags, attributes and quality of service.
    pub(crate) attributes: u32,
}

impl Default for Extra {
    fn default() -> Self {
        let share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
        Self { access: None, share, attributes: 0 }
    }
}

/// What `CreateFileW` takes.
pub(super) fn flags(asked: &Asked, extra: &Extra) -> io::Result<(OpenFlags, u32)> {
    if asked.contradicts_itself() {
        return Err(contradiction());
    }
    let access = match extra.access {
        Some(access) => access,
        None => access(asked)?,
    };
    Ok((OpenFlags { access, share: extra.share, disposition: disposition(asked) }, extra.attributes))
}

fn access(asked: &Asked) -> io::Result<u32> {
    const APPEND: u32 = FILE_GENERIC_WRITE & !FILE_WRITE_DATA;
    match (asked.read, asked.write, asked.append) {
        (true, false, false) => Ok(GENERIC_READ),
        (false, true, false) => Ok(GENERIC_WRITE),
        (true, true, false) => Ok(GENERIC_READ | GENERIC_WRITE),
        (false, _, true) => Ok(APPEND),
        (true, _, true) => Ok(GENERIC_READ | APPEND),
        (false, false, false) => Err(contradiction()),
    }
}

fn disposition(asked: &Asked) -> u32 {
    match (asked.create, asked.truncate, asked.create_new) {
        (false, false, false) => OPEN_EXISTING,
        (true, false, false) => OPEN_ALWAYS,
        (false, true, false) => TRUNCATE_EXISTING,
        (true, true, false) => CREATE_ALWAYS,
        (_, _, true) => CREATE_NEW,
    }
}

fn contradiction() -> io::Error {
    io::Error::from_raw_os_error(ERROR_INVALID_PARAMETER as i32)
}

fn raw(file: &Handle) -> HANDLE {
    ptr::without_provenance_mut(file.target().fd())
}

fn check(status: i32) -> io::Result<()> {
    if status == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether there are places in it. A pipe has none.
pub(super) fn is_seekable(file: &Handle) -> bool {
    // SAFETY: the handle is open.
    (unsafe { GetFileType(raw(file)) }) == FILE_TYPE_DISK
}

pub(super) fn not_seekable() -> io::Error {
    io::Error::from_raw_os_error(ERROR_SEEK_ON_DEVICE as i32)
}

pub(super) fn seek(file: &Handle, pos: SeekFrom) -> io::Result<u64> {
    let (method, distance) = match pos {
        SeekFrom::Start(offset) => (FILE_BEGIN, offset as i64),
        SeekFrom::End(offset) => (FILE_END, offset),
        SeekFrom::Current(offset) => (FILE_CURRENT, offset),
    };
    let mut position = 0;
    // SAFETY: the handle is open, and there is room for the position.
    check(unsafe { SetFilePointerEx(raw(file), distance, &raw mut position, method) })?;
    Ok(position as u64)
}

pub(super) fn set_len(file: &Handle, size: u64) -> io::Result<()> {
    let end = i64::try_from(size).map_err(|_| contradiction())?;
    let info = FILE_END_OF_FILE_INFO { EndOfFile: end };
    let size = mem::size_of::<FILE_END_OF_FILE_INFO>() as u32;
    // SAFETY: the handle is open, and the structure is the one that belongs to this request.
    check(unsafe { SetFileInformationByHandle(raw(file), FileEndOfFileInfo, (&raw const info).cast(), size) })
}

pub(super) fn len(file: &Handle) -> io::Result<u64> {
    let mut size = 0;
    // SAFETY: the handle is open, and there is room for the size.
    check(unsafe { GetFileSizeEx(raw(file), &raw mut size) })?;
    Ok(size as u64)
}
