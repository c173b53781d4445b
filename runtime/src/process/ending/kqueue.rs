//! macOS and FreeBSD: a queue that has an event when the process has ended, and is readable while it has one.

use rustix::{
    event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue},
    process::Pid,
};
use std::{io, os::fd::OwnedFd, ptr};

pub(super) fn of(pid: Pid) -> io::Result<OwnedFd> {
    let queue = kqueue()?;
    let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
    let ends = Event::new(filter, EventFlags::ADD, ptr::null_mut());
    // SAFETY: the event names no descriptor.
    unsafe { kevent(&queue, &[ends], &mut [] as &mut [Event], None) }?;
    Ok(queue)
}
