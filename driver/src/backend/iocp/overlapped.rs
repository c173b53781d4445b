//! Operations as overlapped calls: how each begins, and what its end means.

use std::io;
use std::mem;
use std::net::TcpStream;
use std::os::windows::io::{AsRawSocket, FromRawSocket, IntoRawSocket, RawSocket};
use std::ptr;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{ERROR_IO_PENDING, ERROR_NETNAME_DELETED};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET6, AcceptEx, GetAcceptExSockaddrs, INVALID_SOCKET, LPFN_CONNECTEX, MSG_PEEK,
    SIO_GET_EXTENSION_FUNCTION_POINTER, SO_TYPE, SO_UPDATE_ACCEPT_CONTEXT, SO_UPDATE_CONNECT_CONTEXT,
    SOCK_STREAM, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_STORAGE, SOCKET, SOL_SOCKET,
    WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED, WSAECONNABORTED, WSAECONNRESET, WSAENOTCONN,
    WSAGetLastError, WSAID_CONNECTEX, WSAIoctl, WSARecv, WSARecvFrom, WSASend, WSASendTo, WSASocketW, bind,
    connect, getsockname, getsockopt, setsockopt,
};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};

use super::super::os::{DONT_WAIT, RawFd, RawSlice, number_of};
use super::packet::{ADDRESS, Accepting, Cargo, Request};
use super::{pipes, status, transmit};
use crate::address::RawAddress;
use crate::op::Op;

/// What the system transfers at most in one call: lengths have 32 bits, and a result is one.
pub(super) const MAX_BYTES: usize = 0x7fff_f000;
/// How many slices are handed over in one call.
pub(super) const MAX_SLICES: usize = 1024;

/// What became of a call.
pub(super) enum Begun {
    /// The system has it.
    Pending,
    /// It was over at once, with so many bytes. Depending on the handle, its packet comes nevertheless.
    Done(u32),
    /// It never began, or is over without the system: no packet comes.
    Over(io::Result<u32>),
}

/// What the end of a call means for its operation.
pub(super) enum Outcome {
    Over(io::Result<u32>),
    /// It was for nothing. Another call has to be made.
    Again,
}

fn last_error() -> i32 {
    // SAFETY: no arguments. It is the same number as that of other calls.
    unsafe { WSAGetLastError() }
}

pub(super) fn slice_of(buffer: *mut u8, len: usize) -> RawSlice {
    RawSlice { len: len.min(MAX_BYTES) as u32, buf: buffer }
}

/// Begins an operation on a socket or a pipe, or a read or write.
///
/// # Safety
///
/// What the operation and the request point to, and the request itself, stay where they are, valid and alone the system's,
/// until it has ended.
pub(super) unsafe fn begin(op: &Op, request: *mut Request) -> Begun {
    // SAFETY: valid by contract, or null.
    if let Some(peer) = unsafe { op.peer().as_mut() } {
        peer.clear();
    }
    // SAFETY: the same contract, for each of them.
    unsafe {
        match *op {
            Op::Accept { fd, .. } => accept(fd.fd(), request),
            Op::Connect { fd, address } => begin_connect(fd.fd(), address, request),
            Op::Recv { fd, buffer, len, flags } => {
                let slice = hold(request, slice_of(buffer, len));
                receive(op, fd.fd(), slice, 1, flags & !DONT_WAIT, request)
            }
            Op::RecvVectored { fd, slices, count } => receive(op, fd.fd(), slices, count, 0, request),
            Op::Send { fd, buffer, len, flags } => {
                let slice = hold(request, slice_of(buffer.cast_mut(), len));
                send(op, fd.fd(), slice, 1, flags & !DONT_WAIT, request)
            }
            Op::SendVectored { fd, slices, count } => send(op, fd.fd(), slices, count, 0, request),
            Op::RecvFrom { fd, buffer, len, peek, address } => {
                let slice = hold(request, slice_of(buffer, len));
                receive_from(op, fd.fd(), slice, if peek { MSG_PEEK } else { 0 }, address, request)
            }
            Op::SendTo { fd, buffer, len, address } => {
                let slice = hold(request, slice_of(buffer.cast_mut(), len));
                send_to(op, fd.fd(), slice, address, request)
            }
            Op::Read { fd, buffer, len, .. } => {
                let (len, mut bytes) = (len.min(MAX_BYTES) as u32, 0);
                let handle = ptr::without_provenance_mut(fd.fd());
                let done = ReadFile(handle, buffer, len, &raw mut bytes, request.cast());
                begun(op, done != 0, bytes)
            }
            Op::Write { fd, buffer, len, .. } => {
                let (len, mut bytes) = (len.min(MAX_BYTES) as u32, 0);
                let handle = ptr::without_provenance_mut(fd.fd());
                let done = WriteFile(handle, buffer, len, &raw mut bytes, request.cast());
                begun(op, done != 0, bytes)
            }
            Op::SendFile { fd, file, offset, len } => {
                transmit::begin(op, fd.fd(), file, offset, len, request)
            }
            Op::AcceptPipe { fd } => pipes::begin_accept(op, fd.fd(), request),
            _ => unreachable!("not an overlapped operation: {}", op.name()),
        }
    }
}

