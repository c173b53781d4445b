//! Green threads and futures on one work-stealing scheduler, over completion I/O.
//!
//! A *green thread* is plain blocking-looking code: where it waits, only its stack waits. A *future* is what it is
//! everywhere in Rust. fibra runs both on the same workers, and each can wait for the other.
//!
//! ```
//! use fibra::{net::{TcpListener, TcpStream}, thread};
//! use std::io::{Read, Write};
//!
//! fibra::run(|| -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let mut client = TcpStream::connect(listener.local_addr()?)?;
//!     let (mut stream, _) = listener.accept()?;
//!     thread::spawn(move || {
//!         let mut buffer = [0; 1024];
//!         while let Ok(length @ 1..) = stream.read(&mut buffer) {
//!             stream.write_all(&buffer[..length]).unwrap();
//!         }
//!     });
//!     client.write_all(b"hello")?;
//!     let mut echo = [0; 5];
//!     client.read_exact(&mut echo)?;
//!     assert_eq!(&echo, b"hello");
//!     Ok(())
//! })
//! .unwrap();
//! ```
//!
//! The modules mirror std's: replace `std::{thread, net, fs, sync, process}` by `fibra::{thread, net, fs, sync, process}`. Operations exist
//! twice: `read` for green threads borrows its buffer; `read_async` for futures owns it. In a pinch, a future may call the
//! direct form too, and both work on plain OS threads.
//!
//! What belongs together begins and ends together: [`concurrent`], with a guide beside what is written with tokio.
//!
//! # Features
//!
//! | feature | |
//! | --- | --- |
//! | `hyper` | hyper's traits for streams, its executor and its timers: `fibra::hyper` |
//! | `tokio-io` | the traits of `tokio::io`, without tokio's runtime: `fibra::tokio_io` |
//! | `futures-io` | the traits of the futures crates: `fibra::futures_io` |
//! | `stream` | `Stream`s of connections, ticks and messages |
//! | `bytes` | [`io::Buffer`] for `bytes::Bytes` and `BytesMut`, [`io::BufferMut`] for the latter |
//! | `registry` | functions by their names, typed or with JSON values: `fibra::registry`, `#[fibra::register]` |
//! | `tracing` | spans of `tracing` stay with the green thread that has entered them |
//! | `symbols`, a default | names of functions in reports of workers that are [stuck](stall) |
//!
//! With `hyper`, `tokio-io` or `futures-io`, `io::Foreign` gives a stream that has one of these sets of traits all
//! others, and std's. What axum needs of a runtime is in the package `fibra-axum`.
//!
//! # The default runtime
//!
//! [`run`], the attributes and [`Runtime`] make a runtime. What is called outside of one, and needs one, such as
//! [`future::spawn`] on an OS thread, gets the process's default runtime. It starts when it is first needed, has the
//! defaults of [`Builder`], which the environment alone can change, and runs until the process ends: it is never shut
//! down, and its tasks are not cancelled. If it can't start, what needed it panics.
//!
//! # Stacks
//!
//! What to know before building on stacks (a worker's green threads share its thread-locals; crates like `scoped-tls` are
//! unsound across a wait) is said in [`thread`].

pub mod cancel;
pub mod concurrent;
mod context;
mod error;
pub mod frame;
pub mod fs;
pub mod future;
#[cfg(feature = "futures-io")]
pub mod futures_io;
#[cfg(feature = "hyper")]
pub mod hyper;
pub mod io;
#[cfg(all(test, loom))]
mod loom;
pub mod metrics;
pub mod net;
#[cfg(unix)]
mod os;
#[cfg(windows)]
#[path = "os/windows.rs"]
mod os;
mod primitive;
pub mod process;
#[cfg(feature = "registry")]
pub mod registry;
mod runtime;
mod scheduler;
pub mod signal;
pub mod stall;
pub mod sync;
mod task;
pub mod thread;
pub mod time;
#[cfg(feature = "tokio-io")]
pub mod tokio_io;
mod wait;

pub use error::{RuntimeError, ShutdownError, StackUnavailable};
pub use fibra_coro::StackError;
pub use fibra_driver::{Choice, Rejection, UnknownBackend};
#[cfg(feature = "registry")]
pub use fibra_macros::register;
pub use fibra_macros::{main, test};
pub use runtime::{Backend, Builder, Handle, Report, Runtime};
pub use scheduler::blocking::{unblock, unblock_async};
pub use wait::wait;

/// Starts a runtime, runs `main` on it as a green thread with 8 MiB of stack, and shuts the runtime down when that returns.
///
/// # Panics
///
/// If the runtime doesn't start; [`Builder::try_run`] returns that as an error. A panic of `main` goes on here.
///
/// ```
/// assert_eq!(fibra::run(|| 6 * 7), 42);
/// ```
pub fn run<T: Send + 'static>(main: impl FnOnce() -> T + Send + 'static) -> T {
    Builder::new().run(main)
}

/// Polls `future` on the calling thread until it is ready, with the process-wide default runtime for what it spawns, unless
/// the thread is in a runtime already. The same as [`wait`], under the name that other runtimes give it.
///
/// # Cancellation
///
/// As [`wait`].
///
/// ```
/// assert_eq!(fibra::block_on(async { 7 }), 7);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    wait(future)
}

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
