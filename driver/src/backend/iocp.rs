//! The backend of Windows: overlapped operations, whose ends come out of a completion port.
//!
//! ```text
//!                      ┌ over at once (the handle skips its packet) ──────────────▶ result
//!   operation ─ begin ─┤
//!                      └ pending: a packet in the system's hands ─▶ a port ─ home? ─▶ result
//!                                                                     │ no
//!                                                                     └▶ the port of its home
//! ```
//!
//! What can't overlap takes other ways: a socket that isn't ours, or whose port is somebody else's, is asked for its
//! [readiness](afd), and then tried; a handle that isn't overlapped, such as standard input or an inherited pipe, goes to the
//! pool, and so does what Windows has no overlapped call for. See `decisions/0028-packets-have-homes.md`.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use windows_sys::Win32::Foundation::ERROR_OPERATION_ABORTED;
use windows_sys::Win32::Networking::WinSock::POLLHUP;
use windows_sys::Win32::System::IO::{CancelIoEx, OVERLAPPED};

use super::choose::Refusal;
use super::os::{RawFd, is_socket};
use super::{Bell, Capability, Interpreter, Started};
use crate::completion::{Completion, OpKey, Submission};
use crate::config::Config;
use crate::handle::Target;
use crate::ledger::{Ledger, Pause, cancelled};
use crate::op::{Interest, Offset, Op};
use crate::slab::{Record, State};
use crate::unpark::Parking;

mod afd;
mod alarm;
mod association;
pub(crate) mod at_once;
mod blocking;
mod files;
mod overlapped;
mod packet;
mod pipes;
mod port;
mod receives;
mod status;
mod transmit;

use afd::{Afd, PollInfo};
use alarm::Alarm;
pub(crate) use association::Lazy;
use blocking::{attempt, is_disk, offset_of};
use overlapped::{Begun, Outcome};
use packet::{Cargo, Packet, Request};
use port::Entries;
pub(crate) use port::Port;
use receives::receives;

pub(crate) struct Iocp {
    port: Arc<Port>,
    afd: Afd,
    /// What ends a wait in time, where there is something better than the port's time limit.
    alarm: Option<Alarm>,
    /// How many packets are on their way to us.
    awaited: usize,
    entries: Entries,
}

/// Which way an operation takes.
enum Way {
    /// It is over.
    Over(io::Result<u32>),
    /// An overlapped call, at this offset. `skips`: no packet comes if it is over at once.
    Overlapped {
        offset: u64,
        skips: bool,
    },
    /// It is tried, and tried again once the socket is ready.
    Readiness,
    /// It waits for the socket, and that is all.
    Poll,
    Pool,
}

/// No operation changes its handle's mode.
pub(crate) fn clean_up(_record: &mut Record) {}