/// What a call says that is over if it is `done`, with so many bytes.
pub(super) fn begun(op: &Op, done: bool, bytes: u32) -> Begun {
    if done {
        return Begun::Done(bytes);
    }
    match last_error() {
        code if code as u32 == ERROR_IO_PENDING => Begun::Pending,
        code => Begun::Over(status::judge(op, code, bytes)),
    }
}

/// Keeps the description of a single buffer where the system may read it.
///
/// # Safety
///
/// The request is valid, and its cargo nobody's yet.
unsafe fn hold(request: *mut Request, slice: RawSlice) -> *const RawSlice {
    // SAFETY: by contract.
    unsafe {
        (*request).cargo = Cargo::Slice(slice);
        match &(*request).cargo {
            Cargo::Slice(slice) => slice,
            _ => unreachable!("it was put there a moment ago"),
        }
    }
}

/// # Safety
///
/// Of [`begin`].
unsafe fn receive(
    op: &Op,
    fd: RawFd,
    slices: *const RawSlice,
    count: usize,
    flags: i32,
    request: *mut Request,
) -> Begun {
    let (mut bytes, mut flags) = (0, flags as u32);
    let count = count.min(MAX_SLICES) as u32;
    // SAFETY: by contract; the system copies the slices' descriptions.
    let status =
        unsafe { WSARecv(fd as SOCKET, slices, count, &raw mut bytes, &raw mut flags, request.cast(), None) };
    // SAFETY: by contract.
    unsafe { received(op, status == 0, bytes, slices, count) }
}

/// [`begun`] for a receive. Of a datagram that is too long the system says so, and perhaps not that the buffers are full.
///
/// # Safety
///
/// The slices are valid.
unsafe fn received(op: &Op, done: bool, bytes: u32, slices: *const RawSlice, count: u32) -> Begun {
    if done {
        return Begun::Done(bytes);
    }
    // SAFETY: by contract.
    let room = (0..count as usize).map(|index| unsafe { (*slices.add(index)).len });
    begun(op, false, room.fold(0, u32::saturating_add))
}

/// # Safety
///
/// Of [`begin`].
unsafe fn send(
    op: &Op,
    fd: RawFd,
    slices: *const RawSlice,
    count: usize,
    flags: i32,
    request: *mut Request,
) -> Begun {
    let mut bytes = 0;
    let count = count.min(MAX_SLICES) as u32;
    // SAFETY: by contract; the system copies the slices' descriptions.
    let status =
        unsafe { WSASend(fd as SOCKET, slices, count, &raw mut bytes, flags as u32, request.cast(), None) };
    begun(op, status == 0, bytes)
}

/// # Safety
///
/// Of [`begin`].
unsafe fn receive_from(
    op: &Op,
    fd: RawFd,
    slice: *const RawSlice,
    flags: i32,
    address: *mut RawAddress,
    request: *mut Request,
) -> Begun {
    let (mut bytes, mut flags) = (0, flags as u32);
    // SAFETY: by contract; the system writes the sender's address, and its length, when the datagram has come.
    let status = unsafe {
        let (name, size) = RawAddress::parts(address);
        let (bytes, flags) = (&raw mut bytes, &raw mut flags);
        WSARecvFrom(fd as SOCKET, slice, 1, bytes, flags, name, size, request.cast(), None)
    };
    // SAFETY: by contract.
    unsafe { received(op, status == 0, bytes, slice, 1) }
}

/// # Safety
///
/// Of [`begin`].
unsafe fn send_to(
    op: &Op,
    fd: RawFd,
    slice: *const RawSlice,
    address: *const RawAddress,
    request: *mut Request,
) -> Begun {
    let mut bytes = 0;
    // SAFETY: by contract; the system copies the address.
    let status = unsafe {
        let (name, size) = RawAddress::named(address);
        WSASendTo(fd as SOCKET, slice, 1, &raw mut bytes, 0, name, size, request.cast(), None)
    };
    begun(op, status == 0, bytes)
}

