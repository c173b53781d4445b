//! The limit with io_uring: one ring a thread, multishot accepts and receives into a ring of provided buffers.
//!
//! A loop makes one system call for all that has become ready: it submits the answers to the last batch and waits for the
//! next. Sockets exist only in the rings' own tables (direct descriptors), which saves looking descriptors up. The first
//! loop accepts, and deals the sockets out by messages between the rings.

mod buffers;
mod patience;
mod worker;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc;
use std::thread;

use io_uring::IoUring;

use super::{Protocol, Setting};
use worker::Worker;

/// Sockets that a ring's table has room for.
const SOCKETS: u32 = 16_384;

/// Serves for ever.
///
/// # Panics
///
/// When the address is taken, or the system refuses something.
pub fn serve<P: Protocol>(Setting { address, workers, buffer }: Setting) {
    let listener = listener_without_delay(address);
    let (sender, rings) = mpsc::channel();
    for _ in 1..workers {
        let sender = sender.clone();
        thread::spawn(move || {
            let ring = ring();
            sender.send(ring.as_raw_fd()).expect("the first loop waits for it");
            run::<P>(ring, buffer, None);
        });
    }
    let others = rings.into_iter().take(workers - 1).collect();
    run::<P>(ring(), buffer, Some((listener, others)));
}

/// A ring for the thread that calls, and for no other.
fn ring() -> IoUring {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().setup_cqsize(4_096);
    let ring = builder.build(1_024).expect("io_uring is there, with what Linux 6.1 offers");
    ring.submitter().register_files_sparse(SOCKETS).expect("a table of sockets can be had");
    ring
}

fn run<P: Protocol>(mut ring: IoUring, buffer: usize, accept: Option<(TcpListener, Vec<RawFd>)>) {
    let buffers = buffers::Buffers::register(&ring.submitter(), buffer);
    let (submitter, submissions, mut completions) = ring.split();
    let mut worker =
        Worker::<P>::new(submitter, submissions, buffers.expect("the buffers can be registered"));
    if let Some((listener, others)) = accept {
        worker.accept(listener, others);
    }
    loop {
        worker.wait();
        completions.sync();
        for completion in &mut completions {
            worker.complete(&completion);
        }
    }
}

/// A listener whose connections have `TCP_NODELAY` from the start: they inherit it.
fn listener_without_delay(address: SocketAddr) -> TcpListener {
    let listener = TcpListener::bind(address).expect("the address is free");
    let on: libc::c_int = 1;
    // SAFETY: the call reads one `c_int`, as long as it is said to be, from a variable that lives across it.
    let status = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    assert_eq!(status, 0, "a listener has this option too");
    listener
}