impl Iocp {
    /// Starts an operation, or goes on with it. Returns its result if it is over.
    fn go_on(&mut self, ledger: &mut Ledger, key: OpKey) -> Option<io::Result<u32>> {
        let op = ledger.slab.get(key)?.op;
        // SAFETY: the operation is in flight: its submitter's promise holds.
        match unsafe { self.way(&op) } {
            Way::Over(result) => Some(result),
            Way::Poll => self.ask(ledger, key, &op),
            Way::Readiness => {
                // SAFETY: as above.
                match unsafe { attempt(&op) } {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ledger.stats.retries += 1;
                        self.ask(ledger, key, &op)
                    }
                    result => Some(result),
                }
            }
            Way::Overlapped { offset, skips } => self.begin(ledger, key, &op, offset, skips),
            Way::Pool => {
                // SAFETY: as above.
                unsafe { ledger.send_to_pool(key) };
                None
            }
        }
    }

    /// # Safety
    ///
    /// What the operation points to is valid, and its handle alive.
    unsafe fn way(&self, op: &Op) -> Way {
        let fd = op.target().map(Target::fd);
        match (*op, fd) {
            // SAFETY: the same contract.
            (Op::Shutdown { fd, how }, _) => Way::Over(unsafe { files::end(fd, how) }),
            (Op::Close { fd }, _) if is_socket(fd) && !files::lingers(fd) => Way::Over(files::close(fd)),
            (Op::Poll { interest, .. }, Some(fd)) if !is_socket(fd) => Way::Over(if is_disk(fd) {
                Ok(interest.bits())
            } else {
                Err(io::Error::new(io::ErrorKind::Unsupported, "Windows tells the readiness of sockets only"))
            }),
            // SAFETY: the same contract.
            (Op::Poll { .. } | Op::RecvShared { .. }, _) if unsafe { is_shut(op) } => {
                Way::Over(Ok(end_of(op)))
            }
            (Op::Poll { .. }, _) => Way::Poll,
            (Op::RecvShared { .. }, _) => Way::Readiness,
            // SAFETY: the same contract.
            (_, Some(_)) if op.refuses_to_wait() => Way::Over(unsafe { attempt(op) }),
            (_, Some(_)) if overlaps(op) => {
                let Some(target) = op.target() else { return Way::Pool };
                // SAFETY: the same contract.
                unsafe { self.way_of_overlapped(op, target) }
            }
            _ => Way::Pool,
        }
    }

    /// # Safety
    ///
    /// As for [`way`](Iocp::way).
    unsafe fn way_of_overlapped(&self, op: &Op, target: Target) -> Way {
        // SAFETY: the same contract.
        let association =
            unsafe { target.registrations() }.map(|lazy| lazy.get_or_make(target.fd(), &self.port));
        let offset = match (offset_of(op), association) {
            (Some(Offset::CURRENT), Some(association)) => association.position(),
            (offset, _) => offset.and_then(Offset::position).unwrap_or(0),
        };
        match association.and_then(|association| association.home()) {
            Some(home) => Way::Overlapped { offset, skips: home.skips },
            None if matches!(op, Op::Connect { .. } | Op::SendFile { .. }) => Way::Pool,
            None if is_socket(target.fd()) => Way::Readiness,
            None => Way::Pool,
        }
    }

    /// Makes the overlapped call.
    fn begin(
        &mut self,
        ledger: &mut Ledger,
        key: OpKey,
        op: &Op,
        offset: u64,
        skips: bool,
    ) -> Option<io::Result<u32>> {
        let fd = op.target().map_or(0, Target::fd);
        let overlapped = Packet::into_kernel(Packet::new(&self.port, key, fd, Request::at(offset)));
        // SAFETY: the packet is on the heap, and nobody's but the system's until it comes out of the port; what the operation
        // points to is valid, since it is in flight.
        match unsafe { overlapped::begin(op, overlapped.as_ptr().cast()) } {
            Begun::Done(bytes) if skips => {
                // SAFETY: the system has done with it, and no packet comes.
                let mut packet = unsafe { Packet::from_kernel(overlapped.as_ptr()) };
                self.finish(ledger, op, key, &mut packet.request, Ok(bytes))
            }
            Begun::Done(_) | Begun::Pending => {
                self.hand_over(ledger, key, fd, overlapped);
                None
            }
            Begun::Over(result) => {
                // SAFETY: the system never had it.
                drop(unsafe { Packet::from_kernel(overlapped.as_ptr()) });
                Some(result)
            }
        }
    }

    /// Asks when the socket is ready.
    fn ask(&mut self, ledger: &mut Ledger, key: OpKey, op: &Op) -> Option<io::Result<u32>> {
        let socket = op.target().map_or(0, Target::fd);
        let mut packet = Packet::new(&self.port, key, self.afd.fd(), Request::at(0));
        let mut info = PollInfo::new(socket, op.interest());
        let place = &raw mut *info;
        packet.request.cargo = Cargo::Poll(info);
        let overlapped = Packet::into_kernel(packet);
        // SAFETY: both are on the heap, and nobody's but the system's until the packet comes out of the port.
        match unsafe { self.afd.ask(ptr::null_mut(), overlapped.as_ptr(), place) } {
            Ok(()) => {
                self.hand_over(ledger, key, self.afd.fd(), overlapped);
                None
            }
            Err(error) => {
                // SAFETY: the system never had it.
                drop(unsafe { Packet::from_kernel(overlapped.as_ptr()) });
                Some(Err(error))
            }
        }
    }

    /// Fills `entries`.
    fn wait(&self, entries: &mut Entries, pause: Pause) -> io::Result<()> {
        let (Pause::For(time), Some(alarm)) = (pause, &self.alarm) else {
            return self.port.wait(entries, pause);
        };
        let limit = if alarm.set(&self.port, time) { Pause::Forever } else { pause };
        let waited = self.port.wait(entries, limit);
        alarm.clear();
        waited
    }

    /// Notes that the system has an operation's packet, for this handle.
    fn hand_over(&mut self, ledger: &mut Ledger, key: OpKey, fd: RawFd, overlapped: NonNull<OVERLAPPED>) {
        self.awaited += 1;
        let Some(record) = ledger.slab.get(key) else { return };
        record.attachment = Some(overlapped);
        // SAFETY: the operation is in flight: its handle is alive.
        if let Some(lazy) = unsafe { lazy_of_receive(&record.op) } {
            // SAFETY: the system has it; it is freed here alone, after it has come home and left the list.
            unsafe { lazy.receives.enter(fd, overlapped.as_ptr()) };
        }
    }

    /// A packet has come home: goes on with its operation. Returns the result if that is over.
    fn receive(&mut self, ledger: &mut Ledger, packet: &mut Packet) -> Option<io::Result<u32>> {
        self.awaited -= 1;
        let record = ledger.slab.get(packet.key)?;
        let overlapped = record.attachment.take();
        let op = record.op;
        // SAFETY: the operation is in flight: its handle is alive.
        if let (Some(lazy), Some(overlapped)) = (unsafe { lazy_of_receive(&op) }, overlapped) {
            lazy.receives.leave(overlapped.as_ptr());
        }
        let overlapped = packet.request.overlapped;
        let result = status::result(&op, overlapped.Internal as i32, overlapped.InternalHigh as u32);
        self.finish(ledger, &op, packet.key, &mut packet.request, result)
    }

    /// The call is over. Returns the result if the operation is, too.
    fn finish(
        &mut self,
        ledger: &mut Ledger,
        op: &Op,
        key: OpKey,
        request: &mut Request,
        result: io::Result<u32>,
    ) -> Option<io::Result<u32>> {
        let outcome = match &request.cargo {
            Cargo::Poll(info) => match (result, op) {
                (Ok(_), Op::Poll { .. }) => Outcome::Over(info.answer()),
                (Ok(_), _) => Outcome::Again,
                (Err(error), _) => Outcome::Over(Err(error)),
            },
            // SAFETY: the operation is in flight, and the system has done with the packet.
            _ => unsafe { overlapped::finish(op, request, result) },
        };
        let was_cancelled = ledger.slab.get(key)?.cancelled;
        match outcome {
            Outcome::Again if was_cancelled => Some(Err(cancelled())),
            Outcome::Again => self.go_on(ledger, key),
            Outcome::Over(Err(error)) if was_cancelled && is_abort(&error) => Some(Err(cancelled())),
            // SAFETY: the operation is in flight: its handle is alive.
            Outcome::Over(Err(error)) if is_abort(&error) && unsafe { is_shut(op) } => Some(Ok(end_of(op))),
            Outcome::Over(result) => {
                if let (Ok(bytes), Some(Offset::CURRENT)) = (&result, offset_of(op)) {
                    move_on(op, request.offset() + u64::from(*bytes));
                }
                Some(result)
            }
        }
    }
}

