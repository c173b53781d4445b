//! THE table of operating systems: the one place that chooses where stacks come from and how faults are heard.
//!
//! Every row supplies (the contract):
//!
//! | item | promise |
//! | --- | --- |
//! | `page_size()` | the unit of everything below, in bytes |
//! | `reserve(len)` | fresh address space, readable and writable, committed page by page on first touch, never as huge pages |
//! | `guard(kind, address, len)` | from now on a touch of the range faults; `kind` says by which means |
//! | `default_guard()` | the best `GuardKind` that this process can have, found by really making a guard |
//! | `discard(address, len)` | the range's memory goes back; it reads as zeros when touched again; guards stay |
//! | `release(address, len)` | the range goes back with everything in it |
//! | `lowest_resident(range)` | the lowest page of a range that has memory |
//! | `shadow_stack_active()` | whether the CPU checks returns against a hidden second stack, which no switch moves |
//! | `signals` | alternate signal stacks, the fault handler and what it may call |
//! | `snapshots` | stops a thread by a signal and runs a function there, or refuses to |

#[cfg(unix)]
#[path = "os/unix.rs"]
mod current;

#[cfg(unix)]
#[path = "os/unix_signals.rs"]
pub(crate) mod signals;

#[cfg(target_os = "linux")]
#[path = "os/linux_snapshots.rs"]
pub(crate) mod snapshots;

#[cfg(all(unix, not(target_os = "linux")))]
#[path = "os/unix_without_snapshots.rs"]
pub(crate) mod snapshots;

// Kept for the Windows port, where a stack is reserved and committed in two steps and grows by a guard page:
// #[cfg(windows)]
// #[path = "os/windows.rs"]
// mod current;

#[cfg(not(unix))]
compile_error!("fibra-coro knows no stacks for this operating system: see coro/src/os.rs");

pub(crate) use current::*;
