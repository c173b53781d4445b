//! The machine under fibra: what its CPU can do, how fast its cycle counter runs, how many cores this process may use,
//! where its threads run, and what the kernel allows.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`cpu`] | Which instruction sets may this program use here? |
//! | [`cycles`] | How many cycles did that take, and how long is a cycle? |
//! | [`ticks`] | How long did that take, at the price of a few nanoseconds? |
//! | [`topology`] | How many cores may this process keep busy, a container's quota included? |
//! | [`affinity`] | On which CPUs may this thread run, and how is it bound to one? |
//! | [`fence`] | How do two threads see each other if only one of them can afford a fence? |
//! | [`memory`] | On which pages had this memory better be? |
//! | [`thread`] | What does a thread of this process do, and in which system call does it wait? |
//! | [`kernel`] | Which kernel is this, and which limits has it set for us? |
//! | `apple` | On macOS alone: how urgent is this thread's work, and with whom does it share a cache? |
//!
//! Nothing here knows of tasks, stacks or I/O, and nothing is changed without being asked: only [`affinity`], [`memory`] and `apple` act.
//!
//! ```
//! use fibra_system::{cpu, topology};
//!
//! println!("{} usable cores with {}", topology::usable_cores(), cpu::Features::detect());
//! ```
//!
//! What differs between systems and architectures is in `os`, whose table names the supported ones.

pub mod affinity;
#[cfg(target_os = "macos")]
pub mod apple;
pub mod cpu;
pub mod cycles;
pub mod fence;
pub mod kernel;
pub mod memory;
pub mod thread;
pub mod ticks;
pub mod topology;

mod os;
