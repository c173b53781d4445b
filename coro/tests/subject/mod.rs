//! Threads that are looked at.

#![allow(dead_code, unused_imports, reason = "each test file uses its part of this")]

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use fibra_coro::snapshot::{self, Moment};
use std::hint::spin_loop;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

pub use system::{NO_SUCH_THREAD, foreign_thread, number};

/// Looks at a thread that answers for sure, and patiently: on a busy machine it may have to wait for a CPU.
pub unsafe fn take(thread: u32, look: &mut (dyn FnMut(&Moment) + Send)) -> io::Result<()> {
    for _ in 0..100 {
        // SAFETY: by contract.
        match unsafe { snapshot::take(thread, look) } {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            result => return result,
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// A thread that runs `body` until it is told to end, and that can be looked at.
pub struct Subject {
    pub thread: u32,
    over: Arc<AtomicBool>,
    handle: JoinHandle<()>,
}

impl Subject {
    pub fn start(body: impl Fn(&AtomicBool) + Send + 'static) -> Subject {
        Subject::start_unadmitted(move |over, ready| {
            snapshot::admit().unwrap();
            ready.send(number()).unwrap();
            body(over);
        })
    }

    pub fn start_unadmitted(body: impl FnOnce(&AtomicBool, Sender<u32>) + Send + 'static) -> Subject {
        let over = Arc::new(AtomicBool::new(false));
        let (ready, started) = channel();
        let handle = thread::spawn({
            let over = Arc::clone(&over);
            move || body(&over, ready)
        });
        Subject { thread: started.recv().unwrap(), over, handle }
    }

    pub fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.handle.join().unwrap();
    }
}

pub fn spin(over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        spin_loop();
    }
}