/// The family of a socket that has a name.
fn family(socket: SOCKET) -> io::Result<u16> {
    let mut name = SOCKADDR_STORAGE::default();
    let mut size = mem::size_of::<SOCKADDR_STORAGE>() as i32;
    // SAFETY: room for any name.
    let status = unsafe { getsockname(socket, (&raw mut name).cast(), &raw mut size) };
    if status == 0 { Ok(name.ss_family) } else { Err(io::Error::from_raw_os_error(last_error())) }
}

/// # Safety
///
/// Of [`begin`].
unsafe fn accept(fd: RawFd, request: *mut Request) -> Begun {
    let listener = fd as SOCKET;
    let family = match family(listener) {
        Ok(family) => i32::from(family),
        Err(error) => return Begun::Over(Err(error)),
    };
    let flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    // SAFETY: takes numbers.
    let socket = unsafe { WSASocketW(family, SOCK_STREAM, 0, ptr::null(), 0, flags) };
    if socket == INVALID_SOCKET {
        return Begun::Over(Err(io::Error::from_raw_os_error(last_error())));
    }
    // SAFETY: the socket is new, and nobody else's.
    let stream = unsafe { TcpStream::from_raw_socket(socket as RawSocket) };
    let mut accepting = Box::new(Accepting { addresses: [0; 2 * ADDRESS], socket: stream });
    let addresses = (&raw mut accepting.addresses).cast();
    let mut bytes = 0;
    // SAFETY: the room for the addresses is on the heap and stays, with the request, until the operation has ended.
    let done = unsafe {
        (*request).cargo = Cargo::Accept(accepting);
        let room = ADDRESS as u32;
        AcceptEx(listener, socket, addresses, 0, room, room, &raw mut bytes, request.cast())
    };
    match (done != 0, last_error()) {
        (true, _) => Begun::Done(0),
        (_, code) if code as u32 == ERROR_IO_PENDING => Begun::Pending,
        // The connection that was next in line is dead already: the next one, please.
        // SAFETY: the same contract.
        (_, code) if is_dead(code) => unsafe { accept(fd, request) },
        (_, code) => Begun::Over(Err(io::Error::from_raw_os_error(code))),
    }
}

/// Whether it is the new connection that is broken, and not the listener.
fn is_dead(code: i32) -> bool {
    matches!(code, WSAECONNRESET | WSAECONNABORTED | WSAENOTCONN) || code as u32 == ERROR_NETNAME_DELETED
}

/// `ConnectEx`, which has to be asked for.
fn connect_ex(socket: SOCKET) -> io::Result<LPFN_CONNECTEX> {
    static FOUND: OnceLock<LPFN_CONNECTEX> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(*found);
    }
    let (id, mut found, mut bytes): (_, LPFN_CONNECTEX, _) = (WSAID_CONNECTEX, None, 0);
    // SAFETY: the call reads an id and writes a function's address, which for this id has this type.
    let status = unsafe {
        let (id_size, size) = (mem::size_of_val(&id) as u32, mem::size_of_val(&found) as u32);
        let (id, place) = ((&raw const id).cast(), (&raw mut found).cast());
        let request = SIO_GET_EXTENSION_FUNCTION_POINTER;
        WSAIoctl(socket, request, id, id_size, place, size, &raw mut bytes, ptr::null_mut(), None)
    };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(last_error()));
    }
    Ok(*FOUND.get_or_init(|| found))
}

/// Whether the socket has connections, and not just a default peer.
fn is_stream(socket: SOCKET) -> bool {
    let (mut kind, mut size) = (0, mem::size_of::<i32>() as i32);
    // SAFETY: the value is valid for its size.
    unsafe { getsockopt(socket, SOL_SOCKET, SO_TYPE, (&raw mut kind).cast(), &raw mut size) };
    kind == SOCK_STREAM
}

