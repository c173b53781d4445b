//! Completion I/O for one thread: over io_uring or epoll on Linux, kqueue on macOS and FreeBSD, completion ports on Windows.
//!
//! An operation is [plain data](Op). It goes into a [`Driver`] and comes out as exactly one [`Completion`], on whichever
//! backend the driver runs; the same operation can also be [performed](Op::perform_blocking) by a thread without one.
//!
//! ```text
//!     Op ──submit──► Driver ──turn──► Completion        many operations, one system call
//!                      │
//!          ┌───────────┼─────────────┬──────────────┐
//!       io_uring    epoll,      timer wheel     pool of threads
//!                   kqueue
//! ```
//!
//! This crate knows nothing of tasks, futures or coroutines: a completion brings back the word that was handed over with
//! the operation, and whoever runs the driver decides what that means.
//!
//! ```
//! use fibra_driver::{Completion, Config, Driver, Handle, Op, Submission, Wait};
//! use std::io::Write;
//! use std::net::{TcpListener, TcpStream};
//!
//! let mut driver = Driver::new(&Config::default())?;
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut here = TcpStream::connect(listener.local_addr()?)?;
//! let there = Handle::new(listener.accept()?.0.into());
//!
//! let mut buffer = [0u8; 64];
//! let op = Op::Recv { fd: there.target(), buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 };
//! // SAFETY: buffer and handle are left alone until the completion below.
//! let submission = unsafe { driver.submit(&op, 7) };
//! assert!(matches!(submission, Submission::Pending(_)));
//!
//! here.write_all(b"hello")?;
//! let mut completions = Vec::new();
//! driver.turn(Wait::Forever, &mut completions)?;
//! let Completion { word, result } = completions.remove(0);
//! assert_eq!((word, &buffer[..result? as usize]), (7, &b"hello"[..]));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Invariants
//!
//! * A record retires only on its operation's *own* terminal completion. Cancels are requests with answers of their own.
//! * Keys carry a generation: a late cancel or event cannot hit the operation that took the place.
//! * What the kernel refuses for the moment (`EBUSY`, `EAGAIN`, a full queue) is flow control, never an error.
//! * A descriptor leaves every epoll instance before it closes or is given away, and every kqueue before it is given away.

mod address;
mod at_once;
mod backend;
mod clock;
mod completion;
mod config;
mod driver;
mod fixed;
mod handle;
mod ledger;
mod moment;
pub mod offload;
mod op;
mod pool;
mod process;
mod slab;
mod timers;
mod unpark;

pub use address::RawAddress;
pub use backend::os::{
    CANCELED, DONT_WAIT, Descriptor, OpenFlags, PathUnit, REUSE_ADDRESS, RawDescriptor, RawSlice, RawStatx,
    descriptor, raw_slice,
};
pub use backend::{BackendKind, BackendUnavailable, Capability, Choice, Rejection, UnknownBackend};
pub use clock::Clock;
pub use completion::{Completion, OpKey, Submission, Wait};
pub use config::{Config, Stats};
pub use driver::Driver;
pub use fixed::FixedMemory;
pub use handle::{Handle, Target};
pub use moment::Moment;
pub use offload::{Offload, OffloadConfig, OffloadError};
pub use op::{Interest, Offset, Op};
pub use process::Birthplace;
pub use timers::TimerKey;
pub use unpark::Unparker;
