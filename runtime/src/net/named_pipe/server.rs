//! A server's end of a named pipe, as the system makes it.

use crate::io::path::SystemPath;
use fibra_driver::Descriptor;
use std::{
    io,
    os::windows::io::{FromRawHandle, OwnedHandle},
    ptr,
};
use windows_sys::Win32::{
    Foundation::INVALID_HANDLE_VALUE,
    Storage::FileSystem::{FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX},
    System::Pipes::{CreateNamedPipeW, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE, PIPE_UNLIMITED_INSTANCES},
};

/// What a pipe holds in each direction before its writer waits, in bytes. The system takes it for a wish.
const BUFFER: u32 = 64 * 1024;

/// Makes an end that waits for its client. The `first` one makes the name, and fails if it is there: nobody can have put himself in
/// the server's place.
pub(super) fn create(path: &SystemPath, first: bool) -> io::Result<Descriptor> {
    let first = if first { FILE_FLAG_FIRST_PIPE_INSTANCE } else { 0 };
    // SAFETY: the path is ended by zero. Without attributes the handle isn't inherited, and the pipe is for who may do
    // what its maker may.
    let pipe = unsafe {
        let access = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first;
        let mode = PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS;
        let instances = PIPE_UNLIMITED_INSTANCES;
        CreateNamedPipeW(path.as_ptr(), access, mode, instances, BUFFER, BUFFER, 0, ptr::null())
    };
    if pipe == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(pipe) }.into())
}
