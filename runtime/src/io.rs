//! Operations, from wherever we stand: what they borrow, and what they own.
//!
//! An operation is plain data. Here it meets its memory: *borrowed*, in a frame that is not left before the kernel has
//! answered, as in `stream.read(&mut buffer)`; or *owned*, by a record that outlives the future which may be dropped at any
//! time, as in `stream.read_async(buffer).await`. What can be owned so is a [`Buffer`], or a [`BufferMut`].

pub(crate) mod borrowed;
mod buffer;
mod direct;
mod future;
pub(crate) mod owned;
mod phase;
mod sleep;
mod timer;

pub use buffer::{Buffer, BufferMut, Slice};
pub(crate) use direct::perform;
pub(crate) use future::{OpFuture, Payload};
#[cfg(all(test, loom))]
pub(crate) use phase::{Abandoned, Phase};
pub(crate) use sleep::sleep_until;
pub(crate) use timer::Timer;
