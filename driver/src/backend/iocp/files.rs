//! Files by name, and what has nothing to wait for but a disk.

use std::ffi::OsString;
use std::io;
use std::net::Shutdown;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{self, Path};
use std::ptr;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_MODE_INFORMATION, FILE_SYNCHRONOUS_IO_ALERT, FILE_SYNCHRONOUS_IO_NONALERT, FileModeInformation,
    NtQueryInformationFile,
};
use windows_sys::Win32::Foundation::{CloseHandle, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Networking::WinSock::{
    LINGER, SD_BOTH, SD_RECEIVE, SD_SEND, SO_LINGER, SOCKET, SOL_SOCKET, closesocket, getsockopt, shutdown,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, CreateFileW, FILE_FLAG_BACKUP_SEMANTICS, FlushFileBuffers,
    GetFileInformationByHandle,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use super::super::os::{OpenFlags, PathUnit, RawFd, is_socket, number_of};
use crate::handle::Target;
use crate::op::Op;

/// From how many units on a path is too long for the calls that take it as it is: a directory must leave room for a name.
const LONGEST_PLAIN_PATH: usize = 247;

/// Says that longer paths are welcome, and that nothing in it is to be interpreted.
const VERBATIM: &str = r"\\?\";

/// What the names of devices and pipes begin with, which are no paths.
const DEVICE: &str = r"\\.\";

fn check(status: i32) -> io::Result<u32> {
    if status == 0 { Err(io::Error::last_os_error()) } else { Ok(0) }
}

/// Does an operation that the pool does.
///
/// # Safety
///
/// What `op` points to is valid for the call.
pub(super) unsafe fn call(op: &Op) -> io::Result<u32> {
    match *op {
        // SAFETY: by contract.
        Op::Open { path, flags, mode } => unsafe { open(path, flags, mode) }
            .map(|file| number_of(std::os::windows::io::IntoRawHandle::into_raw_handle(file).addr())),
        Op::Close { fd } => close(fd),
        // SAFETY: by contract.
        Op::Statx { fd, path, flags, out, .. } => unsafe { status(fd, path, flags as u32, out) },
        // SAFETY: takes a handle's number. What is none is an error.
        Op::Sync { fd, .. } => check(unsafe { FlushFileBuffers(ptr::without_provenance_mut(fd.fd())) }),
        // SAFETY: by contract.
        Op::Shutdown { fd, how } => unsafe { end(fd, how) },
        _ => unreachable!("not a file's operation: {}", op.name()),
    }
}

/// # Safety
///
/// The path is valid, and ended by zero.
unsafe fn open(path: *const PathUnit, flags: OpenFlags, attributes: u32) -> io::Result<OwnedHandle> {
    // SAFETY: by contract.
    let long = unsafe { verbatim(path) }?;
    let path = long.as_ref().map_or(path, |long| long.as_ptr());
    let OpenFlags { access, share, disposition } = flags;
    // SAFETY: the path is ended by zero. Without attributes for it the handle isn't inherited.
    let handle =
        unsafe { CreateFileW(path, access, share, ptr::null(), disposition, attributes, ptr::null_mut()) };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// The path in the form that may be long, if it has to be.
///
/// # Safety
///
/// The path is valid, and ended by zero.
unsafe fn verbatim(path: *const PathUnit) -> io::Result<Option<Vec<u16>>> {
    // SAFETY: by contract: the units up to the zero can be read.
    let units = unsafe {
        let len = (0..).take_while(|&index| *path.add(index) != 0).count();
        std::slice::from_raw_parts(path, len)
    };
    let path = OsString::from_wide(units);
    let is_plain = |prefix| path.to_string_lossy().starts_with(prefix);
    if units.len() < LONGEST_PLAIN_PATH || is_plain(VERBATIM) || is_plain(DEVICE) {
        return Ok(None);
    }
    let absolute = path::absolute(Path::new(&path))?;
    let text = absolute.as_os_str().to_string_lossy().into_owned();
    let mut long = OsString::from(VERBATIM);
    match text.strip_prefix(r"\\") {
        _ if text.starts_with(VERBATIM) => return Ok(None),
        Some(share) => long.push(format!(r"UNC\{share}")),
        None => long.push(absolute.as_os_str()),
    }
    Ok(Some(long.encode_wide().chain([0]).collect()))
}

/// Closes a socket or a handle.
pub(super) fn close(fd: RawFd) -> io::Result<u32> {
    // SAFETY: takes a number, that the caller owns.
    unsafe {
        if is_socket(fd) {
            check(i32::from(closesocket(fd as SOCKET) == 0))
        } else {
            check(CloseHandle(ptr::without_provenance_mut(fd)))
        }
    }
}

/// # Safety
///
/// The path is valid and ended by zero, or null; `out` is valid for writes.
unsafe fn status(
    fd: Option<RawFd>,
    path: *const PathUnit,
    flags: u32,
    out: *mut BY_HANDLE_FILE_INFORMATION,
) -> io::Result<u32> {
    let opened;
    let handle = if path.is_null() {
        ptr::without_provenance_mut(fd.unwrap_or(0))
    } else {
        let only_look = OpenFlags { access: 0, ..OpenFlags::default() };
        // SAFETY: by contract. The flag lets directories be opened, too.
        opened = unsafe { open(path, only_look, flags | FILE_FLAG_BACKUP_SEMANTICS) }?;
        opened.as_raw_handle()
    };
    // SAFETY: by contract; what is no handle is an error.
    check(unsafe { GetFileInformationByHandle(handle, out) })
}

/// Ends one or both directions. Who waits for bytes hears of it.
///
/// # Safety
///
/// The socket's handle stays alive for the call.
pub(super) unsafe fn end(fd: Target, how: Shutdown) -> io::Result<u32> {
    let direction = match how {
        Shutdown::Read => SD_RECEIVE,
        Shutdown::Write => SD_SEND,
        Shutdown::Both => SD_BOTH,
    };
    // SAFETY: takes numbers.
    let done = check(i32::from(unsafe { shutdown(fd.fd() as SOCKET, direction) } == 0))?;
    // SAFETY: by contract.
    if let (Shutdown::Read | Shutdown::Both, Some(lazy)) = (how, unsafe { fd.registrations() }) {
        lazy.receives.shut();
    }
    Ok(done)
}

/// Whether closing the socket waits until the peer has everything, or for a time.
pub(super) fn lingers(fd: RawFd) -> bool {
    let mut linger = LINGER::default();
    let mut size = size_of::<LINGER>() as i32;
    // SAFETY: the value is valid for its size. What is no socket leaves it as it is.
    unsafe { getsockopt(fd as SOCKET, SOL_SOCKET, SO_LINGER, (&raw mut linger).cast(), &raw mut size) };
    linger.l_onoff != 0 && linger.l_linger != 0
}

/// Whether the system waits in each call that reads or writes, and keeps a position. Of a handle that is overlapped it does neither: a
/// call without an `OVERLAPPED` is an error for files, and for pipes it waits until anything else has ended on the handle.
pub(super) fn is_synchronous(fd: RawFd) -> bool {
    const SYNCHRONOUS: u32 = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT;
    let (mut status, mut mode) = (IO_STATUS_BLOCK::default(), FILE_MODE_INFORMATION::default());
    // SAFETY: both are valid for writes, of the sizes that belong to the question. What is no handle is an error.
    let answer = unsafe {
        let (handle, size) = (ptr::without_provenance_mut(fd), size_of::<FILE_MODE_INFORMATION>() as u32);
        let (status, mode) = (&raw mut status, (&raw mut mode).cast());
        NtQueryInformationFile(handle, status, mode, size, FileModeInformation)
    };
    answer >= 0 && mode.Mode & SYNCHRONOUS != 0
}
