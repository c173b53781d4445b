//! Workers that are stuck in a task, and where.
//!
//! A worker runs one task at a time, until that one ends or waits. A task that computes for long, or that blocks its OS
//! thread behind fibra's back, holds the worker up, and with it what belongs to it: its green threads that could go on, and
//! everybody's timers and I/O that were started there. So each runtime has a *monitor*, a thread that looks at the workers
//! every 10 ms while any of them is awake. It
//!
//! * wakes other workers, so that they take the stuck one's futures, and the green threads that it has not started yet;
//! * counts, in [`Metrics::stalls`](crate::metrics::Metrics::stalls) and
//!   [`Metrics::stuck_workers`](crate::metrics::Metrics::stuck_workers);
//! * tells [`Builder::on_stall`](crate::Builder::on_stall), if somebody listens there: which task it is, and where it is.
//!
//! ```
//! use std::sync::mpsc::channel;
//! use std::time::Duration;
//!
//! fn wait_for_disk() {
//!     std::thread::sleep(Duration::from_millis(200)); // fibra::thread::sleep would not hold the worker up
//! }
//!
//! let (sender, stalls) = channel();
//! let builder = fibra::Builder::new().on_stall(move |stall| drop(sender.send(stall.to_string())));
//! builder.run(|| {
//!     fibra::thread::Builder::new().name("mapper".into()).spawn(wait_for_disk).unwrap().join().unwrap();
//! });
//! println!("{}", stalls.recv().unwrap());
//! ```
//!
//! prints something like
//!
//! ```text
//! worker 0 is stuck in green thread 'mapper', for 21 ms so far, in clock_nanosleep: a sleep of the OS thread
//!   at   clock_nanosleep
//!   from std::thread::functions::sleep (…/std/src/thread/functions.rs:315)
//!   from example::wait_for_disk (src/main.rs:5)
//!   held up on this worker: 2 green thread(s) that could go on, 5 timer(s)
//! ```
//!
//! What blocks belongs into [`unblock`](crate::unblock); what computes for long may call
//! [`thread::yield_now`](crate::thread::yield_now) now and then.
//!
//! # What the monitor does to a program
//!
//! A worker that is found stuck is asked where it is, once for each stall. On Linux that takes a signal, `SIGURG`: system calls
//! that the kernel can restart don't notice; others (`poll`, `select`, `epoll_wait` and the like) return `EINTR` then, which code
//! in C should expect at any time. On Windows the worker is suspended for some microseconds, as by a debugger, and notices
//! nothing. [`Builder::monitor`](crate::Builder::monitor) switches the monitor off.
//!
//! On macOS and FreeBSD a thread can't be asked: there a report says which worker is stuck and for how long, but neither in which
//! task nor where.
//!
//! A worker that waits for a CPU is not stuck. Time that [is stopped](crate::time::pause) makes no difference.

pub use crate::scheduler::stall::{Place, Stall, SystemCall};
