//! Stackful coroutines: the context switch, guarded stacks, unwinding and overflow reports.
//!
//! This crate knows nothing of tasks, schedulers or I/O; fibra's green threads are built on it, and it can be used
//! alone. It has two floors:
//!
//! - [`switch`], [`Stack`] and [`StackPool`]: leave one stack, continue another. Symmetric, `unsafe`, a few nanoseconds.
//! - [`Coroutine`]: a function that can stop in the middle and be resumed. Safe.
//!
//! [`overflow`] tells which stack has overflowed, instead of a bare `SIGSEGV`. [`snapshot`] tells where another thread is.
//!
//! # Two stacks
//!
//! ```text
//!      stack A                               stack B
//!  ┌──────────────┐                      ┌──────────────┐
//!  │ main         │                      │ entry(7)     │
//!  │ run          │   switch(&mut a,     │   …          │
//!  │ ▸ switch     │ ──────── b, 7) ────▶ │ ▸ switch     │
//!  │              │ ◀──── switch(&mut b, │              │
//!  └──────────────┘         a, 8)        └──────────────┘
//!   a: where A rests                      b: where B rests
//! ```
//!
//! ```
//! use fibra_coro::{Context, StackPool, switch};
//!
//! struct Pair { outside: Context, inside: Context }
//!
//! unsafe extern "C" fn entry(word: usize) -> ! {
//!     let pair = word as *mut Pair;
//!     let mut sum = 0;
//!     loop {
//!         // SAFETY: `pair` outlives the loop, and `outside` rests wherever we were continued from.
//!         sum += unsafe { switch(&raw mut (*pair).inside, (*pair).outside, sum) };
//!     }
//! }
//!
//! let mut pool = StackPool::default();
//! let stack = pool.allocate(64 * 1024)?;
//! let mut pair = Pair { outside: Context::null(), inside: Context::null() };
//! let pair = &raw mut pair;
//! // SAFETY: the stack is fresh; each context is continued once for each time it was saved.
//! unsafe {
//!     (*pair).inside = stack.prepare(entry);
//!     assert_eq!(switch(&raw mut (*pair).outside, (*pair).inside, pair as usize), 0);
//!     assert_eq!(switch(&raw mut (*pair).outside, (*pair).inside, 20), 20);
//!     assert_eq!(switch(&raw mut (*pair).outside, (*pair).inside, 22), 42);
//! }
//! pool.release(stack); // nothing on it needs to be dropped
//! # Ok::<(), fibra_coro::StackError>(())
//! ```

mod arch;
mod code_ranges;
mod context;
mod coroutine;
mod error;
mod guard;
mod origin;
mod os;
pub mod overflow;
mod report;
mod return_addresses;
mod size_class;
mod slab;
pub mod snapshot;
mod stack;
mod stack_pool;
mod suspender;
mod unwind;

pub use context::{Context, switch, switch_without_control_words};
pub use coroutine::{Coroutine, Resumed};
pub use error::{CoroutineError, StackError, UnsupportedError, check_support};
pub use guard::GuardKind;
pub use stack::{Stack, StackBounds};
pub use stack_pool::{StackPool, StackPoolConfig, StackStats};
pub use suspender::Suspender;
