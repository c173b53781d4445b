//! The limits: echoes by the kernel's interfaces alone.

use std::io;

use super::measure;
use crate::bench::Subject;
use crate::raw::{Protocol, epoll, io_uring};

/// Nobody's runtime.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("raw io_uring", "io-uring", |case| measure(case, io_uring::serve::<Echo>)),
    Subject::new("raw epoll", "libc", |case| measure(case, epoll::serve::<Echo>)),
];

/// Every byte is its own answer.
#[derive(Default)]
struct Echo;

impl Protocol for Echo {
    type Kept = ();

    fn answer(&mut self, (): &mut (), _: &mut [u8], received: usize) -> io::Result<usize> {
        Ok(received)
    }
}
