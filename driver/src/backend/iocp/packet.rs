//! What an overlapped operation gives to the system: its `OVERLAPPED`, and memory that has to live as long.
//!
//! A packet is in the system's hands from the start of its operation until it comes out of the port of its home. It is
//! allocated by itself and belongs to nobody meanwhile: whatever became of the driver, its memory stays.

use std::mem;
use std::net::TcpStream;
use std::ptr::NonNull;
use std::sync::Arc;

use windows_sys::Win32::Networking::WinSock::{SOCKADDR_STORAGE, WSABUF};
use windows_sys::Win32::System::IO::OVERLAPPED;

use super::super::os::RawFd;
use super::afd::PollInfo;
use super::port::Port;
use crate::completion::OpKey;

/// One overlapped operation.
#[repr(C)]
pub(super) struct Request {
    /// First, for the system hands back its address.
    pub overlapped: OVERLAPPED,
    pub cargo: Cargo,
}

/// What the operation needs beside the submitter's memory.
pub(super) enum Cargo {
    Nothing,
    Slice(WSABUF),
    Accept(Box<Accepting>),
    Poll(Box<PollInfo>),
}

/// Room for one address, as `AcceptEx` wants it.
pub(super) const ADDRESS: usize = mem::size_of::<SOCKADDR_STORAGE>() + 16;

/// A connection on its way.
#[repr(C, align(8))]
pub(super) struct Accepting {
    pub addresses: [u8; 2 * ADDRESS],
    pub socket: TcpStream,
}

impl Request {
    /// For an operation at this offset.
    pub(super) fn at(offset: u64) -> Request {
        let mut overlapped = OVERLAPPED::default();
        overlapped.Anonymous.Anonymous.Offset = offset as u32;
        overlapped.Anonymous.Anonymous.OffsetHigh = (offset >> 32) as u32;
        Request { overlapped, cargo: Cargo::Nothing }
    }

    /// The offset that it was made with.
    pub(super) fn offset(&self) -> u64 {
        // SAFETY: both parts of the union are plain numbers of the same size.
        let halves = unsafe { self.overlapped.Anonymous.Anonymous };
        u64::from(halves.OffsetHigh) << 32 | u64::from(halves.Offset)
    }
}

#[repr(C)]
pub(super) struct Packet {
    pub request: Request,
    home: Arc<Port>,
    pub key: OpKey,
    /// The handle that the system works on.
    pub fd: RawFd,
}

impl Packet {
    pub(super) fn new(home: &Arc<Port>, key: OpKey, fd: RawFd, request: Request) -> Box<Packet> {
        Box::new(Packet { request, home: Arc::clone(home), key, fd })
    }

    pub(super) fn home(&self) -> &Arc<Port> {
        &self.home
    }

    /// Gives it away. Whoever gets the address back from the port has it again.
    pub(super) fn into_kernel(packet: Box<Packet>) -> NonNull<OVERLAPPED> {
        NonNull::from(Box::leak(packet)).cast()
    }

    /// # Safety
    ///
    /// It was given away, and the port has handed it out since, or the system never got it.
    pub(super) unsafe fn from_kernel(overlapped: *mut OVERLAPPED) -> Box<Packet> {
        // SAFETY: by contract: the address is that of the first field of a packet that nobody else has.
        unsafe { Box::from_raw(overlapped.cast()) }
    }
}
