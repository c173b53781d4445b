//! THE table of operating systems: the one place that chooses where stacks come from and how faults are heard.
//!
//! Every row supplies (the contract):
//!
//! | item | promise |
//! | --- | --- |
//! | `page_size()` | the unit of everything below, in bytes |
//! | `LEAST_GUARD` | the smallest guard that a stack may have, in bytes |
//! | `reserve(len)` | fresh address space for slots, never given huge pages |
//! | `guard(kind, slot, guard, len)` | from now on a touch of the slot's lowest `guard` bytes faults, `kind` says by which means; the others get memory page by page, as a stack that grows down touches them |
//! | `default_guard()` | the best `GuardKind` that this process can have, found by really making a guard |
//! | `discard(address, len)` | the memory of a slot without its guard goes back; it reads as zeros when touched again; guards stay |
//! | `release(address, len)` | the range goes back with everything in it |
//! | `lowest_resident(range)` | the lowest page of a stack that has memory, or has been used |
//! | `shadow_stack_active()` | whether the CPU checks returns against a hidden second stack, which no switch moves |
//! | `signals` | where fault handlers run, the handler and what it may call; where code lies |
//! | `snapshots` | stops a thread and runs a function while it stands still, there or here, or refuses to |

#[cfg(unix)]
#[path = "os/unix.rs"]
mod current;

#[cfg(unix)]
#[path = "os/unix_signals.rs"]
pub(crate) mod signals;

#[cfg(windows)]
#[path = "os/windows.rs"]
mod current;

#[cfg(windows)]
#[path = "os/windows_exceptions.rs"]
pub(crate) mod signals;

#[cfg(target_os = "linux")]
#[path = "os/linux_snapshots.rs"]
pub(crate) mod snapshots;

#[cfg(windows)]
#[path = "os/windows_callers.rs"]
mod callers;

#[cfg(windows)]
#[path = "os/windows_snapshots.rs"]
pub(crate) mod snapshots;

#[cfg(not(any(target_os = "linux", windows)))]
#[path = "os/without_snapshots.rs"]
pub(crate) mod snapshots;

#[cfg(not(any(unix, windows)))]
compile_error!("fibra-coro knows no stacks for this operating system: see coro/src/os.rs");

pub(crate) use current::*;