/// Whether there is an overlapped call for it.
fn overlaps(op: &Op) -> bool {
    matches!(
        op,
        Op::Accept { .. }
            | Op::Connect { .. }
            | Op::Recv { .. }
            | Op::Send { .. }
            | Op::RecvVectored { .. }
            | Op::SendVectored { .. }
            | Op::RecvFrom { .. }
            | Op::SendTo { .. }
            | Op::SendFile { .. }
            | Op::AcceptPipe { .. }
            | Op::Read { .. }
            | Op::Write { .. }
    )
}

/// What the handle of an operation that receives knows.
///
/// # Safety
///
/// The handle stays alive for `'a`.
unsafe fn lazy_of_receive<'a>(op: &Op) -> Option<&'a Lazy> {
    // SAFETY: by contract.
    op.target().filter(|_| receives(op)).and_then(|target| unsafe { target.registrations() })
}

/// Whether it receives from a socket that was shut down for reading.
///
/// # Safety
///
/// Its handle is alive.
unsafe fn is_shut(op: &Op) -> bool {
    // SAFETY: by contract.
    unsafe { lazy_of_receive(op) }.is_some_and(|lazy| lazy.receives.are_shut())
}

/// What such an operation ends with.
fn end_of(op: &Op) -> u32 {
    match *op {
        Op::Poll { interest, .. } => interest.bits() & Interest::READABLE.bits() | POLLHUP as u16 as u32,
        _ => 0,
    }
}