/// # Safety
///
/// Of [`begin`].
unsafe fn begin_connect(fd: RawFd, address: *const RawAddress, request: *mut Request) -> Begun {
    let socket = fd as SOCKET;
    // SAFETY: valid by contract; an address begins with its family.
    let (name, size) = unsafe { (address.cast::<SOCKADDR>(), (*address).length()) };
    if !is_stream(socket) {
        // SAFETY: as above. Without a connection there is nothing to wait for.
        let status = unsafe { connect(socket, name, size) };
        let result = if status == 0 { Ok(0) } else { Err(io::Error::from_raw_os_error(last_error())) };
        return Begun::Over(result);
    }
    let found = connect_ex(socket).and_then(|found| {
        // SAFETY: as above.
        bind_to_any(socket, unsafe { (*name).sa_family })?;
        found.ok_or_else(|| io::ErrorKind::Unsupported.into())
    });
    match found {
        // SAFETY: as above; nothing is sent along.
        Ok(connect_ex) => unsafe {
            let done = connect_ex(socket, name, size, ptr::null(), 0, ptr::null_mut(), request.cast());
            match (done != 0, last_error()) {
                (true, _) => Begun::Done(0),
                (_, code) if code as u32 == ERROR_IO_PENDING => Begun::Pending,
                (_, code) => Begun::Over(Err(io::Error::from_raw_os_error(code))),
            }
        },
        Err(error) => Begun::Over(Err(error)),
    }
}

/// `ConnectEx` wants the socket to have a name.
fn bind_to_any(socket: SOCKET, family_of_peer: u16) -> io::Result<()> {
    if family(socket).is_ok() {
        return Ok(());
    }
    let any = SOCKADDR_STORAGE { ss_family: family_of_peer, ..Default::default() };
    let size = if family_of_peer == AF_INET6 {
        mem::size_of::<SOCKADDR_IN6>()
    } else {
        mem::size_of::<SOCKADDR_IN>()
    };
    // SAFETY: an address of zeros, of a size that fits.
    let status = unsafe { bind(socket, (&raw const any).cast(), size as i32) };
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(last_error())) }
}

/// What the end of a call means.
///
/// # Safety
///
/// What the operation points to is valid, and the system has done with it and the request.
pub(super) unsafe fn finish(op: &Op, request: &mut Request, result: io::Result<u32>) -> Outcome {
    match (*op, result) {
        (Op::Accept { fd, address }, result) => {
            let Cargo::Accept(accepting) = mem::replace(&mut request.cargo, Cargo::Nothing) else {
                unreachable!("an accept has a connection on its way");
            };
            match result.and_then(|_| update_accepted(&accepting.socket, fd.fd())) {
                Ok(()) => {
                    // SAFETY: valid by contract, or null.
                    unsafe { tell_peer(&accepting, address) };
                    Outcome::Over(Ok(number_of(accepting.socket.into_raw_socket() as RawFd)))
                }
                Err(error) if error.raw_os_error().is_some_and(is_dead) => Outcome::Again,
                Err(error) => Outcome::Over(Err(error)),
            }
        }
        (Op::Connect { fd, .. }, Ok(_)) => {
            // SAFETY: an option without a value. Without it the socket is connected, but its name and half-close don't work.
            let status = unsafe {
                setsockopt(fd.fd() as SOCKET, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, ptr::null(), 0)
            };
            let is_stream = is_stream(fd.fd() as SOCKET);
            let code = last_error();
            Outcome::Over(if status == 0 || !is_stream {
                Ok(0)
            } else {
                Err(io::Error::from_raw_os_error(code))
            })
        }
        (_, result) => Outcome::Over(result),
    }
}

/// Makes the new socket a full member of its listener's family: names, options and half-close.
fn update_accepted(socket: &TcpStream, listener: RawFd) -> io::Result<()> {
    // SAFETY: the value is a socket's number.
    let status = unsafe {
        let (value, size) = ((&raw const listener).cast(), mem::size_of::<SOCKET>() as i32);
        setsockopt(socket.as_raw_socket() as SOCKET, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, value, size)
    };
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(last_error())) }
}

/// # Safety
///
/// `address` is valid for writes, or null.
unsafe fn tell_peer(accepting: &Accepting, address: *mut RawAddress) {
    if address.is_null() {
        return;
    }
    let (mut local, mut local_size, mut remote, mut remote_size) = (ptr::null_mut(), 0, ptr::null_mut(), 0);
    // SAFETY: `AcceptEx` has filled the room, of these sizes; the result points into it.
    unsafe {
        let (room, buffer) = (ADDRESS as u32, accepting.addresses.as_ptr().cast());
        GetAcceptExSockaddrs(
            buffer,
            0,
            room,
            room,
            &raw mut local,
            &raw mut local_size,
            &raw mut remote,
            &raw mut remote_size,
        );
        if let Ok(peer) = RawAddress::from_raw(remote.cast(), usize::try_from(remote_size).unwrap_or(0)) {
            *address = peer;
        }
    }
}
