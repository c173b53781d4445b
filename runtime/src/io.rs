//! Operations, from wherever we stand: what they borrow, and what they own.
//!
//! An operation is plain data. Here it meets its memory: *borrowed*, in a frame that is not left before the kernel has
//! answered, as in `stream.read(&mut buffer)`; or *owned*, by a record that outlives the future which may be dropped at any
//! time, as in `stream.read_async(buffer).await`. What can be owned so is a [`Buffer`], or a [`BufferMut`].
//!
//! With one of the features `tokio-io`, `futures-io` and `hyper`, streams of others become usable everywhere as `Foreign`.

pub(crate) mod borrowed;
mod buffer;
mod direct;
#[cfg(any(feature = "_polled", all(test, loom)))]
pub(crate) mod direction;
mod fixed;
#[cfg(feature = "_polled")]
mod foreign;
mod future;
pub(crate) mod owned;
pub(crate) mod path;
mod phase;
pub(crate) mod pipe;
#[cfg(feature = "_polled")]
pub(crate) mod polled;
mod sleep;
mod timer;
#[cfg(unix)]
pub mod unix;

pub use buffer::{Buffer, BufferMut, Slice};
pub(crate) use direct::perform;
pub use fixed::{FixedBuffer, FixedBuffers};
#[cfg(feature = "_polled")]
pub use foreign::Foreign;
#[cfg(feature = "futures-io")]
pub use foreign::Futures;
#[cfg(feature = "hyper")]
pub use foreign::Hyper;
#[cfg(feature = "tokio-io")]
pub use foreign::Tokio;
pub(crate) use future::{OpFuture, Payload};
#[cfg(all(test, loom))]
pub(crate) use phase::{Abandoned, Phase};
pub(crate) use sleep::sleep_until;
pub(crate) use timer::Timer;