fn is_abort(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_OPERATION_ABORTED as i32)
}

/// Moves a file's position, which the system doesn't keep.
fn move_on(op: &Op, position: u64) {
    // SAFETY: the operation is in flight: its handle is alive.
    let lazy = op.target().and_then(|target| unsafe { target.registrations() });
    if let Some(association) = lazy.and_then(Lazy::association) {
        association.move_to(position);
    }
}

impl Interpreter for Iocp {
    fn start(_: &Config) -> Result<Started<Iocp>, Refusal> {
        // Whoever makes a socket by the standard library has this done by it; a driver may be there before.
        drop(std::net::TcpListener::bind(("127.0.0.1", 0)));
        let port = Port::new().map_err(Refusal::at("CreateIoCompletionPort"))?;
        let afd = Afd::open().and_then(|afd| port.associate(afd.fd()).map(|()| afd));
        let afd = afd.map_err(Refusal::at(r"opening \Device\Afd"))?;
        let bell = Bell::Port(Arc::clone(&port));
        let alarm = Alarm::new();
        let features = if alarm.is_some() { vec!["wait_completion_packets"] } else { vec![] };
        let iocp = Iocp { port, afd, alarm, awaited: 0, entries: Entries::new() };
        Ok((iocp, Arc::new(Parking::new(bell)), features))
    }

    fn capability(&self, op: &Op) -> Capability {
        match *op {
            Op::Open { .. } | Op::Statx { .. } | Op::Sync { .. } => Capability::Pool,
            Op::ReadVectored { .. } | Op::WriteVectored { .. } => Capability::Pool,
            Op::Close { fd } if !is_socket(fd) => Capability::Pool,
            Op::RecvShared { .. } => Capability::Emulated,
            _ => Capability::Native,
        }
    }

    fn reads_cache(&mut self) -> bool {
        false
    }

    unsafe fn submit(&mut self, ledger: &mut Ledger, op: &Op, word: usize) -> Submission {
        let (key, _) = ledger.slab.insert(op, word, State::Submitted);
        match self.go_on(ledger, key) {
            Some(result) => {
                ledger.slab.retire(key);
                Submission::Complete(result)
            }
            None => Submission::Pending(key),
        }
    }

    // The packet comes in any case: with the news of the cancel, or with the result if that was quicker.
    fn cancel(&mut self, ledger: &mut Ledger, key: OpKey) {
        let Some(overlapped) = ledger.slab.get(key).and_then(|record| record.attachment) else { return };
        // SAFETY: the packet has not come home, so that it is still there.
        let fd: RawFd = unsafe { (*overlapped.as_ptr().cast::<Packet>()).fd };
        // It fails if the operation is over already, and then its packet is on the way.
        // SAFETY: as above.
        unsafe { CancelIoEx(ptr::without_provenance_mut(fd), overlapped.as_ptr()) };
    }

    // Nothing asks for that: operations go on when their packets come.
    fn continue_due(&mut self, _: &mut Ledger, _: u64) {}

    fn turn(
        &mut self,
        ledger: &mut Ledger,
        pause: Pause,
        completions: &mut Vec<Completion>,
    ) -> io::Result<bool> {
        let sleeps = pause != Pause::Not && ledger.parking.fall_asleep();
        let mut unparked = pause != Pause::Not && !sleeps;
        if !sleeps && self.awaited == 0 && !self.port.has_handles() {
            return Ok(unparked);
        }
        ledger.stats.enters += 1;
        let mut entries = std::mem::take(&mut self.entries);
        let waited = self.wait(&mut entries, if sleeps { pause } else { Pause::Not });
        if sleeps {
            unparked = ledger.parking.wake_up();
        }
        for entry in entries.drain(..) {
            let Some(mut packet) = self.port.claim(&entry) else { continue };
            let key = packet.key;
            if let Some(result) = self.receive(ledger, &mut packet) {
                ledger.complete(key, result, completions);
            }
        }
        self.entries = entries;
        waited.map(|()| unparked)
    }
}

impl Drop for Iocp {
    fn drop(&mut self) {
        self.port.leave();
    }
}
