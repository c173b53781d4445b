//! Readiness of sockets: what `WSAPoll` asks the system's socket driver (AFD), asked without waiting.
//!
//! The socket itself needs no port for that, and is left alone: the question goes to a handle of our own.

use std::ffi::c_void;
use std::io;
use std::mem;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{FILE_OPEN, NtCreateFile};
use windows_sys::Wdk::System::IO::NtDeviceIoControlFile;
use windows_sys::Win32::Foundation::{
    HANDLE, NTSTATUS, RtlNtStatusToDosError, STATUS_PENDING, UNICODE_STRING,
};
use windows_sys::Win32::Networking::WinSock::{
    POLLERR, POLLHUP, SIO_BASE_HANDLE, SOCKET, WSAENOTSOCK, WSAIoctl,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_SHARE_READ, FILE_SHARE_WRITE, SYNCHRONIZE};
use windows_sys::Win32::System::IO::{IO_STATUS_BLOCK, OVERLAPPED};

use super::super::os::RawFd;
use crate::op::Interest;

/// The request's number, and the events. No header of the system's names them; every event loop on Windows relies on them.
const IOCTL_AFD_POLL: u32 = 0x0001_2024;
const RECEIVE: u32 = 1;
const RECEIVE_EXPEDITED: u32 = 1 << 1;
const SEND: u32 = 1 << 2;
const DISCONNECT: u32 = 1 << 3;
const ABORT: u32 = 1 << 4;
const LOCAL_CLOSE: u32 = 1 << 5;
const ACCEPT: u32 = 1 << 7;
const CONNECT_FAIL: u32 = 1 << 8;

/// What is asked, and answered.
#[repr(C)]
pub(super) struct PollInfo {
    timeout: i64,
    count: u32,
    exclusive: u32,
    socket: SOCKET,
    events: u32,
    status: NTSTATUS,
}

impl PollInfo {
    pub(super) fn new(fd: RawFd, interest: Interest) -> Box<PollInfo> {
        let mut events = ABORT | LOCAL_CLOSE | CONNECT_FAIL;
        if interest.contains(Interest::READABLE) {
            events |= RECEIVE | DISCONNECT | ACCEPT;
        }
        if interest.contains(Interest::WRITABLE) {
            events |= SEND;
        }
        if interest.contains(Interest::PRIORITY) {
            events |= RECEIVE_EXPEDITED;
        }
        let socket = base_socket(fd as SOCKET);
        Box::new(PollInfo { timeout: i64::MAX, count: 1, exclusive: 0, socket, events, status: 0 })
    }

    /// What the socket is ready for, by the bits of poll(2).
    pub(super) fn answer(&self) -> io::Result<u32> {
        let events = self.events;
        if events & LOCAL_CLOSE != 0 {
            return Err(io::Error::from_raw_os_error(WSAENOTSOCK));
        }
        let bit = |of: u32, bits: u32| if events & of != 0 { bits } else { 0 };
        let (error, hang_up) = (POLLERR as u16 as u32, POLLHUP as u16 as u32);
        Ok(bit(RECEIVE | DISCONNECT | ACCEPT, Interest::READABLE.bits())
            | bit(RECEIVE_EXPEDITED, Interest::PRIORITY.bits())
            | bit(SEND, Interest::WRITABLE.bits())
            | bit(DISCONNECT, hang_up)
            | bit(ABORT, hang_up | Interest::READABLE.bits() | Interest::WRITABLE.bits())
            | bit(CONNECT_FAIL, error | Interest::WRITABLE.bits()))
    }
}

/// The socket below whatever others have put on top of it.
fn base_socket(socket: SOCKET) -> SOCKET {
    let (mut base, mut bytes) = (0 as SOCKET, 0);
    // SAFETY: the call writes a socket's number. What is no socket is an error.
    let status = unsafe {
        let size = mem::size_of::<SOCKET>() as u32;
        let place = (&raw mut base).cast();
        WSAIoctl(socket, SIO_BASE_HANDLE, ptr::null(), 0, place, size, &raw mut bytes, ptr::null_mut(), None)
    };
    if status == 0 { base } else { socket }
}

/// The handle that is asked.
pub(super) struct Afd(OwnedHandle);

impl Afd {
    pub(super) fn open() -> io::Result<Afd> {
        let mut name: Vec<u16> = r"\Device\Afd\Fibra".encode_utf16().collect();
        let length = mem::size_of_val(name.as_slice()) as u16;
        let name = UNICODE_STRING { Length: length, MaximumLength: length, Buffer: name.as_mut_ptr() };
        let attributes = OBJECT_ATTRIBUTES {
            Length: mem::size_of::<OBJECT_ATTRIBUTES>() as u32,
            ObjectName: &raw const name,
            ..Default::default()
        };
        let (mut handle, mut status) = (ptr::null_mut(), IO_STATUS_BLOCK::default());
        // SAFETY: all that is pointed to lives for the call; without the flags for it the handle is overlapped.
        let result = unsafe {
            let share = FILE_SHARE_READ | FILE_SHARE_WRITE;
            let (place, status) = (&raw mut handle, &raw mut status);
            NtCreateFile(
                place,
                SYNCHRONIZE,
                &raw const attributes,
                status,
                ptr::null(),
                0,
                share,
                FILE_OPEN,
                0,
                ptr::null(),
                0,
            )
        };
        if result < 0 {
            return Err(error(result));
        }
        // SAFETY: the handle is new, and nobody else's.
        Ok(Afd(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    pub(super) fn fd(&self) -> RawFd {
        self.0.as_raw_handle().addr()
    }

    /// Asks. Unless this is an error, the answer comes in any case: out of the port that the handle is associated with, or, if
    /// there is none, when the event is signalled.
    ///
    /// # Safety
    ///
    /// Both stay valid until the answer has come.
    pub(super) unsafe fn ask(
        &self,
        event: HANDLE,
        overlapped: *mut OVERLAPPED,
        info: *mut PollInfo,
    ) -> io::Result<()> {
        let size = mem::size_of::<PollInfo>() as u32;
        // SAFETY: by contract. An `OVERLAPPED` begins with an `IO_STATUS_BLOCK`.
        let status = unsafe {
            let handle: HANDLE = self.0.as_raw_handle();
            let (context, block) = (overlapped.cast::<c_void>().cast_const(), overlapped.cast());
            let (input, output) = (info.cast::<c_void>().cast_const(), info.cast());
            NtDeviceIoControlFile(
                handle,
                event,
                None,
                context,
                block,
                IOCTL_AFD_POLL,
                input,
                size,
                output,
                size,
            )
        };
        if status >= 0 || status == STATUS_PENDING { Ok(()) } else { Err(error(status)) }
    }
}

fn error(status: NTSTATUS) -> io::Error {
    // SAFETY: takes and returns a number.
    io::Error::from_raw_os_error((unsafe { RtlNtStatusToDosError(status) }) as i32)
}
