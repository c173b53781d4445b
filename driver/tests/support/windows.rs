//! What the promises need of Windows.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawSocket, FromRawSocket, OwnedSocket, RawSocket};
use std::path::Path;
use std::ptr;

use fibra_driver::{Descriptor, Handle};
use windows_sys::Win32::Foundation::{ERROR_CANCELLED, GetHandleInformation, HANDLE_FLAG_INHERIT};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, LINGER, MSG_PEEK, SO_LINGER, SOCK_STREAM, SOCKET, SOL_SOCKET, WSA_FLAG_OVERLAPPED,
    WSAECONNREFUSED, WSAECONNRESET, WSAEWOULDBLOCK, WSASocketW, setsockopt,
};
use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OVERLAPPED;

pub const CANCELED: i32 = ERROR_CANCELLED as i32;
pub const REFUSED: i32 = WSAECONNREFUSED;
pub const RESET: i32 = WSAECONNRESET;
pub const WOULD_BLOCK: i32 = WSAEWOULDBLOCK;
pub const DONT_WAIT: i32 = fibra_driver::DONT_WAIT;
pub const PEEK: i32 = MSG_PEEK;

/// There are no socket pairs: connections through the loopback take their place.
pub type Stream = TcpStream;

/// Makes one test per backend of each promise.
macro_rules! promises {
    ($($(#[$attribute:meta])* fn $promise:ident($rig:ident) $body:block)*) => {$(
        mod $promise {
            #[test]
            fn iocp() {
                super::$promise(&mut crate::rig::Rig::new(fibra_driver::BackendKind::Iocp));
            }
        }

        $(#[$attribute])*
        fn $promise($rig: &mut crate::rig::Rig) $body
    )*};
}

pub fn stream_pair() -> (Stream, Stream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let here = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("somebody listens");
    let (there, _) = listener.accept().expect("the connection is there");
    here.set_nodelay(true).expect("it is a stream");
    there.set_nodelay(true).expect("it is a stream");
    (here, there)
}

pub fn tcp_socket() -> Descriptor {
    // SAFETY: no pointers; the socket is new.
    unsafe {
        let socket = WSASocketW(i32::from(AF_INET), SOCK_STREAM, 0, ptr::null(), 0, WSA_FLAG_OVERLAPPED);
        Descriptor::Socket(OwnedSocket::from_raw_socket(socket as RawSocket))
    }
}

/// An empty file, for reading and writing, which the system reads and writes by itself.
pub fn new_file(path: &Path) -> Handle {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true).custom_flags(FILE_FLAG_OVERLAPPED);
    Handle::new(options.open(path).expect("a file in the temporary directory").into())
}

pub fn assert_not_inherited(fd: &Descriptor) {
    let Descriptor::Socket(socket) = fd else { panic!("{fd:?} is no socket") };
    let mut flags = 0;
    // SAFETY: room for the flags.
    assert_ne!(unsafe { GetHandleInformation(socket.as_raw_socket() as _, &raw mut flags) }, 0);
    assert_eq!(flags & HANDLE_FLAG_INHERIT, 0);
}

/// Nobody can ask, and nobody changes it.
pub fn assert_blocking<T>(_fd: &T) {}

/// Has the stream's close be a reset.
pub fn have_reset(stream: &TcpStream) {
    let linger = LINGER { l_onoff: 1, l_linger: 0 };
    // SAFETY: the option's value is valid for its size.
    let result = unsafe {
        let (size, value) = (size_of::<LINGER>() as i32, (&raw const linger).cast());
        setsockopt(stream.as_raw_socket() as SOCKET, SOL_SOCKET, SO_LINGER, value, size)
    };
    assert_eq!(result, 0);
}
